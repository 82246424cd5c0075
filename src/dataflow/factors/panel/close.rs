//! Closing a time: its row is added to all histories and every node is computed over all symbols.

use super::emit::make_canonical;
use super::layout::{Place, Step};
use super::store::RowAt;
use super::{Panel, Row};
use crate::dataflow::factors::blocks::Cuts;
use crate::model::{FactorBatch, Time};

/// Presence as a number: what windows over own bars depend on.
pub(super) const fn has_bar(there: bool) -> f64 {
    if there { 1.0 } else { f64::NAN }
}

impl Panel {
    /// Whether the oldest open time may be closed.
    pub(super) fn closable(&self, watermark: Time, early: bool) -> bool {
        let Some((time, row)) = self.open.first_key_value() else { return false };
        let complete = || {
            self.rows.back().is_some_and(|last| {
                row.present.contains_all(&last.present)
                    && row.elsewhere.contains_all(&last.elsewhere)
            })
        };
        *time <= watermark || (early && complete())
    }

    /// Closes the oldest open time.
    pub(super) fn close(&mut self, out: &mut Vec<FactorBatch>) {
        let Some((time, mut open)) = self.open.pop_first() else { return };
        let (present, elsewhere) = (open.present.clone(), open.elsewhere.clone());
        let mut members = self.rows.back().map_or(&self.base_members, |row| &row.members).clone();
        members.union(&present);
        self.rows.push_back(Row { time, present, elsewhere, members, staged: None, dirty: None });
        self.closed_through = Some(time);
        let width = self.store.width;
        for (i, node) in self.layout.nodes.iter().enumerate() {
            if node.place == Place::Kept {
                let most = self.most_rows(node.reach);
                self.store.histories[i].insert(0, width, most);
            }
        }
        for ((_, node), column) in self.layout.fields.iter().zip(&open.values) {
            let row = self.store.histories[*node].row_mut(0, width);
            let (given, rest) = row.split_at_mut(column.len().min(width));
            given.copy_from_slice(&column[..given.len()]);
            rest.fill(f64::NAN);
        }
        if let (Some(node), Some(row)) = (self.layout.presence, self.rows.back()) {
            let cells = self.store.histories[node].row_mut(0, width).iter_mut().enumerate();
            cells.for_each(|(s, cell)| *cell = has_bar(row.present.contains(s)));
        }
        self.number_session(0, time);
        open.clear();
        self.spare_open.push(open);
        self.compute_newest();
        self.stats.closed += 1;
        self.emit_closed(out);
    }

    fn compute_newest(&mut self) {
        let (layout, width) = (&self.layout, self.store.width);
        let begins = self.begins(self.rows.len().saturating_sub(1));
        let Some(row) = self.rows.back() else { return };
        let mut profile = self.profile.as_mut().and_then(|p| p.start().then_some(p));
        let at = RowAt {
            level: self.level,
            back: 0,
            newest: true,
            begins: &begins,
            older: self.rows.len() - 1,
            changeable: self.rows.len() - 1 - self.settled,
            symbols: self.symbols,
            members: &row.members,
        };
        let mut slid = vec![false; layout.sorted.len()];
        let mut summed = vec![false; layout.sums.len()];
        for (id, node) in layout.nodes.iter().enumerate() {
            if matches!(node.step, Step::Input) {
                continue;
            }
            if let Step::Rolling { pick: Some((_, number)), .. } = &node.step
                && !std::mem::replace(&mut slid[*number], true)
            {
                self.store.slide(layout, *number, self.level, at.older, &mut self.workspace);
            }
            if let Step::Rolling { blocks: Some((_, number)), .. } = &node.step
                && !std::mem::replace(&mut summed[*number], true)
            {
                let (sums, histories) = (&mut self.store.sums[*number], &self.store.histories);
                sums.go_on(self.level, &layout.sums[*number], histories, &begins);
            }
            // The place is taken out of the store while it is written: no node reads itself.
            let work = &mut self.workspace;
            match node.place {
                Place::Buffer(buffer) => {
                    let mut own = std::mem::take(&mut self.store.buffers[buffer]);
                    self.store.compute(layout, id, at, 0..width, work, &mut own);
                    self.store.buffers[buffer] = own;
                }
                Place::Kept => {
                    if matches!(node.step, Step::Recursive { .. }) {
                        self.store.histories[id].go_on(width);
                    }
                    let mut own = std::mem::take(&mut self.store.histories[id]);
                    let cells = own.row_mut(0, width);
                    match &node.step {
                        Step::Rolling { pick: Some((pick, number)), kernel, rules, .. }
                            if at.older >= kernel.reads.reach(rules.window)
                                || rules.partial(kernel.reads) =>
                        {
                            let how = rules.how(Cuts::default());
                            pick(self.level, &self.store.sorted[*number], how, cells);
                        }
                        _ => self.store.compute(layout, id, at, 0..width, work, cells),
                    }
                    if node.shared {
                        make_canonical(self.level, own.row_mut(0, width));
                    }
                    self.store.histories[id] = own;
                }
                Place::Constant(_) => {}
            }
            self.stats.cells += width as u64;
            if let Some(profile) = &mut profile {
                profile.end(id);
            }
        }
    }
}
