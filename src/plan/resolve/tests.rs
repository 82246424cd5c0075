//! Tests of resolving against fake members.

use std::path::Path;

use super::load_text;
use crate::model::{Action, OutputKind, Severity, Span};
use crate::plan::{HeaderPrefix, Plan, Rule, Start, UnknownFields, fakes};

const GOOD: &str = r#"
pipeline: daily
kafka:
  brokers: "${BROKERS:-localhost:9092}"
  settings: { sasl.password: "${PASSWORD}", linger.ms: 5 }
sources:
  bars:
    topic: market.bars
    key: [symbol, time]
    fields: { open: f64, close: f64, vwap: f64? }
    lateness: 5s
    corrections: 3 bars
checks:
  - positive: [open, close]
  - positive: { fields: [vwap], action: flag, severity: info, as: vwap_positive }
  - ohlc_order
factors:
  momentum: close / delay(close, 5) - 1
  reversal: rank(close / delay(close, 5) - 1)
alerts:
  - { name: feed_silent, when: silent(bars) > 60s, severity: critical, labels: { team: data } }
outputs:
  factors: { topic: market.factors, layout: frame }
  findings: market.findings
"#;

fn variable(name: &str) -> Option<String> {
    (name == "PASSWORD").then(|| "hunter2".to_owned())
}

