//! Corrections of single symbols where nothing ties symbols together. A strip is one symbol over time:
//! a column of values per node, so that a node is computed for many rows at once, with time along the
//! lanes of the kernels.
//!
//! A kernel treats each lane for itself and reads rows at fixed distances, so it is all one to it
//! whether its lanes are symbols of one time or times of one symbol: the bits are the same. Columns
//! are read from the histories when they are needed, and stay in the caches from node to node.

mod compute;
mod correct;
#[cfg(test)]
mod tests;

use std::ops::Range;

use super::bits::Bits;
use super::emit::same;
use super::layout::{Layout, Place, Reader};
use super::store::{Store, Workspace};
use crate::dataflow::factors::simd::Level;
use crate::dataflow::factors::window::GROUP;
use crate::formula::NodeId;

/// The panel that a strip belongs to.
struct Of<'a> {
    layout: &'a Layout,
    store: &'a mut Store,
    work: &'a mut Workspace,
    level: Level,
    /// How many rows may no longer change.
    settled: usize,
    symbols: usize,
}

/// The values of one node, by row of the strip.
#[derive(Debug, Default)]
struct Column {
    /// Longer than the strip by a group: kernels compute whole groups of lanes.
    values: Vec<f64>,
    /// Rows whose value is in `values`.
    known: Bits,
    /// Rows to be computed.
    dirty: Bits,
    /// Rows whose value has become another one.
    changed: Bits,
    /// What it was; only of factors.
    before: Vec<f64>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Strip {
    symbol: usize,
    /// The place of its first row in the panel; its last one is the newest.
    from: usize,
    len: usize,
    columns: Vec<Column>,
    /// Rows at which blocks of long windows begin.
    begins: Bits,
    /// 0, 1, 2 and so on: where the rows of a window begin in a column.
    ramp: Vec<usize>,
    fresh: Vec<f64>,
    lanes: Vec<f64>,
    cuts: Vec<usize>,
    /// Cells that were computed, those of nodes that are kept, and how many of these changed.
    cells: u64,
    computed: u64,
    changed: u64,
}

impl Strip {
    /// Begins anew for a symbol, with `len` rows from `from` on.
    fn reset(&mut self, nodes: usize, symbol: usize, from: usize, len: usize) {
        (self.symbol, self.from, self.len) = (symbol, from, len);
        (self.cells, self.computed, self.changed) = (0, 0, 0);
        self.columns.resize_with(nodes, Column::default);
        for column in &mut self.columns {
            column.known.clear();
            column.dirty.clear();
            column.changed.clear();
        }
        self.begins.clear();
        self.ramp.extend(self.ramp.len()..=len);
    }

    /// Sees to it that the values of a node that is not in a buffer are known in some rows.
    fn need(&mut self, of: &Of<'_>, node: NodeId, rows: Range<usize>) {
        let column = &mut self.columns[node];
        column.reserve(self.len);
        let mut from = rows.start;
        while let Some(gap) = column.known.gap(from..rows.end) {
            from = gap.end;
            let values = &mut column.values[gap.clone()];
            match of.layout.nodes[node].place {
                Place::Kept => {
                    let back = self.len - 1 - gap.start;
                    of.store.histories[node].copy_column(back, self.symbol, values);
                }
                Place::Constant(value) => values.fill(value),
                Place::Buffer(_) => continue,
            }
            column.known.insert_all(gap);
        }
    }

    /// Writes a value whose row is known; says whether it is another one.
    fn write(&mut self, of: &mut Of<'_>, node: NodeId, row: usize, value: f64) -> bool {
        let column = &mut self.columns[node];
        let old = column.values[row];
        if same(old, value) {
            return false;
        }
        column.values[row] = value;
        if column.changed.insert(row) && of.layout.nodes[node].output.is_some() {
            if column.before.len() < self.len {
                column.before.resize(self.len, f64::NAN);
            }
            column.before[row] = old;
        }
        let cells = of.store.histories[node].row_mut(self.len - 1 - row, of.store.width);
        cells.get_mut(self.symbol).into_iter().for_each(|cell| *cell = value);
        true
    }

    /// Marks what depends on the changes of a node.
    fn tell(&mut self, of: &mut Of<'_>, node: NodeId) {
        let changed = std::mem::take(&mut self.columns[node].changed);
        let mut from = 0;
        while let Some(run) = changed.run(from) {
            from = run.end;
            for Reader { node, rows: (first, last), .. } in &of.layout.nodes[node].readers {
                let end = run.end.saturating_add(*last).min(self.len);
                self.columns[*node]
                    .dirty
                    .insert_all(run.start.saturating_add(*first).min(end)..end);
            }
        }
        self.columns[node].changed = changed;
        if from == 0 {
            return;
        }
        // What is kept for the newest row.
        let (group, back) = (self.symbol / GROUP, self.len - from);
        for (sorted, (window, n)) in of.store.sorted.iter_mut().zip(&of.layout.sorted) {
            if *window == node && back < *n {
                sorted.forget_group(group);
            }
        }
        for (sums, layout) in of.store.sums.iter_mut().zip(&of.layout.sums) {
            if layout.args.contains(&node) && back < layout.window {
                sums.forget_group(group);
            }
        }
    }
}

impl Column {
    fn reserve(&mut self, len: usize) {
        if self.values.len() < len + GROUP {
            self.values.resize(len + GROUP, f64::NAN);
        }
    }

    /// The value of a factor at a row that is known, before and now.
    fn both(&self, row: usize) -> (f64, f64) {
        let now = self.values[row];
        (if self.changed.contains(row) { self.before[row] } else { now }, now)
    }

    fn part(&self, rows: Range<usize>) -> &[f64] {
        self.values.get(rows).unwrap_or(&[])
    }
}
