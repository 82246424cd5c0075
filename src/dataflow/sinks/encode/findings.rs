//! Findings as JSON, one record per check and row. Key `check|symbol|time`; a finding that is
//! retracted is a tombstone, one that says something else is an update. There is at most one open
//! finding per key; should there be several, the greatest stands for all.

use schemars::JsonSchema;
use serde::Serialize;

use super::{EncodeError, Encoder, consolidate, times};
use crate::model::{Action, Digest, Finding, OutputKind, Record, Severity, Symbols, Time};
use crate::plan::CheckPlan;

/// A check does not hold for a row.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct FindingRecord<'a> {
    /// Name of the check in the pipeline.
    check: &'a str,
    /// How bad it is.
    #[schemars(extend("enum" = ["info", "warning", "error", "critical"]))]
    severity: &'a str,
    /// Whether the row is used all the same (flag) or kept out (quarantine).
    #[schemars(extend("enum" = ["flag", "quarantine"]))]
    action: &'a str,
    /// Symbol of the row.
    symbol: &'a str,
    /// Event time of the row, RFC 3339.
    #[schemars(extend("format" = "date-time"))]
    time: &'a str,
    /// What was found, for people.
    detail: &'a str,
    /// Partition of the record that brought the row.
    partition: i32,
    /// Offset of that record.
    offset: i64,
    /// The broker's timestamp of that record, RFC 3339.
    #[schemars(extend("format" = "date-time"))]
    arrived: &'a str,
    /// Number of the commit that wrote this; grows with each version of a key.
    revision: u64,
}

#[derive(Debug)]
struct Check {
    name: String,
    severity: Severity,
    action: Action,
}

/// Encodes findings.
#[derive(Debug)]
pub struct Findings {
    checks: Vec<Check>,
    symbols: Symbols,
}

impl Findings {
    /// For the checks of a plan.
    pub fn new(checks: &[CheckPlan], symbols: Symbols) -> Findings {
        let check = |check: &CheckPlan| Check {
            name: check.name.clone(),
            severity: check.severity,
            action: check.action,
        };
        Findings { checks: checks.iter().map(check).collect(), symbols }
    }

    /// Key and value of a finding.
    fn texts(&self, finding: &Finding, revision: u64) -> Result<(Vec<u8>, Vec<u8>), EncodeError> {
        let check = self.checks.get(usize::from(finding.check));
        let (name, severity, action) =
            check.map_or(("?", "", ""), |c| (&c.name, c.severity.name(), c.action.name()));
        let symbol = self.symbols.name(finding.symbol);
        let time = finding.time.to_string();
        let value = serde_json::to_vec(&FindingRecord {
            check: name,
            severity,
            action,
            symbol: &symbol,
            time: &time,
            detail: &finding.detail,
            partition: finding.coordinates.partition,
            offset: finding.coordinates.offset,
            arrived: &Time::from_millis(finding.coordinates.arrival_ms).to_string(),
            revision,
        })?;
        Ok((format!("{name}|{symbol}|{time}").into_bytes(), value))
    }
}

impl Encoder for Findings {
    type Change = (Finding, i64);

    fn encode(
        &mut self,
        changes: &[(Finding, i64)],
        revision: u64,
        emit: &mut dyn FnMut(Record),
    ) -> Result<(), EncodeError> {
        let sums = consolidate(changes);
        let row = |finding: &Finding| (finding.check, finding.symbol, finding.time);
        for same in sums.chunk_by(|a, b| row(a.0) == row(b.0)) {
            let mut digest = Digest::default();
            let (mut key, mut now) = (Vec::new(), None);
            for (finding, diff) in same {
                let (of, unstamped) = self.texts(finding, 0)?;
                digest += times(Digest::of(OutputKind::Findings.name(), &of, &unstamped), *diff);
                key = of;
                if *diff > 0 {
                    now = Some(self.texts(finding, revision)?.1);
                }
            }
            let headers = Vec::new();
            emit(Record {
                output: OutputKind::Findings,
                key: Some(key),
                value: now,
                headers,
                digest,
            });
        }
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{Coordinates, RowBatch, SymbolId};
    use crate::plan::{RowRule, Rule};

    #[derive(Debug)]
    struct Never;

    impl RowRule for Never {
        fn test(&self, _: &RowBatch, _: &mut dyn FnMut(usize, String)) {}
    }

    pub(in super::super) fn checks() -> [CheckPlan; 2] {
        ["positive", "ohlc_order"].map(|name| CheckPlan {
            name: name.to_owned(),
            action: Action::Quarantine,
            severity: Severity::Error,
            rule: Rule::Row(Arc::new(Never)),
        })
    }

    fn finding(offset: i64, detail: &str) -> Finding {
        Finding {
            check: 1,
            symbol: SymbolId(0),
            time: Time::parse("2018-01-02").unwrap(),
            coordinates: Coordinates { partition: 2, offset, arrival_ms: 1_500 },
            detail: detail.to_owned(),
        }
    }

    fn encoder() -> Findings {
        let symbols = Symbols::default();
        symbols.intern("A\"");
        Findings::new(&checks(), symbols)
    }

    fn encode(changes: &[(Finding, i64)]) -> Vec<Record> {
        let mut out = Vec::new();
        encoder().encode(changes, 9, &mut |record| out.push(record)).unwrap();
        out
    }

    #[test]
    fn opens_updates_and_retracts() {
        let (old, new) = (finding(4, "high < low"), finding(5, "open > high"));
        let out = encode(&[(old.clone(), 1)]);
        assert_eq!(out[0].key.as_deref(), Some(&b"ohlc_order|A\"|2018-01-02T00:00:00Z"[..]));
        let text = String::from_utf8(out[0].value.clone().unwrap()).unwrap();
        assert_eq!(
            text,
            "{\"check\":\"ohlc_order\",\"severity\":\"error\",\"action\":\"quarantine\",\
             \"symbol\":\"A\\\"\",\"time\":\"2018-01-02T00:00:00Z\",\"detail\":\"high < low\",\
             \"partition\":2,\"offset\":4,\"arrived\":\"1970-01-01T00:00:01.500Z\",\"revision\":9}"
        );
        let out = encode(&[(new.clone(), 1), (old, -1)]);
        assert_eq!(out.len(), 1);
        let text = String::from_utf8(out[0].value.clone().unwrap()).unwrap();
        assert!(text.contains("open > high"));
        assert!(encode(&[(new.clone(), -1)])[0].value.is_none());
        assert!(encode(&[(new.clone(), 1), (new, -1)]).is_empty());
    }

    #[test]
    fn the_digest_does_not_depend_on_the_epochs() {
        let (a, b) = (finding(4, "x"), finding(5, "y"));
        let steps = [(a.clone(), 1), (a.clone(), -1), (b.clone(), 1), (b, -1), (a.clone(), 1)];
        let sum = |size: usize, revision| {
            let mut sum = Digest::default();
            for epoch in steps.chunks(size) {
                encoder().encode(epoch, revision, &mut |record| sum += record.digest).unwrap();
            }
            sum
        };
        let alone = encode(&[(a, 1)])[0].digest;
        for size in 1..=5 {
            assert_eq!(sum(size, 3), alone);
        }
        assert_eq!(encoder().replay(&steps).unwrap(), alone);
    }
}
