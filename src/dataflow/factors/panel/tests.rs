//! The panel against its slow twin, on random streams of rows, corrections, deletions, late new
//! times and new symbols.

use std::collections::BTreeSet;

use super::{Emit, Panel};
use crate::dataflow::factors::random::Random;
use crate::dataflow::factors::simd::Level;
use crate::dataflow::factors::testing::{Builder, Table, random_graph, same_row, twin};
use crate::dataflow::factors::window::GROUP;
use crate::formula::Graph;
use crate::model::{FactorBatch, RowBatch, SymbolId, Time};

pub(super) const FIELDS: usize = 3;

pub(super) fn value(random: &mut Random) -> f64 {
    match random.below(24) {
        0 => f64::NAN,
        1 => [f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0][random.below(4)],
        2..8 => random.below(5) as f64 - 2.0,
        8 => (random.unit() - 0.5) * 1e12,
        9 => 1e4 + random.unit() * 1e-9,
        _ => 10.0 + random.unit(),
    }
}

fn time(t: usize) -> Time {
    Time::from_nanos(t as i64 * 1000)
}

/// Adds batches to a table of what is out; panics where they do not fit.
fn accumulate(table: &mut Table, touched: &mut BTreeSet<(i64, u32)>, batches: &[FactorBatch]) {
    for batch in batches {
        assert!(batch.symbols.is_sorted() && !batch.symbols.is_empty());
        for (i, symbol) in batch.symbols.iter().enumerate() {
            let key = (batch.time.nanos(), symbol.0);
            let row: Vec<f64> = batch.columns.iter().map(|column| column[i]).collect();
            touched.insert(key);
            if batch.diff == 1 {
                assert!(table.insert(key, row).is_none(), "{key:?} was there");
            } else {
                let old = table.remove(&key).expect("a row that was given out");
                assert!(same_row(&old, &row), "{key:?}: {old:?} is not {row:?}");
            }
        }
    }
}

/// One random change.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Set(u32, usize, Option<Vec<f64>>),
    Work { watermark: usize, early: bool, fuel: usize, finish: bool },
}

/// A random stream that mostly moves forward in time.
pub(super) fn stream(random: &mut Random, steps: usize, most_symbols: usize) -> Vec<Step> {
    let (mut now, mut out) = (10_usize, Vec::new());
    let mut symbols = 1 + random.below(most_symbols);
    let row = |random: &mut Random| (0..FIELDS).map(|_| value(random)).collect::<Vec<_>>();
    for _ in 0..steps {
        if random.below(12) == 0 {
            symbols = (symbols + random.below(6)).min(most_symbols);
        }
        match random.below(10) {
            0..4 => {
                now += 1 + random.below(2) * random.below(3);
                for s in 0..symbols {
                    if random.below(10) != 0 {
                        out.push(Step::Set(s as u32, now, Some(row(random))));
                    }
                }
            }
            4..7 => {
                for _ in 0..1 + random.below(3) {
                    let (s, t) = (random.below(symbols), now.saturating_sub(random.below(12)));
                    let row = (random.below(3) != 0).then(|| row(random));
                    out.push(Step::Set(s as u32, t, row));
                }
            }
            7 if random.below(3) == 0 => {
                let t = now.saturating_sub(random.below(5));
                out.extend((0..symbols).map(|s| Step::Set(s as u32, t, None)));
            }
            _ => {}
        }
        if random.below(3) != 0 {
            let watermark = now.saturating_sub(random.below(4));
            let fuel = if random.below(3) == 0 { 1 + random.below(3) } else { usize::MAX };
            let (early, finish) = (random.below(2) == 0, random.below(4) != 0);
            out.push(Step::Work { watermark, early, fuel, finish });
        }
    }
    out
}

