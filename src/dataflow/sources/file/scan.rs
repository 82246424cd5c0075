//! A first look at a file, at its symbols and times only: who is there, and in which order.

use std::path::Path;

use rustc_hash::FxHashMap;

use super::table::Table;
use super::{ReadError, open};
use crate::model::{SymbolId, Symbols, Time};
use crate::plan::SourcePlan;

/// What a file holds.
#[derive(Debug)]
pub struct Scan {
    /// All symbols of the file, numbered in the order of their names.
    pub symbols: Symbols,
    /// All times with the number of their rows, oldest first.
    pub times: Vec<(Time, u64)>,
    /// Rows of the file.
    pub rows: u64,
    /// Whether the rows stand in the order of their times.
    pub ordered: bool,
}

/// Reads the symbols and times of a file. `progress` is told the bytes read so far, and all.
///
/// # Errors
/// What cannot be read; a file without rows.
pub fn scan(
    path: &Path,
    source: &SourcePlan,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Scan, ReadError> {
    let size = std::fs::metadata(path).map_err(|error| ReadError::open(path, error))?.len();
    let source = SourcePlan { fields: Vec::new(), ..source.clone() };
    let found = Symbols::default();
    let mut table = Table::new(&source, &found);
    let mut pieces = open(path, &source)?;
    let (mut counts, mut ordered) = (FxHashMap::<Time, u64>::default(), true);
    let (mut rows, mut last) = (0, Time::MIN);
    while pieces.next(&mut table)? {
        for run in table.time.chunk_by(|a, b| a == b) {
            ordered &= last <= run[0];
            last = run[0];
            *counts.entry(last).or_default() += run.len() as u64;
        }
        rows += table.time.len() as u64;
        table.clear();
        progress(pieces.done().min(size), size);
    }
    if rows == 0 {
        return Err(ReadError::Empty { path: path.to_owned() });
    }
    let mut times: Vec<(Time, u64)> = counts.into_iter().collect();
    times.sort_unstable();
    let mut names: Vec<_> = (0..found.len()).map(|id| found.name(SymbolId(id as u32))).collect();
    names.sort_unstable();
    let symbols = Symbols::default();
    for name in names {
        symbols.intern(&name);
    }
    Ok(Scan { symbols, times, rows, ordered })
}
