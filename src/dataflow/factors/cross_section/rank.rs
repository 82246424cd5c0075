//! Rank of a symbol's value among all symbols at one time.
//!
//! Values are thrown into buckets and repaired by an insertion pass, see [`super::buckets`]; those
//! that carry rounding error, most of them, in the form of [`super::packed`].

use super::buckets::{Ends, centre_and_scale, insertion_sort, place, whole};
use super::packed::Packed;
use super::{Body, Exactness, Kernel, Level, Member, Signature, first, run, signature, sum};
#[cfg(test)]
use super::{Twin, twin_grid};
use crate::dataflow::factors::grid::rounding_addend;

/// `rank(x)`: average-tie rank divided by the number of values, in (0, 1]; infinities are ordered.
pub(super) static RANK: Member = Member {
    signature: Signature {
        reference: super::Reference {
            formula: "((number of values < x) + ((number of values = x) + 1) / 2) / number of \
                      values",
            missing: super::ORDERED,
            source: "101 Formulaic Alphas (Kakushadze, 2016), appendix A.1",
            cost: super::Cost::SortedRow,
            example: "rank(-delta(close, 3))",
        },
        compares: true,
        ..signature(
            "rank",
            Exactness::Always,
            "rank of x over the universe at that time, divided by the number of values; ties \
             averaged",
        )
    },
    kernel: Kernel::CrossSection(|level, args, how, scratch, out| {
        rank(level, first(args), how.inexact, &mut scratch.rank, out);
    }),
    #[cfg(test)]
    twin: Twin::Row(|rows, how| twin(&rows[0], how.inexact)),
};

/// By counting.
#[cfg(test)]
pub(super) fn twin(x: &[f64], inexact: bool) -> Vec<f64> {
    let on_grid = twin_grid(x, inexact);
    let n = x.iter().filter(|v| !v.is_nan()).count() as f64;
    let one = |v: &f64| {
        let below = on_grid.iter().filter(|w| *w < v).count() as f64;
        let equal = on_grid.iter().filter(|w| *w == v).count() as f64;
        if v.is_nan() { f64::NAN } else { (below + (equal + 1.0) / 2.0) / n }
    };
    on_grid.iter().map(one).collect()
}

/// A value as it is compared, and its symbol. The key has the order of the values.
#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    key: u64,
    symbol: u32,
}

/// Memory for ordering a row.
#[derive(Debug, Default)]
pub(super) struct Order {
    values: Vec<f64>,
    symbols: Vec<u32>,
    places: Vec<u32>,
    ends: Ends,
    entries: Vec<Entry>,
    packed: Packed,
    /// All ranks, and what lies halfway between them.
    shares: Vec<f64>,
}

/// An unsigned number with the order of the values; -0 must have been made 0.
#[inline(always)]
const fn key(x: f64) -> u64 {
    let bits = x.to_bits();
    bits ^ (((bits as i64 >> 63) as u64) | 1 << 63)
}

pub(super) fn rank(level: Level, x: &[f64], inexact: bool, order: &mut Order, out: &mut [f64]) {
    let addend = if inexact { rounding_addend(sum::largest(level, x)) } else { 0.0 };
    if addend > 0.0 && Packed::fits(x.len()) {
        let count = order.packed.sort(level, x, addend);
        order.count_shares(count);
        if count < x.len() {
            out.fill(f64::NAN);
        }
        order.packed.ranks(&order.shares, out);
    } else {
        order.rank_exact(level, x, out);
    }
}

impl Order {
    /// Ranks of so many values, ties halfway between: mostly those of the row before.
    fn count_shares(&mut self, count: usize) {
        if self.shares.len() != 2 * count + 1 {
            let share = |i| f64::from(i) * 0.5 / count as f64;
            self.shares.clear();
            self.shares.extend((0..=2 * count as u32).map(share));
        }
    }

    fn rank_exact(&mut self, level: Level, x: &[f64], out: &mut [f64]) {
        out.fill(f64::NAN);
        let count = self.gather(level, x);
        if count == 0 {
            return;
        }
        self.sort(level, count);
        let mut below = 0;
        for ties in self.entries[..count].chunk_by(|a, b| a.key == b.key) {
            let rank = (2 * below + ties.len() + 1) as f64 * 0.5 / count as f64;
            for entry in ties {
                out[entry.symbol as usize] = rank;
            }
            below += ties.len();
        }
    }

