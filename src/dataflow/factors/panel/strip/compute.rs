//! Computing the nodes of a strip.

use std::ops::Range;

use super::super::layout::{MOST_ARGUMENTS, Step};
use super::super::store::RowAt;
use super::{Bits, Of, Strip};
use crate::dataflow::factors::blocks::Cuts;
use crate::dataflow::factors::window::{GROUP, Window};
use crate::dataflow::factors::{How, Reads};
use crate::formula::NodeId;

/// Rows that are read ahead where a state goes on from row to row, nobody knows how far.
const AHEAD: usize = 64;

impl Strip {
    /// Computes all that is marked, and what turns out to depend on it.
    pub(super) fn recompute(&mut self, of: &mut Of<'_>) {
        for node in 0..self.columns.len() {
            if self.columns[node].dirty.is_empty() {
                continue;
            }
            match &of.layout.nodes[node].step {
                Step::Input => {}
                Step::Recursive { others, .. } => {
                    // The numbers of a state stand together.
                    let first = others.iter().copied().fold(node, usize::min);
                    let states = first..first + others.len() + 1;
                    self.go_on(of, states.clone());
                    states.clone().for_each(|state| self.tell(of, state));
                    // They have told each other.
                    states.for_each(|state| self.columns[state].dirty.clear());
                }
                _ => {
                    self.recompute_node(of, node);
                    self.tell(of, node);
                }
            }
        }
    }

    /// Computes the marked rows of a node whose rows do not depend on each other.
    fn recompute_node(&mut self, of: &mut Of<'_>, node: NodeId) {
        let dirty = std::mem::take(&mut self.columns[node].dirty);
        let mut fresh = std::mem::take(&mut self.fresh);
        let mut from = 0;
        while let Some(run) = dirty.run(from) {
            from = run.end;
            fresh.clear();
            fresh.resize(run.len(), f64::NAN);
            match &of.layout.nodes[node].step {
                Step::Elementwise { .. } => {
                    self.need_arguments(of, node, 0, run.clone());
                    self.elementwise(of, node, run.clone(), &mut fresh);
                }
                Step::Rolling { .. } => self.windows(of, node, run.clone(), &mut fresh),
                _ => self.own_bars(of, node, run.clone(), &mut fresh),
            }
            self.need(of, node, run.clone());
            self.computed += run.len() as u64;
            self.cells += run.len() as u64;
            for (row, value) in run.zip(&fresh) {
                let changed = self.write(of, node, row, *value);
                self.changed += u64::from(changed);
            }
        }
        self.fresh = fresh;
        self.columns[node].dirty = dirty;
        self.columns[node].dirty.clear();
    }

    /// Sees to it that the arguments of a node are known in some rows and in `reach` rows before.
    fn need_arguments(&mut self, of: &Of<'_>, node: NodeId, reach: usize, rows: Range<usize>) {
        // What is not kept is no argument of a window.
        for part in &of.layout.nodes[node].chain {
            let mut from = rows.start;
            while let Some(gap) = self.columns[*part].known.gap(from..rows.end) {
                from = gap.end;
                for arg in of.layout.nodes[*part].step.args() {
                    self.need(of, *arg, gap.clone());
                }
                let mut own = std::mem::take(&mut self.columns[*part]);
                own.reserve(self.len);
                self.elementwise(of, *part, gap.clone(), &mut own.values[gap.clone()]);
                self.cells += gap.len() as u64;
                own.known.insert_all(gap);
                self.columns[*part] = own;
            }
        }
        for arg in of.layout.nodes[node].step.args() {
            self.need(of, *arg, rows.start.saturating_sub(reach)..rows.end);
        }
    }

    fn elementwise(&self, of: &Of<'_>, node: NodeId, rows: Range<usize>, out: &mut [f64]) {
        let Step::Elementwise { kernel, args } = &of.layout.nodes[node].step else { return };
        let mut given: [&[f64]; MOST_ARGUMENTS] = [&[]; MOST_ARGUMENTS];
        for (given, arg) in given.iter_mut().zip(args) {
            *given = self.columns[*arg].part(rows.clone());
        }
        kernel(of.level, &given[..args.len()], out);
    }

