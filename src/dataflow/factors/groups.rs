//! Symbols with the same value of a group field, and sums over them that do not depend on the order
//! of the symbols.

use std::collections::VecDeque;

use super::math::power_of_two_below;

/// Numbers up to this are groups as they are; others are numbered by sorting.
const DIRECT: usize = 1 << 16;

/// How many groupings are remembered: sectors, industries and the like seldom change.
const REMEMBERED: usize = 4;

/// Sums of a group are added up in so many parts, so that they need not wait for each other. What is
/// added up is exact, in any order.
const PARTS: usize = 4;

/// No number of a group.
const NONE: u32 = u32::MAX;

/// The groups of rows, and sums over them.
#[derive(Debug, Default)]
pub(super) struct Groups {
    /// The ones of the last row first.
    known: VecDeque<Grouping>,
    numbers: Vec<u32>,
    sorted: Vec<f64>,
    largest: Vec<[f64; PARTS]>,
    filled: Vec<[f64; PARTS]>,
    grids: Vec<Grid>,
    high: Vec<[f64; PARTS]>,
    low: Vec<[f64; PARTS]>,
    /// By group: sums of the last call; one more that is missing, for symbols without a group.
    sums: Vec<f64>,
    /// By group: how many values went into them.
    counts: Vec<f64>,
}

/// Which symbols are a group.
#[derive(Debug, Default)]
struct Grouping {
    keys: Vec<f64>,
    /// By symbol.
    of: Vec<u32>,
    count: usize,
}

/// What values of a group are rounded with.
#[derive(Clone, Copy, Debug)]
struct Grid {
    scale: f64,
    first: f64,
    second: f64,
}

impl Groups {
    /// Finds the groups of a row; missing is no group. Their numbers depend on the order of the
    /// symbols, so nothing that is given out may.
    pub(super) fn find(&mut self, keys: &[f64]) {
        let same = |known: &Grouping| {
            let pairs = known.keys.iter().zip(keys);
            known.keys.len() == keys.len()
                && pairs.fold(true, |same, (a, b)| same & (a.to_bits() == b.to_bits()))
        };
        if let Some(at) = self.known.iter().position(same) {
            self.known.swap(0, at);
            return;
        }
        let full = self.known.len() == REMEMBERED;
        let spare = if full { self.known.pop_back() } else { None };
        let mut grouping = spare.unwrap_or_default();
        grouping.keys.clear();
        grouping.keys.extend_from_slice(keys);
        self.number(&mut grouping);
        self.known.push_front(grouping);
    }

    /// By symbol: the number of its group; [`Groups::count`] without one.
    pub(super) fn of(&self) -> &[u32] {
        self.known.front().map_or(&[], |grouping| &grouping.of)
    }

    /// How many groups there are.
    pub(super) fn count(&self) -> usize {
        self.known.front().map_or(0, |grouping| grouping.count)
    }

    fn number(&mut self, Grouping { keys, of, count }: &mut Grouping) {
        of.clear();
        *count = 0;
        let small = |key: f64| key >= 0.0 && key < DIRECT as f64 && key == key.trunc();
        if keys.iter().all(|key| key.is_nan() || small(*key)) {
            self.numbers.clear();
            for key in keys.iter() {
                if key.is_nan() {
                    of.push(NONE);
                    continue;
                }
                let key = *key as usize;
                if key >= self.numbers.len() {
                    self.numbers.resize(key + 1, NONE);
                }
                if self.numbers[key] == NONE {
                    self.numbers[key] = *count as u32;
                    *count += 1;
                }
                of.push(self.numbers[key]);
            }
        } else {
            self.sorted.clear();
            // The addition turns -0 into 0: equal numbers are one group.
            self.sorted.extend(keys.iter().filter(|key| !key.is_nan()).map(|key| key + 0.0));
            self.sorted.sort_unstable_by(f64::total_cmp);
            self.sorted.dedup();
            *count = self.sorted.len();
            of.extend(keys.iter().map(|key| {
                let found = self.sorted.binary_search_by(|known| known.total_cmp(&(key + 0.0)));
                if key.is_nan() { NONE } else { found.map_or(NONE, |at| at as u32) }
            }));
        }
        let none = *count as u32;
        of.iter_mut().filter(|group| **group == NONE).for_each(|group| *group = none);
    }

