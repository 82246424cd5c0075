//! Alerts as CloudEvents 1.0 in structured JSON mode, one record when an alert begins and one when
//! it ends. Key = fingerprint, so that a compacted topic keeps the last word on each.

use std::collections::BTreeMap;
use std::fmt::Write;

use schemars::JsonSchema;
use serde::Serialize;
use xxhash_rust::xxh3::xxh3_128;

use super::{EncodeError, Encoder, times};
use crate::model::{Alert, AlertChange, Digest, OutputKind, Record, Time};
use crate::plan::AlertPlan;

const MEDIA_TYPE: &str = "application/cloudevents+json; charset=UTF-8";

/// An alert began or ended, as a CloudEvent.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct AlertEvent<'a> {
    /// Version of CloudEvents.
    #[schemars(extend("const" = "1.0"))]
    specversion: &'static str,
    /// Hash of what happened: a second delivery has the same.
    id: &'a str,
    /// `/weir/<pipeline>`.
    source: &'a str,
    /// What happened.
    #[serde(rename = "type")]
    #[schemars(extend("enum" = ["io.weir.alert.firing", "io.weir.alert.resolved"]))]
    kind: &'a str,
    /// Name of the alert.
    subject: &'a str,
    /// The pipeline's clock when it was noticed, RFC 3339.
    #[schemars(extend("format" = "date-time"))]
    time: &'a str,
    /// Media type of `data`.
    #[schemars(extend("const" = "application/json"))]
    datacontenttype: &'static str,
    /// The alert.
    data: AlertData<'a>,
}

/// An alert.
#[derive(Debug, Serialize, JsonSchema)]
struct AlertData<'a> {
    /// Identity: `alertname`, `pipeline`, `severity` and the labels of the pipeline file.
    labels: &'a BTreeMap<String, String>,
    /// For people: `summary`, what was seen when it began; `condition`, as written.
    annotations: BTreeMap<&'a str, &'a str>,
    /// Whether the condition holds.
    #[schemars(extend("enum" = ["firing", "resolved"]))]
    state: &'a str,
    /// Why it ended: `resolved`, it was true and is over; `retracted`, corrected data shows that
    /// it was not. Null while it is firing.
    #[schemars(extend("enum" = ["resolved", "retracted", null]))]
    reason: Option<&'a str>,
    /// Since when the condition holds, as seen when the alert began, RFC 3339.
    #[schemars(extend("format" = "date-time"))]
    starts_at: &'a str,
    /// Since when it no longer does. Null while it is firing.
    #[schemars(extend("format" = "date-time"))]
    ends_at: Option<&'a str>,
    /// Hash of the labels.
    fingerprint: &'a str,
    /// Number of the commit that wrote this; grows with each version of a key.
    revision: u64,
}

#[derive(Debug)]
struct Rule {
    name: String,
    condition: String,
    labels: BTreeMap<String, String>,
    fingerprint: String,
}

/// Encodes alerts.
#[derive(Debug)]
pub struct Alerts {
    source: String,
    rules: Vec<Rule>,
}

impl Alerts {
    /// For the alert rules of a plan.
    pub fn new(pipeline: &str, rules: &[AlertPlan]) -> Alerts {
        let rule = |rule: &AlertPlan| {
            let own = [
                ("alertname".to_owned(), rule.name.clone()),
                ("pipeline".to_owned(), pipeline.to_owned()),
                ("severity".to_owned(), rule.severity.name().to_owned()),
            ];
            Rule {
                name: rule.name.clone(),
                condition: rule.when.clone(),
                labels: rule.labels.iter().cloned().chain(own).collect(),
                fingerprint: rule.fingerprint.clone(),
            }
        };
        Alerts { source: format!("/weir/{pipeline}"), rules: rules.iter().map(rule).collect() }
    }

    fn event(
        &self,
        rule: &Rule,
        change: &AlertChange,
        revision: u64,
    ) -> Result<Vec<u8>, EncodeError> {
        let Alert { starts_ms, summary, .. } = &change.alert;
        let (state, kind) = match change.ended {
            None => ("firing", "io.weir.alert.firing"),
            Some(_) => ("resolved", "io.weir.alert.resolved"),
        };
        let at = Time::from_millis(change.at_ms).to_string();
        let starts_at = Time::from_millis(*starts_ms).to_string();
        let id = id(&[&rule.fingerprint, state, &starts_at, &at, &revision.to_string()]);
        Ok(serde_json::to_vec(&AlertEvent {
            specversion: "1.0",
            id: &id,
            source: &self.source,
            kind,
            subject: &rule.name,
            time: &at,
            datacontenttype: "application/json",
            data: AlertData {
                labels: &rule.labels,
                annotations: [("summary", summary.as_str()), ("condition", &rule.condition)].into(),
                state,
                reason: change.ended.map(|reason| reason.name()),
                starts_at: &starts_at,
                ends_at: change.ended.is_some().then_some(at.as_str()),
                fingerprint: &rule.fingerprint,
                revision,
            },
        })?)
    }
}

