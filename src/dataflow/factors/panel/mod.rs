//! The panel: the accepted rows as a table of time by symbol, and every node of the graph over it,
//! kept right while rows arrive, change and disappear.
//!
//! Rows of closed times are kept as far back as the corrections horizon and the windows need; what
//! arrives for open times waits beside them. Between two calls of [`Panel::work`] changes are only
//! collected. `work` first brings corrected rows up to date, oldest first, and then closes times.
//! Every cell is computed by the same code on both ways, so its bits depend on the rows alone.
//!
//! What a panel must know to go on is written down by [`Panel::snapshot`].

mod bits;
mod call;
mod close;
mod correct;
mod dirty;
mod emit;
mod history;
mod layout;
mod open;
mod own;
mod planned;
mod profile;
mod rows;
mod session;
mod share;
mod snapshot;
mod store;
mod strip;
mod sums;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use crate::formula::Graph;
use crate::model::{FactorBatch, Time};

use super::blocks;
use super::simd::Level;
use super::window::GROUP;
use bits::Bits;
use correct::Correction;
use dirty::Dirty;
use layout::Layout;
use open::{OpenRow, Staged};
use store::{Store, Workspace};
use strip::Strip;

pub use layout::PanelError;
pub use planned::kept;
pub use profile::Cost;
pub use rows::{Late, Rows};
pub use snapshot::{Frame, Section, Snapshot};

/// How revisions of closed times are given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emit {
    /// Only the symbols with a changed factor, or that appeared or disappeared.
    Cells,
    /// The whole old row and the whole new row of a time in which something changed.
    Rows,
    /// Nothing: who drives the panel reads it with [`Panel::newest`].
    Nothing,
}

/// What a panel has done since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Cells of nodes computed, for new rows and for corrections.
    pub cells: u64,
    /// Times closed.
    pub closed: u64,
    /// Rows of closed times that were brought up to date.
    pub corrected: u64,
    /// Cells of nodes computed for corrections; results on the way to them that are not kept are not
    /// counted, since nobody knows whether they changed.
    pub recomputed: u64,
    /// How many of these changed.
    pub changed: u64,
    /// Rows (time, symbol) whose factors were given out again or withdrawn.
    pub revisions: u64,
}

/// A closed time.
#[derive(Debug)]
struct Row {
    time: Time,
    /// Symbols that have a row.
    present: Bits,
    /// Symbols of other panels that have a row: a time is there as long as anybody has one.
    elsewhere: Bits,
    /// Symbols that had a row at this time or before: the universe of cross-sections.
    members: Bits,
    /// Changes that were not yet applied.
    staged: Option<Staged>,
    /// What must be recomputed.
    dirty: Option<Dirty>,
}

impl Row {
    fn begins_block(&self) -> bool {
        blocks::begins(self.time)
    }
}

/// Values of all factors of one pipeline, or of a part of them.
#[derive(Debug)]
pub struct Panel {
    layout: Layout,
    store: Store,
    level: Level,
    emit: Emit,
    corrections: usize,
    /// Rows from here on may change, however many there are.
    kept_from: Time,
    symbols: usize,
    /// Closed times that are kept, oldest first.
    rows: VecDeque<Row>,
    /// How many of them, the oldest, may no longer change.
    settled: usize,
    /// The members as of the newest row that is no longer kept.
    base_members: Bits,
    late_through: Option<Time>,
    closed_through: Option<Time>,
    open: BTreeMap<Time, OpenRow>,
    spare_open: Vec<OpenRow>,
    /// No row before this place has to be brought up to date.
    first_dirty: usize,
    spare_dirty: Vec<Dirty>,
    workspace: Workspace,
    correction: Correction,
    strip: Strip,
    stats: Stats,
    profile: Option<profile::Profile>,
}

impl Panel {
    /// A panel without rows, for a source with so many `fields`, of whose closed times the newest
    /// `corrections` may change.
    pub fn new(
        graph: &Graph,
        fields: usize,
        corrections: usize,
        emit: Emit,
    ) -> Result<Panel, PanelError> {
        Panel::with_level(graph, fields, corrections, emit, Level::best())
    }

    /// The same with kernels for a given instruction set; values have the same bits.
    pub fn with_level(
        graph: &Graph,
        fields: usize,
        corrections: usize,
        emit: Emit,
        level: Level,
    ) -> Result<Panel, PanelError> {
        let layout = Layout::new(graph, fields)?;
        Ok(Panel {
            store: Store::new(&layout),
            correction: Correction::new(&layout),
            layout,
            level,
            emit,
            // The newest row must still be there when it is read.
            corrections: if emit == Emit::Nothing { corrections.max(1) } else { corrections },
            kept_from: Time::MAX,
            symbols: 0,
            rows: VecDeque::new(),
            settled: 0,
            base_members: Bits::default(),
            late_through: None,
            closed_through: None,
            open: BTreeMap::new(),
            spare_open: Vec::new(),
            first_dirty: 0,
            spare_dirty: Vec::new(),
            workspace: Workspace::default(),
            strip: Strip::default(),
            stats: Stats::default(),
            profile: None,
        })
    }

