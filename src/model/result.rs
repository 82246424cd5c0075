//! Factor results in columns: what appeared and what disappeared at one time.

use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{SymbolId, Time};

/// Factor values of some symbols at one time. `diff` = +1 says that these rows are now true, -1
/// that they no longer are; a revision is both, the old rows first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FactorBatch {
    /// The time of all rows.
    pub time: Time,
    /// Symbol of each row; each at most once.
    pub symbols: Vec<SymbolId>,
    /// `columns[factor][row]`, missing = NaN, in the order of the pipeline's factors.
    pub columns: Vec<Column>,
    /// +1 or -1.
    pub diff: i8,
}

/// One factor of a batch. A clone shares the numbers: whoever sends a column on and keeps it for a
/// revision does not copy it. A single number, as of a corrected symbol, takes no memory of its own.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "Vec<f64>", into = "Vec<f64>")]
pub struct Column(Numbers);

#[derive(Clone, Debug)]
enum Numbers {
    One(f64),
    /// The first so many; somebody else may keep more.
    Many(Arc<Vec<f64>>, usize),
}

impl Column {
    /// The first `len` of numbers that somebody else keeps as well.
    pub fn sharing(numbers: &Arc<Vec<f64>>, len: usize) -> Column {
        Column(Numbers::Many(Arc::clone(numbers), len.min(numbers.len())))
    }

    /// The numbers, to be changed; copied first if a clone still shares them.
    pub fn to_mut(&mut self) -> &mut [f64] {
        match &mut self.0 {
            Numbers::One(number) => std::slice::from_mut(number),
            Numbers::Many(numbers, len) => {
                Arc::make_mut(numbers).get_mut(..*len).unwrap_or_default()
            }
        }
    }
}

impl Deref for Column {
    type Target = [f64];

    fn deref(&self) -> &[f64] {
        match &self.0 {
            Numbers::One(number) => std::slice::from_ref(number),
            Numbers::Many(numbers, len) => numbers.get(..*len).unwrap_or_default(),
        }
    }
}

impl Default for Column {
    fn default() -> Column {
        Vec::new().into()
    }
}

impl PartialEq for Column {
    fn eq(&self, other: &Column) -> bool {
        **self == **other
    }
}

impl From<f64> for Column {
    fn from(number: f64) -> Column {
        Column(Numbers::One(number))
    }
}

impl From<Vec<f64>> for Column {
    fn from(numbers: Vec<f64>) -> Column {
        match numbers.as_slice() {
            [number] => Column::from(*number),
            _ => {
                let len = numbers.len();
                Column(Numbers::Many(Arc::new(numbers), len))
            }
        }
    }
}

impl From<Column> for Vec<f64> {
    fn from(column: Column) -> Vec<f64> {
        match column.0 {
            Numbers::One(number) => vec![number],
            Numbers::Many(numbers, len) => {
                let mut numbers = Arc::unwrap_or_clone(numbers);
                numbers.truncate(len);
                numbers
            }
        }
    }
}

impl FromIterator<f64> for Column {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Column {
        values.into_iter().collect::<Vec<f64>>().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_any_length_hold_their_numbers_and_change_alone() {
        for len in [0, 1, 2, 5] {
            let numbers: Vec<f64> = (0..len).map(f64::from).collect();
            let column: Column = numbers.iter().copied().collect();
            assert_eq!(*column, *numbers);
            let mut other = column.clone();
            other.to_mut().iter_mut().for_each(|number| *number += 1.0);
            assert_eq!(*column, *numbers, "a clone keeps what it had");
            assert_eq!(other.iter().sum::<f64>(), numbers.iter().map(|n| n + 1.0).sum::<f64>());
            assert_eq!(Vec::from(column), numbers);
        }
        assert_eq!(*Column::from(2.0), [2.0]);
    }
}
