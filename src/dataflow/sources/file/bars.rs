//! The rows of a file time by time, with bounded memory, whatever their order in the file.
//!
//! A file that is ordered by time is read piece by piece; what is held is a piece and the time that
//! is not whole yet. Another one is read whole and sorted, as long as it fits into the memory that
//! it may use; if it does not, its rows are first dealt out, in one pass, to ranges of times that
//! do fit, which wait in a temporary file.

use std::path::{Path, PathBuf};

use super::spill::Spill;
use super::table::Table;
use super::{FileFormat, PIECE_ROWS, Pieces, ReadError, Scan, open};
use crate::model::{RowBatch, Time};
use crate::plan::SourcePlan;

/// Rows of a file in the order of their times.
pub struct Bars<'a> {
    path: PathBuf,
    format: FileFormat,
    pieces: Box<dyn Pieces>,
    table: Table<'a>,
    way: Way,
    /// Time and place of the last row of each symbol.
    seen: Vec<(Time, u64)>,
}

enum Way {
    Ordered {
        ended: bool,
    },
    Sorted {
        /// First times of the ranges that fit into memory each.
        ranges: Vec<Time>,
        /// Whether the file was read.
        read: bool,
        spill: Option<Spill>,
        /// How many ranges were loaded.
        loaded: usize,
        /// Rows of the table by time, and how many were given out.
        order: Vec<usize>,
        given: usize,
    },
}

impl std::fmt::Debug for Bars<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bars").field("path", &self.path).finish_non_exhaustive()
    }
}

