//! The values of all nodes, and the computing of one node for one row.

use std::ops::Range;

use super::bits::Bits;
use super::history::History;
use super::layout::{AcrossKernel, Layout, MOST_ARGUMENTS, NodeLayout, Place, Step};
use super::own::{Gathered, OwnBars};
use super::sums::Sums;
use crate::dataflow::factors::blocks::{Cuts, Kept};
use crate::dataflow::factors::simd::Level;
use crate::dataflow::factors::sorted::Sorted;
use crate::dataflow::factors::window::{GROUP, Window};
use crate::dataflow::factors::{How, Reads, Scratch};
use crate::formula::NodeId;

/// Values of all nodes.
#[derive(Debug, Default)]
pub(super) struct Store {
    /// By node; empty for nodes that are not kept.
    pub(super) histories: Vec<History>,
    /// The rows of constants, by node.
    constants: Vec<Vec<f64>>,
    /// Values at own bars, for windows that count these only.
    pub(super) own: OwnBars,
    /// Sorted windows as of the newest row, by their number in the layout.
    pub(super) sorted: Vec<Sorted>,
    /// Sums of blocks as of the newest row, by their number in the layout.
    pub(super) sums: Vec<Sums>,
    /// Current rows of nodes that are not kept.
    pub(super) buffers: Vec<Vec<f64>>,
    /// Length of all rows: symbols rounded up to whole groups, at least one more than there are.
    /// What is past the symbols stands for a symbol that was never seen, so that a new symbol
    /// finds its history there.
    pub(super) width: usize,
}

/// Memory used between calls.
#[derive(Debug, Default)]
pub(super) struct Workspace {
    starts: [Vec<usize>; MOST_ARGUMENTS],
    kernels: Scratch,
    masked: [Vec<f64>; MOST_ARGUMENTS],
    cuts: Vec<usize>,
    /// A row without values.
    nothing: Vec<f64>,
    gathered: Gathered,
}

fn history(node: &NodeLayout) -> History {
    if node.shared { History::apart() } else { History::default() }
}

/// Windows with more blocks are added up anew for every bar: there are none of that length.
const MOST_BLOCKS: usize = 64;

/// Which row is computed.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowAt<'a> {
    /// The instruction set to use.
    pub(super) level: Level,
    /// How many rows are newer.
    pub(super) back: usize,
    /// Whether it is the newest one and is just being closed: what is kept for it is up to date.
    pub(super) newest: bool,
    /// How many rows are older.
    pub(super) older: usize,
    /// How many of these may change.
    pub(super) changeable: usize,
    /// How many symbols there are.
    pub(super) symbols: usize,
    /// How many rows before it blocks begin, the newest first.
    pub(super) begins: &'a [usize],
    /// Symbols that count in cross-sections.
    pub(super) members: &'a Bits,
}

impl Store {
    pub(super) fn new(layout: &Layout) -> Store {
        let mut store = Store {
            histories: layout.nodes.iter().map(history).collect(),
            constants: layout.nodes.iter().map(|_| Vec::new()).collect(),
            own: OwnBars::new(layout),
            sorted: layout.sorted.iter().map(|(_, n)| Sorted::new(*n)).collect(),
            sums: layout.sums.iter().map(|_| Sums::default()).collect(),
            buffers: vec![Vec::new(); layout.buffers],
            width: 0,
        };
        store.widen(layout, GROUP);
        store
    }

    /// Makes all rows `width` long.
    pub(super) fn widen(&mut self, layout: &Layout, width: usize) {
        for (node, history) in layout.nodes.iter().zip(&mut self.histories) {
            if node.place == Place::Kept {
                history.widen(self.width, width);
            }
        }
        for (node, row) in layout.nodes.iter().zip(&mut self.constants) {
            if let Place::Constant(value) = node.place {
                row.resize(width, value);
            }
        }
        for buffer in &mut self.buffers {
            buffer.resize(width, f64::NAN);
        }
        self.own.widen(width);
        for sorted in &mut self.sorted {
            sorted.widen(width);
        }
        for sums in &mut self.sums {
            sums.widen(width);
        }
        self.width = width;
    }

