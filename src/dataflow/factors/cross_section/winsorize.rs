//! Outliers drawn in.

#[cfg(test)]
use super::Twin;
use super::quantile::quantile;
use super::{Exactness, Kernel, Member, Parameter, first, map, with};

/// `winsorize(x, k)`: between the median minus and plus k median absolute deviations.
pub(super) static WINSORIZE: Member = Member {
    signature: with(
        "winsorize",
        &[Parameter::Series("x"), Parameter::Constant("k")],
        Exactness::Never,
        "x, drawn in to the median plus or minus k times the median absolute deviation over the \
         universe at that time",
    )
    .explained(super::Reference {
        formula: "x between median - k MAD and median + k MAD, MAD = median of abs(x - median)",
        missing: "missing stays missing; missing and infinite values do not count in the medians",
        source: "Hampel (1974), median absolute deviation without a factor",
        cost: super::Cost::SortedRow,
        example: "winsorize(close / delay(close, 5) - 1, 3)",
    }),
    kernel: Kernel::CrossSection(|level, args, how, scratch, out| {
        let x = first(args);
        let median = quantile(level, x, false, 0.5, scratch);
        map(level, x, out, |v| (v - median).abs());
        let width = quantile(level, out, false, 0.5, scratch) * how.param(0).abs();
        let (low, high) = (median - width, median + width);
        map(level, x, out, |v| {
            let v = if v < low { low } else { v };
            if v > high { high } else { v }
        });
    }),
    #[cfg(test)]
    twin: Twin::Row(|rows, how| {
        let median = |x: Vec<f64>| {
            let mut x: Vec<f64> = x.into_iter().filter(|v| v.is_finite()).collect();
            x.sort_by(f64::total_cmp);
            let place = 0.5 * x.len().saturating_sub(1) as f64;
            let (low, high) = (place.floor() as usize, place.ceil() as usize);
            x.get(low).map_or(f64::NAN, |a| a + (x[high] - a) * (place - place.floor()) + 0.0)
        };
        let middle = median(rows[0].clone());
        let width =
            median(rows[0].iter().map(|v| (v - middle).abs()).collect()) * how.param(0).abs();
        let drawn = |v: &f64| match *v {
            v if v < middle - width => middle - width,
            v if v > middle + width => middle + width,
            v => v,
        };
        rows[0].iter().map(drawn).collect()
    }),
};
