//! Rows that wait: those of open times, and changes of closed ones.

use std::collections::BTreeMap;
use std::ops::Range;

use super::Rows;
use super::bits::Bits;
use crate::formula::NodeId;
use crate::model::{SymbolId, Time};

/// The rows of an open time.
#[derive(Debug, Default)]
pub(super) struct OpenRow {
    /// By kept field and symbol.
    pub(super) values: Vec<Vec<f64>>,
    pub(super) present: Bits,
    /// Symbols of other panels that have a row.
    pub(super) elsewhere: Bits,
}

/// Changes of a closed time in the order of arrival.
#[derive(Debug, Default)]
pub(super) struct Staged {
    pub(super) symbols: Vec<SymbolId>,
    /// Whether the row is there from now on.
    pub(super) present: Vec<bool>,
    /// All kept fields of the first change, then those of the second, and so on.
    pub(super) values: Vec<f64>,
}

impl Staged {
    pub(super) fn of(
        fields: usize,
        symbol: SymbolId,
        values: Option<impl Fn(usize) -> f64>,
    ) -> Staged {
        let mut staged = Staged::default();
        staged.push(fields, symbol, values);
        staged
    }

    pub(super) fn push(
        &mut self,
        fields: usize,
        symbol: SymbolId,
        values: Option<impl Fn(usize) -> f64>,
    ) {
        self.symbols.push(symbol);
        self.present.push(values.is_some());
        let value = |i| values.as_ref().map_or(f64::NAN, |get| get(i));
        self.values.extend((0..fields).map(value));
    }

    /// Takes out what is staged of a symbol, if there is something: whether its row is there from now
    /// on, and the fields. The last change counts.
    pub(super) fn take(&mut self, fields: usize, symbol: SymbolId) -> Option<(bool, Vec<f64>)> {
        let last = self.symbols.iter().rposition(|s| *s == symbol)?;
        let values = |i: usize| self.values.get(i * fields..(i + 1) * fields).unwrap_or(&[]);
        let taken = (self.present[last], values(last).to_vec());
        let mut rest = Staged::default();
        for i in (0..self.symbols.len()).filter(|i| self.symbols[*i] != symbol) {
            rest.symbols.push(self.symbols[i]);
            rest.present.push(self.present[i]);
            rest.values.extend_from_slice(values(i));
        }
        *self = rest;
        Some(taken)
    }
}

impl OpenRow {
    pub(super) fn bytes(&self) -> usize {
        self.values.iter().map(|column| column.capacity() * size_of::<f64>()).sum()
    }

    fn set(&mut self, symbol: usize, values: impl Fn(usize) -> f64) {
        for (i, column) in self.values.iter_mut().enumerate() {
            if symbol >= column.len() {
                column.resize(symbol + 1, f64::NAN);
            }
            column[symbol] = values(i);
        }
    }

    /// Writes rows, field by field; `fields` are the kept ones by their numbers in the source.
    pub(super) fn set_many(
        &mut self,
        fields: &[(usize, NodeId)],
        rows: &Rows<'_>,
        range: Range<usize>,
    ) {
        let symbols = &rows.symbols[range.clone()];
        let len = symbols.iter().map(|symbol| symbol.index() + 1).max().unwrap_or(0);
        for symbol in symbols {
            self.present.insert(symbol.index());
        }
        for ((field, _), column) in fields.iter().zip(&mut self.values) {
            if len > column.len() {
                column.resize(len, f64::NAN);
            }
            let given = rows.columns.get(*field).and_then(|given| given.get(range.clone()));
            for (i, symbol) in symbols.iter().enumerate() {
                column[symbol.index()] = given.and_then(|g| g.get(i)).copied().unwrap_or(f64::NAN);
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.present.is_empty() && self.elsewhere.is_empty()
    }

    /// Empties it for another use.
    pub(super) fn clear(&mut self) {
        self.values.iter_mut().for_each(Vec::clear);
        self.present.clear();
        self.elsewhere.clear();
    }
}

/// Writes the row of a symbol into an open time, or takes it out. A time without rows is not kept.
pub(super) fn put(
    open: &mut BTreeMap<Time, OpenRow>,
    spare: &mut Vec<OpenRow>,
    fields: usize,
    symbol: SymbolId,
    time: Time,
    values: Option<impl Fn(usize) -> f64>,
) {
    let Some(values) = values else {
        let Some(row) = open.get_mut(&time) else { return };
        if row.present.remove(symbol.index()) {
            row.set(symbol.index(), |_| f64::NAN);
        }
        if row.is_empty() {
            open.remove(&time);
        }
        return;
    };
    let row = open.entry(time).or_insert_with(|| new(spare, fields));
    row.present.insert(symbol.index());
    row.set(symbol.index(), values);
}

/// The same for a symbol of another panel, of which only is known whether it has a row.
pub(super) fn announce(
    open: &mut BTreeMap<Time, OpenRow>,
    spare: &mut Vec<OpenRow>,
    fields: usize,
    symbol: SymbolId,
    time: Time,
    there: bool,
) {
    if there {
        let row = open.entry(time).or_insert_with(|| new(spare, fields));
        row.elsewhere.insert(symbol.index());
    } else if let Some(row) = open.get_mut(&time) {
        row.elsewhere.remove(symbol.index());
        if row.is_empty() {
            open.remove(&time);
        }
    }
}

/// An open time without rows.
pub(super) fn new(spare: &mut Vec<OpenRow>, fields: usize) -> OpenRow {
    let mut row = spare.pop().unwrap_or_default();
    row.values.resize(fields, Vec::new());
    row
}
