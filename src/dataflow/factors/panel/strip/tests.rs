//! Strips against the slow twin, and what they count.

use super::super::tests::{FIELDS, Step, check, stream};
use super::super::{Emit, Panel};
use crate::dataflow::factors::random::Random;
use crate::dataflow::factors::simd::Level;
use crate::dataflow::factors::testing::{Builder, random_graph};
use crate::formula::Graph;
use crate::model::{SymbolId, Time};

/// Every operator but those that tie symbols together.
fn graph_without_cross_sections(random: &mut Random, windows: usize) -> Graph {
    let graph = random_graph(random, FIELDS, windows);
    let apart = |output: &usize| !graph.part(&[*output]).has_cross_section();
    let graph = graph.part(&(0..graph.outputs.len()).filter(apart).collect::<Vec<_>>());
    assert!(!graph.outputs.is_empty(), "other seeds are needed");
    graph
}

#[test]
fn corrections_where_nothing_ties_symbols_together_equal_the_twin() {
    for seed in 0..40 {
        eprintln!("seed {seed}");
        let mut random = Random::new(7000 + seed);
        let graph = graph_without_cross_sections(&mut random, if seed % 2 == 0 { 6 } else { 15 });
        let steps = stream(&mut random, 40, if seed % 3 == 0 { 30 } else { 9 });
        let corrections = [1, 3, 7, 20, 60][random.below(5)];
        let level = if seed % 4 == 0 { Level::BASELINE } else { Level::best() };
        check(&graph, &steps, corrections, Emit::Cells, level);
    }
}

#[test]
fn single_symbols_far_apart_in_time_equal_the_twin() {
    for seed in 0..10 {
        eprintln!("seed {seed}");
        let mut random = Random::new(8000 + seed);
        let graph = graph_without_cross_sections(&mut random, 12);
        let (symbols, bars) = (1 + random.below(12), 90);
        let row =
            |random: &mut Random| (0..FIELDS).map(|_| random.unit() - 0.5).collect::<Vec<_>>();
        let mut steps = Vec::new();
        for t in 0..bars {
            steps.extend((0..symbols).map(|s| Step::Set(s as u32, t, Some(row(&mut random)))));
        }
        let work = Step::Work { watermark: bars, early: false, fuel: usize::MAX, finish: true };
        for _ in 0..8 {
            steps.push(work.clone());
            // Most of the rows that follow do not change, so that windows and states end.
            for _ in 0..1 + random.below(3) {
                let there = random.below(4) != 0;
                let (s, t) = (random.below(symbols), random.below(bars));
                steps.push(Step::Set(s as u32, t, there.then(|| row(&mut random))));
            }
        }
        check(&graph, &steps, 200, Emit::Cells, Level::best());
    }
}

/// A panel of 20 closed bars of the values 1, 2, 3 and so on for each of ten symbols.
fn panel(graph: &Graph) -> Panel {
    let mut panel = Panel::new(graph, 1, 100, Emit::Cells).expect("a panel");
    for t in 0..20 {
        for s in 0..10 {
            panel.set(SymbolId(s), Time::from_nanos(t), Some(&[t as f64])).expect("in time");
        }
    }
    panel.work(Time::from_nanos(100), false, usize::MAX, &mut Vec::new());
    assert_eq!((panel.stats().recomputed, panel.stats().changed), (0, 0), "nothing was corrected");
    panel
}

/// Corrects bar 10 of a symbol and gives how many cells were computed, how many of them changed and
/// how many rows were given out again.
fn correct(panel: &mut Panel, value: f64) -> (u64, u64, u64) {
    let before = panel.stats();
    panel.set(SymbolId(3), Time::from_nanos(10), Some(&[value])).expect("in time");
    assert!(!panel.work(Time::from_nanos(100), false, usize::MAX, &mut Vec::new()));
    let now = panel.stats();
    let revisions = now.revisions - before.revisions;
    (now.recomputed - before.recomputed, now.changed - before.changed, revisions)
}

#[test]
fn cells_are_counted_by_symbol() {
    let mut b = Builder::default();
    let x = b.field(0);
    let largest = b.call("ts_max", &[x], &[4.0]);
    let mean = b.call("ts_mean", &[largest], &[2.0]);
    let (one, sum) = (b.number(1.0), b.call("cum_sum", &[x], &[]));
    // This one is not kept, and so not counted.
    let more = b.call("+", &[sum, one], &[]);
    let half = b.call("*", &[more, sum], &[]);
    for (name, node) in [("max", largest), ("mean", mean), ("half", half)] {
        b.output(name, node);
    }
    let mut panel = panel(&b.0);
    // The 4 maxima are 100, 100, 100, 100 instead of 10, 11, 12, 13; 5 means; 10 sums and halves.
    assert_eq!(correct(&mut panel, 100.0), (4 + 5 + 10 + 10, 4 + 5 + 10 + 10, 10));
    // The same row again changes nothing, and so nothing is computed.
    assert_eq!(correct(&mut panel, 100.0), (0, 0, 0));
}

#[test]
fn cells_that_stay_as_they_are_are_counted_as_computed_only() {
    let mut b = Builder::default();
    let x = b.field(0);
    let largest = b.call("ts_max", &[x], &[4.0]);
    let mean = b.call("ts_mean", &[largest], &[2.0]);
    b.output("mean", mean);
    let mut alone = panel(&b.0);
    // The maximum of bar 10 is 9 instead of 10, those of the next 3 stay; 2 means.
    assert_eq!(correct(&mut alone, 5.0), (4 + 2, 1 + 2, 2));
    let rank = b.call("rank", &[x], &[]);
    b.output("rank", rank);
    let mut tied = panel(&b.0);
    // The same, for groups of eight, and the ranks of a row of 16 lanes. All ten were equal.
    assert_eq!(correct(&mut tied, 5.0), (8 * (4 + 2) + 16, 1 + 2 + 10, 11));
}
