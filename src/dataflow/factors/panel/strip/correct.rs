//! What is staged of one symbol, worked in and given out.

use std::ops::Range;

use super::super::bits::Bits;
use super::super::close::has_bar;
use super::super::emit::canonical;
use super::super::{Emit, Panel, Row};
use super::{Of, Strip};
use crate::model::{Column, FactorBatch, SymbolId};

/// More changes than one for so many symbols are worked in row by row, where what they have in common
/// is done once. (In unit tests panels are small.)
const SYMBOLS_PER_CHANGE: usize = if cfg!(test) { 1 } else { 16 };

/// Longer strips would take much memory.
const MOST_ROWS: usize = 16_384;

/// Rows in which a symbol has appeared or disappeared.
type Moved = Bits;

impl Panel {
    /// Works in what is staged of one symbol, from the row at place `at` on, if that is all there is
    /// to do for few symbols that nothing ties together. Gives the number of rows that it went over.
    pub(in super::super) fn correct_symbol(
        &mut self,
        at: usize,
        out: &mut Vec<FactorBatch>,
    ) -> Option<usize> {
        let symbol = self.staged_alone(at)?;
        let from = at.saturating_sub(self.layout.reach);
        let len = self.rows.len() - from;
        let mut strip = std::mem::take(&mut self.strip);
        strip.reset(self.layout.nodes.len(), symbol.index(), from, len);
        for (row, _) in self.rows.range(from..).enumerate().filter(|(_, row)| row.begins_block()) {
            strip.begins.insert(row);
        }
        let moved = self.unstage(&mut strip, symbol);
        self.members_from(from, &moved);
        let mut of = self.of_strip();
        let fields = of.layout.fields.iter().map(|(_, node)| *node).chain(of.layout.presence);
        fields.for_each(|node| strip.tell(&mut of, node));
        strip.recompute(&mut of);
        self.stats.cells += strip.cells;
        self.stats.recomputed += strip.computed;
        self.stats.changed += strip.changed;
        self.emit_strip(&mut strip, symbol, &moved, out);
        self.strip = strip;
        Some(len)
    }

    /// The first symbol that is staged at a row, if all that is staged can be worked in symbol by
    /// symbol.
    fn staged_alone(&self, at: usize) -> Option<SymbolId> {
        // Whole times are given out row by row.
        if !self.layout.cross_sections.is_empty() || self.emit == Emit::Rows {
            return None;
        }
        let symbol = *self.rows.get(at)?.staged.as_ref()?.symbols.first()?;
        let longest = self.layout.reach.min(at) + self.rows.len() - at;
        let mut changes = 0;
        let alone = |row: &Row| {
            let Some(staged) = &row.staged else { return row.dirty.is_none() };
            changes += staged.symbols.len();
            // Without symbols it is a question whether the time is still there, as it is where all
            // may disappear.
            let gone = staged.present.iter().filter(|there| !**there).count();
            let stays = gone == 0 || !row.elsewhere.is_empty() || row.present.count() > gone;
            row.dirty.is_none() && !staged.symbols.is_empty() && stays
        };
        let all = self.rows.range(at..).all(alone);
        let few = changes <= (self.symbols / SYMBOLS_PER_CHANGE).max(1);
        (all && few && longest <= MOST_ROWS).then_some(symbol)
    }

    fn of_strip(&mut self) -> Of<'_> {
        Of {
            layout: &self.layout,
            store: &mut self.store,
            work: &mut self.workspace,
            level: self.level,
            settled: self.settled,
            symbols: self.symbols,
        }
    }

    /// Writes what is staged of a symbol into its rows. Gives the rows in which it has appeared or
    /// disappeared.
    fn unstage(&mut self, strip: &mut Strip, symbol: SymbolId) -> Moved {
        let mut moved = Moved::default();
        for row in 0..strip.len {
            let place = strip.from + row;
            let Some(staged) = self.rows[place].staged.as_mut() else { continue };
            let Some((there, values)) = staged.take(self.layout.fields.len(), symbol) else {
                continue;
            };
            if staged.symbols.is_empty() {
                self.rows[place].staged = None;
            }
            if self.rows[place].present.put(symbol.index(), there) {
                moved.insert(row);
            }
            let mut of = self.of_strip();
            let fields = of.layout.fields.iter().map(|(_, node)| *node).zip(values);
            for (node, value) in fields.chain(of.layout.presence.map(|p| (p, has_bar(there)))) {
                strip.need(&of, node, row..row + 1);
                strip.write(&mut of, node, row, value);
            }
        }
        moved
    }

    /// Brings the universe up to date, which only cross-sections of other panels would look at.
    fn members_from(&mut self, from: usize, moved: &Moved) {
        let Some(first) = moved.next(0) else { return };
        for row in first.. {
            let place = from + row;
            let older = place.checked_sub(1).and_then(|place| self.rows.get(place));
            let mut members = older.map_or(&self.base_members, |row| &row.members).clone();
            let Some(row) = self.rows.get_mut(place) else { break };
            members.union(&row.present);
            row.members = members;
        }
    }

    /// Gives out the rows in which a factor has changed or the symbol has appeared or disappeared,
    /// oldest first.
    fn emit_strip(
        &mut self,
        strip: &mut Strip,
        symbol: SymbolId,
        moved: &Moved,
        out: &mut Vec<FactorBatch>,
    ) {
        let mut revised = moved.clone();
        for node in &self.layout.outputs {
            revised.union(&strip.columns[*node].changed);
        }
        let factors = self.layout.outputs.len();
        self.stats.corrected += revised.count() as u64;
        if self.emit == Emit::Nothing || factors == 0 {
            return;
        }
        let of = self.of_strip();
        let [mut before, mut now] = [(); 2].map(|()| vec![f64::NAN; revised.count() * factors]);
        for (factor, node) in of.layout.outputs.iter().enumerate() {
            let mut next = revised.run(0);
            while let Some(run) = next {
                next = revised.run(run.end);
                strip.need(&of, *node, run);
            }
            let places = (factor..).step_by(factors);
            for (row, place) in revised.iter().zip(places) {
                let both = strip.columns[*node].both(row);
                (before[place], now[place]) = (canonical(both.0), canonical(both.1));
            }
        }
        let mut given = 0..factors;
        for row in revised.iter() {
            let Row { time, present, .. } = &self.rows[strip.from + row];
            let there = present.contains(symbol.index());
            let was = there != moved.contains(row);
            let batch = |diff, values: &[f64], range: Range<usize>| FactorBatch {
                time: *time,
                symbols: vec![symbol],
                columns: values[range].iter().copied().map(Column::from).collect(),
                diff,
            };
            if was {
                self.stats.revisions += 1;
                out.push(batch(-1, &before, given.clone()));
            }
            if there {
                out.push(batch(1, &now, given.clone()));
            }
            given = given.end..given.end + factors;
        }
    }
}
