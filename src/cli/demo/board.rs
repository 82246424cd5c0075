//! The board of the demo: values of one factor by symbol, for the newest days.

use std::collections::BTreeMap;

/// Days that are kept: the one that fills up, and the one before it to show meanwhile.
const DAYS: usize = 2;

/// Values by day and symbol.
#[derive(Debug, Default)]
pub(super) struct Board(BTreeMap<usize, BTreeMap<String, f64>>);

impl Board {
    /// The value of a symbol at a day; none if it has none any more. Days that are older than
    /// those that are kept are left out.
    pub(super) fn put(&mut self, day: usize, symbol: &str, value: Option<f64>) {
        let oldest = self.0.keys().next();
        if self.0.len() >= DAYS && oldest.is_some_and(|oldest| day < *oldest) {
            return;
        }
        let values = self.0.entry(day).or_default();
        match value {
            Some(value) => values.insert(symbol.to_owned(), value),
            None => values.remove(symbol),
        };
        if self.0.len() > DAYS {
            self.0.pop_first();
        }
    }

    /// The newest day with values of three quarters of `symbols` symbols, and its values, largest
    /// first.
    pub(super) fn ranking(&self, symbols: usize) -> Option<(usize, Vec<(&str, f64)>)> {
        let full = |values: &BTreeMap<String, f64>| values.len() * 4 >= symbols * 3;
        let (day, values) = self.0.iter().rev().find(|(_, values)| full(values))?;
        let mut values: Vec<(&str, f64)> =
            values.iter().map(|(symbol, value)| (symbol.as_str(), *value)).collect();
        values.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(b.0)));
        Some((*day, values))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_the_newest_day_that_is_nearly_full() {
        let mut board = Board::default();
        for (symbol, value) in [("A", 1.0), ("B", 3.0), ("C", 2.0)] {
            board.put(1, symbol, Some(value));
        }
        board.put(2, "A", Some(9.0));
        board.put(0, "A", Some(9.0));
        let ranking = Some((1, vec![("B", 3.0), ("C", 2.0), ("A", 1.0)]));
        assert_eq!(board.ranking(4), ranking);
        board.put(1, "B", None);
        assert_eq!(board.ranking(4), None);
        board.put(3, "A", Some(1.0));
        assert_eq!(board.ranking(2), None, "day 1 is gone, half is not nearly full");
        assert_eq!(board.ranking(1), Some((3, vec![("A", 1.0)])));
    }
}