/// Runs a stream and compares with the twin each time nothing is left to do. Gives the final
/// table and the accepted rows.
pub(super) fn check(
    graph: &Graph,
    steps: &[Step],
    corrections: usize,
    emit: Emit,
    level: Level,
) -> Table {
    let mut panel = Panel::with_level(graph, FIELDS, corrections, emit, level).expect("a panel");
    let (mut accepted, mut table) = (Table::new(), Table::new());
    let mut touched = BTreeSet::new();
    let mut before = Table::new();
    let mut exact = true;
    let end = Step::Work { watermark: 1 << 40, early: false, fuel: usize::MAX, finish: true };
    for step in steps.iter().chain([&end]) {
        match step {
            Step::Set(symbol, t, row) => {
                let late = panel.late_through().is_some_and(|settled| time(*t) <= settled);
                let done = panel.set(SymbolId(*symbol), time(*t), row.as_deref());
                let key = (time(*t).nanos(), *symbol);
                match (done, row) {
                    (Err(_), _) => assert!(late),
                    (Ok(()), Some(row)) => {
                        assert!(!late);
                        accepted.insert(key, row.clone());
                    }
                    (Ok(()), None) => {
                        accepted.remove(&key);
                    }
                }
            }
            Step::Work { watermark, early, fuel, finish } => {
                let mut out = Vec::new();
                let mut more = panel.work(time(*watermark), *early, *fuel, &mut out);
                while more && *finish {
                    more = panel.work(time(*watermark), *early, *fuel, &mut out);
                }
                accumulate(&mut table, &mut touched, &out);
                if more {
                    // What changes twice may be given out twice.
                    exact = false;
                    continue;
                }
                let closed = panel.closed_through().map_or(i64::MIN, Time::nanos);
                let rows = accepted
                    .iter()
                    .filter(|(key, _)| key.0 <= closed)
                    .map(|(k, v)| (*k, v.clone()));
                let want = twin(graph, &rows.collect());
                compare(graph, &table, &want);
                if exact && emit == Emit::Cells {
                    let differs = |key: &&(i64, u32)| match (before.get(*key), want.get(*key)) {
                        (Some(a), Some(b)) => !same_row(a, b),
                        (a, b) => a.is_some() != b.is_some(),
                    };
                    let all: BTreeSet<_> = before.keys().chain(want.keys()).collect();
                    let changed: BTreeSet<_> = all.into_iter().filter(differs).copied().collect();
                    assert_eq!(touched, changed, "touched what did not change, or the reverse");
                }
                (before, exact) = (want, true);
                touched.clear();
            }
        }
    }
    table
}

fn compare(graph: &Graph, table: &Table, want: &Table) {
    for (key, row) in want {
        let ours = table.get(key).unwrap_or_else(|| panic!("{key:?} is missing"));
        for (i, (a, b)) in ours.iter().zip(row).enumerate() {
            let node = graph.outputs.get(i).and_then(|(_, node)| graph.nodes.get(*node));
            let text = node.map(|node| node.text.as_str());
            assert!(same_row(&[*a], &[*b]), "{key:?} output {i}: {a:e}, twin {b:e}: {text:?}");
        }
    }
    assert_eq!(table.len(), want.len(), "rows that should not be there");
}

#[test]
fn equals_the_twin_on_random_streams() {
    for seed in 0..40 {
        eprintln!("seed {seed}");
        let mut random = Random::new(1000 + seed);
        let graph = random_graph(&mut random, FIELDS, 6);
        let most = if seed % 3 == 0 { 40 } else { 9 };
        let steps = stream(&mut random, 30, most);
        let corrections = [0, 1, 3, 7, 20][random.below(5)];
        let emit = if seed % 4 == 1 { Emit::Rows } else { Emit::Cells };
        check(&graph, &steps, corrections, emit, Level::best());
    }
}

#[test]
fn every_instruction_set_gives_the_same_bits() {
    for seed in 0..4 {
        eprintln!("seed {seed}");
        let mut random = Random::new(2000 + seed);
        let graph = random_graph(&mut random, FIELDS, 6);
        let steps = stream(&mut random, 20, 60);
        for level in Level::available() {
            check(&graph, &steps, 5, Emit::Cells, level);
        }
    }
}

#[test]
fn numbers_of_symbols_do_not_show() {
    for seed in 0..8 {
        eprintln!("seed {seed}");
        let mut random = Random::new(3000 + seed);
        let graph = random_graph(&mut random, FIELDS, 5);
        let steps = stream(&mut random, 20, 12);
        let mut numbers: Vec<u32> = (0..30).collect();
        for i in (1..numbers.len()).rev() {
            numbers.swap(i, random.below(i + 1));
        }
        let renumbered: Vec<Step> = steps
            .iter()
            .map(|step| match step {
                Step::Set(s, t, row) => Step::Set(numbers[*s as usize], *t, row.clone()),
                work => work.clone(),
            })
            .collect();
        let one = check(&graph, &steps, 6, Emit::Cells, Level::best());
        let other = check(&graph, &renumbered, 6, Emit::Cells, Level::best());
        let one = one.into_iter().map(|((t, s), row)| ((t, numbers[s as usize]), row)).collect();
        compare(&graph, &other, &one);
    }
}