    /// Brings everything up to date: corrected rows first, then closes open times up to
    /// `watermark`, oldest first. With `early`, the oldest open time is also closed when it has a
    /// row of every symbol that the newest closed time has. Results go to `out`: for a new time
    /// one batch, for a revised one the old rows and then the new ones; symbols that are corrected one
    /// after the other have batches of their own. Stops after `fuel` rows; gives whether there is more
    /// to do.
    pub fn work(
        &mut self,
        watermark: Time,
        early: bool,
        fuel: usize,
        out: &mut Vec<FactorBatch>,
    ) -> bool {
        let mut spent = 0;
        while spent < fuel {
            spent += 1;
            if let Some(at) = self.next_dirty() {
                match self.correct_symbol(at, out) {
                    // As much as so many rows of all symbols.
                    Some(rows) => spent += rows / self.store.width,
                    None => self.correct(at, out),
                }
            } else if self.settle() && self.closable(watermark, early) {
                self.close(out);
                self.settle();
            } else {
                return false;
            }
        }
        self.next_dirty().is_some() || self.closable(watermark, early)
    }

    /// From now on rows of `time` and later may change, even if more than the corrections horizon
    /// allows: times that close early run ahead of the watermark by which rows are judged late.
    pub fn keep_from(&mut self, time: Time) {
        self.kept_from = time;
    }

    /// The newest time that was closed.
    pub fn closed_through(&self) -> Option<Time> {
        self.closed_through
    }

    /// The newest time that may no longer change: rows up to it are [`Late`].
    pub fn late_through(&self) -> Option<Time> {
        self.late_through
    }

    /// The newest closed time and the factors at it, in their order: one row of a number per symbol
    /// each, whether the symbol has a row at that time or not; missing is NaN of any form.
    pub fn newest(&self) -> Option<(Time, Vec<&[f64]>)> {
        let rows = self.layout.outputs.iter().map(|node| {
            let row = self.store.row(&self.layout, *node, 0);
            row.get(..self.symbols).unwrap_or(row)
        });
        self.rows.back().map(|row| (row.time, rows.collect()))
    }

    /// How many times wait for being closed.
    pub fn open_times(&self) -> usize {
        self.open.len()
    }

    /// How many symbols were seen.
    pub fn symbols(&self) -> usize {
        self.symbols
    }

    /// Bytes of kept and waiting rows.
    pub fn state_bytes(&self) -> usize {
        let waiting = self.open.values().chain(&self.spare_open);
        self.store.bytes() + waiting.map(OpenRow::bytes).sum::<usize>()
    }

    /// What it has done.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// From now on measures what each operator costs when times close, without the first `skip`.
    pub fn measure(&mut self, skip: usize) {
        self.profile = Some(profile::Profile::new(self.layout.nodes.len(), skip));
    }

    /// What was measured since, by operator.
    pub fn costs(&self) -> BTreeMap<String, Cost> {
        self.profile.as_ref().map(|p| p.by_operator(&self.layout)).unwrap_or_default()
    }

    /// The instruction set that its kernels use.
    pub fn level(&self) -> Level {
        self.level
    }

    /// How many rows before the row at place `at` the blocks of its long windows begin, the newest
    /// first.
    fn begins(&self, at: usize) -> Vec<usize> {
        let longest = self.layout.sums.iter().map(|sums| sums.window).max().unwrap_or(0);
        let rows = self.rows.range(..=at.min(self.rows.len().saturating_sub(1))).rev();
        let begin = |(back, row): (usize, &Row)| row.begins_block().then_some(back);
        rows.take(longest).enumerate().filter_map(begin).collect()
    }

    /// Makes place for so many symbols.
    fn grow(&mut self, symbols: usize) {
        if symbols <= self.symbols {
            return;
        }
        self.symbols = symbols;
        let (old, width) = (self.store.width, (symbols + 1).next_multiple_of(GROUP));
        if width > old {
            self.store.widen(&self.layout, width);
            let nodes = self.layout.nodes.len();
            for dirty in self.rows.iter_mut().filter_map(|row| row.dirty.as_mut()) {
                dirty.widen(nodes, old / GROUP, width / GROUP);
            }
        }
    }

    fn next_dirty(&mut self) -> Option<usize> {
        let from = self.first_dirty.max(self.settled);
        let dirty = |row: &Row| row.dirty.is_some() || row.staged.is_some();
        let found = self.rows.iter().skip(from).position(dirty);
        self.first_dirty = found.map_or(self.rows.len(), |i| from + i);
        found.map(|i| from + i)
    }

    /// Rows beyond the horizon become final, and what no window reads any more is forgotten.
    /// Always true, for use in conditions.
    fn settle(&mut self) -> bool {
        while self.rows.len() - self.settled > self.corrections {
            let Some(time) = self.rows.get(self.settled).map(|row| row.time) else { break };
            if time >= self.kept_from {
                break;
            }
            let back = self.rows.len() - 1 - self.settled;
            if let Some(row) = self.rows.get(self.settled) {
                self.store.settle_own(&self.layout, back, &row.present);
            }
            self.late_through = Some(time);
            self.settled += 1;
        }
        while self.settled > self.layout.reach {
            let Some(row) = self.rows.pop_front() else { break };
            self.base_members = row.members;
            self.settled -= 1;
            self.first_dirty = self.first_dirty.saturating_sub(1);
        }
        let changeable = self.rows.len() - self.settled;
        for (node, history) in self.layout.nodes.iter().zip(&mut self.store.histories) {
            history.trim(changeable.saturating_add(node.reach));
        }
        true
    }

    /// How many rows of a node are ever kept at once, one being added included.
    fn most_rows(&self, reach: usize) -> usize {
        planned::most_rows(self.corrections, reach)
    }
}
