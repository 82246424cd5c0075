//! Factors as one record per time with all symbols: an Arrow IPC stream of one batch with columns
//! `symbol` (UTF-8, ascending) and one nullable f64 per factor in the pipeline's order. Schema
//! metadata: `pipeline`, `time`, `revision`. Key = time. A missing value is null.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, DataType, Field, Schema};

use super::factor_rows::{Place, Rows, WholeTimes, record_of_time};
use super::{EncodeError, Encoder, FactorsLayout};
use crate::model::{Digest, FactorBatch, Record, Symbols, Time};
use crate::plan::Layout;

pub(super) static FRAME: FactorsLayout = FactorsLayout {
    layout: Layout {
        name: "frame",
        summary: "one Arrow IPC stream per time with all symbols, key = time",
        whole_times: true,
        content_type: "application/vnd.apache.arrow.stream",
        columns: &["symbol"],
    },
    encoder: |context| {
        let symbols = context.symbols.clone();
        Ok(Box::new(FactorsFrame::new(context.pipeline, context.factors, symbols)))
    },
};

/// Encodes factors time by time.
#[derive(Debug)]
pub struct FactorsFrame {
    pipeline: String,
    fields: Vec<Field>,
    times: WholeTimes,
}

impl FactorsFrame {
    /// For these factors, in the order of the columns.
    pub fn new(pipeline: &str, factors: &[String], symbols: Symbols) -> FactorsFrame {
        let symbol = Field::new("symbol", DataType::Utf8, false);
        let factor = |name: &String| Field::new(name, DataType::Float64, true);
        FactorsFrame {
            pipeline: pipeline.to_owned(),
            fields: std::iter::once(symbol).chain(factors.iter().map(factor)).collect(),
            times: WholeTimes::new(symbols),
        }
    }

    fn write(
        &self,
        time: Time,
        revision: u64,
        rows: &Rows,
        batches: &[FactorBatch],
    ) -> Result<Vec<u8>, ArrowError> {
        let metadata = HashMap::from([
            ("pipeline".to_owned(), self.pipeline.clone()),
            ("time".to_owned(), time.to_string()),
            ("revision".to_owned(), revision.to_string()),
        ]);
        let schema = Arc::new(Schema::new_with_metadata(self.fields.clone(), metadata));
        let names = StringArray::from_iter_values(rows.keys());
        let mut columns: Vec<ArrayRef> = vec![Arc::new(names)];
        for factor in 0..self.fields.len() - 1 {
            let value = |(batch, row): &Place| batches[*batch].columns[factor][*row];
            let values = rows.values().map(|place| Some(value(place)).filter(|v| !v.is_nan()));
            columns.push(Arc::new(Float64Array::from_iter(values)));
        }
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns)?;
        let mut writer = StreamWriter::try_new(Vec::new(), &schema)?;
        writer.write(&batch)?;
        writer.into_inner()
    }
}

impl Encoder for FactorsFrame {
    type Change = FactorBatch;

    fn encode(
        &mut self,
        batches: &[FactorBatch],
        revision: u64,
        emit: &mut dyn FnMut(Record),
    ) -> Result<(), EncodeError> {
        for (time, rows, digest) in self.times.changed(batches) {
            let value = (!rows.is_empty())
                .then(|| self.write(time, revision, &rows, batches))
                .transpose()
                .map_err(|source| EncodeError::Frame { time, source })?;
            emit(record_of_time(time, value, digest));
        }
        Ok(())
    }

