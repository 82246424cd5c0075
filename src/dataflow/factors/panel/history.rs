//! The kept rows of one node: in a block of memory, or each for itself where they are given out.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::dataflow::factors::window::GROUP;

/// Doubles beyond the symbols in every row, so that rows of a power of two of symbols do not all
/// fall into the same sets of the first cache.
const PITCH_EXTRA: usize = 24;

/// Rows of one node, one number per symbol.
#[derive(Debug)]
pub(super) enum History {
    /// In one block, where windows find them.
    Block(Block),
    /// Each for itself: whoever gets the newest one shares it.
    Apart(Apart),
}

impl Default for History {
    fn default() -> History {
        History::Block(Block::default())
    }
}

impl History {
    /// Of rows that are given out and that no window reads.
    pub(super) fn apart() -> History {
        History::Apart(Apart::default())
    }

    pub(super) fn len(&self) -> usize {
        match self {
            History::Block(block) => block.order.len(),
            History::Apart(apart) => apart.rows.len(),
        }
    }

    pub(super) fn bytes(&self) -> usize {
        let numbers = match self {
            History::Block(block) => block.data.capacity(),
            History::Apart(apart) => {
                apart.rows.iter().chain(&apart.spare).map(|row| row.capacity()).sum()
            }
        };
        numbers * size_of::<f64>()
    }

    /// Numbers that so many rows take, in a block or apart.
    pub(super) fn planned(width: usize, rows: usize, apart: bool) -> usize {
        if apart || rows == 0 {
            return rows.saturating_mul(width);
        }
        let pitch = width.next_multiple_of(GROUP) + PITCH_EXTRA;
        rows.saturating_mul(pitch).saturating_add(GROUP)
    }

    /// All slots, for windows.
    pub(super) fn data(&self) -> &[f64] {
        match self {
            History::Block(block) => &block.data,
            History::Apart(_) => &[],
        }
    }

    /// Where the row `back` rows before the newest begins in `data`; past its end if there is no
    /// such row.
    pub(super) fn start(&self, back: usize) -> usize {
        match self {
            History::Block(block) => block.start(back),
            History::Apart(_) => 0,
        }
    }

    /// The row `back` rows before the newest, `width` symbols long.
    pub(super) fn row(&self, back: usize, width: usize) -> &[f64] {
        match self {
            History::Block(block) => block.row(back, width),
            History::Apart(apart) => {
                apart.row(back).and_then(|row| row.get(..width)).unwrap_or(&[])
            }
        }
    }

    /// The same, to be written.
    pub(super) fn row_mut(&mut self, back: usize, width: usize) -> &mut [f64] {
        match self {
            History::Block(block) => block.row_mut(back, width),
            History::Apart(apart) => apart.row_mut(back, width),
        }
    }

    /// Copies the values of one symbol out of consecutive rows, the oldest of which is `back` rows
    /// before the newest; missing where there is no such row.
    pub(super) fn copy_column(&self, back: usize, symbol: usize, out: &mut [f64]) {
        let missing = (back + 1).saturating_sub(self.len()).min(out.len());
        let (missing, out) = out.split_at_mut(missing);
        missing.fill(f64::NAN);
        match self {
            History::Block(block) => block.copy_column(back, symbol, out),
            History::Apart(apart) => {
                let there = apart.rows.len().saturating_sub(back + 1);
                for (value, row) in out.iter_mut().zip(apart.rows.range(there..)) {
                    *value = row.get(symbol).copied().unwrap_or(f64::NAN);
                }
            }
        }
    }

    /// The row `back` rows before the newest, to be shared, where rows are apart.
    pub(super) fn shared(&self, back: usize) -> Option<&Arc<Vec<f64>>> {
        match self {
            History::Block(_) => None,
            History::Apart(apart) => apart.row(back),
        }
    }

    /// Makes the newest row a copy of the one before it, missing if there is none.
    pub(super) fn go_on(&mut self, width: usize) {
        match self {
            History::Block(block) => block.go_on(width),
            History::Apart(apart) => {
                let before = apart.row(1).map(Arc::clone);
                let row = apart.row_mut(0, width);
                match before.as_ref().and_then(|before| before.get(..row.len())) {
                    Some(before) => row.copy_from_slice(before),
                    None => row.fill(f64::NAN),
                }
            }
        }
    }