    /// Puts the values that are not missing to the front, with their symbols.
    fn gather(&mut self, level: Level, x: &[f64]) -> usize {
        self.values.resize(x.len(), 0.0);
        self.symbols.clear();
        self.symbols.extend(0..x.len() as u32);
        run(level, Positive { x, out: &mut self.values });
        // Without leaving early, so that it runs in vectors.
        if !x.iter().fold(false, |missing, v| missing | v.is_nan()) {
            return x.len();
        }
        let mut count = 0;
        for i in 0..x.len() {
            let v = self.values[i];
            self.values[count] = v;
            self.symbols[count] = i as u32;
            count += usize::from(!v.is_nan());
        }
        count
    }

    /// Orders the first `count` values into `entries`.
    fn sort(&mut self, level: Level, count: usize) {
        let values = &self.values[..count];
        let (centre, scale) = centre_and_scale(count, |i| values[i]);
        let buckets = whole(count);
        self.places.resize(count, 0);
        run(level, Buckets { values, centre, scale, buckets, out: &mut self.places });
        self.entries.resize(count.max(self.entries.len()), Entry::default());
        let entries = values.iter().zip(&self.symbols);
        let entries = entries.map(|(v, symbol)| Entry { key: key(*v), symbol: *symbol });
        self.ends.deal(level, &self.places, buckets, entries, &mut self.entries[..count]);
        insertion_sort(&mut self.entries[..count], &mut self.places, |entry| entry.key);
    }
}

struct Positive<'a> {
    x: &'a [f64],
    out: &'a mut [f64],
}

impl Body for Positive<'_> {
    #[inline(always)]
    fn run(self) {
        for (o, x) in self.out.iter_mut().zip(self.x) {
            // The addition makes -0 to 0.
            *o = *x + 0.0;
        }
    }
}

struct Buckets<'a> {
    values: &'a [f64],
    centre: f64,
    scale: f64,
    buckets: usize,
    out: &'a mut [u32],
}

impl Body for Buckets<'_> {
    #[inline(always)]
    fn run(self) {
        let half = 0.5 * (self.buckets - 1) as f64;
        for (o, v) in self.out.iter_mut().zip(self.values) {
            let t = *v - self.centre;
            let u = t / (self.scale + t.abs());
            // Infinity over infinity.
            let end = if t > 0.0 { 1.0 } else { -1.0 };
            let u = if u.is_nan() { end } else { u };
            // Adding 2^52 leaves the rounded number in the low bits.
            let bucket = ((u + 1.0) * half + 4_503_599_627_370_496.0).to_bits() as u32;
            *o = place(bucket, self.buckets);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataflow::factors::random::Random;

    #[test]
    fn equals_counting_on_every_kind_of_row() {
        let mut random = Random::new(21);
        let mut order = Order::default();
        for round in 0..400 {
            let n = 1 + random.below(400);
            let x: Vec<f64> = (0..n)
                .map(|_| {
                    let u = random.unit() - 0.5;
                    match round % 8 {
                        0 => u,
                        1 => 1.0 / u,
                        2 => random.below(3) as f64 - 1.0,
                        3 => 1e4 + (u * 16.0).round() * 1e-12,
                        4 if random.below(4) == 0 => f64::NAN,
                        5 if random.below(9) == 0 => u * 1e300 * 1e300,
                        6 if random.below(40) == 0 => u * 1e15,
                        7 => f64::from_bits(random.next() % (1 << 52)) * u.signum(),
                        _ => u,
                    }
                })
                .collect();
            for inexact in [false, true] {
                let want = twin(&x, inexact);
                for level in Level::available() {
                    let mut out = vec![0.0; n];
                    rank(level, &x, inexact, &mut order, &mut out);
                    for (a, b) in out.iter().zip(&want) {
                        assert!(a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()));
                    }
                }
            }
        }
    }
}
