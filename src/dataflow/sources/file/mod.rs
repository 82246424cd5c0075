//! Rows from CSV and Parquet files, for backfill: read whole, sorted by time, cut into batches.
//!
//! A file has one column per field of the source, named like it; one for the symbol, one for the
//! time (`date` will do where the source calls it `time`) and, where the source has one, one for
//! the revision. What a cell may hold:
//!
//! | column | CSV | Parquet |
//! |---|---|---|
//! | symbol | text | text |
//! | time | RFC 3339 or a date | timestamp, date, or text as in CSV |
//! | revision | integer | integer |
//! | field | number | float, integer, decimal |
//! | text field | text of at most 256 bytes | text of at most 256 bytes |
//!
//! An empty CSV cell, an empty text, a null and a NaN are the same: missing, which only a nullable
//! field may be.
//! A column that is not there is missing everywhere. Timestamps without a time zone are UTC.
//!
//! Rows become records of partition 0: the offset is the number of the row from 0, counted on over
//! all files of the source, so that of two rows with one key and revision the later one wins. The
//! arrival is the event time.

mod columns;
mod csv;
mod error;
mod parquet;
mod table;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use crate::model::{RowBatch, Symbols};
use crate::plan::{FieldPlan, SourcePlan};

pub use error::{Place, ReadError};
use table::Table;

/// Most rows of a batch.
pub const MAX_BATCH_ROWS: usize = 8_192;

/// What a column of a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// Numbers, as far as can be seen.
    Number,
    /// Text; times written as text as well.
    Text,
    /// Dates.
    Date,
    /// Timestamps, with a time zone or without.
    Instant {
        /// Whether they name a time zone.
        zoned: bool,
    },
}

/// The names of the columns of a file, and what they hold. In CSV, by the first thousand rows.
///
/// # Errors
/// The file cannot be opened, or is not what its name says.
pub fn columns(path: &Path) -> Result<Vec<(String, ColumnKind)>, ReadError> {
    match extension(path).as_str() {
        "csv" => csv::columns(path),
        "parquet" | "pq" => parquet::columns(path),
        _ => Err(ReadError::Extension { path: path.to_owned() }),
    }
}

fn extension(path: &Path) -> String {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or("");
    extension.to_ascii_lowercase()
}

/// Reads all rows of `paths`, in the order of their times; rows of one time in the order of the
/// files and the rows in them. A time is split over batches only where it alone has more than
/// [`MAX_BATCH_ROWS`] rows.
///
/// `progress` is told the bytes of the files read so far, and of all of them.
///
/// # Errors
/// The first thing that cannot be read, with file, row and column.
pub fn read(
    paths: &[PathBuf],
    source: &SourcePlan,
    symbols: &Symbols,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Vec<RowBatch>, ReadError> {
    let mut sizes = Vec::with_capacity(paths.len());
    for path in paths {
        let size = std::fs::metadata(path).map_err(|error| ReadError::open(path, error))?.len();
        sizes.push(size);
    }
    let total = sizes.iter().sum();
    let mut table = Table::new(source, symbols);
    let mut before = 0;
    for (path, size) in paths.iter().zip(sizes) {
        let mut report = |done: u64| progress(before + done.min(size), total);
        report(0);
        match extension(path).as_str() {
            "csv" => csv::read(path, &mut table, &mut report)?,
            "parquet" | "pq" => parquet::read(path, size, &mut table, &mut report)?,
            _ => return Err(ReadError::Extension { path: path.clone() }),
        }
        report(size);
        before += size;
    }
    Ok(table.into_batches())
}

/// What is said of a missing value of a field that is not nullable.
fn missing(field: &FieldPlan) -> String {
    let kind = if field.text { "string?" } else { "f64?" };
    format!("missing; declare the field as nullable: `{}: {kind}`", field.name)
}
