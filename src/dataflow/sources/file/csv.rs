//! CSV with a header line, comma-separated, UTF-8.

use std::fs::File;
use std::path::Path;

use csv::{ErrorKind, ReaderBuilder, StringRecord, Trim};

use super::columns::Columns;
use super::table::Table;
use super::{ColumnKind, Place, ReadError, missing};

/// Rows between two reports of progress.
const REPORT_EVERY: u64 = 65_536;

/// Appends the rows of a file to `table`. `report` is told the bytes read.
pub(super) fn read(
    path: &Path,
    table: &mut Table<'_>,
    report: &mut dyn FnMut(u64),
) -> Result<(), ReadError> {
    let file = File::open(path).map_err(|error| ReadError::open(path, error))?;
    let mut reader =
        ReaderBuilder::new().trim(Trim::All).buffer_capacity(1 << 18).from_reader(file);
    let header = reader.headers().map_err(|error| broken(path, &error))?;
    let names: Vec<String> =
        header.iter().map(|name| name.trim_start_matches('\u{feff}').to_owned()).collect();
    let columns = Columns::find(path, &names, table.source)?;
    let mut record = StringRecord::new();
    let mut rows = 0;
    while reader.read_record(&mut record).map_err(|error| broken(path, &error))? {
        row(table, &columns, &record).map_err(|(column, message)| {
            let line = record.position().map_or(0, csv::Position::line);
            ReadError::cell(path, Place::Line(line), &names[column], message)
        })?;
        rows += 1;
        if rows % REPORT_EVERY == 0 {
            report(reader.position().byte());
        }
    }
    Ok(())
}

/// Appends one row; an error names the column.
fn row(
    table: &mut Table<'_>,
    columns: &Columns,
    record: &StringRecord,
) -> Result<(), (usize, String)> {
    let cell = |column: usize| record.get(column).unwrap_or("");
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

/// The columns of a file and what their first cells hold.
pub(super) fn columns(path: &Path) -> Result<Vec<(String, ColumnKind)>, ReadError> {
    let file = File::open(path).map_err(|error| ReadError::open(path, error))?;
    let mut reader = ReaderBuilder::new().trim(Trim::All).from_reader(file);
    let header = reader.headers().map_err(|error| broken(path, &error))?;
    let mut columns: Vec<(String, ColumnKind)> = header
        .iter()
        .map(|name| (name.trim_start_matches('\u{feff}').to_owned(), ColumnKind::Number))
        .collect();
    for record in reader.records().take(SAMPLE) {
        let record = record.map_err(|error| broken(path, &error))?;
        for ((_, kind), cell) in columns.iter_mut().zip(&record) {
            if number(cell).is_err() {
                *kind = ColumnKind::Text;
            }
        }
    }
    Ok(columns)
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
