//! Rows on their way in: those of open times wait there, changes of closed ones are staged.

use super::Panel;
use super::open::{self, Staged};
use crate::model::{RowBatch, SymbolId, Time};

/// A row that came too late: its time may no longer change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the row of {time} is older than the corrections horizon: times up to {settled} are final")]
pub struct Late {
    /// Time of the row.
    pub time: Time,
    /// The newest time that may no longer change.
    pub settled: Time,
}

/// Rows in columns, all with one entry per row.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// Symbols.
    pub symbols: &'a [SymbolId],
    /// Times.
    pub times: &'a [Time],
    /// Whether there is no row any more.
    pub deleted: &'a [bool],
    /// By field of the source, missing = NaN.
    pub columns: &'a [Vec<f64>],
}

impl<'a> From<&'a RowBatch> for Rows<'a> {
    fn from(rows: &'a RowBatch) -> Rows<'a> {
        let RowBatch { symbols, times, deleted, columns, .. } = rows;
        Rows { symbols, times, deleted, columns }
    }
}

impl Panel {
    /// Makes symbols members of the universe from the beginning of time. Other symbols are members
    /// from their first row on, so that nothing is seen ahead; a universe that is given counts
    /// them in cross-sections before that, too. Only for a panel without closed times: later it
    /// has no effect on those.
    pub fn declare(&mut self, symbols: impl IntoIterator<Item = SymbolId>) {
        for symbol in symbols {
            self.grow(symbol.index() + 1);
            self.base_members.insert(symbol.index());
        }
    }

    /// Makes place for the first so many symbols, so that rows of results have a number for each.
    /// They are members of the universe from their first row on, as they would be without this.
    pub fn reserve(&mut self, symbols: usize) {
        self.grow(symbols);
    }

    /// From now on the row of (`symbol`, `time`) has these `fields`, in the source's order and
    /// missing = NaN, or is not there. `time` may be open or closed, seen before or not. Takes
    /// effect in [`Panel::work`].
    pub fn set(
        &mut self,
        symbol: SymbolId,
        time: Time,
        fields: Option<&[f64]>,
    ) -> Result<(), Late> {
        if fields.is_some() {
            self.grow(symbol.index() + 1);
        } else if symbol.index() >= self.symbols {
            return Ok(());
        }
        let values = fields.map(|fields| move |i: usize| fields.get(i).copied());
        self.put(symbol, time, values)
    }

    /// From now on a symbol of another panel, which has a share of the symbols like this one, has a
    /// row at `time`, or has none. All panels are told of all rows, so they agree on which times
    /// there are and when they close, although each computes its own symbols. The numbers of others
    /// are theirs: they may equal those of this panel's symbols. Takes effect in [`Panel::work`].
    pub fn announce(&mut self, symbol: SymbolId, time: Time, there: bool) -> Result<(), Late> {
        if self.closed_through.is_none_or(|closed| time > closed) {
            let fields = self.layout.fields.len();
            open::announce(&mut self.open, &mut self.spare_open, fields, symbol, time, there);
            return Ok(());
        }
        self.in_time(time)?;
        let at = self.rows.partition_point(|row| row.time < time);
        let known = self.rows.get(at).is_some_and(|row| row.time == time);
        if there {
            if !known {
                self.insert(at, time);
            }
            self.rows[at].elsewhere.insert(symbol.index());
        } else if known {
            let row = &mut self.rows[at];
            row.elsewhere.remove(symbol.index());
            if row.elsewhere.is_empty() {
                // Whether the time goes is seen when what is staged has been applied.
                row.staged.get_or_insert_default();
                self.first_dirty = self.first_dirty.min(at);
            }
        }
        Ok(())
    }

    /// The same as [`Panel::set`] for many rows, the later ones of equal keys winning. Gives the
    /// number of rows that were too late and were left out.
    pub fn apply<'a>(&mut self, rows: impl Into<Rows<'a>>) -> usize {
        let rows = rows.into();
        let seen_before = self.symbols;
        let there = |(symbol, deleted): (&SymbolId, &bool)| (!deleted).then(|| symbol.index() + 1);
        let seen_in = |end: usize| {
            let rows = rows.symbols[..end].iter().zip(&rows.deleted[..end]);
            rows.filter_map(there).max().unwrap_or(0)
        };
        self.grow(seen_in(rows.symbols.len()));
        let (mut late, mut at) = (0, 0);
        for same in rows.times.chunk_by(|a, b| a == b) {
            let Some(time) = same.first() else { continue };
            let end = at + same.len();
            let open = self.closed_through.is_none_or(|closed| *time > closed);
            if open && !rows.deleted[at..end].contains(&true) {
                let (fields, spare) = (&self.layout.fields, &mut self.spare_open);
                let row = self.open.entry(*time).or_insert_with(|| open::new(spare, fields.len()));
                row.set_many(fields, &rows, at..end);
            } else {
                for i in at..end {
                    // What was never there, nobody can be late to delete.
                    let symbol = rows.symbols[i].index();
                    let unseen = rows.deleted[i] && symbol >= seen_before && symbol >= seen_in(i);
                    late += usize::from(!unseen && self.apply_one(&rows, i).is_err());
                }
            }
            at = end;
        }
        late
    }

    fn apply_one(&mut self, rows: &Rows<'_>, i: usize) -> Result<(), Late> {
        let values =
            (!rows.deleted[i]).then_some(|field: usize| rows.columns.get(field)?.get(i).copied());
        self.put(rows.symbols[i], rows.times[i], values)
    }

    fn put(
        &mut self,
        symbol: SymbolId,
        time: Time,
        values: Option<impl Fn(usize) -> Option<f64>>,
    ) -> Result<(), Late> {
        let fields = self.layout.fields.len();
        let numbers = &self.layout.fields;
        let values = values.map(|get| {
            move |i: usize| numbers.get(i).and_then(|(field, _)| get(*field)).unwrap_or(f64::NAN)
        });
        if self.closed_through.is_none_or(|closed| time > closed) {
            open::put(&mut self.open, &mut self.spare_open, fields, symbol, time, values);
            return Ok(());
        }
        self.in_time(time)?;
        let at = self.rows.partition_point(|row| row.time < time);
        if self.rows.get(at).is_none_or(|row| row.time != time) {
            if values.is_none() {
                return Ok(());
            }
            let staged = Staged::of(fields, symbol, values);
            self.insert(at, time);
            self.rows[at].staged = Some(staged);
        } else {
            self.rows[at].staged.get_or_insert_default().push(fields, symbol, values);
        }
        self.first_dirty = self.first_dirty.min(at);
        Ok(())
    }

    fn in_time(&self, time: Time) -> Result<(), Late> {
        match self.late_through.filter(|settled| time <= *settled) {
            Some(settled) => Err(Late { time, settled }),
            None => Ok(()),
        }
    }
}
