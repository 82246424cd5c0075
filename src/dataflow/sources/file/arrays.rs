//! Arrays of Arrow, as Parquet and Arrow files hold them, to rows of a table.

use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type,
    DecimalType, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrowPrimitiveType, RecordBatch};
use arrow_schema::{DataType, Schema, TimeUnit};

use super::columns::Columns;
use super::table::{Table, possible};
use super::{ColumnKind, Place, ReadError, missing};
use crate::model::{SymbolId, Time};

/// The columns of a file with this schema and what they hold.
pub(super) fn kinds(schema: &Schema) -> Vec<(String, ColumnKind)> {
    let kind = |kind: &DataType| match kind {
        kind if is_text(kind) => ColumnKind::Text,
        DataType::Dictionary(_, values) if is_text(values) => ColumnKind::Text,
        DataType::Date32 | DataType::Date64 => ColumnKind::Date,
        DataType::Timestamp(unit, zone) => {
            ColumnKind::Instant { unit_nanos: unit_nanos(*unit), zone: zone.clone() }
        }
        _ => ColumnKind::Number,
    };
    let fields = schema.fields().iter();
    fields.map(|field| (field.name().clone(), kind(field.data_type()))).collect()
}

/// Where the columns of a source are in a file.
pub(super) struct Arrays<'a> {
    pub(super) path: &'a Path,
    pub(super) columns: &'a Columns,
    /// Names of all columns of the file.
    pub(super) names: &'a [String],
}

impl Arrays<'_> {
    /// Appends the rows of a batch; `before` rows of the file came before it.
    pub(super) fn append(
        &self,
        table: &mut Table<'_>,
        batch: &RecordBatch,
        before: u64,
    ) -> Result<(), ReadError> {
        append(table, self.columns, self.names, batch).map_err(|fault| {
            let column = &self.names[fault.column];
            match fault.row {
                Some(row) => {
                    let place = Place::Row(before + row as u64 + 1);
                    ReadError::cell(self.path, place, column, fault.message)
                }
                None => ReadError::column(self.path, column, fault.message),
            }
        })?;
        table.place.extend((1..=batch.num_rows() as u64).map(|row| before + row));
        Ok(())
    }
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
    let ids = symbol_ids(table, symbols).map_err(at(columns.symbol))?;
    table.symbol.extend(ids);
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
            let values = array.as_any_dictionary().values().as_ref();
            let text = |key: Option<usize>| key.and_then(|key| text_at(values, key));
            keys(array).into_iter().map(text).enumerate().map(cell).collect()
        }
        _ => Err(wrong_type(array, expected)),
    }
}

/// The numbers of the texts of a column, NaN for null.
fn labels(table: &mut Table<'_>, array: &dyn Array) -> Result<Vec<f64>, Wrong> {
    let mut label = |text: Option<&str>| text.map_or(Ok(f64::NAN), |text| table.label(text));
    match array.data_type() {
        DataType::Dictionary(_, values) if is_text(values) => {
            let values = array.as_any_dictionary().values().as_ref();
            let numbers: Vec<Result<f64, String>> =
                (0..values.len()).map(|at| label(text_at(values, at))).collect();
            // A value that no row has may be what it will.
            let cell = |(row, key): (usize, Option<usize>)| match key.and_then(|k| numbers.get(k)) {
                Some(number) => number.clone().map_err(|message| (Some(row), message)),
                None => Ok(f64::NAN),
            };
            keys(array).into_iter().enumerate().map(cell).collect()
        }
        kind if is_text(kind) => {
            let cell = |row| label(text_at(array, row)).map_err(|message| (Some(row), message));
            (0..array.len()).map(cell).collect()
        }
        _ => Err(wrong_type(array, "text")),
    }
}

