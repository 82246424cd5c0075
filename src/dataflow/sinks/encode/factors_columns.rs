//! Factors as one JSON record per time with all symbols, column by column:
//! `{"time":"2018-01-02T00:00:00Z","revision":7,"symbols":["A","B"],"momentum_5":[0.01,null]}`.
//! Key = time, symbols ascending. A value that is missing or infinite is null, numbers are the
//! shortest text that reads back to the same bits.

use super::factor_rows::{Rows, WholeTimes, record_of_time};
use super::{EncodeError, Encoder, FactorsLayout};
use crate::model::{Digest, FactorBatch, Record, Symbols, Time};
use crate::plan::Layout;

pub(super) static COLUMNS: FactorsLayout = FactorsLayout {
    layout: Layout {
        name: "columns",
        summary: "one JSON record per time with a list of symbols and one of values per factor, \
                  key = time",
        whole_times: true,
        content_type: "application/json",
        columns: &["time", "revision", "symbols"],
    },
    encoder: |context| Ok(Box::new(FactorsColumns::new(context.factors, context.symbols.clone())?)),
};

/// Encodes factors time by time.
#[derive(Debug)]
struct FactorsColumns {
    /// `,"name":[` of each factor.
    labels: Vec<Vec<u8>>,
    times: WholeTimes,
}

impl FactorsColumns {
    /// For these factors, in the order of the columns.
    fn new(factors: &[String], symbols: Symbols) -> Result<FactorsColumns, EncodeError> {
        let label = |name: &String| Ok(format!(",{}:[", serde_json::to_string(name)?).into_bytes());
        Ok(FactorsColumns {
            labels: factors.iter().map(label).collect::<Result<_, EncodeError>>()?,
            times: WholeTimes::new(symbols),
        })
    }

    fn write(
        &self,
        time: Time,
        revision: u64,
        rows: &Rows,
        batches: &[FactorBatch],
    ) -> Result<Vec<u8>, EncodeError> {
        let head = format!("{{\"time\":\"{time}\",\"revision\":{revision},\"symbols\":");
        let mut value = head.into_bytes();
        let symbols: Vec<&str> = rows.keys().map(AsRef::as_ref).collect();
        serde_json::to_writer(&mut value, &symbols)?;
        for (factor, label) in self.labels.iter().enumerate() {
            value.extend_from_slice(label);
            for (place, (batch, row)) in rows.values().enumerate() {
                if place > 0 {
                    value.push(b',');
                }
                serde_json::to_writer(&mut value, &batches[*batch].columns[factor][*row])?;
            }
            value.push(b']');
        }
        value.push(b'}');
        Ok(value)
    }
}

impl Encoder for FactorsColumns {
    type Change = FactorBatch;

    fn encode(
        &mut self,
        batches: &[FactorBatch],
        revision: u64,
        emit: &mut dyn FnMut(Record),
    ) -> Result<(), EncodeError> {
        for (time, rows, digest) in self.times.changed(batches) {
            let written = || self.write(time, revision, &rows, batches);
            let value = (!rows.is_empty()).then(written).transpose()?;
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
    use super::*;
    use crate::model::SymbolId;

    fn batch(symbols: &[u32], columns: [&[f64]; 2], diff: i8) -> FactorBatch {
        FactorBatch {
            time: Time::parse("2018-01-02").unwrap(),
            symbols: symbols.iter().map(|symbol| SymbolId(*symbol)).collect(),
            columns: columns.map(|column| column.to_vec().into()).to_vec(),
            diff,
        }
    }

    fn encode(batches: &[FactorBatch]) -> Vec<(String, Option<String>)> {
        let symbols = Symbols::default();
        for name in ["B\\", "A"] {
            symbols.intern(name);
        }
        let factors = ["a".to_owned(), "b\"".to_owned()];
        let mut encoder = FactorsColumns::new(&factors, symbols).unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let mut out = Vec::new();
        let emit = &mut |r: Record| out.push((text(r.key.unwrap()), r.value.map(text)));
        encoder.encode(batches, 7, emit).unwrap();
        out
    }

    #[test]
    fn writes_a_list_per_factor_in_the_order_of_the_symbols() {
        let out = encode(&[batch(&[0, 1], [&[0.1, f64::NAN], &[-0.0, f64::INFINITY]], 1)]);
        let value = "{\"time\":\"2018-01-02T00:00:00Z\",\"revision\":7,\
                     \"symbols\":[\"A\",\"B\\\\\"],\"a\":[null,0.1],\"b\\\"\":[null,-0.0]}";
        assert_eq!(out, [("2018-01-02T00:00:00Z".to_owned(), Some(value.to_owned()))]);
        serde_json::from_str::<serde_json::Value>(value).unwrap();
    }

    #[test]
    fn a_correction_writes_the_time_again_and_an_empty_time_is_a_tombstone() {
        let old = batch(&[0, 1], [&[1.0, 2.0], &[1.0, 2.0]], -1);
        let out = encode(&[old.clone(), batch(&[1], [&[3.0], &[2.0]], 1)]);
        let value = out[0].1.as_deref().unwrap();
        assert!(value.ends_with("\"symbols\":[\"A\"],\"a\":[3.0],\"b\\\"\":[2.0]}"), "{value}");
        assert_eq!(encode(&[old]), [("2018-01-02T00:00:00Z".to_owned(), None)]);
    }
}
