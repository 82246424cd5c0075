//! CSV with a header line, comma-separated, UTF-8.

use std::fs::File;
use std::path::{Path, PathBuf};

use csv::{ErrorKind, ReaderBuilder, StringRecord};

use super::columns::Columns;
use super::table::Table;
use super::{ColumnKind, PIECE_ROWS, Pieces, Place, ReadError, missing};
use crate::plan::SourcePlan;

/// A file that is being read.
pub(super) struct Reader {
    path: PathBuf,
    names: Vec<String>,
    columns: Columns,
    csv: csv::Reader<File>,
    record: StringRecord,
}

impl Reader {
    pub(super) fn open(path: &Path, source: &SourcePlan) -> Result<Reader, ReadError> {
        let (csv, names) = open(path)?;
        let columns = Columns::find(path, &names, source)?;
        Ok(Reader { path: path.to_owned(), names, columns, csv, record: StringRecord::new() })
    }
}

impl Pieces for Reader {
    fn next(&mut self, table: &mut Table<'_>) -> Result<bool, ReadError> {
        for taken in 0..PIECE_ROWS {
            let more = self.csv.read_record(&mut self.record);
            if !more.map_err(|error| broken(&self.path, &error))? {
                return Ok(taken > 0);
            }
            let line = self.record.position().map_or(0, csv::Position::line);
            row(table, &self.columns, &self.record).map_err(|(column, message)| {
                ReadError::cell(&self.path, Place::Line(line), &self.names[column], message)
            })?;
            table.place.push(line);
        }
        Ok(true)
    }

    fn done(&mut self) -> u64 {
        self.csv.position().byte()
    }
}

fn open(path: &Path) -> Result<(csv::Reader<File>, Vec<String>), ReadError> {
    let file = File::open(path).map_err(|error| ReadError::open(path, error))?;
    let mut csv = ReaderBuilder::new().buffer_capacity(1 << 18).from_reader(file);
    let header = csv.headers().map_err(|error| broken(path, &error))?;
    let name = |name: &str| name.trim_start_matches('\u{feff}').trim().to_owned();
    let names = header.iter().map(name).collect();
    Ok((csv, names))
}

/// Appends one row; an error names the column.
fn row(
    table: &mut Table<'_>,
    columns: &Columns,
    record: &StringRecord,
) -> Result<(), (usize, String)> {
    let cell = |column: usize| record.get(column).unwrap_or("").trim();
    let symbol = table.symbol(cell(columns.symbol)).map_err(|error| (columns.symbol, error))?;
    let time = table.time(cell(columns.time)).map_err(|error| (columns.time, error))?;
    if let Some(column) = columns.revision {
        let text = cell(column);
        let revision =
            text.parse().map_err(|_| (column, format!("{text:?} is not a 64-bit integer")))?;
        table.revision.push(revision);
    }
    let source = table.source;
    for (place, (field, column)) in source.fields.iter().zip(&columns.fields).enumerate() {
        let Some(column) = *column else {
            table.fields[place].push(f64::NAN);
            continue;
        };
        let text = cell(column);
        let value = if field.text { table.label(text) } else { number(text) };
        let value = value.map_err(|error| (column, error))?;
        if value.is_nan() && !field.nullable {
            return Err((column, missing(field)));
        }
        table.fields[place].push(value);
    }
    table.symbol.push(symbol);
    table.time.push(time);
    Ok(())
}

/// Rows that are looked at to tell numbers from text.
const SAMPLE: usize = 1_000;

/// Of so many cells one that is no number is a mistake, for which its line is named when it is read.
const STRAY: usize = 10;

/// The columns of a file and what their first cells hold.
pub(super) fn columns(path: &Path) -> Result<Vec<(String, ColumnKind)>, ReadError> {
    let (mut csv, names) = open(path)?;
    // Cells that are there, and those of them that are no numbers.
    let mut cells = vec![(0_usize, 0_usize); names.len()];
    for record in csv.records().take(SAMPLE) {
        let record = record.map_err(|error| broken(path, &error))?;
        for ((there, text), cell) in cells.iter_mut().zip(&record) {
            *there += usize::from(!cell.trim().is_empty());
            *text += usize::from(number(cell.trim()).is_err());
        }
    }
    let kind = |(there, text)| match text > there / STRAY {
        true => ColumnKind::Text,
        false => ColumnKind::Number,
    };
    Ok(names.into_iter().zip(cells.into_iter().map(kind)).collect())
}

/// A number; NaN for an empty cell.
fn number(text: &str) -> Result<f64, String> {
    if text.is_empty() {
        return Ok(f64::NAN);
    }
    let shown = || text.chars().take(32).collect::<String>();
    let value: f64 = text.parse().map_err(|_| format!("{:?} is not a number", shown()))?;
    // `inf` written out is meant; digits that become infinite are too many.
    if value.is_infinite() && text.contains(|c: char| c.is_ascii_digit()) {
        return Err(format!("{:?} does not fit into a 64-bit float", shown()));
    }
    Ok(value)
}

/// What is wrong with the file as CSV.
fn broken(path: &Path, error: &csv::Error) -> ReadError {
    let line = error.position().map(csv::Position::line);
    match (error.kind(), line) {
        (ErrorKind::UnequalLengths { expected_len, len, .. }, Some(line)) => ReadError::format(
            path,
            format!("line {line} has {len} cells, the header has {expected_len}"),
        ),
        (ErrorKind::Utf8 { .. }, Some(line)) => {
            ReadError::format(path, format!("line {line} is not UTF-8"))
        }
        _ => ReadError::format(path, error),
    }
}
