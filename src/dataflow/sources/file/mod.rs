//! Rows from CSV, Parquet and Arrow files: for backfill read whole and sorted by time, for
//! `weir compute` time by time with bounded memory.
//!
//! A file has one column per field of the source, named like it; one for the symbol, one for the
//! time (`date` will do where the source calls it `time`) and, where the source has one, one for
//! the revision. What a cell may hold:
//!
//! | column | CSV | Parquet, Arrow |
//! |---|---|---|
//! | symbol | text | text, integer |
//! | time | RFC 3339 or a date | timestamp, date, or text as in CSV |
//! | revision | integer | integer |
//! | field | number | float, integer, decimal, boolean (1 and 0), all of it null |
//! | text field | text of at most 256 bytes | text of at most 256 bytes |
//!
//! Texts and numbers may be dictionary-encoded.
//!
//! An empty CSV cell, an empty text, a null and a NaN are the same: missing, which only a nullable
//! field may be.
//! A column that is not there is missing everywhere. Timestamps without a time zone are UTC.
//!
//! Rows become records of partition 0: the offset is the number of the row from 0, counted on over
//! all files of the source, so that of two rows with one key and revision the later one wins. The
//! arrival is the event time.

mod arrays;
mod arrow;
mod bars;
mod columns;
mod csv;
mod error;
mod parquet;
mod scan;
mod spill;
mod table;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::model::{RowBatch, Symbols};
use crate::plan::{FieldPlan, SourcePlan};

pub use bars::Bars;
pub use error::{Place, ReadError};
pub use scan::{Scan, scan};
use table::Table;

/// Most rows of a batch.
pub const MAX_BATCH_ROWS: usize = 8_192;

/// What a column of a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// Numbers, as far as can be seen.
    Number,
    /// Text; times written as text as well.
    Text,
    /// Dates.
    Date,
    /// Timestamps, with a time zone or without.
    Instant {
        /// Nanoseconds of the unit that they count.
        unit_nanos: i64,
        /// The time zone that they name, if any.
        zone: Option<Arc<str>>,
    },
}

/// The names of the columns of a file, and what they hold. In CSV, by the first thousand rows.
///
/// # Errors
/// The file cannot be opened, or is not what its name says.
pub fn columns(path: &Path) -> Result<Vec<(String, ColumnKind)>, ReadError> {
    match FileFormat::of(path)? {
        FileFormat::Csv => csv::columns(path),
        FileFormat::Parquet => parquet::columns(path),
        FileFormat::Arrow => arrow::columns(path),
    }
}

/// Whether a column of dates and instants is told from one of text, by the file's name.
pub fn has_types(path: &Path) -> bool {
    FileFormat::of(path).is_ok_and(|format| format != FileFormat::Csv)
}

/// What a file is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FileFormat {
    Csv,
    Parquet,
    Arrow,
}

impl FileFormat {
    fn of(path: &Path) -> Result<FileFormat, ReadError> {
        match extension(path).as_str() {
            "csv" => Ok(FileFormat::Csv),
            "parquet" | "pq" => Ok(FileFormat::Parquet),
            "arrow" | "arrows" | "feather" | "ipc" => Ok(FileFormat::Arrow),
            _ => Err(ReadError::Extension { path: path.to_owned() }),
        }
    }

    /// The row with this entry in a table's `place`.
    fn place(self, number: u64) -> Place {
        match self {
            FileFormat::Csv => Place::Line(number),
            FileFormat::Parquet | FileFormat::Arrow => Place::Row(number),
        }
    }
}

/// Most rows that are read at a time.
const PIECE_ROWS: usize = 16_384;

/// A file that is read piece by piece.
trait Pieces: Send {
    /// Appends the next rows to a table; false at the end of the file.
    fn next(&mut self, table: &mut Table<'_>) -> Result<bool, ReadError>;

    /// About how many bytes of the file were read.
    fn done(&mut self) -> u64;
}

fn open(path: &Path, source: &SourcePlan) -> Result<Box<dyn Pieces>, ReadError> {
    Ok(match FileFormat::of(path)? {
        FileFormat::Csv => Box::new(csv::Reader::open(path, source)?),
        FileFormat::Parquet => Box::new(parquet::Reader::open(path, source)?),
        FileFormat::Arrow => Box::new(arrow::Reader::open(path, source)?),
    })
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
        progress(before, total);
        let mut pieces = open(path, source)?;
        while pieces.next(&mut table)? {
            progress(before + pieces.done().min(size), total);
        }
        before += size;
        progress(before, total);
    }
    Ok(table.into_batches())
}

/// What is said of a missing value of a field that is not nullable.
fn missing(field: &FieldPlan) -> String {
    let kind = if field.text { "string?" } else { "f64?" };
    format!("missing; declare the field as nullable: `{}: {kind}`", field.name)
}
