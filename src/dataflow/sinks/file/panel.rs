//! A whole panel of factors as a table: a row for every time and symbol, a column per factor.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use arrow_array::{
    ArrayRef, Date32Array, Float64Array, RecordBatch, StringArray, TimestampNanosecondArray,
};
use arrow_schema::{DataType, Field, Schema, TimeUnit};

use super::{WriteError, write};
use crate::model::Time;

/// Rows that are handed to the writer at a time.
const ROWS: usize = 1 << 14;

/// How times are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeForm {
    /// As dates.
    Date,
    /// As instants.
    Instant {
        /// With the time zone UTC, or without one.
        zoned: bool,
    },
}

/// The columns of a panel's file.
#[derive(Clone, Debug)]
pub struct PanelFile {
    /// Name of the time column.
    pub time: String,
    /// How times are written.
    pub form: TimeForm,
    /// Symbols, in the order of each time's rows.
    pub symbols: Vec<Arc<str>>,
    /// Names of the factors.
    pub factors: Vec<String>,
}

/// Takes the rows of one time: a column per factor with one number per symbol.
pub type PutRows<'a> = dyn FnMut(Time, &[Vec<f64>]) -> Result<(), WriteError> + 'a;

impl PanelFile {
    /// Writes the file, Parquet or CSV by its name, from the rows that `fill` hands over, oldest
    /// first. Missing is null, in CSV an empty cell.
    ///
    /// # Errors
    /// What the system says, two columns of one name, a name that is neither.
    pub fn write(
        &self,
        path: &Path,
        fill: impl FnOnce(&mut PutRows<'_>) -> Result<(), WriteError>,
    ) -> Result<(), WriteError> {
        let mut names: Vec<&str> = vec![&self.time, "symbol"];
        names.extend(self.factors.iter().map(String::as_str));
        names.sort_unstable();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            let (path, column) = (path.to_owned(), pair[0].to_owned());
            return Err(WriteError::Name { path, column });
        }
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or("");
        match extension.to_ascii_lowercase().as_str() {
            "csv" => self.write_csv(path, fill),
            _ => self.write_parquet(path, fill),
        }
    }

