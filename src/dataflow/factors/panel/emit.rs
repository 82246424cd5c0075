//! Giving out results.

use super::bits::Bits;
use super::layout::Layout;
use super::store::Store;
use super::{Emit, Panel};
use crate::model::{FactorBatch, SymbolId, Time};

/// Whether two values are the same: by bits, all missing ones being equal.
#[inline(always)]
pub(super) fn same(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
}

pub(super) fn canonical(x: f64) -> f64 {
    if x.is_nan() { f64::NAN } else { x }
}

/// A batch of the factors of some symbols; `value` gives a factor's value by the number of the
/// factor and of the symbol.
fn batch(
    time: Time,
    diff: i8,
    symbols: Vec<usize>,
    factors: usize,
    value: impl Fn(usize, usize) -> f64,
) -> FactorBatch {
    let column = |f| symbols.iter().map(|s| canonical(value(f, *s))).collect();
    let columns = (0..factors).map(column).collect();
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
            let column = |row: &&[f64]| row.iter().take(present).map(|x| canonical(*x)).collect();
            let columns = rows.iter().map(column).collect();
            let symbols = (0..present as u32).map(SymbolId).collect();
            out.push(FactorBatch { time: row.time, symbols, columns, diff: 1 });
        } else {
            let symbols = row.present.iter().collect();
            out.push(batch(row.time, 1, symbols, rows.len(), |f, s| rows[f][s]));
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
        let old = |f: usize, s: usize| correction.before(slots[f], s).unwrap_or(rows[f][s]);
        let new = |f: usize, s: usize| rows[f][s];
        let now = &row.present;
        let mut touched = before.clone();
        touched.union(now);
        let changed = |s: &usize| {
            before.contains(*s) != now.contains(*s)
                || (0..rows.len()).any(|f| !same(old(f, *s), new(f, *s)))
        };
        let mut candidates = correction.touched(slots.iter().copied());
        for s in touched.iter().filter(|s| before.contains(*s) != now.contains(*s)) {
            candidates.insert(s);
        }
        let changed: Vec<usize> =
            candidates.iter().filter(|s| touched.contains(*s)).filter(changed).collect();
        if changed.is_empty() {
            return;
        }
        let (gone, come): (Vec<usize>, Vec<usize>) = match self.emit {
            Emit::Rows => (before.iter().collect(), now.iter().collect()),
            Emit::Cells | Emit::Nothing => (
                changed.iter().copied().filter(|s| before.contains(*s)).collect(),
                changed.iter().copied().filter(|s| now.contains(*s)).collect(),
            ),
        };
        self.stats.revisions += changed.iter().filter(|s| before.contains(**s)).count() as u64;
        if !gone.is_empty() {
            out.push(batch(row.time, -1, gone, rows.len(), old));
        }
        if !come.is_empty() {
            out.push(batch(row.time, 1, come, rows.len(), new));
        }
    }
}
