//! Parquet, any writer's, read batch by batch.

use std::fs::File;
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Date64Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrowPrimitiveType, RecordBatch};
use arrow_schema::{DataType, TimeUnit};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::columns::Columns;
use super::table::{Table, possible};
use super::{ColumnKind, Place, ReadError, missing};
use crate::model::Time;

/// Rows decoded at a time.
const ROWS: usize = 16_384;

/// Appends the rows of a file of `size` bytes to `table`. `report` is told the bytes read.
pub(super) fn read(
    path: &Path,
    size: u64,
    table: &mut Table<'_>,
    report: &mut dyn FnMut(u64),
) -> Result<(), ReadError> {
    let file = File::open(path).map_err(|error| ReadError::open(path, error))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file)
        .map_err(|error| ReadError::format(path, error))?;
    let names: Vec<String> =
        builder.schema().fields().iter().map(|field| field.name().clone()).collect();
    let columns = Columns::find(path, &names, table.source)?;
    let mask = ProjectionMask::roots(builder.parquet_schema(), columns.used());
    let total = builder.metadata().file_metadata().num_rows().max(1).unsigned_abs();
    let reader = builder
        .with_projection(mask)
        .with_batch_size(ROWS)
        .build()
        .map_err(|error| ReadError::format(path, error))?;
    let mut rows = 0;
    for batch in reader {
        let batch = batch.map_err(|error| ReadError::format(path, error))?;
        append(table, &columns, &names, &batch).map_err(|fault| match fault.row {
            Some(row) => {
                let place = Place::Row(rows + row as u64 + 1);
                ReadError::cell(path, place, &names[fault.column], fault.message)
            }
            None => ReadError::column(path, &names[fault.column], fault.message),
        })?;
        rows += batch.num_rows() as u64;
        report((u128::from(size) * u128::from(rows) / u128::from(total)) as u64);
    }
    Ok(())
}

/// The columns of a file and their types.
pub(super) fn columns(path: &Path) -> Result<Vec<(String, ColumnKind)>, ReadError> {
    let file = File::open(path).map_err(|error| ReadError::open(path, error))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file)
        .map_err(|error| ReadError::format(path, error))?;
    let kind = |kind: &DataType| match kind {
        kind if is_text(kind) => ColumnKind::Text,
        DataType::Dictionary(_, values) if is_text(values) => ColumnKind::Text,
        DataType::Date32 | DataType::Date64 => ColumnKind::Date,
        DataType::Timestamp(_, zone) => ColumnKind::Instant { zoned: zone.is_some() },
        _ => ColumnKind::Number,
    };
    let fields = builder.schema().fields();
    Ok(fields.iter().map(|field| (field.name().clone(), kind(field.data_type()))).collect())
}

/// What is wrong with a column, or with one cell of it.
struct Fault {
    column: usize,
    row: Option<usize>,
    message: String,
}

fn append(
    table: &mut Table<'_>,
    columns: &Columns,
    names: &[String],
    batch: &RecordBatch,
) -> Result<(), Fault> {
    let rows = batch.num_rows();
    // Only the wanted columns are in the batch: find them by name.
    let array = |column: usize| {
        batch.column_by_name(&names[column]).ok_or_else(|| Fault {
            column,
            row: None,
            message: "cannot be read: it is not in the file's batches".to_owned(),
        })
    };
    let at = |column: usize| {
        move |(row, message): (Option<usize>, String)| Fault { column, row, message }
    };

    let symbols = array(columns.symbol)?;
    texts(symbols, "text", |text| table.symbol(text))
        .map_err(at(columns.symbol))
        .map(|ids| table.symbol.extend(ids))?;
    let times = times(table, array(columns.time)?).map_err(at(columns.time))?;
    table.time.extend(times);
    if let Some(column) = columns.revision {
        integers(array(column)?, &mut table.revision).map_err(at(column))?;
    }
    let source = table.source;
    for (place, (field, column)) in source.fields.iter().zip(&columns.fields).enumerate() {
        let Some(column) = *column else {
            let values = &mut table.fields[place];
            values.resize(values.len() + rows, f64::NAN);
            continue;
        };
        let start = table.fields[place].len();
        if field.text {
            let numbers = labels(table, array(column)?).map_err(at(column))?;
            table.fields[place].extend(numbers);
        } else {
            numbers(array(column)?, &mut table.fields[place]).map_err(at(column))?;
        }
        let values = &table.fields[place];
        if !field.nullable
            && let Some(row) = values[start..].iter().position(|value| value.is_nan())
        {
            return Err(Fault { column, row: Some(row), message: missing(field) });
        }
    }
    Ok(())
}

