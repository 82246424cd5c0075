//! What layouts of factors share: which rows an epoch changes, texts of symbols and times, the
//! digest of a row.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use crate::model::{Digest, FactorBatch, OutputKind, Record, SymbolId, Symbols, Time};

/// A row of a batch: (number of the batch, number of the row).
pub(super) type Place = (usize, usize);

/// The batches of one time, as numbers, in the order they came.
pub(super) fn by_time(batches: &[FactorBatch]) -> Vec<(Time, Vec<usize>)> {
    let mut order: Vec<usize> = (0..batches.len()).collect();
    order.sort_by_key(|batch| batches[*batch].time);
    let same = order.chunk_by(|a, b| batches[*a].time == batches[*b].time);
    same.filter_map(|group| Some((batches[*group.first()?].time, group.to_vec()))).collect()
}

/// Rows of one time gathered by symbol, in the order they came for each symbol.
#[derive(Debug, Default)]
pub(super) struct BySymbol {
    places: Vec<(SymbolId, usize, usize)>,
    groups: Vec<Range<usize>>,
}

impl BySymbol {
    /// Gathers the rows of `group`, numbers of batches of one time.
    pub(super) fn gather(&mut self, batches: &[FactorBatch], group: &[usize]) {
        self.places.clear();
        for batch in group {
            let symbols = batches[*batch].symbols.iter().enumerate();
            self.places.extend(symbols.map(|(row, symbol)| (*symbol, *batch, row)));
        }
        // Stable, so that what came first for a symbol stays first.
        self.places.sort_by_key(|(symbol, ..)| *symbol);
        self.groups.clear();
        let mut start = 0;
        for same in self.places.chunk_by(|a, b| a.0 == b.0) {
            self.groups.push(start..start + same.len());
            start += same.len();
        }
    }

    /// Each symbol with its rows.
    pub(super) fn iter(&self) -> impl Iterator<Item = (SymbolId, impl Iterator<Item = Place>)> {
        self.groups.iter().filter_map(|group| {
            let rows = self.places.get(group.clone())?;
            let (symbol, ..) = rows.first()?;
            Some((*symbol, rows.iter().map(|(_, batch, row)| (*batch, *row))))
        })
    }
}

/// Names of symbols, asked for once.
#[derive(Debug)]
pub(super) struct Names {
    symbols: Symbols,
    known: Vec<Arc<str>>,
}

impl Names {
    pub(super) fn new(symbols: Symbols) -> Names {
        Names { symbols, known: Vec::new() }
    }

    /// The name of a symbol that is in the table.
    pub(super) fn of(&mut self, symbol: SymbolId) -> &Arc<str> {
        for next in self.known.len()..=symbol.index() {
            let next = SymbolId(u32::try_from(next).unwrap_or(u32::MAX));
            self.known.push(self.symbols.name(next));
        }
        &self.known[symbol.index()]
    }
}

/// Digests of rows. The same for all layouts, so that it says what is true and not how it is
/// written: the sum over the rows of key `symbol|time` and the bits of the values, missing as one
/// NaN.
#[derive(Debug, Default)]
pub(super) struct RowDigest {
    bytes: Vec<u8>,
}

impl RowDigest {
    pub(super) fn of(&mut self, key: &[u8], batch: &FactorBatch, row: usize) -> Digest {
        self.bytes.clear();
        for column in &batch.columns {
            let value = column[row];
            let value = if value.is_nan() { f64::NAN } else { value };
            self.bytes.extend_from_slice(&value.to_bits().to_le_bytes());
        }
        let digest = Digest::of(OutputKind::Factors.name(), key, &self.bytes);
        if batch.diff < 0 { digest.retracted() } else { digest }
    }
}

/// The row of each symbol that has one, by its name.
pub(super) type Rows = BTreeMap<Arc<str>, Place>;

/// What layouts with one record per time share. Changes of a time come as all its rows, those that
/// were, if any, and then those that are; nothing is kept here.
#[derive(Debug)]
pub(super) struct WholeTimes {
    names: Names,
    digest: RowDigest,
    key: Vec<u8>,
}

impl WholeTimes {
    pub(super) fn new(symbols: Symbols) -> WholeTimes {
        WholeTimes { names: Names::new(symbols), digest: RowDigest::default(), key: Vec::new() }
    }

