//! Operators across one time's row, over the members of the universe. Results may not depend on
//! the order of the symbols: sums are order-independent, ranks average their ties. A new operator
//! is a file here, its `mod` and its line in [`MEMBERS`].

mod buckets;
mod demean;
mod group;
mod market;
mod packed;
mod quantile;
mod rank;
mod regress;
mod scale;
mod winsorize;
mod zscore;

#[cfg(test)]
use super::Twin;
use super::groups::Groups;
use super::simd::{Body, Level, run};
use super::sum;
use super::{How, Kernel, Member};
use crate::formula::{Cost, Exactness, Family, Parameter, Reference, Signature};

/// All cross-section operators.
pub(super) const MEMBERS: &[&Member] = &[
    &rank::RANK,
    &zscore::ZSCORE,
    &demean::DEMEAN,
    &scale::SCALE,
    &winsorize::WINSORIZE,
    &quantile::QUANTILE,
    &market::MARKET,
    &group::MEAN,
    &group::NEUTRALIZE,
    &group::ZSCORE,
    &group::RANK,
    &regress::REGRESS_NEUTRALIZE,
];

/// Memory that kernels use between calls.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    rank: rank::Order,
    row: Vec<f64>,
    groups: Groups,
    columns: Vec<Vec<f64>>,
}

/// Rows that are summed up.
const ROW: &str = "missing stays missing and does not count";
/// Rows that are put in order.
const ORDERED: &str = "missing stays missing and does not count; infinite values are ordered";

const fn signature(name: &'static str, exactness: Exactness, summary: &'static str) -> Signature {
    with(name, &[Parameter::Series("x")], exactness, summary)
}

const fn with(
    name: &'static str,
    parameters: &'static [Parameter],
    exactness: Exactness,
    summary: &'static str,
) -> Signature {
    Signature {
        name,
        family: Family::CrossSection,
        parameters,
        summary,
        exactness,
        compares: false,
        reference: Reference::NONE,
    }
}

/// The first of the rows; empty if there is none, which does not happen.
fn first<'a>(args: &[&'a [f64]]) -> &'a [f64] {
    args.first().copied().unwrap_or(&[])
}

/// How many values are not missing.
fn count(x: &[f64]) -> f64 {
    // In whole numbers, which may be added in any order and so in vectors.
    x.iter().map(|v| u64::from(!v.is_nan())).sum::<u64>() as f64
}

/// Applies a function of one number to a row.
fn map(level: Level, x: &[f64], out: &mut [f64], f: impl Fn(f64) -> f64) {
    struct Map<'a, F>(&'a [f64], &'a mut [f64], F);
    impl<F: Fn(f64) -> f64> Body for Map<'_, F> {
        #[inline(always)]
        fn run(self) {
            for (o, x) in self.1.iter_mut().zip(self.0) {
                *o = (self.2)(*x);
            }
        }
    }
    run(level, Map(x, out, f));
}

/// For twins: the values as they are compared.
#[cfg(test)]
pub(super) fn twin_grid(x: &[f64], inexact: bool) -> Vec<f64> {
    let largest = x.iter().filter(|v| v.is_finite()).fold(0.0_f64, |m, v| m.max(v.abs()));
    // Outside of this the grid's own numbers would leave the range.
    let limit = f64::from_bits((1023 + 1008) << 52);
    if !inexact || !(f64::MIN_POSITIVE..limit).contains(&largest) {
        return x.to_vec();
    }
    let mut step = 1.0_f64;
    while step > largest {
        step /= 2.0;
    }
    while step * 2.0 <= largest {
        step *= 2.0;
    }
    let step = step / f64::from(1 << 18) / f64::from(1 << 18);
    x.iter().map(|v| (v / step).round_ties_even() * step).collect()
}

/// For twins: the sum of what is not missing, in whole numbers of a fine step.
#[cfg(test)]
fn twin_sum(x: &[f64]) -> f64 {
    let largest = x.iter().filter(|v| v.is_finite()).fold(0.0_f64, |m, v| m.max(v.abs()));
    if largest == 0.0 {
        // Also of negative zeros only, the sum is 0.
        return x.iter().filter(|v| !v.is_nan()).sum::<f64>() + 0.0;
    }
    if largest < 1e-200 {
        let up = f64::from_bits((1023 + 500) << 52);
        return twin_sum(&x.iter().map(|v| v * up).collect::<Vec<_>>()) / up;
    }
    let mut top = 1.0_f64;
    while top > largest {
        top /= 2.0;
    }
    while top * 2.0 <= largest {
        top *= 2.0;
    }
    let (coarse, fine) = (top / 268_435_456.0, top / 144_115_188_075_855_872.0);
    let (mut high, mut low, mut odd) = (0_i128, 0_i128, 0.0);
    for v in x.iter().filter(|v| !v.is_nan()) {
        if v.is_infinite() {
            odd += v;
            continue;
        }
        let h = (v / coarse).round_ties_even();
        high += h as i128;
        low += ((v - h * coarse) / fine).round_ties_even() as i128;
    }
    (high as f64 * coarse + low as f64 * fine) + odd
}