/// The place of each cell's value in a dictionary, none for null.
fn keys(array: &dyn Array) -> Vec<Option<usize>> {
    let dictionary = array.as_any_dictionary();
    if dictionary.values().is_empty() {
        // Arrow refuses to give keys into nothing; all rows are null then.
        return vec![None; array.len()];
    }
    let keys = dictionary.normalized_keys().into_iter().enumerate();
    keys.map(|(row, key)| (!array.is_null(row)).then_some(key)).collect()
}

/// The numbers of the symbols of a column: texts, or whole numbers that stand for themselves.
fn symbol_ids(table: &mut Table<'_>, array: &dyn Array) -> Result<Vec<SymbolId>, Wrong> {
    match array.data_type() {
        kind if kind.is_integer() => {
            let mut numbers = Vec::with_capacity(array.len());
            integers(array, &mut numbers)?;
            let ids = numbers.into_iter().enumerate().map(|(row, number)| {
                table.symbol(&number.to_string()).map_err(|message| (Some(row), message))
            });
            ids.collect()
        }
        DataType::Dictionary(_, values) if is_text(values) => {
            // Each text of the dictionary is looked up once.
            let values = array.as_any_dictionary().values().as_ref();
            let mut known: Vec<Option<SymbolId>> = vec![None; values.len()];
            let cells = keys(array).into_iter().enumerate().map(|(row, key)| {
                let at = key.and_then(|key| Some((known.get_mut(key)?, text_at(values, key)?)));
                let (known, text) = at.ok_or_else(|| (Some(row), "missing".to_owned()))?;
                match known {
                    Some(id) => Ok(*id),
                    None => {
                        let id = table.symbol(text).map_err(|message| (Some(row), message))?;
                        Ok(*known.insert(id))
                    }
                }
            });
            cells.collect()
        }
        _ => texts(array, "text", |text| table.symbol(text)),
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
        DataType::Timestamp(unit, _) => {
            let nanos = unit_nanos(*unit);
            match unit {
                Second => instants::<TimestampSecondType>(array, nanos),
                Millisecond => instants::<TimestampMillisecondType>(array, nanos),
                Microsecond => instants::<TimestampMicrosecondType>(array, nanos),
                Nanosecond => instants::<TimestampNanosecondType>(array, nanos),
            }
        }
        _ => texts(array, "a timestamp, a date or text", |text| table.time(text)),
    }
}

fn unit_nanos(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1_000_000_000,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1_000,
        TimeUnit::Nanosecond => 1,
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
        DataType::Float16 => cast::<Float16Type>(array, to, f64::from),
        DataType::Boolean => {
            let cells = array.as_boolean().iter();
            to.extend(cells.map(|cell| cell.map_or(f64::NAN, |yes| f64::from(u8::from(yes)))));
        }
        DataType::Null => to.resize(to.len() + array.len(), f64::NAN),
        DataType::Decimal32(..) => decimals::<Decimal32Type>(array, to)?,
        DataType::Decimal64(..) => decimals::<Decimal64Type>(array, to)?,
        DataType::Decimal128(..) => decimals::<Decimal128Type>(array, to)?,
        DataType::Decimal256(..) => decimals::<Decimal256Type>(array, to)?,
        DataType::Dictionary(_, values) if !is_text(values) => {
            let dictionary = array.as_any_dictionary();
            let mut values = Vec::new();
            numbers(dictionary.values().as_ref(), &mut values)?;
            to.extend(
                keys(array)
                    .into_iter()
                    .map(|key| key.and_then(|key| values.get(key)).copied().unwrap_or(f64::NAN)),
            );
        }
        _ => return Err(wrong_type(array, "a number")),
    }
    Ok(())
}

fn decimals<T: DecimalType>(array: &dyn Array, to: &mut Vec<f64>) -> Result<(), Wrong> {
    let decimals = array.as_primitive::<T>();
    for row in 0..decimals.len() {
        // Through its text: the nearest float, which a division would not always give.
        to.push(if decimals.is_null(row) {
            f64::NAN
        } else {
            let text = decimals.value_as_string(row);
            text.parse().map_err(|_| (Some(row), format!("{text:?} is not a number")))?
        });
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
