//! Symbols with the same value of a group field, and sums over them that do not depend on the order
//! of the symbols.

use super::math::power_of_two_below;

/// Numbers up to this are groups as they are; others are numbered by sorting.
const DIRECT: usize = 1 << 16;

/// The groups of a row.
#[derive(Debug, Default)]
pub(super) struct Groups {
    /// By symbol: the number of its group, [`NONE`] without one.
    pub(super) of: Vec<u32>,
    /// How many there are.
    pub(super) count: usize,
    numbers: Vec<u32>,
    sorted: Vec<f64>,
    largest: Vec<f64>,
    high: Vec<f64>,
    low: Vec<f64>,
    /// By group: sums of the last call.
    pub(super) sums: Vec<f64>,
    /// By group: how many values went into them.
    pub(super) counts: Vec<f64>,
}

/// The group of a symbol that has none.
pub(super) const NONE: u32 = u32::MAX;

impl Groups {
    /// Finds the groups of a row; missing is no group. Their numbers depend on the order of the
    /// symbols, so nothing that is given out may.
    pub(super) fn find(&mut self, keys: &[f64]) {
        self.of.clear();
        self.numbers.clear();
        self.count = 0;
        let small = |key: f64| key >= 0.0 && key < DIRECT as f64 && key == key.trunc();
        if keys.iter().all(|key| key.is_nan() || small(*key)) {
            for key in keys {
                if key.is_nan() {
                    self.of.push(NONE);
                    continue;
                }
                let key = *key as usize;
                if key >= self.numbers.len() {
                    self.numbers.resize(key + 1, NONE);
                }
                if self.numbers[key] == NONE {
                    self.numbers[key] = self.count as u32;
                    self.count += 1;
                }
                self.of.push(self.numbers[key]);
            }
            return;
        }
        self.sorted.clear();
        // The addition turns -0 into 0: equal numbers are one group.
        self.sorted.extend(keys.iter().filter(|key| !key.is_nan()).map(|key| key + 0.0));
        self.sorted.sort_unstable_by(f64::total_cmp);
        self.sorted.dedup();
        self.count = self.sorted.len();
        let place = |key: &f64| {
            let found = self.sorted.binary_search_by(|known| known.total_cmp(&(key + 0.0)));
            if key.is_nan() { NONE } else { found.map_or(NONE, |at| at as u32) }
        };
        self.of.extend(keys.iter().map(place));
    }

    /// Sums and counts of what is not missing, by group. As exact, and as independent of the order,
    /// as [`super::sum::sum`]; not a number where a value of the group is infinite.
    pub(super) fn add_up(&mut self, x: &[f64]) {
        for column in [&mut self.largest, &mut self.high, &mut self.low, &mut self.counts] {
            column.clear();
            column.resize(self.count, 0.0);
        }
        for (v, group) in x.iter().zip(&self.of) {
            if let Some(largest) = self.largest.get_mut(*group as usize)
                && !v.is_nan()
            {
                *largest = if v.abs() > *largest { v.abs() } else { *largest };
                self.counts[*group as usize] += 1.0;
            }
        }
        for largest in &mut self.largest {
            let top = power_of_two_below(*largest);
            *largest = if top > f64::MIN_POSITIVE { top } else { f64::MIN_POSITIVE };
        }
        for (v, group) in x.iter().zip(&self.of) {
            let Some(top) = self.largest.get(*group as usize) else { continue };
            if v.is_nan() {
                continue;
            }
            // Near the end of the range the large power itself would overflow.
            let scale = if *top > 1e290 { SMALLER } else { 1.0 };
            let first = top * scale * (1.5 * 16_777_216.0); // 1.5 * 2^52 steps of 2^-28
            let second = top * scale * (1.5 / 32.0); // 1.5 * 2^52 steps of 2^-57
            let w = v * scale;
            let h = (w + first) - first;
            self.high[*group as usize] += h;
            self.low[*group as usize] += ((w - h) + second) - second;
        }
        self.sums.clear();
        for ((high, low), top) in self.high.iter().zip(&self.low).zip(&self.largest) {
            let scale = if *top > 1e290 { SMALLER } else { 1.0 };
            self.sums.push((high + low) / scale);
        }
    }

    /// The mean of each group becomes its sum.
    pub(super) fn make_means(&mut self) {
        for (sum, count) in self.sums.iter_mut().zip(&self.counts) {
            *sum /= count;
        }
    }

    /// The number of the last sums that belongs to a symbol; missing without a group.
    pub(super) fn sum_of(&self, symbol: usize) -> f64 {
        let group = self.of.get(symbol).copied().unwrap_or(NONE);
        self.sums.get(group as usize).copied().unwrap_or(f64::NAN)
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
