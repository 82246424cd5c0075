//! Distance from the mean of the row in standard deviations.

use super::{Exactness, Kernel, Level, Member, count, demean::demean, first, map, signature, sum};
#[cfg(test)]
use super::{Twin, twin_sum};

/// `zscore(x)`: with the number of values in the denominator (ddof 0); missing where all values
/// are equal.
pub(super) static ZSCORE: Member = Member {
    signature: signature(
        "zscore",
        Exactness::Never,
        "(x - mean) / standard deviation (ddof 0) over the universe at that time; missing where \
         all are equal",
    )
    .explained(super::Reference {
        formula: "(x - mean) / sqrt(sum of (x - mean)^2 / number of values)",
        missing: super::ROW,
        source: "standard score, ddof 0",
        cost: super::Cost::Row,
        example: "zscore(close / delay(close, 5) - 1)",
    }),
    kernel: Kernel::CrossSection(|level, args, _, scratch, out| {
        zscore(level, first(args), &mut scratch.row, out);
    }),
    #[cfg(test)]
    twin: Twin::Row(|rows, _| {
        let x = &rows[0];
        let there: Vec<f64> = x.iter().copied().filter(|v| !v.is_nan()).collect();
        if there.iter().all(|v| *v == there[0]) {
            return vec![f64::NAN; x.len()];
        }
        let mean = twin_sum(&there) / there.len() as f64;
        let squares: Vec<f64> = there.iter().map(|v| (v - mean) * (v - mean)).collect();
        let deviation = (twin_sum(&squares) / there.len() as f64).sqrt();
        x.iter().map(|v| (v - mean) / deviation).collect()
    }),
};

fn zscore(level: Level, x: &[f64], row: &mut Vec<f64>, out: &mut [f64]) {
    // The rounded mean of equal values may differ from them, so equality is looked at first.
    let mut there = x.iter().filter(|v| !v.is_nan());
    let equal = there.next().is_none_or(|first| there.all(|v| v == first));
    if equal {
        out.fill(f64::NAN);
        return;
    }
    demean(level, x, out);
    row.resize(x.len(), 0.0);
    map(level, out, row, |d| d * d);
    let deviation = (sum::sum(level, row) / count(x)).sqrt();
    row.copy_from_slice(out);
    map(level, row, out, |d| d / deviation);
}