#[test]
fn a_batch_is_the_same_as_its_rows_and_late_ones_are_counted() {
    let mut builder = Builder::default();
    let x = builder.field(1);
    let sum = builder.call("ts_sum", &[x], &[2.0]);
    builder.output("sum", sum);
    let mut panel = Panel::new(&builder.0, 2, 1, Emit::Cells).expect("a panel");
    let mut rows = RowBatch::new(0, 2);
    for t in 1..4 {
        rows.symbols.push(SymbolId(0));
        rows.times.push(time(t));
        rows.deleted.push(false);
        rows.columns[0].push(f64::NAN);
        rows.columns[1].push(t as f64);
    }
    let mut out = Vec::new();
    assert_eq!(panel.apply(&rows), 0);
    assert!(!panel.work(time(3), false, usize::MAX, &mut out));
    let sums: Vec<f64> = out.iter().map(|batch| batch.columns[0][0]).collect();
    assert!(sums[0].is_nan());
    assert_eq!(sums[1..], [3.0, 5.0]);
    assert_eq!(panel.apply(&rows), 2, "only the newest closed time may change");
    assert_eq!(panel.late_through(), Some(time(2)));
    out.clear();
    panel.work(time(3), false, usize::MAX, &mut out);
    assert_eq!(out, [], "the same row again changes nothing");
}

#[test]
fn a_time_closes_early_when_all_symbols_of_the_last_one_are_there() {
    let mut builder = Builder::default();
    let x = builder.field(0);
    builder.output("x", x);
    let mut panel = Panel::new(&builder.0, 1, 1, Emit::Cells).expect("a panel");
    let mut out = Vec::new();
    let mut set = |panel: &mut Panel, s, t| {
        panel.set(SymbolId(s), time(t), Some(&[1.0])).expect("in time");
        panel.work(time(0), true, usize::MAX, &mut out);
        panel.closed_through()
    };
    assert_eq!(set(&mut panel, 0, 1), None, "nothing to compare the first time with");
    assert_eq!(set(&mut panel, 1, 1), None);
    panel.work(time(1), true, usize::MAX, &mut Vec::new());
    assert_eq!(set(&mut panel, 0, 3), Some(time(1)));
    assert_eq!(set(&mut panel, 1, 2), Some(time(1)), "an older open time is waited for");
    assert_eq!(set(&mut panel, 0, 2), Some(time(2)));
    assert_eq!(set(&mut panel, 1, 3), Some(time(3)));
    assert_eq!(panel.open_times(), 0);
}

#[test]
fn refuses_graphs_that_it_cannot_run() {
    let mut builder = Builder::default();
    let x = builder.field(3);
    builder.output("x", x);
    let error = Panel::new(&builder.0, 3, 1, Emit::Cells).expect_err("field 3 of 3");
    assert!(error.to_string().contains("reads field number 3"));
}

#[test]
fn state_does_not_grow_with_time() {
    let mut builder = Builder::default();
    let x = builder.field(0);
    let mean = builder.call("ts_mean", &[x], &[7.0]);
    builder.output("mean", mean);
    let mut panel = Panel::new(&builder.0, 1, 3, Emit::Cells).expect("a panel");
    let mut sizes = Vec::new();
    for t in 0..100 {
        panel.set(SymbolId(0), time(t), Some(&[t as f64])).expect("in time");
        panel.work(time(t), false, usize::MAX, &mut Vec::new());
        sizes.push(panel.state_bytes());
    }
    // At most each of the 7 rows of the window begins a block, whose sum takes two rows.
    let blocks = 7 * 2 * 8 * GROUP;
    assert!(sizes[20].abs_diff(sizes[99]) <= blocks, "{} then {}", sizes[20], sizes[99]);
    assert_eq!(panel.stats().closed, 100);
}

#[test]
fn windows_longer_than_all_history_are_missing() {
    let mut builder = Builder::default();
    let x = builder.field(0);
    for (name, n) in [("ts_sum", 1e18), ("delay", 1e300), ("ts_max", 50.0)] {
        let node = builder.call(name, &[x], &[n]);
        builder.output(name, node);
    }
    let mut panel = Panel::new(&builder.0, 1, 9, Emit::Cells).expect("a panel");
    let mut out = Vec::new();
    for t in [1, 4, 2, 6, 3, 5, 8, 7] {
        panel.set(SymbolId(0), time(t), Some(&[1.0])).expect("in time");
        panel.work(time(t), false, usize::MAX, &mut out);
    }
    assert!(out.len() >= 4);
    assert!(
        out.iter()
            .flat_map(|batch| &batch.columns)
            .flat_map(|column| &**column)
            .all(|v| v.is_nan())
    );
}

