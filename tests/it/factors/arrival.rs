//! Bars into a panel: in order and once, or in disorder, with errors that are corrected.

use std::collections::BTreeMap;

use weir::dataflow::factors::{Emit, Level, Panel};
use weir::formula::Graph;
use weir::model::{FactorBatch, RowBatch, SymbolId, Time};

use super::bars::{Random, Table, time, wrong};
use super::library::FIELDS;

/// How many closed bars may change: all of them, so that corrections reach through the longest
/// windows.
const HORIZON: usize = 1_000;
/// How many bars come at once at most.
const BLOCK: usize = 8;
/// How many rows of the beginning are only put right at the very end.
const DEEP: usize = 4;

/// All factors of the rows, a time at once and oldest first, as `weir compute` does it. `symbols`
/// renumbers the symbols on their way in and back; those of `declared` count from the beginning.
pub(super) fn in_order(
    graph: &Graph,
    rows: &Table,
    declared: &[u32],
    level: Level,
    symbols: &dyn Fn(u32) -> u32,
) -> Table {
    let mut panel = Panel::with_level(graph, FIELDS, 1, Emit::Nothing, level).unwrap();
    panel.declare(declared.iter().map(|symbol| SymbolId(symbols(*symbol))));
    let mut factors = Table::new();
    let mut times: BTreeMap<usize, Vec<(u32, &Vec<f64>)>> = BTreeMap::new();
    for ((bar, symbol), row) in rows {
        times.entry(*bar).or_default().push((*symbol, row));
    }
    for (bar, rows) in times {
        for (symbol, row) in &rows {
            panel.set(SymbolId(symbols(*symbol)), time(bar), Some(row)).unwrap();
        }
        assert!(!panel.work(time(bar), false, usize::MAX, &mut Vec::new()));
        let (newest, columns) = panel.newest().unwrap();
        assert_eq!(newest, time(bar));
        for (symbol, _) in rows {
            let at = symbols(symbol) as usize;
            factors.insert((bar, symbol), columns.iter().map(|column| column[at]).collect());
        }
    }
    factors
}

/// A row or its absence.
type Change = ((usize, u32), Option<Vec<f64>>);

/// The same rows in disorder: the first `calm` bars in one go, then blocks of bars, each shuffled and
/// cut into batches, while times close before all of their rows are there. Some rows come with wrong
/// values first, some late, whole times among them, and some that should not be there are taken back.
/// A few of the oldest are wrong until the end.
pub(super) fn in_disorder(
    graph: &Graph,
    rows: &Table,
    declared: &[u32],
    calm: usize,
    random: &mut Random,
) -> Table {
    let mut panel = Panel::new(graph, FIELDS, HORIZON, Emit::Cells).unwrap();
    panel.declare(declared.iter().copied().map(SymbolId));
    let mut factors = Table::new();
    let whole =
        |((bar, symbol), row): (&(usize, u32), &Vec<f64>)| ((*bar, *symbol), Some(row.clone()));
    let (quiet, lively): (Vec<Change>, Vec<Change>) =
        rows.iter().map(whole).partition(|((bar, _), _)| *bar < calm);
    put(&mut panel, &quiet, random);
    let deep = deep(rows, random);
    let wrong_until_then: Vec<Change> =
        deep.iter().map(|(key, row)| (*key, Some(wrong(random, row.as_ref())))).collect();
    put(&mut panel, &wrong_until_then, random);
    work(&mut panel, time(calm), false, usize::MAX, &mut factors);
    let (mut later, mut soon): (Vec<Change>, Vec<Change>) = (Vec::new(), Vec::new());
    let symbols = rows.keys().map(|(_, symbol)| symbol + 1).max().unwrap_or(1) as usize;
    let mut rest = lively.as_slice();
    while !rest.is_empty() || !soon.is_empty() || !later.is_empty() {
        let first = rest.first().map(|((bar, _), _)| *bar);
        let end = first.map_or(usize::MAX, |bar| bar + 2 * (1 + random.below(BLOCK)));
        let (block, others) = rest.split_at(rest.partition_point(|((bar, _), _)| *bar < end));
        rest = others;
        let mut now = std::mem::replace(&mut soon, std::mem::take(&mut later));
        let whole_time_late = random.below(BLOCK);
        for (key, row) in block.iter().filter(|(key, _)| deep.iter().all(|(deep, _)| key != deep)) {
            let late = &mut if random.below(2) == 0 { &mut soon } else { &mut later };
            match random.below(24) {
                0 => now.push((*key, Some(wrong(random, row.as_ref())))),
                1 => {}
                2 => {
                    // A row of a time that is none, to be taken back.
                    let ghost = (key.0 + 1, random.below(symbols) as u32);
                    now.push((ghost, Some(wrong(random, None))));
                    late.push((ghost, None));
                    now.push((*key, row.clone()));
                    continue;
                }
                _ if first.is_some_and(|bar| key.0 == bar + 2 * whole_time_late) => {}
                _ => {
                    now.push((*key, row.clone()));
                    continue;
                }
            }
            late.push((*key, row.clone()));
        }
        let newest = block.last().or(lively.last()).map_or(calm, |((bar, _), _)| *bar);
        random.shuffle(&mut now);
        let cut = random.below(now.len() + 1);
        for part in [&now[..cut], &now[cut..]] {
            put(&mut panel, part, random);
            let watermark = newest.saturating_sub(random.below(BLOCK));
            let fuel = if random.below(4) == 0 { 3 } else { usize::MAX };
            work(&mut panel, time(watermark), random.below(2) == 0, fuel, &mut factors);
        }
    }
    work(&mut panel, Time::MAX, false, usize::MAX, &mut factors);
    put(&mut panel, &deep, random);
    work(&mut panel, Time::MAX, false, usize::MAX, &mut factors);
    assert!(panel.stats().corrected > 0, "nothing was out of order");
    factors
}

