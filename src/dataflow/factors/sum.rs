//! A sum whose bits do not depend on the order of the terms.
//!
//! Every term is split by two additions of large powers of two into multiples of two fixed steps,
//! which come from the largest magnitude. Sums of such multiples are exact, so neither the order
//! of symbols nor the width of vectors nor a split over workers can change them.

use super::math::power_of_two_below;
use super::simd::{Body, Level, run};

/// Lanes that are summed side by side.
const LANES: usize = 32;

/// The sum of all values of `x` that are not missing. Infinite where IEEE addition would be.
/// Exact up to 2^-57 of the largest magnitude for each term, for up to 2^24 terms.
pub(super) fn sum(level: Level, x: &[f64]) -> f64 {
    let mut result = 0.0;
    run(level, Sum { x, result: &mut result });
    result
}

/// The largest finite magnitude in `x`, 0 if there is none.
pub(super) fn largest(level: Level, x: &[f64]) -> f64 {
    let mut result = 0.0;
    run(level, Largest { x, result: &mut result });
    result
}

struct Largest<'a> {
    x: &'a [f64],
    result: &'a mut f64,
}

impl Body for Largest<'_> {
    #[inline(always)]
    fn run(self) {
        *self.result = largest_body(self.x);
    }
}

#[inline(always)]
fn largest_body(x: &[f64]) -> f64 {
    let mut lanes = [0.0_f64; LANES];
    let (chunks, rest) = x.as_chunks::<LANES>();
    for chunk in chunks {
        for (m, v) in lanes.iter_mut().zip(chunk) {
            let a = v.abs();
            let a = if a < f64::INFINITY { a } else { 0.0 };
            *m = if a > *m { a } else { *m };
        }
    }
    let mut m = 0.0;
    for a in lanes.iter().copied().chain(rest.iter().map(|v| v.abs())) {
        m = if a > m && a < f64::INFINITY { a } else { m };
    }
    m
}

struct Sum<'a> {
    x: &'a [f64],
    result: &'a mut f64,
}

impl Body for Sum<'_> {
    #[inline(always)]
    fn run(self) {
        let top = power_of_two_below(largest_body(self.x)).max(f64::MIN_POSITIVE);
        // Near the end of the range the large power itself would overflow.
        let scale = if top > 1e290 { f64::from_bits((1023 - 64) << 52) } else { 1.0 };
        let first = top * scale * (1.5 * 16_777_216.0); // 1.5 * 2^52 steps of 2^-28
        let second = top * scale * (1.5 / 32.0); // 1.5 * 2^52 steps of 2^-57
        let mut high = [0.0_f64; LANES];
        let mut low = [0.0_f64; LANES];
        // What is missing or infinite: 0 in the sums, and its sign counted.
        let mut infinite = [0.0_f64; LANES];
        let (chunks, rest) = self.x.as_chunks::<LANES>();
        let mut last = [0.0; LANES];
        last[..rest.len()].copy_from_slice(rest);
        for chunk in chunks.iter().chain([&last]) {
            for j in 0..LANES {
                let v = chunk[j];
                let finite = v.abs() < f64::INFINITY;
                let w = if finite { v * scale } else { 0.0 };
                let h = (w + first) - first;
                high[j] += h;
                low[j] += ((w - h) + second) - second;
                infinite[j] += if finite || v.is_nan() { 0.0 } else { v };
            }
        }
        let total = |lanes: &[f64; LANES]| {
            let mut t = 0.0;
            for v in lanes {
                t += *v;
            }
            t
        };
        *self.result = (total(&high) + total(&low)) / scale + total(&infinite);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataflow::factors::random::Random;

    fn values(random: &mut Random, n: usize) -> Vec<f64> {
        let kind = random.below(4);
        (0..n)
            .map(|_| match kind {
                0 => random.unit() - 0.5,
                1 => 1e4 + random.unit() * 0.01,
                2 => (random.unit() - 0.5) * 10_f64.powi(random.below(40) as i32 - 20),
                _ if random.below(5) == 0 => f64::NAN,
                _ => random.unit() * 1e9,
            })
            .collect()
    }

    #[test]
    fn order_and_level_do_not_matter() {
        let mut random = Random::new(11);
        for _ in 0..300 {
            let n = 1 + random.below(700);
            let mut x = values(&mut random, n);
            let want = sum(Level::BASELINE, &x);
            for i in (1..x.len()).rev() {
                let j = random.below(i + 1);
                x.swap(i, j);
            }
            for level in Level::available() {
                assert_eq!(sum(level, &x).to_bits(), want.to_bits());
            }
        }
    }

    #[test]
    fn is_as_exact_as_it_says() {
        let mut random = Random::new(12);
        for _ in 0..300 {
            let n = 1 + random.below(700);
            let x = values(&mut random, n);
            // Neumaier's compensated sum as the oracle.
            let (mut s, mut c) = (0.0_f64, 0.0);
            for v in x.iter().filter(|v| !v.is_nan()) {
                let t = s + v;
                c += if s.abs() >= v.abs() { (s - t) + v } else { (v - t) + s };
                s = t;
            }
            let want = s + c;
            let bound = n as f64 * largest(Level::BASELINE, &x) * 2_f64.powi(-57)
                + want.abs() * f64::EPSILON;
            assert!((sum(Level::best(), &x) - want).abs() <= bound);
        }
    }

    #[test]
    fn ends_of_the_range() {
        let level = Level::best();
        assert_eq!(sum(level, &[]), 0.0);
        assert_eq!(sum(level, &[f64::NAN]), 0.0);
        assert_eq!(sum(level, &[1.0, f64::INFINITY]), f64::INFINITY);
        assert!(sum(level, &[f64::NEG_INFINITY, f64::INFINITY]).is_nan());
        assert_eq!(sum(level, &[f64::MAX, -f64::MAX, f64::MAX / 2.0]), f64::MAX / 2.0);
        assert_eq!(sum(level, &[5e-324, 5e-324]), 1e-323);
    }
}