    fn write_parquet(
        &self,
        path: &Path,
        fill: impl FnOnce(&mut PutRows<'_>) -> Result<(), WriteError>,
    ) -> Result<(), WriteError> {
        let kind = match self.form {
            TimeForm::Date => DataType::Date32,
            TimeForm::Instant { zoned } => {
                DataType::Timestamp(TimeUnit::Nanosecond, zoned.then(|| "UTC".into()))
            }
        };
        let mut fields =
            vec![Field::new(&self.time, kind, false), Field::new("symbol", DataType::Utf8, false)];
        let factor = |name: &String| Field::new(name, DataType::Float64, true);
        fields.extend(self.factors.iter().map(factor));
        let schema = Arc::new(Schema::new(fields));
        write(path, Arc::clone(&schema), &self.factors, |put| {
            let mut waiting = Waiting::new(self.factors.len());
            let mut flush = |waiting: &mut Waiting| {
                let columns = waiting.take(self);
                let batch = RecordBatch::try_new(Arc::clone(&schema), columns);
                put(batch.map_err(|error| WriteError::Inconsistent {
                    path: path.to_owned(),
                    what: error.to_string(),
                })?)
            };
            fill(&mut |time, rows| {
                waiting.push(time, rows);
                let full = waiting.times.len() * self.symbols.len() >= ROWS;
                if full { flush(&mut waiting) } else { Ok(()) }
            })?;
            flush(&mut waiting)
        })
    }

    fn write_csv(
        &self,
        path: &Path,
        fill: impl FnOnce(&mut PutRows<'_>) -> Result<(), WriteError>,
    ) -> Result<(), WriteError> {
        let io = |error| WriteError::Io { path: path.to_owned(), error };
        let mut out = BufWriter::with_capacity(1 << 18, File::create(path).map_err(io)?);
        let mut writer = csv::Writer::from_writer(&mut out);
        let broken = |error: csv::Error| io(std::io::Error::other(error));
        let header = [self.time.as_str(), "symbol"].into_iter();
        let header = header.chain(self.factors.iter().map(String::as_str));
        writer.write_record(header).map_err(broken)?;
        fill(&mut |time, rows| {
            let time = self.text(time);
            for (s, symbol) in self.symbols.iter().enumerate() {
                writer.write_field(&time).map_err(broken)?;
                writer.write_field(symbol.as_ref()).map_err(broken)?;
                for row in rows {
                    let value = row.get(s).copied().unwrap_or(f64::NAN);
                    let text = if value.is_nan() { String::new() } else { value.to_string() };
                    writer.write_field(&text).map_err(broken)?;
                }
                writer.write_record(None::<&[u8]>).map_err(broken)?;
            }
            Ok(())
        })?;
        writer.flush().map_err(io)?;
        drop(writer);
        out.flush().map_err(io)
    }

    /// A time as text.
    pub fn text(&self, time: Time) -> String {
        let text = time.to_string();
        match self.form {
            TimeForm::Date => text.split('T').next().unwrap_or(&text).to_owned(),
            TimeForm::Instant { .. } => text,
        }
    }
}

/// Rows of some times, before they are handed over.
struct Waiting {
    times: Vec<Time>,
    factors: Vec<Vec<f64>>,
}

const DAY: i64 = 86_400_000_000_000;

impl Waiting {
    fn new(factors: usize) -> Waiting {
        Waiting { times: Vec::new(), factors: vec![Vec::new(); factors] }
    }

    fn push(&mut self, time: Time, rows: &[Vec<f64>]) {
        self.times.push(time);
        for (column, row) in self.factors.iter_mut().zip(rows) {
            column.extend_from_slice(row);
        }
    }

    fn take(&mut self, file: &PanelFile) -> Vec<ArrayRef> {
        let count = file.symbols.len();
        let times = std::mem::take(&mut self.times);
        let repeated = times.iter().flat_map(|time| std::iter::repeat_n(time.nanos(), count));
        let time: ArrayRef = match file.form {
            TimeForm::Date => {
                let days = repeated.map(|nanos| nanos.div_euclid(DAY) as i32);
                Arc::new(Date32Array::from_iter_values(days))
            }
            TimeForm::Instant { zoned } => {
                let array = TimestampNanosecondArray::from_iter_values(repeated);
                Arc::new(if zoned { array.with_timezone("UTC") } else { array })
            }
        };
        let symbols = times.iter().flat_map(|_| file.symbols.iter().map(AsRef::<str>::as_ref));
        let mut columns: Vec<ArrayRef> =
            vec![time, Arc::new(StringArray::from_iter_values(symbols))];
        for column in &mut self.factors {
            let cells = column.iter().map(|v| (!v.is_nan()).then_some(*v));
            columns.push(Arc::new(Float64Array::from_iter(cells)));
            column.clear();
        }
        columns
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::Array;
    use arrow_array::cast::AsArray;
    use arrow_array::types::Float64Type;

    use super::super::testing::read;
    use super::*;

    fn file(form: TimeForm) -> PanelFile {
        PanelFile {
            time: "date".to_owned(),
            form,
            symbols: vec!["A".into(), "B".into()],
            factors: vec!["x".to_owned(), "y".to_owned()],
        }
    }

    fn fill(put: &mut PutRows<'_>) -> Result<(), WriteError> {
        put(Time::from_nanos(0), &[vec![1.0, f64::NAN], vec![f64::INFINITY, 2.5]])?;
        put(Time::from_nanos(DAY), &[vec![3.0, 4.0], vec![-0.0, f64::NAN]])
    }

    #[test]
    fn writes_every_cell() {
        let folder = tempfile::tempdir().unwrap();
        for form in [TimeForm::Date, TimeForm::Instant { zoned: false }] {
            let path = folder.path().join("out.parquet");
            file(form).write(&path, fill).unwrap();
            let batches = read(&path);
            let x = batches[0].column_by_name("x").unwrap().as_primitive::<Float64Type>();
            assert_eq!(x.iter().collect::<Vec<_>>(), [Some(1.0), None, Some(3.0), Some(4.0)]);
            assert!(batches[0].column_by_name("y").unwrap().is_null(3));
        }
        let path = folder.path().join("out.csv");
        file(TimeForm::Date).write(&path, fill).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let expected = "date,symbol,x,y\n1970-01-01,A,1,inf\n1970-01-01,B,,2.5\n\
                        1970-01-02,A,3,-0\n1970-01-02,B,4,\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn columns_have_names_of_their_own() {
        let mut file = file(TimeForm::Date);
        file.factors[1] = "symbol".to_owned();
        let error = file.write(Path::new("x.parquet"), fill).unwrap_err();
        assert!(error.to_string().contains("`symbol`"), "{error}");
    }
}