/// The same rows in order, so many of them wrong or missing, which are then put right one by one, oldest
/// first or not. Every change is worked in by itself.
pub(super) fn one_by_one(graph: &Graph, rows: &Table, count: usize, random: &mut Random) -> Table {
    let mut panel = Panel::new(graph, FIELDS, HORIZON, Emit::Cells).unwrap();
    let mut factors = Table::new();
    let mut bad: Vec<Change> = rows.iter().map(|(key, row)| (*key, Some(row.clone()))).collect();
    random.shuffle(&mut bad);
    bad.truncate(count);
    let first: Vec<Change> = rows
        .iter()
        .map(|(key, row)| match bad.iter().any(|(bad, _)| bad == key) {
            false => (*key, Some(row.clone())),
            true if random.below(4) == 0 => (*key, None),
            true => (*key, Some(wrong(random, Some(row)))),
        })
        .collect();
    put(&mut panel, &first, random);
    work(&mut panel, Time::MAX, false, usize::MAX, &mut factors);
    for change in &bad {
        put(&mut panel, std::slice::from_ref(change), random);
        work(&mut panel, Time::MAX, false, usize::MAX, &mut factors);
    }
    assert!(panel.stats().recomputed > 0, "nothing was corrected");
    factors
}

/// Rows of the first bars, and one beside them that should not be there.
fn deep(rows: &Table, random: &mut Random) -> Vec<Change> {
    let oldest: Vec<_> = rows.iter().take(5 * DEEP).collect();
    let mut deep: Vec<Change> = Vec::new();
    while deep.len() < DEEP.min(oldest.len()) {
        let (key, row) = oldest[random.below(oldest.len())];
        if deep.iter().all(|(known, _)| known != key) {
            deep.push((*key, Some(row.clone())));
        }
    }
    deep.extend(deep.first().map(|((bar, symbol), _)| ((bar + 1, *symbol), None)));
    deep
}

fn put(panel: &mut Panel, changes: &[Change], random: &mut Random) {
    if random.below(2) == 0 {
        for ((bar, symbol), row) in changes {
            panel.set(SymbolId(*symbol), time(*bar), row.as_deref()).unwrap();
        }
        return;
    }
    let mut batch = RowBatch::new(0, FIELDS);
    for ((bar, symbol), row) in changes {
        batch.symbols.push(SymbolId(*symbol));
        batch.times.push(time(*bar));
        batch.deleted.push(row.is_none());
        for (field, column) in batch.columns.iter_mut().enumerate() {
            column.push(row.as_ref().map_or(f64::NAN, |row| row[field]));
        }
    }
    assert_eq!(panel.apply(&batch), 0, "rows that were too late");
}

/// Works as far as the fuel goes, and applies what comes out to the factors.
fn work(panel: &mut Panel, watermark: Time, early: bool, fuel: usize, factors: &mut Table) {
    let mut out = Vec::new();
    panel.work(watermark, early, fuel, &mut out);
    for FactorBatch { time, symbols, columns, diff, .. } in &out {
        let bar = usize::try_from(time.nanos() / 60_000_000_000).unwrap();
        for (i, symbol) in symbols.iter().enumerate() {
            let row: Vec<f64> = columns.iter().map(|column| column[i]).collect();
            if *diff == 1 {
                assert!(factors.insert((bar, symbol.0), row).is_none(), "given out twice");
            } else {
                let old =
                    factors.remove(&(bar, symbol.0)).expect("taken back, but never given out");
                assert!(differing(&old, &row).is_none(), "taken back with other values");
            }
        }
    }
}

/// The first place in which two rows differ by their bits; missing is missing.
pub(super) fn differing(a: &[f64], b: &[f64]) -> Option<usize> {
    let same = |x: f64, y: f64| x.to_bits() == y.to_bits() || (x.is_nan() && y.is_nan());
    a.iter().zip(b).position(|(x, y)| !same(*x, *y))
}

/// Complains where two ways of computing the same factors differ.
pub(super) fn compare(graph: &Graph, what: &str, ours: &Table, clean: &Table) {
    for (key, want) in clean {
        let row = ours.get(key).unwrap_or_else(|| panic!("{what}: {key:?} is missing"));
        if let Some(at) = differing(row, want) {
            let (name, node) = &graph.outputs[at];
            panic!(
                "{what}: {name} at bar {} of symbol {}: {:e}, clean run {:e}: {}",
                key.0, key.1, row[at], want[at], graph.nodes[*node].text
            );
        }
    }
    assert_eq!(ours.len(), clean.len(), "{what}: rows that should not be there");
}
