//! Where the state of each (symbol, time) is: by time first, because symbols share their times and
//! whole times are forgotten at once.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::model::{SymbolId, Time};

/// What stands for no slot.
const NONE: u32 = u32::MAX;
/// A time with fewer rows is looked up by hash.
const FEW: usize = 64;

/// Slots by time and symbol.
#[derive(Debug, Default)]
pub(super) struct Index {
    times: BTreeMap<Time, usize>,
    bars: Vec<Bar>,
    free: Vec<usize>,
    /// The time that was asked for last, and its bar.
    last: Option<(Time, usize)>,
    len: usize,
}

/// The slots of one time.
#[derive(Debug, Default)]
struct Bar {
    /// In the order in which they came.
    slots: Vec<u32>,
    /// By symbol, while these are few of those that there are.
    few: FxHashMap<SymbolId, u32>,
    /// By the symbol's number.
    many: Vec<u32>,
    /// One more than the largest number of a symbol.
    symbols: usize,
}

impl Index {
    /// How many slots there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The slot of a row.
    pub(super) fn get(&mut self, symbol: SymbolId, time: Time) -> Option<u32> {
        let bar = match self.last.filter(|(known, _)| *known == time) {
            Some((_, bar)) => bar,
            None => *self.times.get(&time)?,
        };
        self.last = Some((time, bar));
        self.bars.get(bar)?.get(symbol)
    }

    /// Remembers the slot of a row that had none.
    pub(super) fn insert(&mut self, symbol: SymbolId, time: Time, slot: u32) {
        let (bars, free) = (&mut self.bars, &mut self.free);
        let bar = *self.times.entry(time).or_insert_with(|| {
            free.pop().unwrap_or_else(|| {
                bars.push(Bar::default());
                bars.len() - 1
            })
        });
        if let Some(bar) = self.bars.get_mut(bar) {
            bar.insert(symbol, slot);
            self.len += 1;
        }
    }

    /// Forgets the oldest time if it is before `horizon`, and gives its slots.
    pub(super) fn evict(&mut self, horizon: Time) -> Option<Vec<u32>> {
        let oldest = self.times.first_entry().filter(|oldest| *oldest.key() < horizon)?;
        let number = oldest.remove();
        self.last = None;
        self.free.push(number);
        let slots = self.bars.get_mut(number).map(Bar::clear)?;
        self.len -= slots.len();
        Some(slots)
    }
}

impl Bar {
    fn get(&self, symbol: SymbolId) -> Option<u32> {
        if self.many.is_empty() {
            return self.few.get(&symbol).copied();
        }
        self.many.get(symbol.index()).copied().filter(|slot| *slot != NONE)
    }

    fn insert(&mut self, symbol: SymbolId, slot: u32) {
        self.slots.push(slot);
        self.symbols = self.symbols.max(symbol.index() + 1);
        // A list costs half as much for a symbol as the map for a row.
        if self.many.is_empty() && (self.slots.len() < FEW || 2 * self.slots.len() < self.symbols) {
            self.few.insert(symbol, slot);
            return;
        }
        if self.many.len() < self.symbols {
            self.many.resize(self.symbols, NONE);
        }
        for (symbol, slot) in self.few.drain().chain([(symbol, slot)]) {
            if let Some(place) = self.many.get_mut(symbol.index()) {
                *place = slot;
            }
        }
    }

    /// Empties it for another time.
    fn clear(&mut self) -> Vec<u32> {
        self.few.clear();
        self.many.clear();
        self.symbols = 0;
        std::mem::take(&mut self.slots)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_put_in_however_many_symbols_a_time_has() {
        let mut index = Index::default();
        let mut want: BTreeMap<(Time, SymbolId), u32> = BTreeMap::new();
        let mut slot = 0;
        for (step, stride) in [1, 1, 7, 1000, 1, 3].into_iter().enumerate() {
            let time = Time::from_nanos(step as i64 / 2);
            for i in 0..300_u32 {
                let symbol = SymbolId(i * 37 % 300 * stride);
                let known = want.get(&(time, symbol)).copied();
                assert_eq!(index.get(symbol, time), known);
                if known.is_none() {
                    index.insert(symbol, time, slot);
                    want.insert((time, symbol), slot);
                    slot += 1;
                }
            }
            for ((time, symbol), slot) in &want {
                assert_eq!(index.get(*symbol, *time), Some(*slot));
            }
            assert_eq!(index.len(), want.len());
        }
        let horizon = Time::from_nanos(2);
        let mut gone = Vec::new();
        while let Some(slots) = index.evict(horizon) {
            gone.extend(slots);
        }
        let old: Vec<u32> =
            want.iter().filter(|((time, _), _)| *time < horizon).map(|(_, slot)| *slot).collect();
        gone.sort_unstable();
        let mut expected = old.clone();
        expected.sort_unstable();
        assert_eq!(gone, expected);
        assert_eq!(index.len(), want.len() - old.len());
        for ((time, symbol), slot) in &want {
            assert_eq!(index.get(*symbol, *time), (*time >= horizon).then_some(*slot));
        }
    }
}
