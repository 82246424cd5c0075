//! Holds rules, rule tests, runbooks and dashboards to the metrics that a running program exports.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use weir::api::{State, probe, serve};
use weir::telemetry::{Health, KnownSeries, Limits, Metrics};

use crate::source::{files, read};

/// Metrics of other programs that the rules use, seen in Debian's prometheus 2.42, alertmanager
/// 0.25 and prometheus-node-exporter 1.5; `up` and `ALERTS` come from Prometheus itself.
const FOREIGN: &[&str] = &[
    "ALERTS",
    "alertmanager_config_last_reload_successful",
    "alertmanager_notifications_failed_total",
    "node_cpu_seconds_total",
    "node_filesystem_avail_bytes",
    "node_filesystem_size_bytes",
    "node_memory_MemAvailable_bytes",
    "node_memory_MemTotal_bytes",
    "prometheus_config_last_reload_successful",
    "prometheus_notifications_alertmanagers_discovered",
    "up",
];

/// Words of PromQL that stand where a metric could.
const KEYWORDS: &[&str] =
    &["and", "or", "unless", "by", "without", "on", "ignoring", "group_left", "bool", "offset"];

/// The metrics an expression names.
fn metrics_of(expression: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut rest = expression;
    let mut labels_follow = false;
    while let Some(c) = rest.chars().next() {
        let length = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
        let word = &rest[..length.unwrap_or(rest.len())];
        if c.is_ascii_digit() {
            rest = &rest[word.len()..];
        } else if !word.is_empty() {
            rest = rest[word.len()..].trim_start();
            labels_follow = ["by", "without", "on", "ignoring", "group_left"].contains(&word);
            let aggregates = rest.starts_with("by ") || rest.starts_with("without ");
            if !rest.starts_with('(') && !aggregates && !KEYWORDS.contains(&word) {
                found.insert(word.to_owned());
            }
        } else {
            // Matchers, ranges and lists of labels hold no metric.
            let skip = match c {
                '{' => rest.find('}'),
                '[' => rest.find(']'),
                '(' if labels_follow => rest.find(')'),
                '"' => rest[1..].find('"').map(|end| end + 1),
                _ => Some(c.len_utf8() - 1),
            };
            labels_follow &= c.is_whitespace();
            rest = &rest[skip.unwrap() + 1..];
        }
    }
    found
}

/// A rule as its file writes it: `key: value` lines, folded texts joined.
type Rule = BTreeMap<String, String>;

fn rules() -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    for file in files("monitoring/rules", ".yml") {
        let text = read(&file);
        let mut folded: Option<(String, usize)> = None;
        for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
            let indent = line.len() - line.trim_start().len();
            let trimmed = line.trim();
            if let Some((key, depth)) = &folded
                && (indent > *depth || trimmed.is_empty())
            {
                let value = rules.last_mut().unwrap().entry(key.clone()).or_default();
                value.push_str(trimmed);
                value.push(' ');
                continue;
            }
            folded = None;
            let item = trimmed.strip_prefix("- ");
            let Some((key, value)) = item.unwrap_or(trimmed).split_once(':') else { continue };
            if item.is_some() && matches!(key, "alert" | "record") {
                rules.push(Rule::new());
            }
            let Some(rule) = rules.last_mut() else { continue };
            match value.trim() {
                ">-" => folded = Some((key.to_owned(), indent)),
                value => drop(rule.insert(key.to_owned(), value.to_owned())),
            }
        }
    }
    rules
}

fn alerts() -> Vec<Rule> {
    rules().into_iter().filter(|rule| rule.contains_key("alert")).collect()
}

fn severity(rule: &Rule) -> &str {
    rule["labels"].split("severity:").nth(1).unwrap().trim_matches([' ', '{', '}'])
}