/// Rows that were given out, with their sign and bits.
fn rows_of(batches: &[FactorBatch]) -> BTreeSet<(Time, i8, SymbolId, Vec<u64>)> {
    let mut rows = BTreeSet::new();
    for batch in batches {
        for (i, symbol) in batch.symbols.iter().enumerate() {
            let bits = batch.columns.iter().map(|column| column[i].to_bits()).collect();
            assert!(rows.insert((batch.time, batch.diff, *symbol, bits)));
        }
    }
    rows
}

#[test]
fn panels_with_shares_of_the_symbols_give_out_what_one_panel_does() {
    let mut revisions = 0;
    for seed in 0..20 {
        eprintln!("seed {seed}");
        let mut random = Random::new(4000 + seed);
        let graph = random_graph(&mut random, FIELDS, 6);
        let apart = |output: &usize| !graph.part(&[*output]).has_cross_section();
        let graph = graph.part(&(0..graph.outputs.len()).filter(apart).collect::<Vec<_>>());
        assert!(!graph.outputs.is_empty(), "other seeds are needed");
        let steps = stream(&mut random, 30, 14);
        let corrections = [0, 1, 3, 7][random.below(4)];
        let panel = || Panel::new(&graph, FIELDS, corrections, Emit::Cells).expect("a panel");
        let shares = 2 + random.below(3);
        let (mut whole, mut parts) = (panel(), vec![(); shares]);
        let mut parts: Vec<Panel> = parts.drain(..).map(|()| panel()).collect();
        for step in &steps {
            match step {
                Step::Set(symbol, t, row) => {
                    let done = whole.set(SymbolId(*symbol), time(*t), row.as_deref());
                    let (owner, local) = (*symbol as usize % shares, *symbol / shares as u32);
                    for (number, part) in parts.iter_mut().enumerate() {
                        let heard = match number == owner {
                            true => part.set(SymbolId(local), time(*t), row.as_deref()),
                            false => part.announce(SymbolId(*symbol), time(*t), row.is_some()),
                        };
                        assert!(heard == done || row.is_none(), "{heard:?}, {done:?}");
                    }
                }
                Step::Work { watermark, early, .. } => {
                    let work = |panel: &mut Panel| {
                        let mut out = Vec::new();
                        panel.work(time(*watermark), *early, usize::MAX, &mut out);
                        (out, panel.closed_through(), panel.late_through())
                    };
                    let (out, closed, late) = work(&mut whole);
                    let mut together = Vec::new();
                    for (number, part) in parts.iter_mut().enumerate() {
                        let (mut out, its_closed, its_late) = work(part);
                        assert_eq!((its_closed, its_late), (closed, late));
                        let symbols = out.iter_mut().flat_map(|batch| &mut batch.symbols);
                        symbols.for_each(|s| s.0 = s.0 * shares as u32 + number as u32);
                        together.append(&mut out);
                    }
                    assert_eq!(rows_of(&together), rows_of(&out));
                }
            }
        }
        revisions += whole.stats().revisions;
    }
    assert!(revisions > 100, "{revisions} revisions say little");
}

#[test]
fn rows_in_columns_are_taken_like_one_after_the_other() {
    for seed in 0..10 {
        eprintln!("seed {seed}");
        let mut random = Random::new(5000 + seed);
        let graph = random_graph(&mut random, FIELDS, 4);
        let steps = stream(&mut random, 30, 14);
        let panel = || Panel::new(&graph, FIELDS, 4, Emit::Cells).expect("a panel");
        let (mut single, mut many) = (panel(), panel());
        let (mut rows, mut late) = (RowBatch::new(0, FIELDS), 0);
        for step in &steps {
            match step {
                Step::Set(symbol, t, row) => {
                    let done = single.set(SymbolId(*symbol), time(*t), row.as_deref());
                    late += usize::from(done.is_err());
                    rows.symbols.push(SymbolId(*symbol));
                    rows.times.push(time(*t));
                    rows.deleted.push(row.is_none());
                    for (i, column) in rows.columns.iter_mut().enumerate() {
                        column.push(row.as_ref().map_or(f64::NAN, |row| row[i]));
                    }
                }
                Step::Work { watermark, early, .. } => {
                    assert_eq!(many.apply(&rows), std::mem::take(&mut late));
                    rows = RowBatch::new(0, FIELDS);
                    let out = [&mut single, &mut many].map(|panel| {
                        let mut out = Vec::new();
                        panel.work(time(*watermark), *early, usize::MAX, &mut out);
                        rows_of(&out)
                    });
                    assert_eq!(out[0], out[1]);
                }
            }
        }
    }
}
