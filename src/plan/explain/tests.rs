//! Tests of explanations on a small graph.

use std::path::Path;

use super::{Explanation, Kept, Kind, explain};
use crate::plan::{fakes, load_text};

fn explained(factors: &str) -> Explanation {
    let text = format!(
        "pipeline: p\nkafka: {{ brokers: \"b:1\" }}\nsources:\n  bars:\n    topic: t\n    \
         key: [symbol, time]\n    fields: {{ open: f64, close: f64? }}\n    corrections: 3 bars\n\
         factors:\n{factors}\n"
    );
    let plan = load_text("p.yaml", &text, Path::new("."), &|_| None, &fakes::catalog()).unwrap();
    explain(&plan, 100, &kept(plan.factors.nodes.len()))
}

/// As the panel would say it.
fn kept(nodes: usize) -> Kept {
    Kept { nodes: (0..nodes).map(|id| id % 3).collect(), shared: 5, bytes: 4_000 }
}

const THREE: &str = "  a: close / delay(close, 5)\n  b: rank(close / delay(close, 5))\n  \
                     c: ts_mean(rank(close), 4)";

#[test]
fn says_what_is_shared() {
    let explained = explained(THREE);
    let of = |text: &str| explained.nodes.iter().find(|node| node.text == text).unwrap();
    let close = of("close");
    assert_eq!((close.kind, close.uses), (Kind::Field, 3));
    let ratio = explained.factors[0].node;
    let ratio = &explained.nodes[ratio];
    assert_eq!((ratio.uses, ratio.look_back), (2, 5));
    let delayed = &explained.nodes[ratio.arguments[1]];
    assert_eq!(delayed.kind, Kind::TimeSeries);
    let rank = of("rank(close)");
    assert_eq!((rank.kind, rank.stage), (Kind::CrossSection, 1));
    assert_eq!(explained.factors[2].look_back, 3);
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
fn state_is_what_the_panel_says() {
    let explained = explained(THREE);
    let rows: Vec<usize> = explained.nodes.iter().map(|node| node.rows).collect();
    assert_eq!(rows, kept(rows.len()).nodes);
    let state = explained.state;
    assert_eq!((state.symbols, state.shared, state.bytes), (100, 5, 4_000));
    assert_eq!(state.rows, rows.iter().sum::<usize>());
    assert_eq!(state.nodes, rows.iter().filter(|rows| **rows > 0).count());
    let line =
        format!("about 3.9 KiB for 100 symbols: {} rows of {} nodes, 5 ", state.rows, state.nodes);
    assert!(explained.to_string().contains(&line), "{explained}");
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
    assert_eq!((explained.nodes.len(), explained.state.rows), (0, 0));
    assert!(explained.stages.is_empty());
}
