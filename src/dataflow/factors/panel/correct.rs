//! Bringing a closed time up to date: only what depends on a change is computed, node by node, and
//! a node whose bits stay equal tells nobody.
//!
//! Rows are worked on oldest first and nodes in the graph's order; a change only ever marks later
//! nodes of the same row and later rows, so each dirty row is visited once.

use super::bits::Bits;
use super::close::has_bar;
use super::dirty::{Dirty, runs};
use super::emit::same;
use super::layout::{Layout, Place, Step};
use super::store::RowAt;
use super::sums::Sums;
use super::{Panel, Row};
use crate::dataflow::factors::sorted::Sorted;
use crate::dataflow::factors::window::GROUP;
use crate::formula::NodeId;
use crate::model::{FactorBatch, Time};

/// Memory of the row that is being brought up to date.
#[derive(Debug, Default)]
pub(super) struct Correction {
    /// Values just computed.
    fresh: Vec<f64>,
    /// Groups to compute, groups that changed, groups that are missing in a buffer.
    groups: Vec<u64>,
    changed: Vec<u64>,
    missing: Vec<u64>,
    /// How many rows before the row blocks begin.
    begins: Vec<usize>,
    /// By buffer: which node's values it holds, and for which groups.
    owners: Vec<(NodeId, Vec<u64>)>,
    /// By distinct output: values before, valid for the symbols in the set.
    before: Vec<(Vec<f64>, Bits)>,
}

impl Correction {
    pub(super) fn new(layout: &Layout) -> Correction {
        Correction {
            owners: vec![(NodeId::MAX, Vec::new()); layout.buffers],
            before: vec![(Vec::new(), Bits::default()); layout.distinct_outputs()],
            ..Correction::default()
        }
    }

    fn reset(&mut self, width: usize) {
        self.fresh.resize(width, 0.0);
        for (owner, _) in &mut self.owners {
            *owner = NodeId::MAX;
        }
        for (values, symbols) in &mut self.before {
            values.resize(width, 0.0);
            symbols.clear();
        }
    }

    /// The values of an output before, where it was written, by symbol.
    pub(super) fn before(&self, output: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
        let (values, symbols) = &self.before[output];
        symbols.iter().map(|symbol| (symbol, values[symbol]))
    }

    /// Writes a value, remembering the old one; says whether it was another one.
    #[inline]
    fn write(&mut self, output: Option<usize>, symbol: usize, cell: &mut f64, value: f64) -> bool {
        if same(*cell, value) {
            return false;
        }
        if let Some(output) = output {
            let (values, symbols) = &mut self.before[output];
            // A cell may change twice when several changes of one row came together.
            if symbols.insert(symbol) {
                values[symbol] = *cell;
            }
        }
        *cell = value;
        true
    }
}

impl Panel {
    /// Brings the row at place `at` up to date.
    pub(super) fn correct(&mut self, at: usize, out: &mut Vec<FactorBatch>) {
        let before = self.rows[at].present.clone();
        self.correction.reset(self.store.width);
        self.correction.begins = self.begins(at);
        let mut dirty = self.rows[at].dirty.take().unwrap_or_else(|| {
            let mut dirty = self.spare_dirty.pop().unwrap_or_default();
            dirty.reset(self.layout.nodes.len(), self.store.width / GROUP);
            dirty
        });
        self.stats.corrected += 1;
        self.apply_staged(at, &mut dirty);
        if self.rows[at].present.is_empty() && self.rows[at].elsewhere.is_empty() {
            self.emit_revision(at, &before, out);
            self.remove(at);
        } else {
            if dirty.members || self.rows[at].present != before {
                self.find_members(at, &mut dirty);
            }
            self.recompute(at, &mut dirty);
            self.emit_revision(at, &before, out);
        }
        self.spare_dirty.push(dirty);
    }

    fn apply_staged(&mut self, at: usize, dirty: &mut Dirty) {
        let Some(staged) = self.rows[at].staged.take() else { return };
        let back = self.rows.len() - 1 - at;
        let width = self.store.width;
        let fields = self.layout.fields.len();
        for (symbol, there) in staged.symbols.iter().zip(&staged.present) {
            if *there {
                self.rows[at].present.insert(symbol.index());
            } else {
                self.rows[at].present.remove(symbol.index());
            }
        }
        for i in 0..fields {
            let (_, node) = self.layout.fields[i];
            let output = self.layout.nodes[node].output;
            let mut changed = std::mem::take(&mut self.correction.changed);
            changed.clear();
            changed.resize((width / GROUP).div_ceil(64), 0);
            let cells = self.store.histories[node].row_mut(back, width);
            for (symbol, values) in staged.symbols.iter().zip(staged.values.chunks(fields)) {
                let s = symbol.index();
                if let Some(cell) = cells.get_mut(s)
                    && self.correction.write(output, s, cell, values[i])
                {
                    changed[s / GROUP / 64] |= 1 << (s / GROUP % 64);
                }
            }
            self.correction.changed = changed;
            self.tell(node, at, dirty);
        }
        if let Some(node) = self.layout.presence {
            let mut changed = std::mem::take(&mut self.correction.changed);
            changed.clear();
            changed.resize((width / GROUP).div_ceil(64), 0);
            let cells = self.store.histories[node].row_mut(back, width);
            for (symbol, there) in staged.symbols.iter().zip(&staged.present) {
                let s = symbol.index();
                if let Some(cell) = cells.get_mut(s)
                    && self.correction.write(None, s, cell, has_bar(*there))
                {
                    changed[s / GROUP / 64] |= 1 << (s / GROUP % 64);
                }
            }
            self.correction.changed = changed;
            self.tell(node, at, dirty);
        }
    }

