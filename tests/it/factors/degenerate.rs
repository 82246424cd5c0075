//! Odd bars and odd universes: no formula panics or runs on for ever, and what comes out depends on
//! the rows alone.

use weir::dataflow::factors::{Emit, Level, Panel};
use weir::model::{RowBatch, SymbolId};
use weir::plan::FactorSet;

use super::arrival::{compare, in_disorder, in_order};
use super::bars::{Random, odd, seeds, time};
use super::library::{FIELDS, everything, graph};

/// Shorter than most windows, longer than some.
const BARS: usize = 14;

/// What may be odd, and symbols that count from the beginning on though some of them never trade.
const KINDS: [(&str, &[u32]); 14] = [
    ("constant", &[]),
    ("zero", &[]),
    ("negative zero", &[]),
    ("infinite", &[]),
    ("missing", &[]),
    ("denormal", &[]),
    ("huge", &[]),
    ("largest", &[]),
    ("alternating", &[]),
    ("tied", &[]),
    ("groups of one", &[]),
    ("no group", &[]),
    ("one symbol", &[]),
    ("as usual", &[0, 2, 6, 9]),
];

#[test]
fn odd_bars_are_computed_and_path_does_not_show() {
    let graph = everything();
    for seed in seeds() {
        for (kind, declared) in KINDS {
            eprintln!("WEIR_SEED={seed} {kind}");
            let mut random = Random::new(seed);
            let rows = odd(kind, &mut random, BARS, 6);
            let clean = in_order(&graph, &rows, declared, Level::best(), &|symbol| symbol);
            let disorder = in_disorder(&graph, &rows, declared, 0, &mut random);
            compare(&graph, kind, &disorder, &clean);
            let baseline = in_order(&graph, &rows, declared, Level::BASELINE, &|symbol| symbol + 2);
            compare(&graph, &format!("{kind}, baseline instructions"), &baseline, &clean);
        }
    }
}

#[test]
fn a_million_symbols() {
    const SYMBOLS: usize = 1_000_000;
    let sets = ["last = rank(close)", "mean = ts_mean(close, 3)"].map(FactorSet::written);
    let graph = graph(&sets.map(Result::unwrap));
    let mut panel = Panel::new(&graph, FIELDS, 2, Emit::Cells).unwrap();
    let close = graph.nodes.iter().find_map(|node| match node.kind {
        weir::formula::NodeKind::Field(field) => Some(field),
        _ => None,
    });
    // Whole numbers, a permutation of 0 to a million: ranks and means are known.
    let value = |symbol: usize, bar: usize| ((symbol * 7_919 + bar) % SYMBOLS) as f64;
    let mut out = Vec::new();
    for bar in 0..4 {
        let mut rows = RowBatch::new(0, FIELDS);
        rows.symbols = (0..SYMBOLS).map(|symbol| SymbolId(symbol as u32)).collect();
        rows.times = vec![time(bar); SYMBOLS];
        rows.deleted = vec![false; SYMBOLS];
        rows.columns[close.unwrap()] = (0..SYMBOLS).map(|symbol| value(symbol, bar)).collect();
        assert_eq!(panel.apply(&rows), 0);
        out.clear();
        panel.work(time(bar), false, usize::MAX, &mut out);
        let [batch] = out.as_slice() else { panic!("{} batches", out.len()) };
        assert_eq!(batch.symbols.len(), SYMBOLS);
        for symbol in 0..SYMBOLS {
            let rank = (value(symbol, bar) + 1.0) / SYMBOLS as f64;
            assert_eq!(batch.columns[0][symbol].to_bits(), rank.to_bits(), "{symbol}");
            let ours = batch.columns[1][symbol];
            if bar < 2 {
                assert!(ours.is_nan());
                continue;
            }
            let sum: f64 = (0..3).map(|back| value(symbol, bar - back)).sum();
            assert!((ours - sum / 3.0).abs() <= 1e-9 * sum, "{symbol}: {ours}");
        }
    }
    // The last symbol moves behind all others: those before it keep their ranks, and are not given
    // out anew.
    let mut row = [f64::NAN; FIELDS];
    row[close.unwrap()] = 2.0 * SYMBOLS as f64;
    let last = SYMBOLS - 1;
    panel.set(SymbolId(last as u32), time(3), Some(&row)).unwrap();
    out.clear();
    panel.work(time(3), false, usize::MAX, &mut out);
    let changed = out.iter().filter(|batch| batch.diff == 1).map(|batch| batch.symbols.len());
    assert_eq!(changed.sum::<usize>(), SYMBOLS - value(last, 3) as usize);
}
