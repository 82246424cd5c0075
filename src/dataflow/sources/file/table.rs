//! Rows on their way from files into batches.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::MAX_BATCH_ROWS;
use crate::model::{RowBatch, SymbolId, Symbols, Time, TimeError, text_fault};
use crate::plan::SourcePlan;

/// All rows in columns, in the order of the files.
#[derive(Debug)]
pub(super) struct Table<'a> {
    pub(super) source: &'a SourcePlan,
    symbols: &'a Symbols,
    known: FxHashMap<Box<str>, SymbolId>,
    /// Numbers of the texts in text fields.
    labels: FxHashMap<Box<str>, f64>,
    /// The last time that was read from text: rows of one time often stand together.
    last_time: (String, Time),
    pub(super) symbol: Vec<SymbolId>,
    pub(super) time: Vec<Time>,
    /// Where each row stands in its file: the line of a text file, or the row from 1 on.
    pub(super) place: Vec<u64>,
    /// Empty where the source has no revision field.
    pub(super) revision: Vec<i64>,
    /// One per field of the source.
    pub(super) fields: Vec<Vec<f64>>,
}

/// Longest symbol in bytes, as in the records of a feed.
const MAX_SYMBOL_BYTES: usize = 64;

impl<'a> Table<'a> {
    pub(super) fn new(source: &'a SourcePlan, symbols: &'a Symbols) -> Table<'a> {
        Table {
            source,
            symbols,
            known: FxHashMap::default(),
            labels: FxHashMap::default(),
            last_time: (String::new(), Time::MIN),
            symbol: Vec::new(),
            time: Vec::new(),
            place: Vec::new(),
            revision: Vec::new(),
            fields: vec![Vec::new(); source.fields.len()],
        }
    }

    /// The number of a symbol, or why the text cannot be one.
    pub(super) fn symbol(&mut self, text: &str) -> Result<SymbolId, String> {
        if let Some(id) = self.known.get(text) {
            return Ok(*id);
        }
        // `|` separates symbol and time in keys.
        if text.is_empty() {
            return Err("is empty, must be a symbol".to_owned());
        }
        if text.len() > MAX_SYMBOL_BYTES {
            let length = text.len();
            return Err(format!("a symbol of {length} bytes, may have {MAX_SYMBOL_BYTES}"));
        }
        if text.contains('|') || text.contains(char::is_control) {
            return Err(format!(
                "{text:?} is no symbol: `|` and control characters are not allowed"
            ));
        }
        let id = self.symbols.intern(text);
        self.known.insert(Box::from(text), id);
        Ok(id)
    }

    /// The number of a text in a text field, NaN for an empty one; or why it cannot stand there.
    pub(super) fn label(&mut self, text: &str) -> Result<f64, String> {
        if let Some(number) = self.labels.get(text) {
            return Ok(*number);
        }
        if text.is_empty() {
            return Ok(f64::NAN);
        }
        if let Some(fault) = text_fault(text) {
            return Err(fault);
        }
        let number = self.labels.len() as f64;
        self.labels.insert(Box::from(text), number);
        Ok(number)
    }

    /// A time written as text.
    pub(super) fn time(&mut self, text: &str) -> Result<Time, String> {
        if self.last_time.0 == text && !text.is_empty() {
            return Ok(self.last_time.1);
        }
        let time = Time::parse(text).map_err(|error| error.to_string())?;
        let time =
            possible(time).ok_or_else(|| TimeError(text.chars().take(64).collect()).to_string())?;
        self.last_time.0.clear();
        self.last_time.0.push_str(text);
        self.last_time.1 = time;
        Ok(time)
    }

    /// The name behind a number that this table gave.
    pub(super) fn symbol_name(&self, id: SymbolId) -> Arc<str> {
        self.symbols.name(id)
    }

    /// Forgets the rows.
    pub(super) fn clear(&mut self) {
        self.symbol.clear();
        self.time.clear();
        self.place.clear();
        self.revision.clear();
        self.fields.iter_mut().for_each(Vec::clear);
    }

    /// Takes the first rows out, with their places in the file.
    pub(super) fn take_first(&mut self, rows: usize) -> (RowBatch, Vec<u64>) {
        fn first<T: Clone>(column: &mut Vec<T>, rows: usize) -> Vec<T> {
            let rest = column.split_off(rows.min(column.len()));
            std::mem::replace(column, rest)
        }
        let places = first(&mut self.place, rows);
        let batch = RowBatch {
            symbols: first(&mut self.symbol, rows),
            times: first(&mut self.time, rows),
            revisions: first(&mut self.revision, rows),
            columns: self.fields.iter_mut().map(|column| first(column, rows)).collect(),
            ..RowBatch::new(0, 0)
        };
        (completed(batch, &places), places)
    }

    /// Copies of rows, with their places in the file.
    pub(super) fn gather(&self, rows: &[usize]) -> (RowBatch, Vec<u64>) {
        let places: Vec<u64> = rows.iter().map(|row| self.place[*row]).collect();
        let column = |column: &Vec<f64>| rows.iter().map(|row| column[*row]).collect();
        let batch = RowBatch {
            symbols: rows.iter().map(|row| self.symbol[*row]).collect(),
            times: rows.iter().map(|row| self.time[*row]).collect(),
            columns: self.fields.iter().map(column).collect(),
            ..RowBatch::new(0, 0)
        };
        (completed(batch, &places), places)
    }

    /// Rows sorted by time and cut into batches.
    pub(super) fn into_batches(self) -> Vec<RowBatch> {
        let rows = self.time.len();
        let time = self.time;
        let mut order: Vec<usize> = (0..rows).collect();
        if !time.is_sorted() {
            order.sort_by_key(|row| time[*row]);
        }
        let cuts = cuts(&order, &time);
        let mut batches: Vec<RowBatch> = Vec::with_capacity(cuts.len());
        for (start, end) in &cuts {
            let rows = &order[*start..*end];
            batches.push(RowBatch {
                offsets: rows.iter().map(|row| *row as i64).collect(),
                arrivals_ms: rows.iter().map(|row| time[*row].millis()).collect(),
                times: rows.iter().map(|row| time[*row]).collect(),
                symbols: rows.iter().map(|row| self.symbol[*row]).collect(),
                revisions: rows
                    .iter()
                    .map(|row| self.revision.get(*row).copied().unwrap_or(0))
                    .collect(),
                deleted: vec![false; rows.len()],
                violations: vec![0; rows.len()],
                ..RowBatch::new(0, 0)
            });
        }
        // Column by column, so that no more than one column is there twice at a time.
        for column in self.fields {
            for (batch, (start, end)) in batches.iter_mut().zip(&cuts) {
                let rows = &order[*start..*end];
                batch.columns.push(rows.iter().map(|row| column[*row]).collect());
            }
        }
        batches
    }
}

