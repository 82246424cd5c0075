//! A quantile of the row.

#[cfg(test)]
use super::Twin;
use super::{Exactness, Kernel, Member, Parameter, Signature, first, map, with};
use super::{Scratch, sum};
use crate::dataflow::factors::grid::rounding_addend;
use crate::dataflow::factors::rolling::interpolated;
use crate::dataflow::factors::simd::Level;

/// `quantile(x, q)`: the same for all symbols that have an x; infinite values do not
/// count.
pub(super) static QUANTILE: Member = Member {
    signature: Signature {
        reference: super::Reference {
            formula: "with the values sorted as v[0], v[1], ... and p = q * (their number - 1): \
                      v[floor p] + (v[ceil p] - v[floor p]) * (p - floor p)",
            missing: "missing where x is; missing and infinite values do not count",
            source: "Hyndman and Fan (1996), type 7",
            cost: super::Cost::SortedRow,
            example: "if(volume > quantile(volume, 0.9), 1, 0)",
        },
        compares: true,
        ..with(
            "quantile",
            &[Parameter::Series("x"), Parameter::Fraction("q")],
            Exactness::Never,
            "value below which the share q of x over the universe at that time is, interpolated \
             linearly",
        )
    },
    kernel: Kernel::CrossSection(|level, args, how, scratch, out| {
        let x = first(args);
        let value = quantile(level, x, how.inexact, how.param(0), scratch);
        map(level, x, out, |v| if v.is_nan() { v } else { value });
    }),
    #[cfg(test)]
    twin: Twin::Row(|rows, how| {
        let x: Vec<f64> = rows[0].iter().copied().filter(|v| v.is_finite()).collect();
        let mut x = super::twin_grid(&x, how.inexact);
        x.sort_by(f64::total_cmp);
        let place = how.param(0) * x.len().saturating_sub(1) as f64;
        let value = match x.len() {
            0 => f64::NAN,
            _ => {
                let (low, high) = (x[place.floor() as usize], x[place.ceil() as usize]);
                low + (high - low) * (place - place.floor()) + 0.0
            }
        };
        rows[0].iter().map(|v| if v.is_nan() { f64::NAN } else { value }).collect()
    }),
};

/// The quantile of what is there, on the tie grid if it is inexact.
pub(super) fn quantile(
    level: Level,
    x: &[f64],
    inexact: bool,
    q: f64,
    scratch: &mut Scratch,
) -> f64 {
    let add = if inexact { rounding_addend(sum::largest(level, x)) } else { 0.0 };
    scratch.row.clear();
    scratch.row.extend(x.iter().filter(|v| v.is_finite()).map(|v| (v + add) - add));
    scratch.row.sort_unstable_by(f64::total_cmp);
    if scratch.row.is_empty() { f64::NAN } else { interpolated(&scratch.row, q) }
}
