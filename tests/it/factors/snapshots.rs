//! Panels that were written down and go on elsewhere give out what those give out that never
//! stopped, for every operator and every shipped formula.

use std::io::Cursor;

use weir::dataflow::factors::{Emit, Level, Panel, SnapshotReader, split, write_snapshot};
use weir::formula::Graph;
use weir::model::{FactorBatch, SymbolId, Time};

use super::arrival::differing;
use super::bars::{Random, Table, market, seeds, time, wrong};
use super::library::{FIELDS, everything};

/// Longer than the longest window, so that what is kept is only a part of the bars.
const BARS: usize = 310;
/// Bars at the end over which a panel is written down again and again.
const LIVELY: usize = 36;
const SYMBOLS: u32 = 11;
/// How many closed bars may change: fewer than come after the last snapshot but one.
const HORIZON: usize = 10;

/// A row, or none, at a time of a symbol.
type Change = (usize, u32, Option<Vec<f64>>);

/// What comes in the order of the bars: blocks with rows missing, wrong or where there should be none,
/// which later ones put right.
fn blocks(rows: &Table, random: &mut Random) -> Vec<Vec<Change>> {
    let last = rows.keys().map(|(bar, _)| *bar).max().unwrap_or(0);
    let calm = last - 2 * LIVELY;
    let mut blocks: Vec<Vec<Change>> = vec![Vec::new()];
    let mut soon: Vec<Change> = Vec::new();
    let mut end = calm;
    for ((bar, symbol), row) in rows {
        if *bar > end {
            end = bar + 2 * random.below(5);
            blocks.push(std::mem::take(&mut soon));
        }
        let Some(block) = blocks.last_mut() else { continue };
        let right = (*bar, *symbol, Some(row.clone()));
        // One symbol is first seen near the end.
        if *symbol == SYMBOLS - 1 && *bar < last - LIVELY {
            continue;
        }
        match if *bar > calm { random.below(12) } else { usize::MAX } {
            0 => soon.push(right),
            1 => {
                block.push((*bar, *symbol, Some(wrong(random, Some(row)))));
                soon.push(right);
            }
            2 => {
                let ghost = bar.saturating_sub(1 + 2 * random.below(HORIZON / 2));
                block.push((ghost, *symbol, Some(row.clone())));
                block.push(right);
                soon.push((ghost, *symbol, None));
            }
            _ => block.push(right),
        }
    }
    blocks.push(soon);
    blocks
}

/// Takes a block and gives what comes out and whether rows were too late.
fn take(panel: &mut Panel, block: &[Change], numbers: &[usize]) -> (Vec<FactorBatch>, usize) {
    let mut late = 0;
    for (bar, symbol, row) in block {
        let symbol = SymbolId(numbers[*symbol as usize] as u32);
        late += usize::from(panel.set(symbol, time(*bar), row.as_deref()).is_err());
    }
    let mut out = Vec::new();
    panel.work(Time::MAX, false, usize::MAX, &mut out);
    for batch in &mut out {
        // Back to the symbols' first numbers, in their order.
        let named = |s: &SymbolId| numbers.iter().position(|n| *n == s.index()).unwrap();
        let mut order: Vec<usize> = (0..batch.symbols.len()).collect();
        order.sort_by_key(|i| named(&batch.symbols[*i]));
        batch.symbols = order.iter().map(|i| SymbolId(named(&batch.symbols[*i]) as u32)).collect();
        let columns = batch.columns.iter();
        batch.columns = columns.map(|c| order.iter().map(|i| c[*i]).collect()).collect();
    }
    (out, late)
}

fn compare(graph: &Graph, ours: &[FactorBatch], want: &[FactorBatch]) {
    assert_eq!(ours.len(), want.len(), "batches");
    for (a, b) in ours.iter().zip(want) {
        assert_eq!((a.time, a.diff, &a.symbols), (b.time, b.diff, &b.symbols));
        for ((name, _), (x, y)) in graph.outputs.iter().zip(a.columns.iter().zip(&b.columns)) {
            assert!(differing(x, y).is_none(), "{name} at {}: {x:?}, uninterrupted {y:?}", a.time);
        }
    }
}

/// Writes panels down and reads a panel of `graph` from the bytes, with other instructions and other
/// numbers of symbols, and with places for symbols that never come.
fn moved(
    panels: &[Panel],
    graph: &Graph,
    level: Level,
    numbers: &mut [usize],
    random: &mut Random,
) -> Panel {
    let mut bytes = Vec::new();
    write_snapshot(&mut bytes, &(), panels).unwrap();
    let mut reader = SnapshotReader::open(Cursor::new(bytes)).unwrap();
    let known = reader.frame().symbols();
    let mut places: Vec<usize> = (0..numbers.len()).collect();
    let symbols = (known + random.below(3)).min(numbers.len());
    random.shuffle(&mut places[..symbols]);
    numbers.iter_mut().for_each(|number| *number = places[*number]);
    let panel = Panel::with_level(graph, FIELDS, HORIZON, Emit::Cells, level).unwrap();
    reader.restore(panel, &places[..known], symbols).unwrap()
}

#[test]
fn a_snapshot_does_not_show_in_any_formula() {
    let graph = everything();
    let new = |graph: &Graph| Panel::new(graph, FIELDS, HORIZON, Emit::Cells).unwrap();
    let parts: Vec<Graph> = split(&graph, 3).iter().map(|own| graph.part(own)).collect();
    for seed in seeds() {
        eprintln!("WEIR_SEED={seed}");
        let mut random = Random::new(seed);
        let rows = market(&mut random, BARS, SYMBOLS);
        let blocks = blocks(&rows, &mut random);
        let plain: Vec<usize> = (0..2 * SYMBOLS as usize).collect();
        let (mut alone, mut numbers) = (new(&graph), plain.clone());
        let mut lanes: Vec<Panel> = parts.iter().map(new).collect();
        let (calm, lively) = blocks.split_first().unwrap();
        take(&mut alone, calm, &plain);
        lanes.iter_mut().for_each(|lane| drop(take(lane, calm, &plain)));
        // From panels that each compute a part to one that computes all.
        let mut other = moved(&lanes, &graph, Level::BASELINE, &mut numbers, &mut random);
        drop(lanes);
        let mut late = 0;
        for block in lively {
            let (want, before) = take(&mut alone, block, &plain);
            let (ours, too) = take(&mut other, block, &numbers);
            compare(&graph, &ours, &want);
            assert_eq!(before, too, "rows that were too late");
            late += before;
            let panels = [other];
            let level = if random.below(2) == 0 { Level::BASELINE } else { Level::best() };
            other = moved(&panels, &graph, level, &mut numbers, &mut random);
        }
        let stats = alone.stats();
        assert!(stats.revisions > 50 && lively.len() > 4, "{stats:?}, {} blocks", lively.len());
        assert!(late < 20, "{late} of {} corrections were too late", stats.corrected);
    }
}