impl<'a> Bars<'a> {
    /// Opens a file that was scanned. `memory` bounds the bytes of rows that are held when they
    /// must be sorted.
    ///
    /// # Errors
    /// The file cannot be opened, or lacks columns.
    pub fn open(
        path: &Path,
        source: &'a SourcePlan,
        scan: &'a Scan,
        memory: usize,
    ) -> Result<Bars<'a>, ReadError> {
        let way = if scan.ordered {
            Way::Ordered { ended: false }
        } else {
            let ranges = ranges(&scan.times, (memory / row_bytes(source)) as u64);
            let spill = match ranges.len() {
                0 | 1 => None,
                parts => Some(Spill::new(path, parts, source.fields.len(), memory)?),
            };
            let (order, loaded) = (Vec::new(), 0);
            Way::Sorted { ranges, read: false, spill, loaded, order, given: 0 }
        };
        Ok(Bars {
            path: path.to_owned(),
            format: FileFormat::of(path)?,
            pieces: open(path, source)?,
            table: Table::new(source, &scan.symbols),
            way,
            seen: vec![(Time::MIN, 0); scan.symbols.len()],
        })
    }

    /// Bytes that wait in a temporary file when a file is not ordered and does not fit into
    /// `memory` bytes; none if nothing has to wait.
    pub fn spilled(source: &SourcePlan, scan: &Scan, memory: usize) -> Option<u64> {
        let bytes = row_bytes(source);
        let parts =
            if scan.ordered { 1 } else { ranges(&scan.times, (memory / bytes) as u64).len() };
        (parts > 1).then(|| scan.rows * Spill::row_bytes(source.fields.len()) as u64)
    }

    /// The rows of the next times, whole times only.
    ///
    /// # Errors
    /// The first thing that cannot be read; two rows of one symbol and time.
    pub fn next_batch(&mut self) -> Result<Option<RowBatch>, ReadError> {
        let batch = match &self.way {
            Way::Ordered { .. } => self.next_ordered()?,
            Way::Sorted { .. } => self.next_sorted()?,
        };
        if let Some((batch, places)) = &batch {
            self.check(batch, places)?;
        }
        Ok(batch.map(|(batch, _)| batch))
    }

    fn next_ordered(&mut self) -> Result<Option<(RowBatch, Vec<u64>)>, ReadError> {
        let Way::Ordered { ended } = &mut self.way else { return Ok(None) };
        loop {
            let times = &self.table.time;
            let Some(last) = times.last() else {
                if *ended || !self.pieces.next(&mut self.table)? {
                    return Ok(None);
                }
                continue;
            };
            let whole = if *ended { times.len() } else { times.partition_point(|t| t < last) };
            if whole > 0 {
                return Ok(Some(self.table.take_first(whole)));
            }
            *ended = !self.pieces.next(&mut self.table)?;
        }
    }

    fn next_sorted(&mut self) -> Result<Option<(RowBatch, Vec<u64>)>, ReadError> {
        let table = &mut self.table;
        let Way::Sorted { ranges, read, spill, loaded, order, given } = &mut self.way else {
            return Ok(None);
        };
        if !*read {
            *read = true;
            while self.pieces.next(table)? {
                let Some(spill) = spill else { continue };
                for row in 0..table.time.len() {
                    let time = table.time[row];
                    let range = ranges.partition_point(|first| *first <= time).saturating_sub(1);
                    spill.push(range, table, row)?;
                }
                table.clear();
            }
            if let Some(spill) = spill {
                spill.flush()?;
            }
        }
        while *given == order.len() {
            if *loaded == ranges.len() {
                return Ok(None);
            }
            if let Some(spill) = spill {
                table.clear();
                spill.load(*loaded, table)?;
            }
            *loaded += 1;
            order.clear();
            order.extend(0..table.time.len());
            // Stable, so that of two rows of a key the first one is called the first.
            order.sort_by_key(|row| table.time[*row]);
            *given = 0;
        }
        let rest = &order[*given..];
        let mut end = rest.len().min(PIECE_ROWS);
        while let (Some(before), Some(row)) = (rest.get(end - 1), rest.get(end))
            && table.time[*before] == table.time[*row]
        {
            end += 1;
        }
        *given += end;
        Ok(Some(table.gather(&rest[..end])))
    }

    /// Looks for two rows of one symbol and time, and for what was not there in the scan.
    fn check(&mut self, batch: &RowBatch, places: &[u64]) -> Result<(), ReadError> {
        let changed = || ReadError::Changed { path: self.path.clone() };
        for ((symbol, time), place) in batch.symbols.iter().zip(&batch.times).zip(places) {
            let seen = self.seen.get_mut(symbol.index()).ok_or_else(changed)?;
            if *time <= seen.0 {
                if *time < seen.0 {
                    return Err(changed());
                }
                return Err(ReadError::Twice {
                    path: self.path.clone(),
                    symbol: self.table.symbol_name(*symbol).to_string(),
                    time: time.to_string(),
                    first: self.format.place(seen.1),
                    second: self.format.place(*place),
                });
            }
            *seen = (*time, *place);
        }
        Ok(())
    }
}

/// Bytes that a row takes while it is sorted.
fn row_bytes(source: &SourcePlan) -> usize {
    Spill::row_bytes(source.fields.len()) + size_of::<usize>()
}