fn load(text: &str) -> Result<Plan, String> {
    load_text("p.yaml", text, Path::new("."), &variable, &fakes::catalog())
        .map_err(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

#[test]
fn resolves_everything_that_is_written() {
    let plan = load(GOOD).unwrap();
    assert_eq!(plan.name, "daily");
    assert_eq!(plan.kafka.brokers, "localhost:9092");
    let password = ("sasl.password".to_owned(), "hunter2".to_owned());
    assert_eq!(plan.kafka.settings, [password, ("linger.ms".to_owned(), "5".to_owned())]);
    assert_eq!(plan.source.lateness, Span::from_secs(5));
    assert_eq!(plan.source.corrections, 3);
    let nullable: Vec<_> = plan.source.fields.iter().map(|field| field.nullable).collect();
    assert_eq!(nullable, [false, false, true]);
    let checks: Vec<_> =
        plan.checks.iter().map(|c| (c.name.as_str(), c.action, c.severity)).collect();
    let expected = [
        ("positive", Action::Quarantine, Severity::Error),
        ("vwap_positive", Action::Flag, Severity::Info),
        ("ohlc_order", Action::Flag, Severity::Error),
    ];
    assert_eq!(checks, expected);
    assert!(plan.checks.iter().all(|check| matches!(check.rule, Rule::Row(_))));
    assert_eq!(plan.factors.outputs.len(), 2);
    let [alert] = plan.alerts.as_slice() else { panic!("{:?}", plan.alerts) };
    assert_eq!((alert.name.as_str(), alert.severity), ("feed_silent", Severity::Critical));
    assert_eq!(alert.labels, [("team".to_owned(), "data".to_owned())]);
    let kinds: Vec<_> = plan.outputs.iter().map(|output| (output.kind, output.layout)).collect();
    assert_eq!(kinds, [(OutputKind::Factors, Some(fakes::FRAME)), (OutputKind::Findings, None)]);
}

#[test]
fn fills_in_defaults() {
    let plan = load(GOOD).unwrap();
    assert_eq!(plan.source.unknown_fields, UnknownFields::Ignore);
    assert_eq!(plan.source.start, Start::Earliest);
    assert_eq!(plan.source.max_record_bytes, 1 << 20);
    assert_eq!(plan.source.idle_timeout, Span::from_secs(30));
    assert_eq!(plan.delivery.commit_interval, Span::from_millis(20));
    assert_eq!(plan.delivery.progress_topic, "weir.progress.daily");
    assert_eq!(plan.delivery.transactional_id, "weir-daily-0");
    assert!(plan.delivery.create_topics);
    assert_eq!(plan.delivery.header_prefix, HeaderPrefix::Weir);
}

#[test]
fn the_version_is_of_what_decides_results() {
    let version = |text: &str| load(text).unwrap().version;
    let original = version(GOOD);
    assert_eq!(original.len(), 32);
    let same = [
        ("pipeline: daily", "# a comment\npipeline: daily"),
        ("localhost:9092", "elsewhere:9092"),
        ("close / delay(close, 5) - 1", "close/delay(close,5) - 1"),
        ("linger.ms: 5", "linger.ms: 6"),
    ];
    for (from, to) in same {
        assert_eq!(version(&GOOD.replace(from, to)), original, "{to}");
    }
    let other = [
        ("pipeline: daily", "pipeline: dally"),
        ("lateness: 5s", "lateness: 6s"),
        ("corrections: 3", "corrections: 4"),
        ("delay(close, 5)", "delay(close, 6)"),
        ("[open, close]", "[close, open]"),
        ("vwap: f64?", "vwap: f64"),
        ("layout: frame", "layout: row"),
        ("silent(bars) > 60s", "silent(bars) > 61s"),
    ];
    for (from, to) in other {
        assert_ne!(version(&GOOD.replace(from, to)), original, "{to}");
    }
}

#[test]
fn columns_of_the_layout_are_no_names_of_factors() {
    let error = load(&GOOD.replace("momentum:", "cells:")).unwrap_err();
    assert!(error.contains("`cells` is the name of a column of this layout's records"), "{error}");
    let none = GOOD.replace("factors: { topic: market.factors, layout: frame }", "alerts: a");
    assert!(load(&none.replace("momentum:", "cells:")).is_ok());
}

#[test]
fn secrets_are_not_printed() {
    let plan = load(GOOD).unwrap();
    assert!(!format!("{plan:?}").contains("hunter2"));
    let error = load(&GOOD.replace("lateness: 5s", "lateness: ${PASSWORD}")).unwrap_err();
    assert!(error.contains("`${PASSWORD}` is not a length of time"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn a_file_that_cannot_be_read_is_a_diagnostic() {
    let error = super::load(Path::new("no/such.yaml"), &variable, &fakes::catalog()).unwrap_err();
    assert_eq!(error.len(), 1);
    assert!(error[0].to_string().starts_with("no/such.yaml: error: cannot read the file"));
}

/// xorshift: the same texts in every run.
fn random(state: &mut u64) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state >> 11) as usize
}

#[test]
fn no_text_brings_it_down() {
    const PARTS: [&str; 24] = [
        ":", "-", "\n", "  ", "\t", "{", "}", "[", "]", ",", "'", "\"", "|", ">", "#", "&a ", "*a",
        "!t ", "? ", "${", "}", "file:", "é", "- - - ",
    ];
    let seed = 0x5eed;
    let mut state = seed;
    let mut plans = 0;
    for _ in 0..3_000 {
        let mut text: Vec<char> = GOOD.chars().collect();
        for _ in 0..=random(&mut state) % 3 {
            let at = random(&mut state) % text.len();
            let cut = (at + random(&mut state) % 4).min(text.len());
            let part = PARTS[random(&mut state) % PARTS.len()];
            text.splice(at..cut, part.chars());
        }
        let text: String = text.into_iter().collect();
        match load_text("p.yaml", &text, Path::new("."), &variable, &fakes::catalog()) {
            Ok(_) => plans += 1,
            Err(all) => {
                assert!(!all.is_empty(), "seed {seed}: an error without a reason in\n{text}");
                for one in &all {
                    assert!(one.line > 0 && !one.message.is_empty(), "seed {seed}: {one}");
                }
            }
        }
    }
    assert!(plans > 0 && plans < 3_000, "seed {seed}: {plans} plans");
}

#[test]
fn every_cut_off_file_is_an_error_or_a_plan() {
    for (at, _) in GOOD.char_indices() {
        let cut = &GOOD[..at];
        if let Err(error) = load(cut) {
            assert!(error.contains("error"), "{cut}");
        }
    }
}