    /// The times that changed: the rows there are now, and what that adds to the digest.
    pub(super) fn changed(&mut self, batches: &[FactorBatch]) -> Vec<(Time, Rows, Digest)> {
        let mut changed = Vec::new();
        for (time, group) in by_time(batches) {
            let text = time.to_string();
            let (mut rows, mut digest) = (Rows::new(), Digest::default());
            for number in group {
                let batch = &batches[number];
                for (row, symbol) in batch.symbols.iter().enumerate() {
                    let name = self.names.of(*symbol);
                    write_key(&mut self.key, name, &text);
                    digest += self.digest.of(&self.key, batch, row);
                    if batch.diff > 0 {
                        rows.insert(Arc::clone(name), (number, row));
                    } else {
                        rows.remove(name);
                    }
                }
            }
            if digest != Digest::default() {
                changed.push((time, rows, digest));
            }
        }
        changed
    }

    /// The digest of changes whose records nobody needs.
    pub(super) fn replay(&mut self, batches: &[FactorBatch]) -> Digest {
        let mut sum = Digest::default();
        for (_, _, digest) in self.changed(batches) {
            sum += digest;
        }
        sum
    }
}

/// A record with the time as key.
pub(super) fn record_of_time(time: Time, value: Option<Vec<u8>>, digest: Digest) -> Record {
    Record {
        output: OutputKind::Factors,
        key: Some(time.to_string().into_bytes()),
        value,
        headers: Vec::new(),
        digest,
    }
}

/// Writes `symbol|time` over what is in `key`.
pub(super) fn write_key(key: &mut Vec<u8>, symbol: &str, time: &str) {
    key.clear();
    key.extend_from_slice(symbol.as_bytes());
    key.push(b'|');
    key.extend_from_slice(time.as_bytes());
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Random changes of a small table of factors: `(epochs, digest-relevant truth)`; every epoch
    /// is consolidated. The same seed gives the same rows whatever `merge`, which is how many
    /// steps go into one epoch.
    pub(in super::super) fn epochs(seed: u64, merge: usize, symbols: u32) -> Vec<Vec<FactorBatch>> {
        let mut random = seed;
        let mut below = |n: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (random >> 33) % n
        };
        let mut truth = BTreeMap::new();
        let mut steps = Vec::new();
        for _ in 0..60 {
            let before = truth.clone();
            for _ in 0..5 {
                let time = Time::from_millis(i64::try_from(below(3)).unwrap() * 86_400_000);
                let key = (time, SymbolId(u32::try_from(below(symbols.into())).unwrap()));
                if below(4) == 0 {
                    truth.remove(&key);
                } else {
                    let values = [0.0, -0.0, 1.5, f64::NAN, f64::INFINITY];
                    let pick = |i: u64| values[usize::try_from(i).unwrap()].to_bits();
                    truth.insert(key, [pick(below(5)), pick(below(5))]);
                }
            }
            steps.push((before, truth.clone()));
        }
        steps.chunks(merge).map(|chunk| changes(&chunk[0].0, &chunk[chunk.len() - 1].1)).collect()
    }

    type Truth = BTreeMap<(Time, SymbolId), [u64; 2]>;

    fn changes(before: &Truth, after: &Truth) -> Vec<FactorBatch> {
        let mut batches = Vec::new();
        let mut side = |rows: &Truth, other: &Truth, diff| {
            for ((time, symbol), bits) in rows {
                if other.get(&(*time, *symbol)) != Some(bits) {
                    let columns = bits.iter().map(|b| vec![f64::from_bits(*b)].into()).collect();
                    batches.push(FactorBatch {
                        time: *time,
                        symbols: vec![*symbol],
                        columns,
                        diff,
                    });
                }
            }
        };
        side(before, after, -1);
        side(after, before, 1);
        batches
    }

    #[test]
    fn groups_by_time_and_symbol_in_order() {
        let batch = |day: i64, symbols: &[u32], diff| FactorBatch {
            time: Time::from_millis(day),
            symbols: symbols.iter().map(|s| SymbolId(*s)).collect(),
            columns: vec![],
            diff,
        };
        let batches = [batch(2, &[7], 1), batch(1, &[3, 1], -1), batch(1, &[1], 1)];
        let times = by_time(&batches);
        assert_eq!(times, [(Time::from_millis(1), vec![1, 2]), (Time::from_millis(2), vec![0])]);
        let mut rows = BySymbol::default();
        rows.gather(&batches, &times[0].1);
        let found: Vec<_> = rows.iter().map(|(s, places)| (s.0, places.collect())).collect();
        assert_eq!(found, [(1, vec![(1, 1), (2, 0)]), (3, vec![(1, 0)])]);
    }
}
