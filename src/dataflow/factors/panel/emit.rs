//! Giving out results.

use super::bits::Bits;
use super::layout::Layout;
use super::store::Store;
use super::{Emit, Panel};
use crate::dataflow::factors::simd::{Body, Level, run};
use crate::formula::NodeId;
use crate::model::{Column, FactorBatch, SymbolId, Time};

/// Whether two values are the same: by bits, all missing ones being equal.
#[inline(always)]
pub(super) fn same(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
}

#[inline(always)]
pub(super) fn canonical(x: f64) -> f64 {
    if x.is_nan() { f64::NAN } else { x }
}

/// Makes all missing values of a row the same.
pub(super) fn make_canonical(level: Level, row: &mut [f64]) {
    run(level, Canonical(row));
}

struct Canonical<'a>(&'a mut [f64]);

impl Body for Canonical<'_> {
    #[inline(always)]
    fn run(self) {
        self.0.iter_mut().for_each(|x| *x = canonical(*x));
    }
}

/// A batch of the factors of some symbols.
fn batch(time: Time, diff: i8, symbols: Vec<usize>, rows: &[&[f64]]) -> FactorBatch {
    let column = |row: &&[f64]| symbols.iter().map(|s| canonical(row[*s])).collect();
    let columns = rows.iter().map(column).collect();
    let symbols = symbols.iter().map(|s| SymbolId(*s as u32)).collect();
    FactorBatch { time, symbols, columns, diff }
}

/// The rows of the factors at a time, in the pipeline's order.
fn output_rows<'a>(layout: &Layout, store: &'a Store, back: usize) -> Vec<&'a [f64]> {
    layout.outputs.iter().map(|node| store.row(layout, *node, back)).collect()
}

impl Panel {
    /// The newest time, which was just closed.
    pub(super) fn emit_closed(&self, out: &mut Vec<FactorBatch>) {
        let Some(row) = self.rows.back().filter(|_| self.emit != Emit::Nothing) else { return };
        let rows = output_rows(&self.layout, &self.store, 0);
        let present = row.present.count();
        if rows.is_empty() || present == 0 {
            return;
        }
        if present == self.symbols {
            // The usual case, without looking up each symbol.
            let column = |(node, row): (&NodeId, &&[f64])| {
                let copy = || row.iter().take(present).map(|x| canonical(*x)).collect();
                let shared = self.store.histories.get(*node).and_then(|h| h.shared(0));
                shared.map_or_else(copy, |numbers| Column::sharing(numbers, present))
            };
            let columns = self.layout.outputs.iter().zip(&rows).map(column).collect();
            let symbols = (0..present as u32).map(SymbolId).collect();
            out.push(FactorBatch { time: row.time, symbols, columns, diff: 1 });
        } else {
            let symbols = row.present.iter().collect();
            out.push(batch(row.time, 1, symbols, &rows));
        }
    }

    /// What changed at a time that was brought up to date: `before` are the symbols that had a
    /// row, the values before are in the correction.
    pub(super) fn emit_revision(&mut self, at: usize, before: &Bits, out: &mut Vec<FactorBatch>) {
        let rows = output_rows(&self.layout, &self.store, self.rows.len() - 1 - at);
        let (row, correction) = (&self.rows[at], &self.correction);
        let slots: Vec<usize> =
            self.layout.outputs.iter().filter_map(|node| self.layout.nodes[*node].output).collect();
        if rows.is_empty() || self.emit == Emit::Nothing {
            return;
        }
        let now = &row.present;
        let mut revised = before.clone();
        revised.differences(now);
        for (slot, values) in slots.iter().zip(&rows) {
            for (s, old) in correction.before(*slot) {
                if !same(old, values[s]) && (before.contains(s) || now.contains(s)) {
                    revised.insert(s);
                }
            }
        }
        if revised.is_empty() {
            return;
        }
        let (gone, come): (Vec<usize>, Vec<usize>) = match self.emit {
            Emit::Rows => (before.iter().collect(), now.iter().collect()),
            Emit::Cells | Emit::Nothing => (
                revised.iter().filter(|s| before.contains(*s)).collect(),
                revised.iter().filter(|s| now.contains(*s)).collect(),
            ),
        };
        self.stats.revisions += revised.iter().filter(|s| before.contains(*s)).count() as u64;
        if !gone.is_empty() {
            // What is past the symbols may have changed, too.
            let mut places = vec![usize::MAX; self.store.width];
            gone.iter().enumerate().for_each(|(i, s)| places[*s] = i);
            let mut old = batch(row.time, -1, gone, &rows);
            for (slot, column) in slots.iter().zip(&mut old.columns) {
                let column = column.to_mut();
                for (s, value) in correction.before(*slot) {
                    if let Some(place) = column.get_mut(places[s]) {
                        *place = canonical(value);
                    }
                }
            }
            out.push(old);
        }
        if !come.is_empty() {
            out.push(batch(row.time, 1, come, &rows));
        }
    }
}