    /// Sums and counts of what is not missing, by group. As exact, and as independent of the order,
    /// as [`super::sum::sum`]; not a number where a value of the group is infinite.
    pub(super) fn add_up(&mut self, x: &[f64]) {
        let Groups { known, largest, filled, grids, high, low, sums, counts, .. } = self;
        let Some(Grouping { of, count, .. }) = known.front() else { return };
        for column in [&mut *largest, &mut *filled, &mut *high, &mut *low] {
            column.clear();
            column.resize(count + 1, [0.0; PARTS]);
        }
        for (i, (v, group)) in x.iter().zip(of).enumerate() {
            let (group, part) = (*group as usize, i % PARTS);
            let (size, there) = if v.is_nan() { (0.0, 0.0) } else { (v.abs(), 1.0) };
            let known = &mut largest[group][part];
            *known = if size > *known { size } else { *known };
            filled[group][part] += there;
        }
        let most =
            |parts: &[f64; PARTS]| parts.iter().fold(0.0, |a, b| if *b > a { *b } else { a });
        grids.clear();
        grids.extend(largest.iter().map(|parts| Grid::of(most(parts))));
        for (i, (v, group)) in x.iter().zip(of).enumerate() {
            let (group, part) = (*group as usize, i % PARTS);
            let Grid { scale, first, second } = grids[group];
            let w = if v.is_nan() { 0.0 } else { v * scale };
            let h = (w + first) - first;
            high[group][part] += h;
            low[group][part] += ((w - h) + second) - second;
        }
        let total = |[a, b, c, d]: [f64; PARTS]| (a + b) + (c + d);
        let both = high.iter().zip(&*low).zip(&*grids).take(*count);
        sums.clear();
        sums.extend(both.map(|((high, low), grid)| (total(*high) + total(*low)) / grid.scale));
        sums.push(f64::NAN);
        counts.clear();
        counts.extend(filled.iter().take(*count).map(|parts| total(*parts)));
    }

    /// The mean of each group becomes its sum.
    pub(super) fn make_means(&mut self) {
        for (sum, count) in self.sums.iter_mut().zip(&self.counts) {
            *sum /= count;
        }
    }

    /// The number of the last sums that belongs to a symbol; missing without a group.
    pub(super) fn sum_of(&self, symbol: usize) -> f64 {
        let group = self.of().get(symbol).copied().unwrap_or(NONE);
        self.sums.get(group as usize).copied().unwrap_or(f64::NAN)
    }
}

impl Grid {
    /// For values up to this.
    fn of(largest: f64) -> Grid {
        let top = power_of_two_below(largest);
        let top = if top > f64::MIN_POSITIVE { top } else { f64::MIN_POSITIVE };
        // Near the end of the range the large power itself would overflow.
        let scale = if top > 1e290 { SMALLER } else { 1.0 };
        Grid {
            scale,
            first: top * scale * (1.5 * 16_777_216.0), // 1.5 * 2^52 steps of 2^-28
            second: top * scale * (1.5 / 32.0),        // 1.5 * 2^52 steps of 2^-57
        }
    }
}

/// 2^-64.
const SMALLER: f64 = f64::from_bits((1023 - 64) << 52);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataflow::factors::random::Random;
    use crate::dataflow::factors::{simd::Level, sum::sum};

    #[test]
    fn sums_of_groups_are_those_of_rows_in_any_order() {
        let mut random = Random::new(71);
        for round in 0..200 {
            let n = 1 + random.below(60);
            let names: Vec<f64> =
                (0..5).map(|i| if round % 2 == 0 { f64::from(i) } else { random.unit() }).collect();
            let mut rows: Vec<(f64, f64)> = (0..n)
                .map(|_| {
                    let key = if random.below(9) == 0 { f64::NAN } else { names[random.below(5)] };
                    let x =
                        if random.below(9) == 0 { f64::NAN } else { (random.unit() - 0.3) * 1e3 };
                    (key, x)
                })
                .collect();
            let mut groups = Groups::default();
            for _ in 0..3 {
                let i = random.below(n);
                rows.swap(0, i);
                let (keys, x): (Vec<f64>, Vec<f64>) = rows.iter().copied().unzip();
                groups.find(&keys);
                groups.add_up(&x);
                for (s, (key, _)) in rows.iter().enumerate() {
                    let members: Vec<f64> =
                        rows.iter().filter(|(k, _)| k == key).map(|(_, v)| *v).collect();
                    if key.is_nan() {
                        assert!(groups.sum_of(s).is_nan());
                    } else {
                        let want = sum(Level::BASELINE, &members);
                        assert_eq!(groups.sum_of(s).to_bits(), want.to_bits());
                    }
                }
            }
        }
    }
}
