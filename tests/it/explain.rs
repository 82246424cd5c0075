//! `weir explain` says what a panel keeps: beside what panels do keep.

use weir::dataflow::catalog;
use weir::dataflow::factors::{Emit, Panel, kept};
use weir::formula::{Graph, compile};
use weir::model::{SymbolId, Time};
use weir::plan::{FactorSet, Plan, shipped};

/// How many closed bars may change.
const CORRECTIONS: usize = 7;
/// Fill whole groups of eight together with the one that stands for those never seen.
const SYMBOLS: u32 = 39;

/// Bytes of a panel whose windows are full, and what was expected.
fn filled(graph: &Graph, fields: usize) -> (f64, f64) {
    let expected = kept(graph, fields, CORRECTIONS, SYMBOLS as usize).unwrap();
    let bars = expected.nodes.iter().max().copied().unwrap_or(0) + 20;
    let mut panel = Panel::new(graph, fields, CORRECTIONS, Emit::Cells).unwrap();
    let mut state = 7_u64;
    for bar in 0..bars as i64 {
        let time = Time::from_millis(bar * 86_400_000);
        // The last one first: memory is taken for all at once, as for a batch of rows.
        for symbol in (0..SYMBOLS).rev() {
            let value = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                1.0 + (state >> 40) as f64
            };
            let row: Vec<f64> = std::iter::repeat_with(value).take(fields).collect();
            panel.set(SymbolId(symbol), time, Some(&row)).unwrap();
        }
        panel.work(time, false, usize::MAX, &mut Vec::new());
    }
    (panel.state_bytes() as f64, expected.bytes as f64)
}

#[test]
fn every_shipped_set_keeps_what_is_expected() {
    for name in shipped() {
        let set = FactorSet::load(name).unwrap();
        let plan = Plan::of_factors(&[set], CORRECTIONS, catalog().functions).unwrap();
        let (bytes, expected) = filled(&plan.factors, plan.source.fields.len());
        let ratio = bytes / expected;
        assert!((0.93..1.07).contains(&ratio), "{name}: {bytes} bytes, expected {expected}");
    }
}

#[test]
fn every_kind_of_state_is_expected() {
    for formula in [
        "sar(close, open, 0.02, 0.2)",
        "ema(close / open, 30)",
        "wilder_sum(close, 5)",
        "session_first(open) / session_last(close)",
        "ts_quantile(close, 30, 0.5) + ts_median(open, 60)",
        "ts_sum(close, 200) + ts_corr(close, open, 120)",
        "rank(close - open) + delay(close, 40)",
    ] {
        let graph = compile(&[("f", formula)], &["open", "close"], catalog().functions).unwrap();
        let (bytes, expected) = filled(&graph, 2);
        let ratio = bytes / expected;
        assert!((0.9..1.1).contains(&ratio), "{formula}: {bytes} bytes, expected {expected}");
    }
    let own = "factor_set: own\nrules: { clock: traded }\nformulas:\n  a: ts_mean(close, 40)\n  \
               b: ema(close, 9)\n";
    let set = FactorSet::read("own.yaml", own).unwrap();
    let plan = Plan::of_factors(&[set], CORRECTIONS, catalog().functions).unwrap();
    let (bytes, expected) = filled(&plan.factors, plan.source.fields.len());
    assert!((0.9..1.1).contains(&(bytes / expected)), "own: {bytes} bytes, expected {expected}");
}

#[test]
fn rows_are_counted_where_they_are_kept() {
    let factors = [
        ("a", "close / delay(close, 5)"),
        ("b", "rank(close / delay(close, 5))"),
        ("c", "ts_mean(rank(close), 4)"),
        ("d", "rank(close - open)"),
        ("e", "sar(close, open, 0.02, 0.2)"),
    ];
    let graph = compile(&factors, &["open", "close"], catalog().functions).unwrap();
    let kept = kept(&graph, 2, 3, 10).unwrap();
    let rows = |text: &str| {
        let at = graph.nodes.iter().position(|node| node.text == text).unwrap();
        kept.nodes[at]
    };
    assert_eq!(rows("close"), 6 + 3, "this row, five before, and corrections go 3 back");
    assert_eq!(rows("close / delay(close, 5)"), 1 + 3);
    assert_eq!(rows("rank(close)"), 4 + 3);
    assert_eq!(rows("close - open"), 0, "computed where it is needed");
    assert_eq!(rows("sar(close, open, 0.02, 0.2)"), 6 * (2 + 3) + 1 + 3, "six numbers, the result");
}
