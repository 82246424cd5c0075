//! Operators down one symbol's column: a window of times that ends at the current one. Except for
//! `delay` and `delta`, an infinite input counts as missing, and a result is missing unless all
//! inputs are there. A new operator is a file here, its `mod` and its line in [`MEMBERS`].
//!
//! All windows are evaluated directly, oldest row first, so that the order of additions is fixed
//! by the positions in the window. Aligned blocks for long windows belong beside the folds: their
//! limits must come from the row's own time, never from a counter.

#![expect(clippy::needless_range_loop, reason = "lanes of several arrays side by side")]

mod corr;
mod delay;
mod delta;
mod extremes;
mod rank;
mod std;
mod sum;

#[cfg(test)]
use super::Twin;
use super::window::{Fold, Scan, Window, scan, sweep};
use super::{Kernel, Member, Reads, Rolling};
use crate::formula::{Exactness, Family, Parameter, Signature};

/// All operators down a column.
pub(super) const MEMBERS: &[&Member] = &[
    &delay::DELAY,
    &delta::DELTA,
    &sum::SUM,
    &sum::MEAN,
    &std::STD,
    &extremes::MIN,
    &extremes::MAX,
    &rank::RANK,
    &corr::CORR,
];

const fn signature(
    name: &'static str,
    parameters: &'static [Parameter],
    exactness: Exactness,
    summary: &'static str,
) -> Signature {
    let family = Family::TimeSeries;
    Signature { name, family, parameters, summary, exactness, compares: false }
}

/// 0 for a number, missing for what counts as missing: added to a result, it masks it.
#[inline(always)]
#[expect(clippy::eq_op, reason = "infinity minus itself is what is asked for")]
fn gap(x: f64) -> f64 {
    x - x
}

/// For twins: whether all inputs are there.
#[cfg(test)]
fn full(windows: &[Vec<f64>]) -> bool {
    windows.iter().flatten().all(|x| x.is_finite())
}
