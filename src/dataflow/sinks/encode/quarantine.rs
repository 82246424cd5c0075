//! Quarantined rows as they came, with headers that say why. Key `symbol|time`, value and headers
//! of the original after ours; released = tombstone without headers. A deletion that came too late
//! has no value of its own: it is written with an empty one and the header `tombstone`.

use super::headers::{HeaderSet, Stage};
use super::{EncodeError, Encoder, consolidate, times};
use crate::model::{Because, Digest, OutputKind, Quarantined, Record, Symbols};
use crate::plan::CheckPlan;

/// Encodes quarantined rows.
#[derive(Debug)]
pub struct Quarantine {
    headers: HeaderSet,
    checks: Vec<String>,
    symbols: Symbols,
}

impl Quarantine {
    /// For the checks of a plan.
    pub fn new(headers: HeaderSet, checks: &[CheckPlan], symbols: Symbols) -> Quarantine {
        let checks = checks.iter().map(|check| check.name.clone()).collect();
        Quarantine { headers, checks, symbols }
    }

    /// Stage, reason and a sentence for people.
    fn why(&self, row: &Quarantined) -> (Stage, String, String) {
        match &row.because {
            Because::Late => {
                let message = format!("{} was past correcting when this arrived", row.time);
                (Stage::Late, "late".to_owned(), message)
            }
            Because::Checks(failed) => {
                let name = |check: u16| self.checks.get(usize::from(check)).map_or("?", |n| n);
                let names: Vec<&str> = failed.iter().map(|(check, _)| name(*check)).collect();
                let found: Vec<String> = failed
                    .iter()
                    .map(|(check, text)| format!("{}: {text}", name(*check)))
                    .collect();
                (Stage::Check, names.join(","), found.join("; "))
            }
        }
    }

    fn record(&self, key: Vec<u8>, row: &Quarantined, digest: Digest) -> Record {
        let (stage, reason, message) = self.why(row);
        let why = (stage, reason.as_str(), message.as_str());
        let mut headers = self.headers.write(row.coordinates, why, &row.original.headers);
        if row.original.value.is_none() {
            headers.insert(0, (self.headers.name("tombstone"), b"true".to_vec()));
        }
        let value = Some(row.original.value.clone().unwrap_or_default());
        Record { output: OutputKind::Quarantine, key: Some(key), value, headers, digest }
    }
}

/// The digest of a row in the quarantine: which record it is, and why.
fn digest(key: &[u8], row: &Quarantined) -> Digest {
    let at = row.coordinates;
    let mut value = format!("{}|{}", at.partition, at.offset);
    match &row.because {
        Because::Checks(failed) => {
            for (check, _) in failed {
                value.push_str(&format!("|{check}"));
            }
        }
        Because::Late => value.push_str("|late"),
    }
    Digest::of(OutputKind::Quarantine.name(), key, value.as_bytes())
}

impl Encoder for Quarantine {
    type Change = (Quarantined, i64);

    fn encode(
        &mut self,
        changes: &[(Quarantined, i64)],
        _revision: u64,
        emit: &mut dyn FnMut(Record),
    ) -> Result<(), EncodeError> {
        let sums = consolidate(changes);
        for same in sums.chunk_by(|a, b| (a.0.symbol, a.0.time) == (b.0.symbol, b.0.time)) {
            let Some((first, _)) = same.first() else { continue };
            let key = format!("{}|{}", self.symbols.name(first.symbol), first.time).into_bytes();
            let mut sum = Digest::default();
            for (row, diff) in same {
                sum += times(digest(&key, row), *diff);
            }
            emit(match same.iter().rev().find(|(_, diff)| *diff > 0) {
                Some((row, _)) => self.record(key, row, sum),
                None => Record {
                    output: OutputKind::Quarantine,
                    key: Some(key),
                    value: None,
                    headers: Vec::new(),
                    digest: sum,
                },
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::findings::tests::checks;
    use super::super::headers::{Origin, tests::set};
    use super::*;
    use crate::model::{Coordinates, RawRecord, SymbolId, Time};
    use crate::plan::HeaderPrefix;

    fn row(offset: i64, because: Because, value: Option<&[u8]>) -> Quarantined {
        Quarantined {
            symbol: SymbolId(0),
            time: Time::parse("2018-01-02").unwrap(),
            coordinates: Coordinates { partition: 2, offset, arrival_ms: 1_500 },
            because,
            original: RawRecord {
                key: Some(b"k".to_vec()),
                value: value.map(<[u8]>::to_vec),
                headers: vec![("h".to_owned(), b"v".to_vec())],
            },
        }
    }

    fn fails(checks: &[u16]) -> Because {
        Because::Checks(checks.iter().map(|check| (*check, format!("found {check}"))).collect())
    }

    fn encoder() -> Quarantine {
        let symbols = Symbols::default();
        symbols.intern("A");
        Quarantine::new(set(HeaderPrefix::Weir), &checks(), symbols)
    }

    fn encode(changes: &[(Quarantined, i64)]) -> Vec<Record> {
        let mut out = Vec::new();
        encoder().encode(changes, 9, &mut |record| out.push(record)).unwrap();
        out
    }

    #[test]
    fn keeps_the_bytes_and_says_why() {
        let bad = row(4, fails(&[0, 1]), Some(b"{\"close\": -1}"));
        let out = encode(&[(bad.clone(), 1)]);
        assert_eq!(out[0].key.as_deref(), Some(&b"A|2018-01-02T00:00:00Z"[..]));
        assert_eq!(out[0].value, bad.original.value);
        let origin = Origin::read(&out[0].headers).unwrap();
        assert_eq!((origin.stage, &*origin.reason), (Stage::Check, "positive,ohlc_order"));
        assert_eq!(origin.message, "positive: found 0; ohlc_order: found 1");
        assert_eq!(out[0].headers.last().unwrap().0, "h");
        let released = encode(&[(bad, -1)]);
        assert!(released[0].value.is_none() && released[0].headers.is_empty());
    }

    #[test]
    fn a_late_deletion_is_not_a_release() {
        let out = encode(&[(row(4, Because::Late, None), 1)]);
        assert_eq!(out[0].value.as_deref(), Some(&b""[..]));
        assert_eq!(out[0].headers[0], ("weir.tombstone".to_owned(), b"true".to_vec()));
        let origin = Origin::read(&out[0].headers).unwrap();
        assert_eq!((origin.stage, &*origin.reason), (Stage::Late, "late"));
    }

    #[test]
    fn a_newer_bad_version_is_one_update_whatever_the_epochs() {
        let (a, b) = (row(4, fails(&[0]), Some(b"a")), row(5, fails(&[1]), Some(b"b")));
        let out = encode(&[(a.clone(), -1), (b.clone(), 1)]);
        assert_eq!(out.len(), 1);
        assert_eq!(out[0].value.as_deref(), Some(&b"b"[..]));
        let steps = [(a.clone(), 1), (a, -1), (b.clone(), 1)];
        for size in 1..=3 {
            let mut sum = Digest::default();
            for epoch in steps.chunks(size) {
                sum += encoder().replay(epoch).unwrap();
            }
            assert_eq!(sum, encode(&[(b.clone(), 1)])[0].digest, "{size}");
        }
    }
}