/// What is wrong with a column (no row), or with one cell of it.
type Wrong = (Option<usize>, String);

fn wrong_type(array: &dyn Array, expected: &str) -> Wrong {
    (None, format!("has the type {}, must be {expected}", array.data_type()))
}

/// The cells of a text column, read by `read`; a null is an error.
fn texts<T>(
    array: &dyn Array,
    expected: &str,
    mut read: impl FnMut(&str) -> Result<T, String>,
) -> Result<Vec<T>, Wrong> {
    let mut cell = |(row, text): (usize, Option<&str>)| match text {
        Some(text) => read(text).map_err(|message| (Some(row), message)),
        None => Err((Some(row), "missing".to_owned())),
    };
    match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().iter().enumerate().map(&mut cell).collect(),
        DataType::LargeUtf8 => array.as_string::<i64>().iter().enumerate().map(&mut cell).collect(),
        DataType::Utf8View => array.as_string_view().iter().enumerate().map(&mut cell).collect(),
        DataType::Dictionary(_, values) if is_text(values) => {
            let dictionary = array.as_any_dictionary();
            let values = dictionary.values().as_ref();
            // Arrow refuses to give keys into nothing; all rows are null then.
            let keys = match values.len() {
                0 => vec![0; array.len()],
                _ => dictionary.normalized_keys(),
            };
            let text = |(row, key): (usize, usize)| {
                (row, if array.is_null(row) { None } else { text_at(values, key) })
            };
            keys.into_iter().enumerate().map(text).map(cell).collect()
        }
        _ => Err(wrong_type(array, expected)),
    }
}

/// The numbers of the texts of a column, NaN for null.
fn labels(table: &mut Table<'_>, array: &dyn Array) -> Result<Vec<f64>, Wrong> {
    let mut label = |text: Option<&str>| text.map_or(Ok(f64::NAN), |text| table.label(text));
    match array.data_type() {
        DataType::Dictionary(_, values) if is_text(values) => {
            let dictionary = array.as_any_dictionary();
            let values = dictionary.values().as_ref();
            let numbers: Vec<Result<f64, String>> =
                (0..values.len()).map(|at| label(text_at(values, at))).collect();
            let keys = match values.len() {
                0 => vec![0; array.len()],
                _ => dictionary.normalized_keys(),
            };
            // A value that no row has may be what it will.
            let cell = |(row, key): (usize, usize)| match numbers.get(key) {
                Some(number) if !array.is_null(row) => {
                    number.clone().map_err(|message| (Some(row), message))
                }
                _ => Ok(f64::NAN),
            };
            keys.into_iter().enumerate().map(cell).collect()
        }
        kind if is_text(kind) => {
            let cell = |row| label(text_at(array, row)).map_err(|message| (Some(row), message));
            (0..array.len()).map(cell).collect()
        }
        _ => Err(wrong_type(array, "text")),
    }
}