    pub(super) fn bytes(&self) -> usize {
        let rows = self.constants.iter().chain(&self.buffers);
        self.histories.iter().map(History::bytes).sum::<usize>()
            + self.own.bytes()
            + self.sorted.iter().map(Sorted::bytes).sum::<usize>()
            + self.sums.iter().map(Sums::bytes).sum::<usize>()
            + rows.map(|row| row.capacity() * size_of::<f64>()).sum::<usize>()
    }

    /// The row of a node, `back` rows before the newest.
    pub(super) fn row(&self, layout: &Layout, node: NodeId, back: usize) -> &[f64] {
        match layout.nodes[node].place {
            Place::Kept => self.histories[node].row(back, self.width),
            Place::Constant(_) => &self.constants[node],
            Place::Buffer(buffer) => &self.buffers[buffer],
        }
    }

    /// Computes the symbols of `range` of one node's row into `out`, which has the range's length.
    /// Cross-sections are computed whole. The same code for new rows and for corrections.
    pub(super) fn compute(
        &self,
        layout: &Layout,
        node: NodeId,
        at: RowAt<'_>,
        range: Range<usize>,
        work: &mut Workspace,
        out: &mut [f64],
    ) {
        let step = &layout.nodes[node].step;
        let args = step.args();
        match step {
            Step::Input => {}
            Step::Elementwise { kernel, .. } => {
                let rows = self.rows(layout, args, at.back, &range);
                kernel(at.level, &rows[..args.len()], out);
            }
            Step::Recursive { kernel, others, rules, .. } => {
                if !others.is_empty() && work.nothing.len() < self.width {
                    work.nothing.resize(self.width, f64::NAN);
                }
                let mut rows = self.rows(layout, args, at.back, &range);
                for (row, state) in rows[args.len()..].iter_mut().zip(others) {
                    let known = self.histories[*state].row(at.back + 1, self.width);
                    let known = if known.is_empty() { &work.nothing } else { known };
                    *row = known.get(range.clone()).unwrap_or(&[]);
                }
                let rows = &rows[..args.len() + others.len()];
                kernel(at.level, rows, rules.how(Cuts::default()), out);
            }
            Step::Rolling { .. } => self.compute_windows(layout, step, at, range, work, out),
            Step::Traded { kernel, rules, .. } => {
                let of = (*kernel, args, rules);
                self.compute_own(layout, of, at, range, &mut work.gathered, out);
            }
            Step::CrossSection { kernel, rules, .. } => {
                let how = rules.how(Cuts::default());
                self.compute_across(layout, (*kernel, how), args, at, work, out);
            }
        }
    }

    /// The symbols of `range` of the rows of some nodes.
    fn rows(
        &self,
        layout: &Layout,
        args: &[NodeId],
        back: usize,
        range: &Range<usize>,
    ) -> [&[f64]; MOST_ARGUMENTS] {
        let mut rows: [&[f64]; MOST_ARGUMENTS] = [&[]; MOST_ARGUMENTS];
        for (row, arg) in rows.iter_mut().zip(args) {
            *row = self.row(layout, *arg, back).get(range.clone()).unwrap_or(&[]);
        }
        rows
    }

    fn compute_windows(
        &self,
        layout: &Layout,
        step: &Step,
        at: RowAt<'_>,
        range: Range<usize>,
        work: &mut Workspace,
        out: &mut [f64],
    ) {
        let Step::Rolling { kernel, blocks, args, rules, .. } = step else { return };
        let mut window = rules.window;
        if at.older < kernel.reads.reach(window) {
            if !rules.partial(kernel.reads) {
                out.fill(f64::NAN);
                return;
            }
            window = at.older + 1;
        }
        let mut windows = [Window::new(&[], &[]); MOST_ARGUMENTS];
        for ((starts, window_of), arg) in work.starts.iter_mut().zip(&mut windows).zip(args) {
            *window_of = self.window(layout, *arg, at.back, kernel.reads, window, starts);
        }
        let mut kept: [&[f64]; MOST_BLOCKS] = [&[]; MOST_BLOCKS];
        let mut cuts = Cuts::default();
        if let Some((_, number)) = blocks {
            let begins = at.begins.iter().take_while(|back| **back < window);
            work.cuts.clear();
            work.cuts.extend(begins.map(|back| window - 1 - back));
            work.cuts.reverse();
            cuts.rows = &work.cuts;
            if let Some(blocks) = kept.get_mut(..work.cuts.len()).filter(|_| at.newest) {
                let sums = &self.sums[*number];
                for (number, block) in blocks.iter_mut().rev().enumerate() {
                    *block = sums.block(number).unwrap_or(&[]);
                }
                cuts.kept = Some(Kept { blocks, pitch: self.width });
            }
        }
        (kernel.run)(at.level, &windows[..args.len()], rules.how(cuts), range, out);
    }

