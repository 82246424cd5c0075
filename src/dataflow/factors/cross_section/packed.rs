//! The order of a row on the tie grid: the rounded value and the symbol share one whole number, so
//! that half as much is moved as when they stand side by side.

use super::buckets::{centre_and_scale, insertion_sort, places, whole};
use super::{Body, Level, run};

/// Bits of a value on the grid: 2^36 steps for each of four signed ranges below twice the largest
/// power of two, and room for the ends where infinities stand.
const KEY_BITS: u32 = 39;

/// Memory for ordering a row.
#[derive(Debug, Default)]
pub(super) struct Packed {
    keys: Vec<u64>,
    sorted: Vec<u64>,
    buckets: Vec<u32>,
    ends: Vec<u32>,
}

impl Packed {
    /// Whether so many symbols leave enough bits for the keys.
    pub(super) const fn fits(symbols: usize) -> bool {
        symbols < 1 << (u64::BITS - KEY_BITS)
    }

    /// Orders the values that are not missing; `addend` rounds to the grid and is not 0.
    pub(super) fn sort(&mut self, level: Level, x: &[f64], addend: f64) {
        let shift = usize::BITS - x.len().leading_zeros();
        self.keys.resize(x.len(), 0);
        run(level, Pack { x, addend, shift, out: &mut self.keys });
        // Without leaving early, so that it runs in vectors.
        if x.iter().fold(false, |missing, v| missing | v.is_nan()) {
            let mut there = x.iter().map(|v| !v.is_nan());
            self.keys.retain(|_| there.next().unwrap_or(false));
        }
        let count = self.keys.len();
        if count == 0 {
            self.sorted.clear();
            return;
        }
        let (centre, scale) = centre_and_scale(count, |i| (self.keys[i] >> shift) as f64);
        let buckets = whole(count);
        let half = 0.5 * (buckets - 1) as f64;
        self.buckets.resize(count, 0);
        let keys = &self.keys;
        run(level, Buckets { keys, shift, centre, scale, half, out: &mut self.buckets });
        places(&self.buckets, buckets, &mut self.ends);
        self.sorted.resize(count, 0);
        for (b, key) in self.buckets.iter().zip(&self.keys) {
            let place = &mut self.ends[*b as usize & (buckets - 1)];
            self.sorted[*place as usize] = *key;
            *place += 1;
        }
        insertion_sort(&mut self.sorted, |key| *key);
    }

    /// Writes twice the rank of every symbol that has one; gives how many have.
    pub(super) fn twice_ranks(&self, symbols: usize, twice: &mut [u32]) -> usize {
        let shift = usize::BITS - symbols.leading_zeros();
        let mask = (1 << shift) - 1;
        let symbol = |key: u64| (key & mask) as usize;
        let ties = self
            .sorted
            .windows(2)
            .fold(false, |ties, pair| ties | matches!(pair, [a, b] if (a ^ b) >> shift == 0));
        if ties {
            let mut below = 0;
            for equal in self.sorted.chunk_by(|a, b| (a ^ b) >> shift == 0) {
                let rank = (2 * below + equal.len() + 1) as u32;
                for key in equal {
                    twice[symbol(*key)] = rank;
                }
                below += equal.len();
            }
        } else {
            let mut rank = 0;
            for key in &self.sorted {
                rank += 2;
                twice[symbol(*key)] = rank;
            }
        }
        self.sorted.len()
    }
}

struct Pack<'a> {
    x: &'a [f64],
    addend: f64,
    shift: u32,
    out: &'a mut [u64],
}

impl Body for Pack<'_> {
    #[inline(always)]
    fn run(self) {
        // The addend is 1.5 * 2^52 steps: adding it leaves the number of steps in the low bits.
        let zero = self.addend.to_bits();
        // Just outside of all finite values, which are below 2^37 steps.
        let end = self.addend / 98_304.0 * 2.000_001;
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
    half: f64,
    out: &'a mut [u32],
}

impl Body for Buckets<'_> {
    #[inline(always)]
    fn run(self) {
        const MAGIC: f64 = 4_503_599_627_370_496.0; // 2^52: whole numbers in the low bits
        for (o, key) in self.out.iter_mut().zip(self.keys) {
            let v = f64::from_bits(*key >> self.shift | MAGIC.to_bits()) - MAGIC;
            let t = v - self.centre;
            let u = t / (self.scale + t.abs());
            *o = ((u + 1.0) * self.half + MAGIC).to_bits() as u32;
        }
    }
}
