//! Tests of explanations on a small graph.

use std::path::Path;

use super::{Explanation, Kind, explain};
use crate::plan::{fakes, load_text};

fn explained(factors: &str) -> Explanation {
    let text = format!(
        "pipeline: p\nkafka: {{ brokers: \"b:1\" }}\nsources:\n  bars:\n    topic: t\n    \
         key: [symbol, time]\n    fields: {{ open: f64, close: f64? }}\n    corrections: 3 bars\n\
         factors:\n{factors}\n"
    );
    let plan = load_text("p.yaml", &text, Path::new("."), &|_| None, &fakes::catalog()).unwrap();
    explain(&plan, 100)
}

const THREE: &str = "  a: close / delay(close, 5)\n  b: rank(close / delay(close, 5))\n  \
                     c: ts_mean(rank(close), 4)";

#[test]
fn says_what_is_shared_and_kept() {
    let explained = explained(THREE);
    let of = |text: &str| explained.nodes.iter().find(|node| node.text == text).unwrap();
    let close = of("close");
    assert_eq!((close.kind, close.uses), (Kind::Field, 3));
    assert_eq!(
        close.rows,
        6 + 3,
        "the delay reads this row and five before, corrections go 3 back"
    );
    let ratio = explained.factors[0].node;
    let ratio = &explained.nodes[ratio];
    assert_eq!((ratio.uses, ratio.look_back, ratio.rows), (2, 5, 1 + 3));
    let delayed = &explained.nodes[ratio.arguments[1]];
    assert_eq!((delayed.kind, delayed.rows), (Kind::TimeSeries, 1 + 3));
    let rank = of("rank(close)");
    assert_eq!((rank.kind, rank.stage, rank.rows), (Kind::CrossSection, 1, 4 + 3));
    assert_eq!(explained.factors[2].look_back, 3);
}

#[test]
fn elementwise_chains_are_not_kept() {
    let explained = explained("  a: rank(close - open)");
    let of = |text: &str| explained.nodes.iter().find(|node| node.text == text).unwrap();
    assert_eq!(of("close - open").rows, 0);
    assert_eq!(of("close").rows, 1 + 3);
}

#[test]
fn stages_follow_the_cross_sections() {
    let explained = explained(THREE);
    let names: Vec<_> = explained.stages.iter().map(|stage| stage.name.as_str()).collect();
    assert_eq!(names, ["TS0", "CS1", "TS1"]);
    assert_eq!(explained.placement.way, "by_factor");
    assert_eq!(explained.placement.tied_by.as_deref(), Some("rank(close)"));
    assert_eq!(self::explained("  a: close - open").placement.way, "by_symbol");
}

#[test]
fn state_is_rows_by_symbols_by_eight_bytes() {
    let explained = explained(THREE);
    let rows: usize = explained.nodes.iter().map(|node| node.rows).sum();
    assert_eq!(explained.state.bytes, rows as u64 * 100 * 8);
    assert_eq!(explained.state.rows, rows);
}

#[test]
fn text_graph_and_json_name_everything() {
    let explained = explained(THREE);
    let text = explained.to_string();
    for part in
        ["pipeline p, version ", "close?", "b  ", "by factor: ", "weir.progress.p", "note: "]
    {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    let outline = explained.outline().to_string();
    for part in
        ["close / delay(close, 5)", "  TS0      2 nodes,     2 kept  1 /, 1 delay\n", "by factor: "]
    {
        assert!(outline.contains(part), "{part} in\n{outline}");
    }
    let dot = explained.dot();
    let edges: usize = explained.nodes.iter().map(|node| node.arguments.len()).sum();
    assert_eq!(dot.matches(" -> ").count(), edges + 3);
    assert!(dot.starts_with("digraph \"p\" {") && dot.ends_with("}\n"));
    let json = serde_json::to_value(&explained).unwrap();
    assert_eq!(json["placement"]["way"], "by_factor");
    assert_eq!(json["nodes"][0]["kind"], "field");
}

#[test]
fn a_pipeline_without_factors_keeps_nothing() {
    let explained = explained("  {}");
    assert_eq!((explained.nodes.len(), explained.state.bytes), (0, 0));
    assert!(explained.stages.is_empty());
}