    /// Adds a row so that `back` rows are newer than it; its content is undefined. `most` is how
    /// many rows are ever expected, so that memory does not grow beyond it in doubling.
    pub(super) fn insert(&mut self, back: usize, width: usize, most: usize) {
        match self {
            History::Block(block) => block.insert(back, width, most),
            History::Apart(apart) => apart.insert(back, width),
        }
    }

    /// Removes the row `back` rows before the newest.
    pub(super) fn remove(&mut self, back: usize) {
        match self {
            History::Block(block) => block.remove(back),
            History::Apart(apart) => {
                let at = apart.rows.len().checked_sub(back + 1);
                apart.spare = at.and_then(|at| apart.rows.remove(at));
            }
        }
    }

    /// Forgets the oldest rows beyond `keep`.
    pub(super) fn trim(&mut self, keep: usize) {
        while self.len() > keep {
            self.remove(self.len() - 1);
        }
    }

    /// Makes rows `width` wide; new symbols get the values of the last symbol of the old width,
    /// which is one that was never seen.
    pub(super) fn widen(&mut self, old: usize, width: usize) {
        match self {
            History::Block(block) => block.widen(old, width),
            History::Apart(apart) => apart.widen(old, width),
        }
    }
}

/// Rows that are shared with whoever they were given to, oldest first.
#[derive(Debug, Default)]
pub(super) struct Apart {
    rows: VecDeque<Arc<Vec<f64>>>,
    /// The row that was forgotten last: to be written again if nobody else has it any more.
    spare: Option<Arc<Vec<f64>>>,
}

impl Apart {
    fn row(&self, back: usize) -> Option<&Arc<Vec<f64>>> {
        self.rows.get(self.rows.len().checked_sub(back + 1)?)
    }

    /// Copied first if somebody else has it.
    fn row_mut(&mut self, back: usize, width: usize) -> &mut [f64] {
        let at = self.rows.len().checked_sub(back + 1);
        let row = at.and_then(|at| self.rows.get_mut(at)).map(Arc::make_mut);
        row.and_then(|row| row.get_mut(..width)).unwrap_or_default()
    }

    fn insert(&mut self, back: usize, width: usize) {
        let unused = |row: &mut Arc<Vec<f64>>| Arc::get_mut(row).is_some_and(|r| r.len() == width);
        let spare = self.spare.take_if(unused);
        let row = spare.unwrap_or_else(|| Arc::new(vec![f64::NAN; width]));
        self.rows.insert(self.rows.len().saturating_sub(back), row);
    }

    fn widen(&mut self, old: usize, width: usize) {
        self.spare = None;
        for row in &mut self.rows {
            let unseen = old.checked_sub(1).and_then(|i| row.get(i)).copied().unwrap_or(f64::NAN);
            Arc::make_mut(row).resize(width, unseen);
        }
    }
}

/// Rows that get their memory at once.
const AT_ONCE: usize = 64;

/// Rows in slots of one block of memory; a list says in which: rows can be inserted and removed in
/// the middle at the price of moving numbers of four bytes.
#[derive(Debug, Default)]
pub(super) struct Block {
    data: Vec<f64>,
    /// Where slot 0 begins: slots are aligned to cache lines.
    base: usize,
    pitch: usize,
    slots: usize,
    /// Slots in the order of time, oldest first.
    order: VecDeque<u32>,
    free: Vec<u32>,
}

impl Block {
    fn start(&self, back: usize) -> usize {
        let at = self.order.len().checked_sub(back + 1);
        match at.and_then(|at| self.order.get(at)) {
            Some(slot) => self.base + *slot as usize * self.pitch,
            None => self.data.len(),
        }
    }

    fn row(&self, back: usize, width: usize) -> &[f64] {
        let start = self.start(back);
        self.data.get(start..start + width).unwrap_or(&[])
    }

    fn row_mut(&mut self, back: usize, width: usize) -> &mut [f64] {
        let start = self.start(back);
        self.data.get_mut(start..start + width).unwrap_or(&mut [])
    }

    fn copy_column(&self, back: usize, symbol: usize, out: &mut [f64]) {
        let there = self.order.len().saturating_sub(back + 1);
        for (value, slot) in out.iter_mut().zip(self.order.range(there..)) {
            let place = self.base + *slot as usize * self.pitch + symbol;
            *value = self.data.get(place).copied().unwrap_or(f64::NAN);
        }
    }

