//! What the blocks of long windows add up to, kept from bar to bar for the newest row; see
//! [`crate::dataflow::factors::blocks`]. Everything here follows from the rows and may be forgotten
//! at any time.

use std::collections::VecDeque;

use super::history::History;
use crate::dataflow::factors::blocks::{Blocked, Row};
use crate::dataflow::factors::simd::Level;
use crate::dataflow::factors::window::GROUP;
use crate::formula::NodeId;

/// What is summed up, for nodes that share it.
#[derive(Clone, Debug)]
pub(super) struct SumsLayout {
    pub(super) kernel: Blocked,
    pub(super) args: Vec<NodeId>,
    /// The longest window on it.
    pub(super) window: usize,
}

/// The sums of the blocks of some arguments.
#[derive(Debug, Default)]
pub(super) struct Sums {
    /// By block, the oldest first: rows of numbers, `width` each.
    blocks: VecDeque<Vec<f64>>,
    spare: Vec<Vec<f64>>,
    width: usize,
    /// Groups of symbols that must be added up anew.
    stale: Vec<bool>,
    /// Whether all must, since rows have come or gone.
    forgotten: bool,
}

impl Sums {
    pub(super) fn bytes(&self) -> usize {
        self.blocks.iter().chain(&self.spare).map(|block| block.capacity() * size_of::<f64>()).sum()
    }

    /// Makes place for so many symbols.
    pub(super) fn widen(&mut self, width: usize) {
        self.width = width;
        self.stale.clear();
        self.stale.resize(width / GROUP, false);
        self.spare.clear();
        self.forget_all();
    }

    /// Rows have come or gone in the middle.
    pub(super) fn forget_all(&mut self) {
        self.forgotten = true;
    }

    /// Values of some groups of symbols have changed; `changed` is a set of bits.
    pub(super) fn forget(&mut self, changed: &[u64]) {
        for (group, stale) in self.stale.iter_mut().enumerate() {
            *stale |= changed.get(group / 64).is_some_and(|word| word >> (group % 64) & 1 == 1);
        }
    }

    /// Values of one group of symbols have changed.
    pub(super) fn forget_group(&mut self, group: usize) {
        self.stale.get_mut(group).into_iter().for_each(|stale| *stale = true);
    }

    /// The rows of a block, `number` blocks before the newest.
    pub(super) fn block(&self, number: usize) -> Option<&[f64]> {
        let at = self.blocks.len().checked_sub(number + 1)?;
        self.blocks.get(at).map(Vec::as_slice)
    }

    /// Goes on to the newest row. `begins` says how many rows before it blocks begin, the newest
    /// first; those that no window reaches are forgotten.
    pub(super) fn go_on(
        &mut self,
        level: Level,
        layout: &SumsLayout,
        histories: &[History],
        begins: &[usize],
    ) {
        let reached = begins.iter().take_while(|back| **back < layout.window).count();
        let begins = &begins[..reached];
        if std::mem::take(&mut self.forgotten) {
            self.spare.extend(self.blocks.drain(..));
            self.stale.fill(true);
        } else if let Some(back) = begins.first() {
            if *back == 0 {
                let block = self.empty(layout);
                self.blocks.push_back(block);
            }
            self.add_to(0, level, layout, histories, (*back, 0), 0..self.width);
        }
        while self.blocks.len() > reached {
            self.spare.extend(self.blocks.pop_front());
        }
        while self.blocks.len() < reached {
            let block = self.empty(layout);
            self.blocks.push_front(block);
        }
        for group in 0..self.stale.len() {
            if std::mem::take(&mut self.stale[group]) {
                self.add_anew(level, layout, histories, begins, group);
            }
        }
    }

    fn empty(&mut self, layout: &SumsLayout) -> Vec<f64> {
        let mut block = self.spare.pop().unwrap_or_default();
        block.resize(layout.kernel.parts * self.width, f64::NAN);
        block
    }

    /// All blocks of one group of symbols.
    fn add_anew(
        &mut self,
        level: Level,
        layout: &SumsLayout,
        histories: &[History],
        begins: &[usize],
        group: usize,
    ) {
        let range = group * GROUP..(group + 1) * GROUP;
        let mut end = 0;
        for (number, first) in begins.iter().enumerate() {
            for back in (end..=*first).rev() {
                self.add_to(number, level, layout, histories, (*first, back), range.clone());
            }
            end = first + 1;
        }
    }

    /// Adds the row `back` rows before the newest to the block, `number` before the newest, that
    /// begins `first` rows before the newest.
    fn add_to(
        &mut self,
        number: usize,
        level: Level,
        layout: &SumsLayout,
        histories: &[History],
        (first, back): (usize, usize),
        range: std::ops::Range<usize>,
    ) {
        let row = |back: usize, arg: usize| -> &[f64] {
            let history = layout.args.get(arg).and_then(|node| histories.get(*node));
            history.map_or(&[], |history| history.row(back, self.width))
        };
        let firsts: [&[f64]; 2] = [row(first, 0), row(first, 1)];
        let rows: [&[f64]; 2] = [row(back, 0), row(back, 1)];
        let args = layout.args.len().min(2);
        let row = Row { first: &firsts[..args], row: &rows[..args], begins: first == back };
        let at = self.blocks.len().checked_sub(number + 1);
        if let Some(block) = at.and_then(|at| self.blocks.get_mut(at)) {
            (layout.kernel.extend)(level, row, block, self.width, range);
        }
    }
}
