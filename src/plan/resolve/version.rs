//! The version of a plan: a hash of everything that decides results.

use serde_json::Value as Json;
use xxhash_rust::xxh3::xxh3_128;

use crate::plan::Plan;

/// Changes when the same plan gives other results than before.
const FORMAT: u32 = 1;

/// The version as 32 hex digits. Comments, brokers, the order of options and how often is committed
/// do not count.
pub(super) fn version(plan: &Plan, options: &[(&'static str, Json)]) -> String {
    format!("{:032x}", xxh3_128(text(plan, options).as_bytes()))
}

/// What is hashed: one line per fact. All texts are quoted, so that no two plans give one text.
fn text(plan: &Plan, options: &[(&'static str, Json)]) -> String {
    let mut text = String::new();
    let mut line = |parts: &[&dyn std::fmt::Debug]| {
        for part in parts {
            text.push_str(&format!("{part:?} "));
        }
        text.push('\n');
    };
    let source = &plan.source;
    line(&[&"weir", &FORMAT, &plan.name]);
    line(&[&"source", &source.name, &source.topic, &source.format, &source.unknown_fields]);
    line(&[&"key", &source.symbol_field, &source.time_field, &source.revision_field]);
    line(&[&"times", &source.lateness.nanos(), &source.corrections, &source.idle_timeout.nanos()]);
    line(&[&"limit", &source.max_record_bytes]);
    for field in &source.fields {
        let kind = if field.text { "text field" } else { "field" };
        line(&[&kind, &field.name, &field.nullable]);
    }
    for (check, (member, options)) in plan.checks.iter().zip(options) {
        let options = canonical(options);
        line(&[&"check", &check.name, member, &check.action, &check.severity, &options]);
    }
    for (name, node) in &plan.factors.outputs {
        let formula = plan.factors.nodes.get(*node).map(|node| node.text.as_str());
        line(&[&"factor", name, &formula]);
    }
    for alert in &plan.alerts {
        line(&[&"alert", &alert.when, &alert.fingerprint]);
    }
    for output in &plan.outputs {
        let layout = output.layout.map(|layout| layout.name);
        line(&[&"output", &output.kind.name(), &output.topic, &layout]);
    }
    line(&[&"headers", &plan.delivery.header_prefix]);
    text
}

/// JSON with the keys of maps in order.
fn canonical(value: &Json) -> String {
    match value {
        Json::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by(|a, b| a.0.cmp(b.0));
            let entries =
                entries.iter().map(|(key, value)| format!("{key:?}:{}", canonical(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(","))
        }
        Json::Array(items) => {
            let items: Vec<_> = items.iter().map(canonical).collect();
            format!("[{}]", items.join(","))
        }
        scalar => scalar.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_options_does_not_count() {
        let one = serde_json::json!({ "a": 1, "b": [{ "c": 1, "d": "x" }] });
        let other = serde_json::json!({ "b": [{ "d": "x", "c": 1 }], "a": 1 });
        assert_eq!(canonical(&one), canonical(&other));
        assert_eq!(canonical(&one), r#"{"a":1,"b":[{"c":1,"d":"x"}]}"#);
    }
}
