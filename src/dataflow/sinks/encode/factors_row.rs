//! Factors as one JSON record per time and symbol:
//! `{"symbol":"AAPL","time":"2018-01-02T00:00:00Z","revision":7,"momentum_5":0.01,"reversal":null}`.
//! Key `symbol|time`. A value that is missing or infinite is null, numbers are the shortest text
//! that reads back to the same bits.

use super::factor_rows::{BySymbol, Names, RowDigest, by_time, write_key};
use super::{EncodeError, Encoder, FactorsLayout};
use crate::model::{Digest, FactorBatch, OutputKind, Record, SymbolId, Symbols};
use crate::plan::Layout;

pub(super) static ROW: FactorsLayout = FactorsLayout {
    layout: Layout {
        name: "row",
        summary: "one JSON record per time and symbol, key = symbol|time",
        whole_times: false,
        content_type: "application/json",
        columns: &["symbol", "time", "revision"],
    },
    encoder: |context| Ok(Box::new(FactorsRow::new(context.factors, context.symbols.clone())?)),
};

/// Encodes factors row by row.
#[derive(Debug)]
pub struct FactorsRow {
    /// `,"name":` of each factor.
    labels: Vec<Vec<u8>>,
    names: Names,
    /// `{"symbol":"name","time":"` of each symbol.
    openings: Vec<Vec<u8>>,
    rows: BySymbol,
    digest: RowDigest,
    key: Vec<u8>,
    value: Vec<u8>,
}

impl FactorsRow {
    /// For these factors, in the order of the columns.
    pub fn new(factors: &[String], symbols: Symbols) -> Result<FactorsRow, EncodeError> {
        let label = |name: &String| Ok(format!(",{}:", serde_json::to_string(name)?).into_bytes());
        Ok(FactorsRow {
            labels: factors.iter().map(label).collect::<Result<_, EncodeError>>()?,
            names: Names::new(symbols),
            openings: Vec::new(),
            rows: BySymbol::default(),
            digest: RowDigest::default(),
            key: Vec::new(),
            value: Vec::new(),
        })
    }

    /// Writes the value of a row; `middle` goes from the time to the revision.
    fn write(
        &mut self,
        symbol: SymbolId,
        middle: &[u8],
        batch: &FactorBatch,
        row: usize,
    ) -> Result<(), EncodeError> {
        while self.openings.len() <= symbol.index() {
            let next = SymbolId(u32::try_from(self.openings.len()).unwrap_or(u32::MAX));
            let name = serde_json::to_string(&**self.names.of(next))?;
            self.openings.push(format!("{{\"symbol\":{name},\"time\":\"").into_bytes());
        }
        let value = &mut self.value;
        value.clear();
        value.extend_from_slice(&self.openings[symbol.index()]);
        value.extend_from_slice(middle);
        for (label, column) in self.labels.iter().zip(&batch.columns) {
            value.extend_from_slice(label);
            serde_json::to_writer(&mut *value, &column[row])?;
        }
        value.push(b'}');
        Ok(())
    }

    /// A record of what is in `key`, and in `value` unless the row is gone.
    fn record(&self, gone: bool, digest: Digest) -> Record {
        Record {
            output: OutputKind::Factors,
            key: Some(self.key.clone()),
            value: (!gone).then(|| self.value.clone()),
            headers: Vec::new(),
            digest,
        }
    }

    /// One batch of new rows and nothing else at its time: what a bar that closes looks like.
    fn encode_new(
        &mut self,
        batch: &FactorBatch,
        time: &str,
        middle: &[u8],
        emit: &mut dyn FnMut(Record),
    ) -> Result<(), EncodeError> {
        for (row, symbol) in batch.symbols.iter().enumerate() {
            write_key(&mut self.key, self.names.of(*symbol), time);
            let digest = self.digest.of(&self.key, batch, row);
            self.write(*symbol, middle, batch, row)?;
            emit(self.record(false, digest));
        }
        Ok(())
    }

    /// Any mixture of old and new rows at one time.
    fn encode_mixed(
        &mut self,
        (batches, group): (&[FactorBatch], &[usize]),
        time: &str,
        middle: &[u8],
        emit: &mut dyn FnMut(Record),
    ) -> Result<(), EncodeError> {
        let mut rows = std::mem::take(&mut self.rows);
        rows.gather(batches, group);
        for (symbol, places) in rows.iter() {
            write_key(&mut self.key, self.names.of(symbol), time);
            let (mut digest, mut now) = (Digest::default(), None);
            for (batch, row) in places {
                let batch = &batches[batch];
                digest += self.digest.of(&self.key, batch, row);
                now = (batch.diff > 0).then_some((batch, row));
            }
            // The same row lost and gained: nobody needs to hear of it.
            if digest == Digest::default() {
                continue;
            }
            if let Some((batch, row)) = now {
                self.write(symbol, middle, batch, row)?;
            }
            emit(self.record(now.is_none(), digest));
        }
        self.rows = rows;
        Ok(())
    }
}

impl Encoder for FactorsRow {
    type Change = FactorBatch;