    /// The universe of a row is that of the row before and its own symbols.
    fn find_members(&mut self, at: usize, dirty: &mut Dirty) {
        let older = at.checked_sub(1).and_then(|i| self.rows.get(i));
        let mut members = older.map_or(&self.base_members, |row| &row.members).clone();
        members.union(&self.rows[at].present);
        if members.same(&self.rows[at].members) {
            return;
        }
        self.rows[at].members = members;
        for node in &self.layout.cross_sections {
            dirty.mark_all(*node, self.store.width / GROUP);
        }
        self.members_changed(at + 1);
    }

    fn members_changed(&mut self, at: usize) {
        if at < self.rows.len() {
            self.dirty_row(at).members = true;
        }
    }

    fn dirty_row(&mut self, at: usize) -> &mut Dirty {
        let (nodes, groups) = (self.layout.nodes.len(), self.store.width / GROUP);
        let spare = &mut self.spare_dirty;
        self.first_dirty = self.first_dirty.min(at);
        self.rows[at].dirty.get_or_insert_with(|| {
            let mut dirty = spare.pop().unwrap_or_default();
            dirty.reset(nodes, groups);
            dirty
        })
    }

    /// Marks what depends on the groups in `correction.changed` of a node.
    fn tell(&mut self, node: NodeId, at: usize, dirty: &mut Dirty) {
        let changed = std::mem::take(&mut self.correction.changed);
        if changed.iter().any(|word| *word != 0) {
            let groups = self.store.width / GROUP;
            let back = self.rows.len() - 1 - at;
            for (sorted, (of, n)) in self.store.sorted.iter_mut().zip(&self.layout.sorted) {
                if *of == node && back < *n {
                    sorted.forget(&changed);
                }
            }
            for (sums, of) in self.store.sums.iter_mut().zip(&self.layout.sums) {
                if of.args.contains(&node) && back < of.window {
                    sums.forget(&changed);
                }
            }
            for i in 0..self.layout.nodes[node].readers.len() {
                let reader = self.layout.nodes[node].readers[i];
                let last = reader.rows.1.min(self.rows.len() - 1 - at);
                for further in reader.rows.0..=last {
                    let row = match further {
                        0 => &mut *dirty,
                        _ => self.dirty_row(at + further),
                    };
                    if reader.whole {
                        row.mark_all(reader.node, groups);
                    } else {
                        row.mark(reader.node, &changed);
                    }
                }
            }
        }
        self.correction.changed = changed;
    }

    /// Recomputes all that is marked, and what turns out to depend on it.
    fn recompute(&mut self, at: usize, dirty: &mut Dirty) {
        let mut groups = std::mem::take(&mut self.correction.groups);
        let mut from = 0;
        while let Some(node) = dirty.take(from, &mut groups) {
            from = node + 1;
            let kept = self.layout.nodes[node].place == Place::Kept;
            if !kept || matches!(self.layout.nodes[node].step, Step::Input) {
                continue;
            }
            for i in 0..self.layout.nodes[node].chain.len() {
                self.fill_buffer(self.layout.nodes[node].chain[i], at, &groups);
            }
            self.recompute_node(node, at, &groups);
            self.tell(node, at, dirty);
        }
        self.correction.groups = groups;
    }

    /// Sees to it that the buffer of a node that is not kept holds its values for `groups`.
    fn fill_buffer(&mut self, node: NodeId, at: usize, groups: &[u64]) {
        let Place::Buffer(buffer) = self.layout.nodes[node].place else { return };
        let (owner, valid) = &mut self.correction.owners[buffer];
        if *owner != node {
            *owner = node;
            valid.clear();
        }
        valid.resize(groups.len(), 0);
        self.correction.missing.clear();
        self.correction.missing.extend(groups.iter().zip(&*valid).map(|(g, v)| g & !v));
        for (v, g) in valid.iter_mut().zip(groups) {
            *v |= g;
        }
        let mut own = std::mem::take(&mut self.store.buffers[buffer]);
        let missing = std::mem::take(&mut self.correction.missing);
        self.compute_groups(node, at, &missing, &mut own);
        self.store.buffers[buffer] = own;
        self.correction.missing = missing;
    }

