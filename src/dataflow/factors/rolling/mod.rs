//! Operators down one symbol's column: a window of times that ends at the current one. Except for
//! `delay` and `delta`, an infinite input counts as missing, and a result is missing unless all
//! inputs are there. A new operator is a file here, its `mod` and its line in [`MEMBERS`].
//!
//! Windows are evaluated oldest row first, so that the order of additions is fixed by the positions
//! in the window; long windows of sums in [`super::blocks`].

#![expect(clippy::needless_range_loop, reason = "lanes of several arrays side by side")]

mod argmax;
mod avedev;
mod corr;
mod count;
mod cov;
mod decay;
mod delay;
mod delta;
mod extremes;
mod kurt;
mod median;
mod moments;
mod newest_extreme;
mod product;
mod quantile;
mod rank;
mod regbeta;
mod regresi;
mod skew;
mod std;
mod sum;
mod trend;

#[cfg(test)]
use super::Twin;
use super::blocks::{self, Blockwise, blocked};
use super::grid::rounding_addend;
use super::window::{Fold, Scan, Scanned, Window, mend, scan, sweep};
use super::{How, Kernel, Member, Reads, Rolling};
use crate::formula::{Cost, Exactness, Family, Parameter, Reference, Signature};

pub(super) use quantile::interpolated;

/// All operators down a column.
pub(super) const MEMBERS: &[&Member] = &[
    &delay::DELAY,
    &delta::DELTA,
    &sum::SUM,
    &sum::MEAN,
    &std::STD,
    &std::VAR,
    &extremes::MIN,
    &extremes::MAX,
    &argmax::ARGMAX,
    &argmax::ARGMIN,
    &argmax::HIGHDAY,
    &argmax::LOWDAY,
    &rank::RANK,
    &rank::PCT_RANK,
    &quantile::QUANTILE,
    &count::COUNT,
    &count::EVERY,
    &count::EXIST,
    &product::PRODUCT,
    &skew::SKEW,
    &decay::LINEAR,
    &decay::EXP,
    &corr::CORR,
    &cov::COV,
    &regbeta::REGBETA,
    &regresi::REGRESI,
    &trend::SLOPE,
    &trend::RSQUARE,
    &trend::RESI,
    &median::MEDIAN,
    &kurt::KURT,
    &avedev::AVEDEV,
    &newest_extreme::MAX,
    &newest_extreme::MIN,
];

/// Windows of one series.
const WINDOW: &str = "missing unless all n inputs are there, with `min_periods: 1` only when \
    none is; infinite counts as missing";
/// Windows that need two values.
const PAIR: &str = "missing unless all n inputs are there, with `min_periods: 1` unless 2 are; \
    infinite counts as missing";
/// Windows that need three values.
const TRIPLE: &str = "missing unless all n inputs are there, with `min_periods: 1` unless 3 are; \
    infinite counts as missing; missing when all are equal";
/// Windows that need two values, the current one among them.
const PAIR_CURRENT: &str = "missing unless all n inputs are there, with `min_periods: 1` unless \
    2 are and the current one is; infinite counts as missing";
/// Windows in which the current value has its place.
const CURRENT: &str = "missing unless all n inputs are there, with `min_periods: 1` unless the \
    current one is; infinite counts as missing";
/// Positions of extremes.
const POSITION: &str = "missing unless all n inputs are there, with `min_periods: 1` only when \
    none is; infinite counts as missing; in profile qlib the first missing input counts as the \
    extreme, and positions count from the oldest bar there is";
/// Windows with weights.
const WEIGHTED: &str = "missing unless all n inputs are there, with `min_periods: 1` only when \
    none is, and then the weights of those that are there are divided by their sum; infinite \
    counts as missing";
/// Windows of two series.
const PAIRS: &str = "of the pairs of which both are there: missing unless all n are, with \
    `min_periods: 1` unless 2 are; infinite counts as missing";
/// Correlations.
const BOTH_MOVE: &str = "of the pairs of which both are there: missing unless all n are, with \
    `min_periods: 1` unless 2 are; infinite counts as missing; missing when x or y is constant, \
    in profile qlib when the standard deviation of either is at most 2e-5";
/// Shares of a variance.
const FLAT: &str = "missing unless all n inputs are there, with `min_periods: 1` unless 2 are; \
    infinite counts as missing; missing when x is constant, in profile qlib when its standard \
    deviation is at most 2e-5";
/// Fits of several series.
const ROWS: &str = "of the bars at which all series are there: missing unless all n are, with \
    `min_periods: 1` unless they suffice for the fit; infinite counts as missing; missing when \
    the x depend on each other";

const fn signature(
    name: &'static str,
    parameters: &'static [Parameter],
    exactness: Exactness,
    summary: &'static str,
) -> Signature {
    let family = Family::TimeSeries;
    Signature {
        name,
        family,
        parameters,
        summary,
        exactness,
        compares: false,
        reference: Reference::NONE,
    }
}

/// 0 for a number, missing for what counts as missing: added to a result, it masks it.
#[inline(always)]
#[expect(clippy::eq_op, reason = "infinity minus itself is what is asked for")]
fn gap(x: f64) -> f64 {
    x - x
}

/// The bits of infinity: numbers that count have smaller ones, without their sign.
const INFINITY_BITS: u64 = f64::INFINITY.to_bits();