/// First times of ranges of at most so many rows, a single time excepted.
fn ranges(times: &[(Time, u64)], most: u64) -> Vec<Time> {
    let (mut ranges, mut rows) = (Vec::new(), u64::MAX);
    for (time, count) in times {
        rows = rows.saturating_add(*count);
        if rows > most {
            ranges.push(*time);
            rows = *count;
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::super::scan;
    use super::super::tests::{Folder, source};
    use super::*;
    use crate::model::SymbolId;

    /// Rows of 40 symbols at 50 times with some gaps, as CSV lines.
    fn lines() -> Vec<String> {
        let all = (0..50).flat_map(|day| (0..40).map(move |symbol| (day, symbol)));
        let there =
            all.filter(|(day, symbol): &(usize, usize)| !(day * 7 + symbol * 3).is_multiple_of(11));
        let line = |(day, symbol): (usize, usize)| {
            let time = Time::from_nanos(day as i64 * 86_400_000_000_000);
            format!("S{symbol:02},{time},{},{}", day * 100 + symbol, symbol)
        };
        there.map(line).collect()
    }

    fn read(path: &Path, source: &SourcePlan, memory: usize) -> (Vec<String>, usize) {
        let scan = scan(path, source, &mut |_, _| {}).unwrap();
        let mut bars = Bars::open(path, source, &scan, memory).unwrap();
        let (mut rows, mut most, mut last) = (Vec::new(), 0, Time::MIN);
        while let Some(batch) = bars.next_batch().unwrap() {
            most = most.max(bars.table.time.len());
            assert!(batch.times.is_sorted() && batch.times[0] > last, "whole times in order");
            last = batch.times[batch.len() - 1];
            let mut own: Vec<(Time, SymbolId, String)> = (0..batch.len())
                .map(|i| (batch.times[i], batch.symbols[i], format!("{:?}", batch.fields(i))))
                .collect();
            own.sort();
            let name = |id: SymbolId| scan.symbols.name(id);
            rows.extend(own.into_iter().map(|(t, s, v)| format!("{t} {} {v}", name(s))));
        }
        (rows, most)
    }

    #[test]
    fn every_order_of_rows_gives_the_same_batches_within_the_memory() {
        let folder = Folder::new();
        let source = source(&[("x", true), ("y", true)], None);
        let ordered = lines();
        let mut by_symbol = ordered.clone();
        by_symbol.sort();
        let mut shuffled = ordered.clone();
        for i in (1..shuffled.len()).rev() {
            shuffled.swap(i, (i * 7_919 + 13) % (i + 1));
        }
        let file = |name: &str, lines: &[String]| {
            folder.csv(name, &format!("symbol,time,x,y\n{}\n", lines.join("\n")))
        };
        let path = file("ordered.csv", &ordered);
        let (expected, _) = read(&path, &source, 0);
        assert_eq!(expected.len(), ordered.len());
        assert!(expected[0].starts_with("1970-01-01T00:00:00Z S01 [1.0, 1.0]"), "{}", expected[0]);
        for (name, lines) in [("by_symbol.csv", &by_symbol), ("shuffled.csv", &shuffled)] {
            let path = file(name, lines);
            let (rows, held) = read(&path, &source, 1 << 30);
            assert!(rows == expected && held == ordered.len(), "{name}: {held} rows held");
            let most = 100;
            let (rows, held) = read(&path, &source, most * row_bytes(&source));
            assert!(rows == expected && held <= most, "{name}: {held} rows held");
        }
    }

    #[test]
    fn a_second_row_of_a_key_is_an_error_that_names_both() {
        let folder = Folder::new();
        let source = source(&[("x", true)], None);
        let header = "symbol,time,x\n";
        for (rows, expected) in [
            (
                "A,2020-01-01,1\nB,2020-01-01,2\nA,2020-01-01,3\n",
                "t.csv: line 4: a second row of `A` at 2020-01-01T00:00:00Z, the first is line 2",
            ),
            (
                "A,2020-01-02,1\nA,2020-01-01,2\nB,2020-01-01,2\nA,2020-01-02,3\n",
                "t.csv: line 5: a second row of `A` at 2020-01-02T00:00:00Z, the first is line 2",
            ),
        ] {
            let path = folder.csv("t.csv", &format!("{header}{rows}"));
            for memory in [1 << 20, row_bytes(&source)] {
                let scan = scan(&path, &source, &mut |_, _| {}).unwrap();
                let mut bars = Bars::open(&path, &source, &scan, memory).unwrap();
                let error = loop {
                    match bars.next_batch() {
                        Ok(batch) => assert!(batch.is_some(), "no error"),
                        Err(error) => break error.to_string(),
                    }
                };
                assert!(error.contains(expected), "{error}");
            }
        }
    }

    #[test]
    fn a_file_without_rows_is_an_error() {
        let folder = Folder::new();
        let path = folder.csv("t.csv", "symbol,time,x\n");
        let error = scan(&path, &source(&[], None), &mut |_, _| {}).unwrap_err();
        assert!(error.to_string().ends_with("t.csv: has no rows"), "{error}");
    }
}
