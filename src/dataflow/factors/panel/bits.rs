//! A set of small numbers.

use std::ops::Range;

/// A set of small numbers in one bit each. Grows when needed; what is beyond its end is not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Bits(Vec<u64>);

impl Bits {
    pub(super) fn contains(&self, i: usize) -> bool {
        self.0.get(i / 64).is_some_and(|word| word >> (i % 64) & 1 == 1)
    }

    /// Adds `i`; says whether it was not there.
    pub(super) fn insert(&mut self, i: usize) -> bool {
        if i / 64 >= self.0.len() {
            self.0.resize(i / 64 + 1, 0);
        }
        let (word, bit) = (&mut self.0[i / 64], 1 << (i % 64));
        let new = *word & bit == 0;
        *word |= bit;
        new
    }

    /// Adds all of a range.
    pub(super) fn insert_all(&mut self, range: Range<usize>) {
        if range.is_empty() {
            return;
        }
        let (first, last) = (range.start / 64, (range.end - 1) / 64);
        if last >= self.0.len() {
            self.0.resize(last + 1, 0);
        }
        for (i, word) in self.0.iter_mut().enumerate().take(last + 1).skip(first) {
            let from = u64::MAX << range.start.saturating_sub(i * 64);
            let beyond = (i * 64 + 64).saturating_sub(range.end);
            *word |= from & (u64::MAX >> beyond);
        }
    }

    /// Takes `i` out; says whether it was there.
    pub(super) fn remove(&mut self, i: usize) -> bool {
        let there = self.contains(i);
        if there {
            self.0[i / 64] &= !(1 << (i % 64));
        }
        there
    }

    /// Puts `i` in or takes it out; says whether that is a change.
    pub(super) fn put(&mut self, i: usize, there: bool) -> bool {
        if there { self.insert(i) } else { self.remove(i) }
    }

    /// Adds all of `other`.
    pub(super) fn union(&mut self, other: &Bits) {
        if other.0.len() > self.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (a, b) in self.0.iter_mut().zip(&other.0) {
            *a |= b;
        }
    }

    /// Leaves what is in one of the two only.
    pub(super) fn differences(&mut self, other: &Bits) {
        if other.0.len() > self.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (a, b) in self.0.iter_mut().zip(&other.0) {
            *a ^= b;
        }
    }

    /// Whether all of `other` is in this.
    pub(super) fn contains_all(&self, other: &Bits) -> bool {
        other.0.iter().enumerate().all(|(i, b)| b & !self.0.get(i).copied().unwrap_or(0) == 0)
    }

    /// Whether both hold the same numbers, however long they are.
    pub(super) fn same(&self, other: &Bits) -> bool {
        self.contains_all(other) && other.contains_all(self)
    }

    pub(super) fn count(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// Takes everything out, keeping the memory.
    pub(super) fn clear(&mut self) {
        self.0.fill(0);
    }

    /// The numbers, ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().enumerate().flat_map(|(i, word)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                let bit = (rest != 0).then(|| rest.trailing_zeros() as usize)?;
                rest &= rest - 1;
                Some(i * 64 + bit)
            })
        })
    }

    /// The smallest number at or above `from`.
    pub(super) fn next(&self, from: usize) -> Option<usize> {
        let first = self.0.get(from / 64)? >> (from % 64);
        if first != 0 {
            return Some(from + first.trailing_zeros() as usize);
        }
        let rest = self.0.iter().enumerate().skip(from / 64 + 1).find(|(_, word)| **word != 0);
        rest.map(|(i, word)| i * 64 + word.trailing_zeros() as usize)
    }

    /// The first numbers at or above `from` that follow each other.
    pub(super) fn run(&self, from: usize) -> Option<Range<usize>> {
        let start = self.next(from)?;
        Some(start..self.next_missing(start))
    }

    /// The first numbers of a range that follow each other and are not in the set.
    pub(super) fn gap(&self, range: Range<usize>) -> Option<Range<usize>> {
        let start = self.next_missing(range.start);
        let end = || self.next(start).map_or(range.end, |next| next.min(range.end));
        (start < range.end).then(|| start..end())
    }

    /// The smallest number at or above `from` that is not in the set.
    fn next_missing(&self, from: usize) -> usize {
        let word = |i: usize| !self.0.get(i).copied().unwrap_or(0);
        let first = word(from / 64) >> (from % 64);
        if first != 0 {
            return from + first.trailing_zeros() as usize;
        }
        let mut i = from / 64 + 1;
        while word(i) == 0 {
            i += 1;
        }
        i * 64 + word(i).trailing_zeros() as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataflow::factors::random::Random;
    use std::collections::BTreeSet;

    #[test]
    fn behaves_like_a_set() {
        let mut random = Random::new(7);
        for _ in 0..200 {
            let mut sets = [BTreeSet::new(), BTreeSet::new()];
            let mut bits = [Bits::default(), Bits::default()];
            for _ in 0..random.below(80) {
                let (i, which) = (random.below(300), random.below(2));
                if random.below(3) == 0 {
                    assert_eq!(bits[which].put(i, false), sets[which].remove(&i));
                } else {
                    assert_eq!(bits[which].insert(i), sets[which].insert(i));
                }
            }
            let (a, b) = (&bits[0], &bits[1]);
            assert!(a.iter().eq(sets[0].iter().copied()));
            assert_eq!(a.count(), sets[0].len());
            assert_eq!(a.is_empty(), sets[0].is_empty());
            assert_eq!(a.contains_all(b), sets[0].is_superset(&sets[1]));
            assert_eq!(a.same(b), sets[0] == sets[1]);
            let from = random.below(320);
            assert_eq!(a.next(from), sets[0].range(from..).next().copied());
            let to = from + random.below(150);
            let run = sets[0]
                .range(from..)
                .next()
                .map(|start| *start..(*start..).find(|i| !sets[0].contains(i)).expect("an end"));
            assert_eq!(a.run(from), run);
            let gap = (from..to)
                .find(|i| !sets[0].contains(i))
                .map(|start| start..(start..to).find(|i| sets[0].contains(i)).unwrap_or(to));
            assert_eq!(a.gap(from..to), gap);
            let mut more = a.clone();
            more.insert_all(from..to);
            assert!(
                more.iter().eq(sets[0].iter().copied().chain(from..to).collect::<BTreeSet<_>>())
            );
            let mut differences = a.clone();
            differences.differences(b);
            assert!(differences.iter().eq(sets[0].symmetric_difference(&sets[1]).copied()));
            let mut union = a.clone();
            union.union(b);
            assert!(union.iter().eq(sets[0].union(&sets[1]).copied()));
        }
    }
}