/// The bits of the largest magnitude of each window; not below [`INFINITY_BITS`] where something
/// is missing or infinite. One comparison of whole numbers for both questions.
#[inline(always)]
fn largest_bits<const L: usize>(window: Window<'_>, at: usize) -> [u64; L] {
    let mut largest = [0; L];
    for row in window.lanes::<L>(at) {
        for j in 0..L {
            let bits = row[j].to_bits() & (u64::MAX >> 1);
            largest[j] = if bits > largest[j] { bits } else { largest[j] };
        }
    }
    largest
}

/// What rounds the values of each window that are there to the tie grid, see [`rounding_addend`].
#[inline(always)]
fn grid_of_some<const L: usize>(window: Window<'_>, at: usize) -> [f64; L] {
    let mut largest = [0.0; L];
    for row in window.lanes::<L>(at) {
        for j in 0..L {
            let a = row[j].abs();
            largest[j] = if (a > largest[j]) & there(a) { a } else { largest[j] };
        }
    }
    largest.map(rounding_addend)
}

/// Whether a number counts: neither missing nor infinite.
#[inline(always)]
fn there(x: f64) -> bool {
    x.abs() < f64::INFINITY
}

/// How many inputs a window must have: all, or at least so many.
fn needed(how: How<'_>, least: usize) -> f64 {
    if how.mode.partial { least as f64 } else { how.n.max(least) as f64 }
}

/// What moments are divided by is the number of values less this.
fn less(how: How<'_>) -> f64 {
    if how.mode.population { 0.0 } else { 1.0 }
}

/// For twins: the inputs that are there, unless some are missing that must not be.
#[cfg(test)]
fn usable(window: &[f64], how: How<'_>, least: usize) -> Option<Vec<f64>> {
    let all: Vec<f64> = window.iter().copied().filter(|x| x.is_finite()).collect();
    let enough = all.len() >= least && (how.mode.partial || all.len() == how.n);
    enough.then_some(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataflow::factors::blocks::Cuts;
    use crate::dataflow::factors::random::Random;
    use crate::dataflow::factors::simd::Level;
    use crate::dataflow::factors::window::GROUP;
    use crate::formula::Mode;

    /// Enough symbols for all ways through the loops over blocks.
    const WIDTH: usize = 512 + 32 + 16 + 8;

    #[test]
    fn equals_the_twin_in_every_block_for_short_and_long_windows() {
        let mut random = Random::new(41);
        for rows in [1, 2, 3, 4, 8, 9, 10, 23] {
            let data: Vec<f64> = (0..2 * rows * WIDTH)
                .map(|_| match random.below(200) {
                    0..3 => f64::NAN,
                    3 => f64::INFINITY,
                    4..50 => random.below(4) as f64,
                    _ => random.unit() * 100.0,
                })
                .collect();
            for member in MEMBERS {
                check(member, rows, &data);
            }
        }
    }

    fn check(member: &Member, rows: usize, data: &[f64]) {
        // Blocks of one and of several rows, and rows before the first.
        let cuts: Vec<usize> = (rows / 3..rows).filter(|i| i % 5 < 2).collect();
        let cuts = cuts.as_slice();
        let (
            Kernel::Rolling(kernel) | Kernel::Sorted(kernel, _) | Kernel::Blocked(kernel, _),
            Twin::Window(twin),
        ) = (member.kernel, member.twin)
        else {
            panic!("a rolling operator");
        };
        let count = match kernel.reads {
            Reads::Window | Reads::Existing => rows,
            Reads::Lag => 1,
            Reads::LagAndCurrent => 2.min(rows),
        };
        if kernel.reads == Reads::LagAndCurrent && count < 2 {
            return;
        }
        let starts: Vec<Vec<usize>> =
            (0..2).map(|a| (0..count).map(|r| (a * rows + r) * WIDTH).collect()).collect();
        let series = member.signature.parameters.iter().filter(|p| p.is_series()).count();
        let args: Vec<Window<'_>> =
            starts.iter().take(series).map(|starts| Window::new(data, starts)).collect();
        for (level, choice) in
            Level::available().into_iter().flat_map(|level| (0..16).map(move |c| (level, c)))
        {
            let (partial, qlib) = (choice & 2 > 0, choice & 4 > 0);
            let mode = Mode { partial, qlib, population: choice & 8 > 0, ..Mode::PLAIN };
            // Fewer rows than the window has, where that is allowed.
            let n = if mode.partial { rows + 3 } else { rows };
            let params = [n as f64, 0.3];
            let in_blocks = choice & 8 > 0 && matches!(member.kernel, Kernel::Blocked(..));
            let cuts = Cuts { rows: if in_blocks { cuts } else { &[] }, kept: None };
            let how = How { inexact: choice & 1 > 0, mode, n, params: &params, cuts };
            let mut out = vec![0.0; WIDTH];
            (kernel.run)(level, &args, how, 0..WIDTH, &mut out);
            let some = 5 * GROUP..7 * GROUP;
            let mut part = [0.0; 2 * GROUP];
            (kernel.run)(level, &args, how, some.clone(), &mut part);
            for (s, ours) in out.iter().enumerate() {
                let column = |starts: &Vec<usize>| starts.iter().map(|at| data[at + s]).collect();
                let windows: Vec<Vec<f64>> = starts.iter().take(series).map(column).collect();
                let want = twin(&windows, how);
                let same = |a: f64| a.to_bits() == want.to_bits() || (a.is_nan() && want.is_nan());
                let name = member.signature.name;
                assert!(
                    same(*ours),
                    "{name} {rows} {how:?} symbol {s}: {ours:e}, twin {want:e}: {windows:?}"
                );
                if some.contains(&s) {
                    assert!(same(part[s - some.start]), "{name} {rows} symbol {s} alone");
                }
            }
        }
    }
}