/// A hash of the parts as 32 hex digits.
fn id(parts: &[&str]) -> String {
    let mut text = String::new();
    write!(text, "{:032x}", xxh3_128(parts.join("\n").as_bytes())).map_or(String::new(), |()| text)
}

impl Encoder for Alerts {
    type Change = AlertChange;

    /// The digest is that of the fingerprints of active alerts: start and summary depend on how
    /// the epochs fell, which rules are active does not.
    fn encode(
        &mut self,
        changes: &[AlertChange],
        revision: u64,
        emit: &mut dyn FnMut(Record),
    ) -> Result<(), EncodeError> {
        for change in changes {
            let Some(rule) = self.rules.get(usize::from(change.alert.rule)) else { continue };
            let key = rule.fingerprint.as_bytes().to_vec();
            let digest = times(Digest::of(OutputKind::Alerts.name(), &key, b""), change.diff());
            emit(Record {
                output: OutputKind::Alerts,
                key: Some(key),
                value: Some(self.event(rule, change, revision)?),
                headers: vec![("content-type".to_owned(), MEDIA_TYPE.as_bytes().to_vec())],
                digest,
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{EndReason, Severity};
    use crate::plan::{Condition, Situation};

    #[derive(Debug)]
    struct Never;

    impl Condition for Never {
        fn holds(&self, _: &dyn Situation) -> Option<(i64, String)> {
            None
        }

        fn window_ms(&self) -> i64 {
            0
        }
    }

    fn encoder() -> Alerts {
        let rule = AlertPlan {
            name: "feed_silent".to_owned(),
            when: "silent(bars) > 60s".to_owned(),
            condition: Arc::new(Never),
            severity: Severity::Critical,
            labels: vec![("team".to_owned(), "data".to_owned())],
            fingerprint: "00ff".to_owned(),
        };
        Alerts::new("p", &[rule])
    }

    fn change(at_ms: i64, ended: Option<EndReason>) -> AlertChange {
        let alert = Alert { rule: 0, starts_ms: 1_000, summary: "nothing".to_owned() };
        AlertChange { alert, at_ms, ended }
    }

    fn encode(changes: &[AlertChange], revision: u64) -> Vec<Record> {
        let mut out = Vec::new();
        encoder().encode(changes, revision, &mut |record| out.push(record)).unwrap();
        out
    }

    fn json(record: &Record) -> serde_json::Value {
        serde_json::from_slice(record.value.as_ref().unwrap()).unwrap()
    }

    #[test]
    fn begins_and_ends_as_cloud_events() {
        let out = encode(&[change(1_500, None), change(9_000, Some(EndReason::Retracted))], 3);
        let (began, ended) = (json(&out[0]), json(&out[1]));
        assert_eq!(out[0].key.as_deref(), Some(&b"00ff"[..]));
        assert_eq!(out[0].headers[0].0, "content-type");
        let id = began["id"].clone();
        assert_eq!(id.as_str().unwrap().len(), 32);
        assert_eq!(
            began,
            serde_json::json!({
                "specversion": "1.0",
                "id": id,
                "source": "/weir/p",
                "type": "io.weir.alert.firing",
                "subject": "feed_silent",
                "time": "1970-01-01T00:00:01.500Z",
                "datacontenttype": "application/json",
                "data": {
                    "labels": {
                        "alertname": "feed_silent",
                        "pipeline": "p",
                        "severity": "critical",
                        "team": "data",
                    },
                    "annotations": { "condition": "silent(bars) > 60s", "summary": "nothing" },
                    "state": "firing",
                    "reason": null,
                    "starts_at": "1970-01-01T00:00:01Z",
                    "ends_at": null,
                    "fingerprint": "00ff",
                    "revision": 3,
                },
            })
        );
        assert_eq!(ended["type"], "io.weir.alert.resolved");
        assert_eq!(ended["data"]["reason"], "retracted");
        assert_eq!(ended["data"]["starts_at"], began["data"]["starts_at"]);
        assert_eq!(ended["data"]["ends_at"], "1970-01-01T00:00:09Z");
        assert_ne!(ended["id"], began["id"]);
    }

    #[test]
    fn ids_are_deterministic_and_digests_follow_the_active_set() {
        let again = |revision| json(&encode(&[change(1_500, None)], revision)[0])["id"].clone();
        assert_eq!(again(3), again(3));
        assert_ne!(again(3), again(4));
        let late = |at| encode(&[change(at, None)], 1)[0].digest;
        assert_eq!(late(1_500), late(1_800), "when it was noticed is no part of it");
        let both = [change(1_500, None), change(9_000, Some(EndReason::Resolved))];
        assert_eq!(encoder().replay(&both).unwrap(), Digest::default());
    }
}
