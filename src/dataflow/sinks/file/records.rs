//! Small tables of anything: findings, alerts, quarantined rows, dead letters.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{
    BinaryBuilder, Int64Builder, StringBuilder, TimestampNanosecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema};

use super::{WriteError, time_type, write};
use crate::model::Time;

/// What a column holds. Every cell may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellKind {
    /// Text.
    Text,
    /// An instant, nanoseconds, UTC.
    Time,
    /// A 64-bit integer.
    Integer,
    /// Bytes as they came.
    Bytes,
}

/// One cell.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cell {
    /// Missing.
    Null,
    /// See [`CellKind::Text`].
    Text(String),
    /// See [`CellKind::Time`].
    Time(Time),
    /// See [`CellKind::Integer`].
    Integer(i64),
    /// See [`CellKind::Bytes`].
    Bytes(Vec<u8>),
}

/// Collects rows that come and go, and writes those that stay: sorted by their cells from left to
/// right, a row that is there twice written twice.
#[derive(Debug)]
pub struct RecordFile {
    columns: &'static [(&'static str, CellKind)],
    rows: BTreeMap<Vec<Cell>, i64>,
}

impl RecordFile {
    /// Nothing yet, with these columns.
    pub fn new(columns: &'static [(&'static str, CellKind)]) -> RecordFile {
        RecordFile { columns, rows: BTreeMap::new() }
    }

    /// Adds `diff` to the number of times that `row` is there. Its cells stand in the order of the
    /// columns; one of another kind than its column becomes missing.
    pub fn apply(&mut self, row: Vec<Cell>, diff: i64) {
        match self.rows.entry(row) {
            Entry::Vacant(_) if diff == 0 => {}
            Entry::Vacant(place) => {
                place.insert(diff);
            }
            Entry::Occupied(mut place) => {
                *place.get_mut() += diff;
                if *place.get() == 0 {
                    place.remove();
                }
            }
        }
    }

    /// Writes the file and gives the number of rows.
    ///
    /// # Errors
    /// When the file cannot be written, or more was retracted than inserted.
    pub fn finish(self, path: &Path) -> Result<u64, WriteError> {
        if let Some((row, count)) = self.rows.iter().find(|(_, count)| **count < 0) {
            let what = format!("row {row:?} is there {count} times");
            return Err(WriteError::Inconsistent { path: path.to_owned(), what });
        }
        let rows: Vec<&Vec<Cell>> =
            self.rows.iter().flat_map(|(row, count)| (0..*count).map(move |_| row)).collect();
        let fields = self.columns.iter().map(|(name, kind)| Field::new(*name, kind.arrow(), true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let columns = (0..).zip(self.columns).map(|(at, (_, kind))| kind.column(&rows, at));
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns.collect())
            .map_err(|error| WriteError::Parquet { path: path.to_owned(), error: error.into() })?;
        write(path, schema, &[], |put| put(batch))?;
        Ok(rows.len() as u64)
    }
}

impl CellKind {
    fn arrow(self) -> DataType {
        match self {
            CellKind::Text => DataType::Utf8,
            CellKind::Time => time_type(),
            CellKind::Integer => DataType::Int64,
            CellKind::Bytes => DataType::Binary,
        }
    }

    /// Column number `at` of `rows`.
    fn column(self, rows: &[&Vec<Cell>], at: usize) -> ArrayRef {
        let cells = rows.iter().map(|row| row.get(at));
        match self {
            CellKind::Text => {
                let mut column = StringBuilder::new();
                for cell in cells {
                    column.append_option(match cell {
                        Some(Cell::Text(text)) => Some(text),
                        _ => None,
                    });
                }
                Arc::new(column.finish())
            }
            CellKind::Bytes => {
                let mut column = BinaryBuilder::new();
                for cell in cells {
                    column.append_option(match cell {
                        Some(Cell::Bytes(bytes)) => Some(bytes),
                        _ => None,
                    });
                }
                Arc::new(column.finish())
            }
            CellKind::Integer => {
                let mut column = Int64Builder::new();
                for cell in cells {
                    column.append_option(match cell {
                        Some(Cell::Integer(number)) => Some(*number),
                        _ => None,
                    });
                }
                Arc::new(column.finish())
            }
            CellKind::Time => {
                let mut column = TimestampNanosecondBuilder::new();
                for cell in cells {
                    column.append_option(match cell {
                        Some(Cell::Time(time)) => Some(time.nanos()),
                        _ => None,
                    });
                }
                Arc::new(column.finish().with_timezone("UTC"))
            }
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Cell {
        Cell::Text(text.to_owned())
    }
}

impl From<Option<Vec<u8>>> for Cell {
    fn from(bytes: Option<Vec<u8>>) -> Cell {
        bytes.map_or(Cell::Null, Cell::Bytes)
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::Array;
    use arrow_array::cast::AsArray;
    use arrow_array::types::{Int64Type, TimestampNanosecondType};

    use super::super::testing::read;
    use super::*;

    const COLUMNS: &[(&str, CellKind)] = &[
        ("time", CellKind::Time),
        ("text", CellKind::Text),
        ("number", CellKind::Integer),
        ("bytes", CellKind::Bytes),
    ];

    fn row(time: i64, text: &str) -> Vec<Cell> {
        vec![
            Cell::Time(Time::from_nanos(time)),
            text.into(),
            Cell::Integer(-time),
            Some(vec![0, 255]).into(),
        ]
    }

    #[test]
    fn what_stays_is_written_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records.parquet");
        let mut file = RecordFile::new(COLUMNS);
        for (time, text, diff) in
            [(3, "c", 1), (1, "b", 2), (1, "a", 1), (2, "x", -1), (2, "x", 1), (1, "b", -1)]
        {
            file.apply(row(time, text), diff);
        }
        file.apply(vec![Cell::Null, Cell::Null, Cell::Null, Cell::Null], 1);
        assert_eq!(file.finish(&path).unwrap(), 4);
        let batches = read(&path);
        let batch = &batches[0];
        let time = batch["time"].as_primitive::<TimestampNanosecondType>();
        assert_eq!(time.iter().collect::<Vec<_>>(), [None, Some(1), Some(1), Some(3)]);
        assert_eq!(time.timezone(), Some("UTC"));
        let text: Vec<_> = batch["text"].as_string::<i32>().iter().collect();
        assert_eq!(text, [None, Some("a"), Some("b"), Some("c")]);
        assert_eq!(batch["number"].as_primitive::<Int64Type>().value(3), -3);
        assert_eq!(batch["bytes"].as_binary::<i32>().value(1), [0, 255]);
        assert!(batch["bytes"].is_null(0));
    }

    #[test]
    fn no_rows_make_a_file_with_columns_and_too_few_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records.parquet");
        assert_eq!(RecordFile::new(COLUMNS).finish(&path).unwrap(), 0);
        assert!(path.exists() && read(&path).is_empty());
        let mut file = RecordFile::new(COLUMNS);
        file.apply(row(1, "a"), -1);
        let error = file.finish(&path).unwrap_err();
        assert!(error.to_string().contains("-1 times"), "{error}");
    }
}
