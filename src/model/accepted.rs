//! Changes of the accepted rows in columns: what the panel and the series checks live on.

use serde::{Deserialize, Serialize};

use super::{Coordinates, SymbolId, Time};

/// Net changes of accepted rows over one epoch: each (symbol, time) at most once, and only where
/// the content of the row is not what it was before.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AcceptedBatch {
    /// Symbol of each changed row.
    pub symbols: Vec<SymbolId>,
    /// Event time of each changed row.
    pub times: Vec<Time>,
    /// The first record that brought the row's content; of no meaning for a deletion.
    pub coordinates: Vec<Coordinates>,
    /// True: there is no row any more; its entries in `columns` are NaN.
    pub deleted: Vec<bool>,
    /// Field-major new values: `columns[field][row]`, missing = NaN.
    pub columns: Vec<Vec<f64>>,
    /// Rows that stay as they are, but whose content is now known to have come first with another
    /// record. Only findings name records; the panel has nothing to do with these.
    pub moved: Vec<(SymbolId, Time, Coordinates)>,
}

impl AcceptedBatch {
    /// No changes yet, for rows with `fields` columns.
    pub fn new(fields: usize) -> AcceptedBatch {
        AcceptedBatch { columns: vec![Vec::new(); fields], ..AcceptedBatch::default() }
    }

    /// How many rows changed, not counting `moved`.
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether no row changed; there may still be entries in `moved`.
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// Makes place for so many rows more.
    pub fn reserve(&mut self, rows: usize) {
        self.symbols.reserve(rows);
        self.times.reserve(rows);
        self.coordinates.reserve(rows);
        self.deleted.reserve(rows);
        for column in &mut self.columns {
            column.reserve(rows);
        }
    }

    /// Appends a row that is new or has new content.
    pub fn upsert(
        &mut self,
        symbol: SymbolId,
        time: Time,
        coordinates: Coordinates,
        fields: &[f64],
    ) {
        self.begin(symbol, time, coordinates, false);
        for (column, value) in self.columns.iter_mut().zip(fields) {
            column.push(*value);
        }
    }

    /// Appends a row that is gone.
    pub fn delete(&mut self, symbol: SymbolId, time: Time, coordinates: Coordinates) {
        self.begin(symbol, time, coordinates, true);
        for column in &mut self.columns {
            column.push(f64::NAN);
        }
    }

    fn begin(&mut self, symbol: SymbolId, time: Time, coordinates: Coordinates, deleted: bool) {
        self.symbols.push(symbol);
        self.times.push(time);
        self.coordinates.push(coordinates);
        self.deleted.push(deleted);
    }
}
