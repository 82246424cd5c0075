//! Quantiles of a window.

use super::{Exactness, How, Kernel, Member, Parameter, Reads, Rolling, Window, needed, signature};
#[cfg(test)]
use super::{Twin, usable};
use crate::dataflow::factors::simd::Level;
use std::ops::Range;

/// `ts_quantile(x, n, q)`: interpolated linearly between the two nearest of the sorted values.
pub(super) static QUANTILE: Member = Member {
    signature: signature(
        "ts_quantile",
        &[Parameter::Series("x"), Parameter::Window("n", 1), Parameter::Fraction("q")],
        Exactness::Never,
        "value below which the share q of the last n values of x is, interpolated linearly",
    ),
    kernel: Kernel::Sorted(
        Rolling { run: quantile, reads: Reads::Window },
        |level, sorted, how, out| {
            sorted.quantile(level, how.param(1), needed(how, 1) as usize, out);
        },
    ),
    #[cfg(test)]
    twin: Twin::Window(|w, how| {
        let Some(mut x) = usable(&w[0], how, 1) else { return f64::NAN };
        x.sort_by(f64::total_cmp);
        let place = how.param(1) * (x.len() - 1) as f64;
        let (low, high) = (place.floor() as usize, place.ceil() as usize);
        x[low] + (x[high] - x[low]) * (place - place.floor()) + 0.0
    }),
};

fn quantile(_: Level, args: &[Window<'_>], how: How<'_>, range: Range<usize>, out: &mut [f64]) {
    let Some(window) = args.first() else { return };
    let needed = needed(how, 1);
    let mut sorted: Vec<f64> = Vec::with_capacity(window.len());
    for (symbol, out) in range.zip(out) {
        sorted.clear();
        sorted.extend(window.lanes::<1>(symbol).map(|[x]| *x).filter(|x| x.is_finite()));
        *out = if sorted.len() as f64 >= needed {
            sorted.sort_unstable_by(f64::total_cmp);
            interpolated(&sorted, how.param(1))
        } else {
            f64::NAN
        };
    }
}

/// The value at the share `q` of sorted values.
pub(in crate::dataflow::factors) fn interpolated(sorted: &[f64], q: f64) -> f64 {
    let place = q * sorted.len().saturating_sub(1) as f64;
    let at = |place: f64| sorted.get(place as usize).copied().unwrap_or(f64::NAN);
    let low = at(place.floor());
    // The addition turns -0 into 0.
    low + (at(place.ceil()) - low) * (place - place.floor()) + 0.0
}