    /// Windows that end at the rows of a run.
    fn windows(&mut self, of: &Of<'_>, node: NodeId, run: Range<usize>, out: &mut [f64]) {
        let Step::Rolling { kernel, blocks, rules, .. } = &of.layout.nodes[node].step else {
            return;
        };
        let reach = kernel.reads.reach(rules.window);
        self.need_arguments(of, node, reach, run.clone());
        // Before this one the panel has fewer rows than the window.
        let whole = reach.saturating_sub(self.from).clamp(run.start, run.end);
        let alone = if blocks.is_some() { run.end } else { whole };
        let mut cuts = std::mem::take(&mut self.cuts);
        for (row, out) in (run.start..alone).zip(out.iter_mut()) {
            if row < whole && !rules.partial(kernel.reads) {
                continue;
            }
            let window = if row < whole { self.from + row + 1 } else { rules.window };
            cuts.clear();
            if blocks.is_some() {
                let oldest = row + 1 - window;
                let mut begin = self.begins.next(oldest).filter(|at| *at <= row);
                while let Some(at) = begin {
                    cuts.push(at - oldest);
                    begin = self.begins.next(at + 1).filter(|at| *at <= row);
                }
            }
            let how = rules.how(Cuts { rows: &cuts, kept: None });
            let mut lanes = [f64::NAN; GROUP];
            self.window(of, node, (row, window), how, &mut lanes);
            *out = lanes[0];
        }
        self.cuts = cuts;
        if alone < run.end {
            let mut lanes = std::mem::take(&mut self.lanes);
            lanes.clear();
            lanes.resize((run.end - alone).next_multiple_of(GROUP), f64::NAN);
            let how = rules.how(Cuts::default());
            self.window(of, node, (alone, rules.window), how, &mut lanes);
            out[alone - run.start..].copy_from_slice(&lanes[..run.end - alone]);
            self.lanes = lanes;
        }
    }

    /// Windows of so many rows, one for each place of `out`, the first of which ends at `row`.
    fn window(
        &self,
        of: &Of<'_>,
        node: NodeId,
        (row, window): (usize, usize),
        how: How<'_>,
        out: &mut [f64],
    ) {
        let Step::Rolling { kernel, args, .. } = &of.layout.nodes[node].step else { return };
        let reach = kernel.reads.reach(window);
        let ends = [0, reach];
        let starts = match kernel.reads {
            Reads::Window | Reads::Existing => self.ramp.get(..window).unwrap_or(&[]),
            Reads::Lag => &ends[..1],
            Reads::LagAndCurrent => &ends,
        };
        let mut windows = [Window::new(&[], &[]); MOST_ARGUMENTS];
        for (window, arg) in windows.iter_mut().zip(args) {
            let values = self.columns[*arg].values.get(row.saturating_sub(reach)..);
            *window = Window::new(values.unwrap_or(&[]), starts);
        }
        (kernel.run)(of.level, &windows[..args.len()], how, 0..out.len(), out);
    }

    /// Windows over own bars, which gather them from the histories.
    fn own_bars(&self, of: &mut Of<'_>, node: NodeId, run: Range<usize>, out: &mut [f64]) {
        let first = self.symbol / GROUP * GROUP;
        let nobody = Bits::default();
        for (row, out) in run.zip(out) {
            let older = self.from + row;
            let at = RowAt {
                level: of.level,
                back: self.len - 1 - row,
                newest: false,
                older,
                changeable: older - of.settled,
                symbols: of.symbols,
                begins: &[],
                members: &nobody,
            };
            let mut lanes = [f64::NAN; GROUP];
            of.store.compute(of.layout, node, at, first..first + GROUP, of.work, &mut lanes);
            *out = lanes[self.symbol - first];
        }
    }

    /// Goes on with the numbers of a state from the first row that is marked, as long as they or
    /// the arguments change.
    fn go_on(&mut self, of: &mut Of<'_>, states: Range<NodeId>) {
        let mut dirty = Bits::default();
        for state in states.clone() {
            dirty.union(&self.columns[state].dirty);
        }
        let (mut from, mut read) = (0, 0);
        while let Some(row) = dirty.next(from) {
            from = row + 1;
            if row >= read {
                read = (row + AHEAD).min(self.len);
                self.need_arguments(of, states.start, 0, row..read);
                for state in states.clone() {
                    self.need(of, state, row.saturating_sub(1)..read);
                }
            }
            let mut next = [f64::NAN; MOST_ARGUMENTS];
            for (next, state) in next.iter_mut().zip(states.clone()) {
                *next = self.next_state(of, states.clone(), state, row);
            }
            self.computed += states.len() as u64;
            self.cells += states.len() as u64;
            let mut changed = 0;
            for (next, state) in next.iter().zip(states.clone()) {
                changed += u64::from(self.write(of, state, row, *next));
            }
            self.changed += changed;
            if changed > 0 && from < self.len {
                dirty.insert(from);
            }
        }
    }

    fn next_state(&self, of: &Of<'_>, states: Range<NodeId>, state: NodeId, row: usize) -> f64 {
        let Step::Recursive { kernel, args, rules, .. } = &of.layout.nodes[state].step else {
            return f64::NAN;
        };
        let before = |state: NodeId| match row.checked_sub(1) {
            Some(row) => self.columns[state].part(row..row + 1),
            None => &[f64::NAN],
        };
        let rows = args.iter().map(|arg| self.columns[*arg].part(row..row + 1));
        let others = states.filter(|other| *other != state).map(before);
        let mut given: [&[f64]; MOST_ARGUMENTS] = [&[]; MOST_ARGUMENTS];
        let mut count = 0;
        for (given, value) in given.iter_mut().zip(rows.chain(others)) {
            *given = value;
            count += 1;
        }
        let mut out = [before(state).first().copied().unwrap_or(f64::NAN)];
        kernel(of.level, &given[..count], rules.how(Cuts::default()), &mut out);
        out[0]
    }
}