    /// Computes a kept node and compares; what changed is in `correction.changed` afterwards.
    fn recompute_node(&mut self, node: NodeId, at: usize, groups: &[u64]) {
        let mut fresh = std::mem::take(&mut self.correction.fresh);
        self.compute_groups(node, at, groups, &mut fresh);
        let (back, width) = (self.rows.len() - 1 - at, self.store.width);
        let output = self.layout.nodes[node].output;
        let cells = self.store.histories[node].row_mut(back, width);
        let mut changed = std::mem::take(&mut self.correction.changed);
        let (mut computed, mut others) = (0, 0);
        changed.clear();
        changed.resize(groups.len(), 0);
        runs(groups, |first, end| {
            for group in first..end {
                computed += GROUP as u64;
                let of = group * GROUP..(group + 1) * GROUP;
                let (Some(old), Some(new)) = (cells.get_mut(of.clone()), fresh.get(of.clone()))
                else {
                    continue;
                };
                if old.iter().zip(new).all(|(a, b)| same(*a, *b)) {
                    continue;
                }
                changed[group / 64] |= 1 << (group % 64);
                for ((symbol, cell), value) in of.zip(old).zip(new) {
                    let changed = self.correction.write(output, symbol, cell, *value);
                    others += u64::from(changed);
                }
            }
        });
        self.stats.recomputed += computed;
        self.stats.changed += others;
        self.correction.changed = changed;
        self.correction.fresh = fresh;
    }

    /// Computes some groups of a node's row into their places in `out`.
    fn compute_groups(&mut self, node: NodeId, at: usize, groups: &[u64], out: &mut [f64]) {
        let row = RowAt {
            level: self.level,
            back: self.rows.len() - 1 - at,
            newest: false,
            begins: &self.correction.begins,
            older: at,
            changeable: at - self.settled,
            symbols: self.symbols,
            members: &self.rows[at].members,
        };
        let (store, layout, work) = (&self.store, &self.layout, &mut self.workspace);
        let mut cells = 0;
        let recursive = matches!(layout.nodes[node].step, Step::Recursive { .. });
        runs(groups, |first, end| {
            let range = first * GROUP..(end * GROUP).min(store.width);
            cells += range.len() as u64;
            if let Some(out) = out.get_mut(range.clone()) {
                if recursive {
                    store.copy_row(node, row.back + 1, range.clone(), out);
                }
                store.compute(layout, node, row, range, work, out);
            }
        });
        self.stats.cells += cells;
    }

    /// Adds a closed time that was never seen; all windows that span it change.
    pub(super) fn insert(&mut self, at: usize, time: Time) {
        let [present, elsewhere, members] = std::array::from_fn(|_| Bits::default());
        self.rows.insert(at, Row { time, present, elsewhere, members, staged: None, dirty: None });
        let (back, width) = (self.rows.len() - 1 - at, self.store.width);
        for node in 0..self.layout.nodes.len() {
            if self.layout.nodes[node].place == Place::Kept {
                let most = self.most_rows(self.layout.nodes[node].reach);
                self.store.histories[node].insert(back, width, most);
                self.dirty_row(at).mark_all(node, width / GROUP);
            }
        }
        let fields = self.layout.fields.iter().map(|(_, node)| node);
        for node in fields.chain(&self.layout.presence) {
            self.store.histories[*node].row_mut(back, width).fill(f64::NAN);
        }
        self.number_session(back, time);
        self.dirty_row(at).members = true;
        self.mark_windows(at + 1);
    }

    /// Removes a closed time that has no rows any more.
    fn remove(&mut self, at: usize) {
        let back = self.rows.len() - 1 - at;
        self.rows.remove(at);
        for (node, history) in self.layout.nodes.iter().zip(&mut self.store.histories) {
            if node.place == Place::Kept {
                history.remove(back);
            }
        }
        self.members_changed(at);
        self.mark_windows(at);
    }

    /// Marks all windows from row `at` on that reach beyond it: the rows before moved.
    fn mark_windows(&mut self, at: usize) {
        self.store.sorted.iter_mut().for_each(Sorted::forget_all);
        self.store.sums.iter_mut().for_each(Sums::forget_all);
        let groups = self.store.width / GROUP;
        for i in 0..self.layout.windows.len() {
            let (node, reach) = self.layout.windows[i];
            for row in at..self.rows.len().min(at.saturating_add(reach)) {
                self.dirty_row(row).mark_all(node, groups);
            }
        }
    }
}
