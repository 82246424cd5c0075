//! Distance from the mean of the row.

use super::{Exactness, Kernel, Level, Member, count, first, map, signature, sum};
#[cfg(test)]
use super::{Twin, twin_sum};

/// `demean(x)`.
pub(super) static DEMEAN: Member = Member {
    signature: signature(
        "demean",
        Exactness::Never,
        "x minus the mean of x over the universe at that time",
    )
    .explained(super::Reference {
        formula: "x - mean of x",
        missing: super::ROW,
        source: "WorldQuant operators: normalize",
        cost: super::Cost::Row,
        example: "demean(close / delay(close, 5) - 1)",
    }),
    kernel: Kernel::CrossSection(|level, args, _, _, out| demean(level, first(args), out)),
    #[cfg(test)]
    twin: Twin::Row(|rows, _| {
        let x = &rows[0];
        let mean = twin_sum(x) / x.iter().filter(|v| !v.is_nan()).count() as f64;
        x.iter().map(|v| v - mean).collect()
    }),
};

/// Writes the distances from the mean.
pub(super) fn demean(level: Level, x: &[f64], out: &mut [f64]) {
    let mean = sum::sum(level, x) / count(x);
    map(level, x, out, |v| v - mean);
}