/// A batch with what only a feed knows filled in.
fn completed(batch: RowBatch, places: &[u64]) -> RowBatch {
    let rows = batch.len();
    let mut revisions = batch.revisions;
    revisions.resize(rows, 0);
    RowBatch {
        offsets: places.iter().map(|place| *place as i64).collect(),
        arrivals_ms: batch.times.iter().map(|time| time.millis()).collect(),
        revisions,
        deleted: vec![false; rows],
        violations: vec![0; rows],
        ..batch
    }
}

/// A time that an event may have: the ends of the range mean something else.
pub(super) fn possible(time: Time) -> Option<Time> {
    (time != Time::MIN && time != Time::MAX).then_some(time)
}

/// Ranges of `order` that become batches: as many whole times as fit.
fn cuts(order: &[usize], time: &[Time]) -> Vec<(usize, usize)> {
    let mut cuts = Vec::new();
    let mut start = 0;
    while start < order.len() {
        let limit = (start + MAX_BATCH_ROWS).min(order.len());
        let mut end = limit;
        if limit < order.len() {
            let next = time[order[limit]];
            while end > start && time[order[end - 1]] == next {
                end -= 1;
            }
            if end == start {
                end = limit;
            }
        }
        cuts.push((start, end));
        start = end;
    }
    cuts
}