    fn encode(
        &mut self,
        batches: &[FactorBatch],
        revision: u64,
        emit: &mut dyn FnMut(Record),
    ) -> Result<(), EncodeError> {
        for (time, group) in by_time(batches) {
            let time = time.to_string();
            let middle = format!("{time}\",\"revision\":{revision}").into_bytes();
            match group.as_slice() {
                [only] if batches[*only].diff > 0 => {
                    self.encode_new(&batches[*only], &time, &middle, emit)?;
                }
                _ => self.encode_mixed((batches, &group), &time, &middle, emit)?,
            }
        }
        Ok(())
    }

    fn replay(&mut self, batches: &[FactorBatch]) -> Result<Digest, EncodeError> {
        let mut digest = Digest::default();
        for (time, group) in by_time(batches) {
            let time = time.to_string();
            for batch in group.iter().map(|batch| &batches[*batch]) {
                for (row, symbol) in batch.symbols.iter().enumerate() {
                    write_key(&mut self.key, self.names.of(*symbol), &time);
                    digest += self.digest.of(&self.key, batch, row);
                }
            }
        }
        Ok(digest)
    }
}

#[cfg(test)]
mod tests {
    use super::super::factor_rows::tests::epochs;
    use super::*;
    use crate::model::Time;

    fn encoder(names: &[&str]) -> FactorsRow {
        let symbols = Symbols::default();
        for name in names {
            symbols.intern(name);
        }
        FactorsRow::new(&["a".to_owned(), "b\"".to_owned()], symbols).unwrap()
    }

    fn batch(symbols: &[u32], columns: [&[f64]; 2], diff: i8) -> FactorBatch {
        FactorBatch {
            time: Time::parse("2018-01-02").unwrap(),
            symbols: symbols.iter().map(|s| SymbolId(*s)).collect(),
            columns: columns.map(|column| column.to_vec().into()).to_vec(),
            diff,
        }
    }

    fn encode(encoder: &mut FactorsRow, batches: &[FactorBatch]) -> Vec<(String, Option<String>)> {
        let mut out = Vec::new();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let emit = &mut |r: Record| out.push((text(r.key.unwrap()), r.value.map(text)));
        encoder.encode(batches, 7, emit).unwrap();
        out
    }

    #[test]
    fn writes_rows() {
        let mut encoder = encoder(&["A", "B\\"]);
        let rows = batch(&[1, 0], [&[0.1, f64::NAN], &[-0.0, f64::INFINITY]], 1);
        let head = "\"time\":\"2018-01-02T00:00:00Z\",\"revision\":7";
        let (a, b) = (
            format!("{{\"symbol\":\"A\",{head},\"a\":null,\"b\\\"\":null}}"),
            format!("{{\"symbol\":\"B\\\\\",{head},\"a\":0.1,\"b\\\"\":-0.0}}"),
        );
        let expected = [
            ("B\\|2018-01-02T00:00:00Z".to_owned(), Some(b)),
            ("A|2018-01-02T00:00:00Z".to_owned(), Some(a)),
        ];
        assert_eq!(encode(&mut encoder, &[rows]), expected);
        for (_, value) in expected {
            serde_json::from_str::<serde_json::Value>(&value.unwrap()).unwrap();
        }
    }

    #[test]
    fn gone_is_a_tombstone_and_a_revision_one_record() {
        let mut encoder = encoder(&["A", "B", "C"]);
        let old = batch(&[0, 1, 2], [&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0]], -1);
        let new = batch(&[2, 1], [&[3.0, 5.0], &[3.0, 2.0]], 1);
        let out = encode(&mut encoder, &[old, new]);
        assert_eq!(out.len(), 2, "C did not change: {out:?}");
        assert_eq!(out[0], ("A|2018-01-02T00:00:00Z".to_owned(), None));
        assert!(out[1].1.as_ref().unwrap().contains("\"a\":5.0,\"b\\\"\":2.0"));
    }

    #[test]
    fn numbers_read_back_to_the_same_bits() {
        let mut encoder = encoder(&["A"]);
        let mut bits = 0x0123_4567_89ab_cdef_u64;
        for _ in 0..2_000 {
            bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695);
            let value = f64::from_bits(bits);
            if value.is_finite() {
                let out = encode(&mut encoder, &[batch(&[0], [&[value], &[1.0]], 1)]);
                let text = out[0].1.clone().unwrap();
                let (_, rest) = text.split_once("\"a\":").unwrap();
                let number = rest.split_once(',').unwrap().0;
                assert_eq!(number.parse::<f64>().unwrap().to_bits(), bits, "{number}");
            }
        }
    }

    #[test]
    fn the_digest_does_not_depend_on_the_epochs() {
        for seed in 0..20 {
            let sum = |merge, replay| {
                let mut encoder = encoder(&["A", "B", "C", "D"]);
                let mut sum = Digest::default();
                for epoch in epochs(seed, merge, 4) {
                    if replay {
                        sum += encoder.replay(&epoch).unwrap();
                    } else {
                        encoder.encode(&epoch, 1, &mut |record| sum += record.digest).unwrap();
                    }
                }
                sum
            };
            let expected = sum(60, false);
            assert_ne!(expected, Digest::default());
            for merge in [1, 7, 60] {
                assert_eq!(sum(merge, false), expected, "seed {seed}, {merge} steps an epoch");
                assert_eq!(sum(merge, true), expected, "seed {seed}, replay");
            }
        }
    }
}