    /// Only members of the universe count, and only they have a result.
    fn compute_across(
        &self,
        layout: &Layout,
        (kernel, how): (AcrossKernel, How<'_>),
        args: &[NodeId],
        at: RowAt<'_>,
        work: &mut Workspace,
        out: &mut [f64],
    ) {
        let all = at.members.count() == at.symbols;
        if !all {
            for (masked, arg) in work.masked.iter_mut().zip(args) {
                let row = self.row(layout, *arg, at.back);
                let row = row.get(..at.symbols).unwrap_or(row);
                let there =
                    |(i, v): (usize, &f64)| if at.members.contains(i) { *v } else { f64::NAN };
                masked.clear();
                masked.extend(row.iter().enumerate().map(there));
            }
        }
        let mut rows: [&[f64]; MOST_ARGUMENTS] = [&[]; MOST_ARGUMENTS];
        for ((row, masked), arg) in rows.iter_mut().zip(&work.masked).zip(args) {
            let own = self.row(layout, *arg, at.back);
            *row = if all { own.get(..at.symbols).unwrap_or(own) } else { masked };
        }
        let (symbols, unseen) = out.split_at_mut(at.symbols.min(out.len()));
        kernel(at.level, &rows[..args.len()], how, &mut work.kernels, symbols);
        if !all {
            for (i, value) in symbols.iter_mut().enumerate() {
                *value = if at.members.contains(i) { *value } else { f64::NAN };
            }
        }
        unseen.fill(f64::NAN);
    }

    /// Takes sorted windows on to the newest row of the node they belong to.
    pub(super) fn slide(
        &mut self,
        layout: &Layout,
        number: usize,
        level: Level,
        older: usize,
        work: &mut Workspace,
    ) {
        let Some((node, n)) = layout.sorted.get(number).copied() else { return };
        let mut sorted = std::mem::take(&mut self.sorted[number]);
        let leaves = (older >= n).then(|| self.row(layout, node, n));
        let rows = n.min(older + 1);
        let [starts, ..] = &mut work.starts;
        let window = self.window(layout, node, 0, Reads::Window, rows, starts);
        sorted.slide(level, leaves, window);
        self.sorted[number] = sorted;
    }

    /// Writes the row of a node that is `back` rows before the newest into `out`, missing where
    /// there is none: what a recursive operator goes on from.
    pub(super) fn copy_row(&self, node: NodeId, back: usize, range: Range<usize>, out: &mut [f64]) {
        match self.histories.get(node).and_then(|h| h.row(back, self.width).get(range)) {
            Some(row) => out.copy_from_slice(row),
            None => out.fill(f64::NAN),
        }
    }

    fn window<'a>(
        &'a self,
        layout: &Layout,
        node: NodeId,
        back: usize,
        reads: Reads,
        n: usize,
        starts: &'a mut Vec<usize>,
    ) -> Window<'a> {
        starts.clear();
        let rows = match reads {
            Reads::Window | Reads::Existing => n,
            Reads::Lag => 1,
            Reads::LagAndCurrent => 2,
        };
        if layout.nodes[node].place != Place::Kept {
            // A constant: the same row at all times.
            starts.resize(rows, 0);
            return Window::new(self.row(layout, node, back), starts);
        }
        let history = &self.histories[node];
        match reads {
            Reads::Window | Reads::Existing => {
                starts.extend((0..n).rev().map(|i| history.start(back + i)));
            }
            Reads::Lag => starts.push(history.start(back + n)),
            Reads::LagAndCurrent => {
                starts.extend([history.start(back + n), history.start(back)]);
            }
        }
        Window::new(history.data(), starts)
    }
}
