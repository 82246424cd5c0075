//! The order of a row on the tie grid: the rounded value and the symbol share one whole number, so
//! that half as much is moved as when they stand side by side.

use super::buckets::{Ends, centre_and_scale, insertion_sort, place, whole};
use super::{Body, Level, run};

/// Bits of a value on the grid: 2^36 steps for each of four signed ranges below twice the largest
/// power of two, and room for the ends where infinities stand.
const KEY_BITS: u32 = 39;

/// Memory for ordering a row.
#[derive(Debug, Default)]
pub(super) struct Packed {
    keys: Vec<u64>,
    sorted: Vec<u64>,
    places: Vec<u32>,
    ends: Ends,
}

impl Packed {
    /// Whether so many symbols leave enough bits for the keys.
    pub(super) const fn fits(symbols: usize) -> bool {
        symbols < 1 << (u64::BITS - KEY_BITS)
    }

    /// Orders the values that are not missing; `addend` rounds to the grid and is not 0. Gives how
    /// many there are.
    pub(super) fn sort(&mut self, level: Level, x: &[f64], addend: f64) -> usize {
        let Packed { keys, sorted, places, ends } = self;
        let shift = usize::BITS - x.len().leading_zeros();
        keys.resize(x.len(), 0);
        let mut missing = false;
        run(level, Pack { x, addend, shift, out: keys, missing: &mut missing });
        if missing {
            let mut there = x.iter().map(|v| !v.is_nan());
            keys.retain(|_| there.next().unwrap_or(false));
        }
        let count = keys.len();
        sorted.resize(count, 0);
        if count == 0 {
            return 0;
        }
        let (centre, width) = centre_and_scale(count, |i| (keys[i] >> shift) as f64);
        let scale = width.recip();
        let buckets = whole(count);
        places.resize(count, 0);
        run(level, Buckets { keys, shift, centre, scale, buckets, out: places });
        ends.deal(level, places, buckets, keys.iter().copied(), sorted);
        insertion_sort(sorted, places, |key| *key);
        count
    }

    /// Writes the rank of every symbol that has one; `shares` are all ranks and what lies halfway
    /// between them: number i is (i / 2) / count.
    pub(super) fn ranks(&mut self, shares: &[f64], out: &mut [f64]) {
        let Packed { sorted, places: begins, .. } = self;
        let shift = usize::BITS - out.len().leading_zeros();
        let mask = (1 << shift) - 1;
        let symbol = |key: u64| (key & mask) as usize;
        let equal = |a: u64, b: u64| (a ^ b) >> shift == 0;
        let pairs = sorted.iter().zip(sorted.iter().skip(1));
        if !pairs.fold(false, |ties, (a, b)| ties | equal(*a, *b)) {
            for (key, share) in sorted.iter().zip(shares.iter().skip(2).step_by(2)) {
                out[symbol(*key)] = *share;
            }
            return;
        }
        // Where each run of equal values begins, and then, from behind, where it ends: without a branch,
        // since nobody could predict it.
        let other = |key: Option<&u64>| key.map_or(0, |key| !*key);
        let (mut begin, mut before) = (0, other(sorted.first()));
        for (i, (key, known)) in sorted.iter().zip(begins.iter_mut()).enumerate() {
            begin = if equal(before, *key) { begin } else { i as u32 };
            (*known, before) = (begin, *key);
        }
        let (mut end, mut after) = (0, other(sorted.last()));
        for (i, (key, begin)) in sorted.iter().zip(begins.iter()).enumerate().rev() {
            end = if equal(after, *key) { end } else { i as u32 };
            out[symbol(*key)] = shares[(*begin + end) as usize + 2];
            after = *key;
        }
    }
}

struct Pack<'a> {
    x: &'a [f64],
    addend: f64,
    shift: u32,
    out: &'a mut [u64],
    missing: &'a mut bool,
}

impl Body for Pack<'_> {
    #[inline(always)]
    fn run(self) {
        // The addend is 1.5 * 2^52 steps: adding it leaves the number of steps in the low bits.
        let zero = self.addend.to_bits();
        // Just outside of all finite values, which are below 2^37 steps.
        let end = self.addend / 98_304.0 * 2.000_001;
        // Without leaving early, so that it runs in vectors.
        *self.missing = self.x.iter().fold(false, |missing, v| missing | v.is_nan());
        for (i, (o, x)) in self.out.iter_mut().zip(self.x).enumerate() {
            let v = if *x < -end { -end } else { *x };
            let v = if v > end { end } else { v };
            let steps = (v + self.addend).to_bits().wrapping_sub(zero);
            *o = steps.wrapping_add(1 << (KEY_BITS - 1)) << self.shift | i as u64;
        }
    }
}

struct Buckets<'a> {
    keys: &'a [u64],
    shift: u32,
    centre: f64,
    scale: f64,
    buckets: usize,
    out: &'a mut [u32],
}

impl Body for Buckets<'_> {
    #[inline(always)]
    fn run(self) {
        const MAGIC: f64 = 4_503_599_627_370_496.0; // 2^52: whole numbers in the low bits
        const SMALL: f32 = 8_388_608.0; // 2^23: the same of short numbers
        let half = 0.5 * (self.buckets - 1) as f32;
        // Of a fraction short numbers are exact enough: what they confuse is put in order later.
        for (o, key) in self.out.iter_mut().zip(self.keys) {
            let v = f64::from_bits(*key >> self.shift | MAGIC.to_bits()) - MAGIC;
            let t = ((v - self.centre) * self.scale) as f32;
            let u = t / (1.0 + t.abs());
            let bucket = ((u + 1.0) * half + SMALL).to_bits() - SMALL.to_bits();
            *o = place(bucket, self.buckets);
        }
    }
}
