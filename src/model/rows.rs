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
/// vector of rows per field of the source, missing = NaN), `failures` and `originals`.
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
    /// What was found in rows that fail checks, as (row, number of the check, detail), ascending,
    /// each (row, check) once. Filled by the checks.
    pub failures: Vec<(u32, u16, String)>,
    /// The records behind the rows that may be quarantined, by row number, ascending.
    pub originals: Vec<(u32, RawRecord)>,
}

impl RowBatch {
    /// An empty batch with `fields` columns.
    pub fn new(partition: i32, fields: usize) -> RowBatch {
        RowBatch { partition, columns: vec![Vec::new(); fields], ..RowBatch::default() }
    }

    /// Makes room for `more` rows.
    pub fn reserve(&mut self, more: usize) {
        self.offsets.reserve(more);
        self.arrivals_ms.reserve(more);
        self.revisions.reserve(more);
        self.symbols.reserve(more);
        self.times.reserve(more);
        self.deleted.reserve(more);
        self.violations.reserve(more);
        for column in &mut self.columns {
            column.reserve(more);
        }
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

    /// Appends a copy of row number `row` of `other`, with its failures and its original: for
    /// spreading a batch over workers.
    pub fn push_row(&mut self, other: &RowBatch, row: usize) {
        let (from, to) = (row as u32, self.len() as u32);
        self.offsets.push(other.offsets[row]);
        self.arrivals_ms.push(other.arrivals_ms[row]);
        self.revisions.push(other.revisions[row]);
        self.symbols.push(other.symbols[row]);
        self.times.push(other.times[row]);
        self.deleted.push(other.deleted[row]);
        for (column, source) in self.columns.iter_mut().zip(&other.columns) {
            column.push(source[row]);
        }
        self.violations.push(other.violations[row]);
        if other.violations[row] != 0 {
            self.failures.extend(
                other.failures_of(row).iter().map(|(_, check, text)| (to, *check, text.clone())),
            );
        }
        if let Ok(at) = other.originals.binary_search_by_key(&from, |(row, _)| *row) {
            self.originals.push((to, other.originals[at].1.clone()));
        }
    }

    /// Removes the rows with the given numbers, ascending, from a batch that is not yet checked.
    pub fn remove(&mut self, gone: &[usize]) {
        fn keep<T>(column: &mut Vec<T>, gone: &[usize]) {
            let (mut row, mut next) = (0, 0);
            column.retain(|_| {
                let goes = gone.get(next) == Some(&row);
                row += 1;
                next += usize::from(goes);
                !goes
            });
        }
        keep(&mut self.offsets, gone);
        keep(&mut self.arrivals_ms, gone);
        keep(&mut self.revisions, gone);
        keep(&mut self.symbols, gone);
        keep(&mut self.times, gone);
        keep(&mut self.deleted, gone);
        keep(&mut self.violations, gone);
        for column in &mut self.columns {
            keep(column, gone);
        }
    }

    /// What was found in a row, as (row, number of the check, detail).
    pub fn failures_of(&self, row: usize) -> &[(u32, u16, String)] {
        let start = self.failures.partition_point(|(at, ..)| (*at as usize) < row);
        let end = self.failures.partition_point(|(at, ..)| (*at as usize) <= row);
        &self.failures[start..end]
    }

    /// The distinct times, ascending, of rows that are not deletions and fail none of the checks
    /// in `kept_out` (a mask like `violations`): what a [`Mark`](super::Mark) says of a partition.
    pub fn passing_times(&self, kept_out: u64) -> Vec<Time> {
        let mut times: Vec<Time> = Vec::new();
        for ((time, deleted), violations) in
            self.times.iter().zip(&self.deleted).zip(&self.violations)
        {
            if !deleted && violations & kept_out == 0 && times.last() != Some(time) {
                times.push(*time);
            }
        }
        times.sort_unstable();
        times.dedup();
        times
    }
}