fn is_text(kind: &DataType) -> bool {
    matches!(kind, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// One cell of a text column.
fn text_at(array: &dyn Array, at: usize) -> Option<&str> {
    if at >= array.len() || array.is_null(at) {
        return None;
    }
    match array.data_type() {
        DataType::Utf8 => Some(array.as_string::<i32>().value(at)),
        DataType::LargeUtf8 => Some(array.as_string::<i64>().value(at)),
        DataType::Utf8View => Some(array.as_string_view().value(at)),
        _ => None,
    }
}

const DAY: i64 = 86_400_000_000_000;

fn times(table: &mut Table<'_>, array: &dyn Array) -> Result<Vec<Time>, Wrong> {
    use TimeUnit::{Microsecond, Millisecond, Nanosecond, Second};
    match array.data_type() {
        DataType::Date32 => instants::<Date32Type>(array, DAY),
        DataType::Date64 => instants::<Date64Type>(array, 1_000_000),
        DataType::Timestamp(Second, _) => instants::<TimestampSecondType>(array, 1_000_000_000),
        DataType::Timestamp(Millisecond, _) => {
            instants::<TimestampMillisecondType>(array, 1_000_000)
        }
        DataType::Timestamp(Microsecond, _) => instants::<TimestampMicrosecondType>(array, 1_000),
        DataType::Timestamp(Nanosecond, _) => instants::<TimestampNanosecondType>(array, 1),
        _ => texts(array, "a timestamp, a date or text", |text| table.time(text)),
    }
}

/// Times that are numbers of `unit` nanoseconds since the Unix epoch.
fn instants<T: ArrowPrimitiveType>(array: &dyn Array, unit: i64) -> Result<Vec<Time>, Wrong>
where
    T::Native: Into<i64>,
{
    let cells = array.as_primitive::<T>().iter().enumerate();
    cells
        .map(|(row, cell)| {
            let value: i64 = cell.ok_or_else(|| (Some(row), "missing".to_owned()))?.into();
            let time = value.checked_mul(unit).map(Time::from_nanos).and_then(possible);
            time.ok_or_else(|| {
                let message = format!("{value} is not between the years 1678 and 2261");
                (Some(row), message)
            })
        })
        .collect()
}

fn integers(array: &dyn Array, to: &mut Vec<i64>) -> Result<(), Wrong> {
    match array.data_type() {
        DataType::Int8 => whole::<Int8Type>(array, to),
        DataType::Int16 => whole::<Int16Type>(array, to),
        DataType::Int32 => whole::<Int32Type>(array, to),
        DataType::Int64 => whole::<Int64Type>(array, to),
        DataType::UInt8 => whole::<UInt8Type>(array, to),
        DataType::UInt16 => whole::<UInt16Type>(array, to),
        DataType::UInt32 => whole::<UInt32Type>(array, to),
        DataType::UInt64 => whole::<UInt64Type>(array, to),
        _ => Err(wrong_type(array, "an integer")),
    }
}

fn whole<T: ArrowPrimitiveType>(array: &dyn Array, to: &mut Vec<i64>) -> Result<(), Wrong>
where
    T::Native: TryInto<i64>,
{
    for (row, cell) in array.as_primitive::<T>().iter().enumerate() {
        let value = cell.ok_or_else(|| (Some(row), "missing".to_owned()))?;
        let fit = value.try_into();
        to.push(fit.map_err(|_| (Some(row), format!("{value:?} is not a 64-bit integer")))?);
    }
    Ok(())
}

/// Appends the numbers of a column, NaN for null.
fn numbers(array: &dyn Array, to: &mut Vec<f64>) -> Result<(), Wrong> {
    match array.data_type() {
        DataType::Float64 => cast::<Float64Type>(array, to, |value| value),
        DataType::Float32 => cast::<Float32Type>(array, to, f64::from),
        DataType::Int8 => cast::<Int8Type>(array, to, f64::from),
        DataType::Int16 => cast::<Int16Type>(array, to, f64::from),
        DataType::Int32 => cast::<Int32Type>(array, to, f64::from),
        DataType::Int64 => cast::<Int64Type>(array, to, |value| value as f64),
        DataType::UInt8 => cast::<UInt8Type>(array, to, f64::from),
        DataType::UInt16 => cast::<UInt16Type>(array, to, f64::from),
        DataType::UInt32 => cast::<UInt32Type>(array, to, f64::from),
        DataType::UInt64 => cast::<UInt64Type>(array, to, |value| value as f64),
        DataType::Decimal128(..) => {
            let decimals = array.as_primitive::<Decimal128Type>();
            for row in 0..decimals.len() {
                // Through its text: the nearest float, which a division would not always give.
                to.push(if decimals.is_null(row) {
                    f64::NAN
                } else {
                    let text = decimals.value_as_string(row);
                    text.parse().map_err(|_| (Some(row), format!("{text:?} is not a number")))?
                });
            }
        }
        _ => return Err(wrong_type(array, "a number")),
    }
    Ok(())
}

fn cast<T: ArrowPrimitiveType>(
    array: &dyn Array,
    to: &mut Vec<f64>,
    number: impl Fn(T::Native) -> f64,
) {
    let array = array.as_primitive::<T>();
    if array.null_count() == 0 {
        to.extend(array.values().iter().map(|value| number(*value)));
    } else {
        to.extend(array.iter().map(|cell| cell.map_or(f64::NAN, &number)));
    }
}
