//! Decoded rows in columns, one batch per partition and activation.

use serde::{Deserialize, Serialize};

use super::{RawRecord, SymbolId, Time};

/// Where a record stands in the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Coordinates {
    /// Partition of the source's topic.
    pub partition: i32,
    /// Offset in the partition.
    pub offset: i64,
    /// The broker's timestamp in milliseconds since the Unix epoch.
    pub arrival_ms: i64,
}

/// Rows of one partition in columns. All vectors have one entry per row, except `columns` (one
/// vector of rows per field of the source, missing = NaN) and `originals`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RowBatch {
    /// The partition all rows come from.
    pub partition: i32,
    /// Offsets, not necessarily contiguous (dead letters are not here).
    pub offsets: Vec<i64>,
    /// Broker timestamps, milliseconds.
    pub arrivals_ms: Vec<i64>,
    /// Value of the source's revision field, 0 where it has none.
    pub revisions: Vec<i64>,
    /// Symbol of each row.
    pub symbols: Vec<SymbolId>,
    /// Event time of each row.
    pub times: Vec<Time>,
    /// True for a tombstone: the row of (symbol, time) is deleted; its fields are NaN.
    pub deleted: Vec<bool>,
    /// Field-major values: `columns[field][row]`.
    pub columns: Vec<Vec<f64>>,
    /// Bit i is set when row check i (its number in the plan) does not hold. Filled by the checks.
    pub violations: Vec<u64>,
    /// The records behind the rows that may be quarantined, by row number, ascending.
    pub originals: Vec<(u32, RawRecord)>,
}

impl RowBatch {
    /// An empty batch with `fields` columns.
    pub fn new(partition: i32, fields: usize) -> RowBatch {
        RowBatch { partition, columns: vec![Vec::new(); fields], ..RowBatch::default() }
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// Coordinates of a row.
    pub fn coordinates(&self, row: usize) -> Coordinates {
        Coordinates {
            partition: self.partition,
            offset: self.offsets[row],
            arrival_ms: self.arrivals_ms[row],
        }
    }

    /// The fields of a row, copied.
    pub fn fields(&self, row: usize) -> Vec<f64> {
        self.columns.iter().map(|column| column[row]).collect()
    }
}