    fn replay(&mut self, batches: &[FactorBatch]) -> Result<Digest, EncodeError> {
        Ok(self.times.replay(batches))
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::Array;
    use arrow_array::cast::AsArray;
    use arrow_array::types::Float64Type;
    use arrow_ipc::reader::StreamReader;

    use super::super::FactorsRow;
    use super::super::factor_rows::tests::epochs;
    use super::*;
    use crate::model::SymbolId;

    fn symbols(names: &[&str]) -> Symbols {
        let symbols = Symbols::default();
        for name in names {
            symbols.intern(name);
        }
        symbols
    }

    fn factors() -> [String; 2] {
        ["a".to_owned(), "b".to_owned()]
    }

    fn batch(day: &str, symbols: &[u32], columns: [&[f64]; 2], diff: i8) -> FactorBatch {
        FactorBatch {
            time: Time::parse(day).unwrap(),
            symbols: symbols.iter().map(|s| SymbolId(*s)).collect(),
            columns: columns.map(|column| column.to_vec().into()).to_vec(),
            diff,
        }
    }

    fn encode(encoder: &mut FactorsFrame, batches: &[FactorBatch]) -> Vec<Record> {
        let mut out = Vec::new();
        encoder.encode(batches, 7, &mut |record| out.push(record)).unwrap();
        out
    }

    #[test]
    fn a_correction_writes_the_whole_frame_again() {
        let mut encoder = FactorsFrame::new("p", &factors(), symbols(&["B", "A"]));
        let new = batch("2018-01-02", &[0, 1], [&[1.0, f64::NAN], &[3.0, f64::INFINITY]], 1);
        assert_eq!(encode(&mut encoder, &[new]).len(), 1);
        let old = batch("2018-01-02", &[0, 1], [&[1.0, f64::NAN], &[3.0, f64::INFINITY]], -1);
        let new = batch("2018-01-02", &[0, 1], [&[2.0, f64::NAN], &[3.0, f64::INFINITY]], 1);
        let out = encode(&mut encoder, &[old, new]);
        assert_eq!(out[0].key.as_deref(), Some(&b"2018-01-02T00:00:00Z"[..]));
        let bytes = out[0].value.as_deref().unwrap();
        let mut reader = StreamReader::try_new(bytes, None).unwrap();
        let schema = reader.schema();
        for (name, value) in
            [("pipeline", "p"), ("time", "2018-01-02T00:00:00Z"), ("revision", "7")]
        {
            assert_eq!(schema.metadata().get(name).unwrap(), value);
        }
        let read = reader.next().unwrap().unwrap();
        let names: Vec<_> = read.column(0).as_string::<i32>().iter().flatten().collect();
        assert_eq!(names, ["A", "B"]);
        let a = read.column_by_name("a").unwrap().as_primitive::<Float64Type>();
        let b = read.column_by_name("b").unwrap().as_primitive::<Float64Type>();
        assert!(a.is_null(0));
        assert_eq!((a.value(1), b.value(0), b.value(1)), (2.0, f64::INFINITY, 3.0));
    }

    #[test]
    fn an_empty_frame_is_a_tombstone_and_one_that_did_not_change_is_silent() {
        let mut encoder = FactorsFrame::new("p", &factors(), symbols(&["A"]));
        let one = |day, diff| batch(day, &[0], [&[1.0], &[1.0]], diff);
        assert!(encode(&mut encoder, &[one("2018-01-02", 1)])[0].value.is_some());
        assert!(encode(&mut encoder, &[one("2018-01-02", -1)])[0].value.is_none());
        assert!(encode(&mut encoder, &[one("2018-01-02", -1), one("2018-01-02", 1)]).is_empty());
    }

    #[test]
    fn the_digest_is_that_of_the_rows_however_the_epochs_fall() {
        for seed in 0..20 {
            let names = symbols(&["A", "B", "C", "D"]);
            let mut rows = FactorsRow::new(&factors(), names.clone()).unwrap();
            let mut expected = Digest::default();
            for epoch in epochs(seed, 60, 4) {
                expected += rows.replay(&epoch).unwrap();
            }
            for (merge, replay) in [(1, false), (7, false), (1, true)] {
                let mut encoder = FactorsFrame::new("p", &factors(), names.clone());
                let mut sum = Digest::default();
                for epoch in epochs(seed, merge, 4) {
                    if replay {
                        sum += encoder.replay(&epoch).unwrap();
                    } else {
                        encoder.encode(&epoch, 1, &mut |record| sum += record.digest).unwrap();
                    }
                }
                assert_eq!(sum, expected, "seed {seed}, {merge} steps an epoch");
            }
        }
    }
}