    fn go_on(&mut self, width: usize) {
        let (old, new) = (self.start(1), self.start(0));
        if old + width <= self.data.len() && new + width <= self.data.len() {
            self.data.copy_within(old..old + width, new);
        } else {
            self.row_mut(0, width).fill(f64::NAN);
        }
    }

    fn insert(&mut self, back: usize, width: usize, most: usize) {
        let slot = self.free.pop().unwrap_or_else(|| {
            if self.slots * self.pitch.max(1) + self.base >= self.data.len() {
                self.reserve(width, most);
            }
            self.slots += 1;
            (self.slots - 1) as u32
        });
        let at = self.order.len().saturating_sub(back);
        self.order.insert(at, slot);
    }

    fn remove(&mut self, back: usize) {
        let at = self.order.len().checked_sub(back + 1);
        self.free.extend(at.and_then(|at| self.order.remove(at)));
    }

    fn widen(&mut self, old: usize, width: usize) {
        if width > self.pitch.saturating_sub(PITCH_EXTRA) && self.pitch > 0 {
            let pitch = width.next_power_of_two() + PITCH_EXTRA;
            self.reallocate(pitch, self.slots);
        }
        for back in 0..self.order.len() {
            let row = self.row_mut(back, width);
            if let Some(unseen) = old.checked_sub(1).and_then(|i| row.get(i)).copied() {
                row[old..].fill(unseen);
            }
        }
    }

    fn reserve(&mut self, width: usize, most: usize) {
        if self.pitch == 0 {
            self.pitch = width.next_multiple_of(GROUP) + PITCH_EXTRA;
        }
        let grown = (2 * self.slots).max(AT_ONCE);
        let slots = if grown > most { most.max(self.slots + 1) } else { grown };
        self.reallocate(self.pitch, slots);
    }

    fn reallocate(&mut self, pitch: usize, slots: usize) {
        // Zeros cost nothing until they are written over.
        let mut data = vec![0.0; slots * pitch + GROUP];
        let base = data.as_ptr().align_offset(64).min(GROUP);
        let old = self.pitch.min(pitch);
        for slot in 0..self.slots {
            let (from, to) = (self.base + slot * self.pitch, base + slot * pitch);
            data[to..to + old].copy_from_slice(&self.data[from..from + old]);
        }
        // All of the allocation is slots, so that the next one is taken when it is full.
        data.truncate(base + slots * pitch);
        (self.data, self.base, self.pitch) = (data, base, pitch);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_their_order_and_content_through_inserts_removals_and_growth() {
        for history in [History::default(), History::apart()] {
            check(history);
        }
    }

    fn check(mut history: History) {
        let mut given: Vec<(Arc<Vec<f64>>, Vec<f64>)> = Vec::new();
        let mut want: VecDeque<f64> = VecDeque::new();
        let mut random = crate::dataflow::factors::random::Random::new(5);
        let mut width = 8;
        for step in 0..2000 {
            match random.below(5) {
                0 if !want.is_empty() => {
                    let back = random.below(want.len());
                    history.remove(back);
                    want.remove(want.len() - 1 - back);
                }
                1 if random.below(20) == 0 => {
                    history.widen(width, width + 8);
                    width += 8;
                }
                2 => {
                    history.trim(12);
                    while want.len() > 12 {
                        want.pop_front();
                    }
                }
                _ => {
                    let back = random.below(want.len() + 1);
                    history.insert(back, width, 13);
                    history.row_mut(back, width).fill(f64::from(step));
                    want.insert(want.len() - back, f64::from(step));
                    // What somebody was given stays what it was, and is kept for a while.
                    given.extend(history.shared(back).map(|row| (Arc::clone(row), row.to_vec())));
                    given.drain(..given.len().saturating_sub(random.below(30)));
                }
            }
            assert!(given.iter().all(|(row, was)| **row == *was));
            for (i, value) in want.iter().enumerate() {
                assert_eq!(history.row(want.len() - 1 - i, width), vec![*value; width]);
            }
            let mut column = vec![0.0; want.len() + 2];
            history.copy_column(want.len() + 1, random.below(width), &mut column);
            assert!(column[..2].iter().all(|v| v.is_nan()));
            assert!(want.iter().eq(&column[2..]));
            assert_eq!(history.len(), want.len());
        }
        assert!(history.row(want.len(), width).is_empty());
    }
}