fn dashboard_expressions() -> Vec<(String, String)> {
    fn collect(file: &str, node: &Value, found: &mut Vec<(String, String)>) {
        match node {
            Value::Object(map) => {
                if let Some(Value::String(text)) = map.get("expr") {
                    found.push((file.to_owned(), text.clone()));
                }
                map.values().for_each(|child| collect(file, child, found));
            }
            Value::Array(list) => list.iter().for_each(|child| collect(file, child, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    for file in files("monitoring/grafana/dashboards", ".json") {
        collect(&file, &serde_json::from_str(&read(&file)).unwrap(), &mut found);
    }
    found
}

/// All metrics that rules and dashboards look at.
pub(crate) fn used_metrics() -> BTreeSet<String> {
    let rules = rules().into_iter().map(|rule| rule["expr"].clone());
    let shown = dashboard_expressions().into_iter().map(|(_, text)| text);
    rules.chain(shown).flat_map(|expression| metrics_of(&expression)).collect()
}

/// What `/metrics` answers when everything happened once.
fn live() -> String {
    let metrics = Arc::new(Metrics::new("bars", Limits::read()).unwrap());
    metrics.expect(KnownSeries {
        reasons: &["malformed"],
        checks: &[("ohlc_order", "error")],
        severities: &["critical"],
        outputs: &["factors"],
    });
    for counter in [&metrics.source_records, &metrics.source_bytes] {
        counter.with(["0"]).inc();
    }
    for gauge in [
        &metrics.source_lag,
        &metrics.source_last_record,
        &metrics.source_partitions,
        &metrics.source_connected,
        &metrics.source_parked,
        &metrics.panel_state,
        &metrics.worker_last_step,
    ] {
        gauge.with(["0"]).set(1.0);
    }
    for gauge in [&metrics.watermark, &metrics.closed_through, &metrics.last_commit] {
        gauge.with([]).set(1.0);
    }
    let state = State {
        pipeline: "bars".to_owned(),
        health: Health::new(Duration::from_secs(10)),
        metrics,
        clock: Arc::new(|| 0),
    };
    let server = serve("127.0.0.1:0".parse().unwrap(), state).unwrap();
    let get = |path: &str| {
        let url = format!("http://{}{path}", server.address());
        probe(&url, Duration::from_secs(30)).unwrap().body
    };
    get("/readyz");
    get("/metrics")
}

/// Names of the samples in a text of metrics.
pub(crate) fn exported(text: &str) -> BTreeSet<String> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split(['{', ' ']).next().unwrap().to_owned()).collect()
}

#[test]
fn rules_and_dashboards_use_only_metrics_that_exist() {
    let mut known = exported(&live());
    known.extend(FOREIGN.iter().map(|&name| name.to_owned()));
    let rules = rules();
    known.extend(rules.iter().filter_map(|rule| rule.get("record").cloned()));

    let mut expressions = dashboard_expressions();
    expressions.extend(rules.iter().map(|rule| ("monitoring/rules".into(), rule["expr"].clone())));
    assert!(expressions.len() > 60, "{} expressions found", expressions.len());
    let mut used = BTreeSet::new();
    for (file, expression) in &expressions {
        for metric in metrics_of(expression) {
            assert!(known.contains(&metric), "{file}: nobody exports {metric}: {expression}");
            used.insert(metric);
        }
    }
    for foreign in FOREIGN {
        assert!(used.contains(*foreign), "{foreign} is no longer used: take it off the list");
    }
}

#[test]
fn every_metric_is_exported_and_looked_at() {
    let exported = exported(&live());
    let shown: BTreeSet<String> =
        dashboard_expressions().iter().flat_map(|(_, text)| metrics_of(text)).collect();
    for metric in Metrics::DESCRIPTIONS {
        let suffix = if metric.kind == "histogram" { "_bucket" } else { "" };
        let name = format!("{}{suffix}", metric.name);
        assert!(exported.contains(&name), "{name} is not exported");
        assert!(shown.contains(&name), "no panel of a dashboard shows {name}");
    }
}

#[test]
fn every_alert_says_how_bad_what_and_what_to_do() {
    let runbooks = read("docs/runbooks.md");
    let sections: BTreeSet<String> = runbooks
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .map(|title| title.to_lowercase().replace(' ', "-"))
        .collect();
    let alerts = alerts();
    assert!(alerts.len() > 30, "{} alerts found", alerts.len());
    for alert in &alerts {
        let name = &alert["alert"];
        assert!(["critical", "warning", "none"].contains(&severity(alert)), "{name}: severity");
        for key in ["summary", "description"] {
            assert!(alert.get(key).is_some_and(|text| text.len() > 10), "{name}: no {key}");
        }
        let book = alert.get("runbook_url").unwrap_or_else(|| panic!("{name}: no runbook_url"));
        let (page, section) = book.split_once('#').unwrap();
        assert_eq!(page, "docs/runbooks.md", "{name}");
        assert!(sections.contains(section), "{name}: docs/runbooks.md has no section {section}");
        let own = sections.contains(&name.to_lowercase());
        assert!(own || runbooks.contains(name), "{name} does not stand in docs/runbooks.md");
    }
}

#[test]
fn every_alert_is_tested() {
    let tests: String = files("monitoring/tests", ".yml").iter().map(|file| read(file)).collect();
    for alert in alerts() {
        let (name, severity) = (&alert["alert"], severity(&alert));
        let fires = format!("alertname=\"{name}\",severity=\"{severity}\"");
        let fires_alone = format!("alertname: {name}\n        exp_alerts:\n");
        assert!(
            tests.contains(&fires) || tests.contains(&fires_alone),
            "no test in monitoring/tests shows {name} ({severity}) firing"
        );
    }
}

#[test]
fn metrics_are_found_in_expressions() {
    for (expression, expected) in [
        ("up == 0", &["up"][..]),
        ("sum by (job, x) (rate(a_total{b=\"c d\",e!~\"f|g\"}[5m])) / (h > 0)", &["a_total", "h"]),
        ("histogram_quantile(0.99, sum by (le) (rate(a_bucket[5m]))) > 10", &["a_bucket"]),
        ("time() - a:b:c and on (job) d offset 5m unless e", &["a:b:c", "d", "e"]),
        ("vector(1)", &[]),
        ("-sum by (check) (increase(a{p=~\"$p\"}[$__rate_interval]))", &["a"]),
    ] {
        let found = metrics_of(expression);
        let found: Vec<&str> = found.iter().map(String::as_str).collect();
        assert_eq!(found, expected, "{expression}");
    }
}
