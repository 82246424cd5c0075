//! Scaling to a sum of magnitudes of one.

use super::{Exactness, Kernel, Member, Scratch, first, map, signature, sum};
#[cfg(test)]
use super::{Twin, twin_sum};

/// `scale(x)`: x / sum(abs(x)); missing if the sum is 0.
pub(super) static SCALE: Member = Member {
    signature: signature(
        "scale",
        Exactness::Never,
        "x / sum(abs(x)) over the universe at that time; missing where the sum is 0",
    )
    .explained(super::Reference {
        formula: "x / sum of abs(x)",
        missing: "missing stays missing and does not count; missing when the sum is 0",
        source: "101 Formulaic Alphas (Kakushadze, 2016), appendix A.1",
        cost: super::Cost::Row,
        example: "scale(-delta(close, 3))",
    }),
    kernel: Kernel::CrossSection(|level, args, _, scratch, out| {
        let x = first(args);
        let Scratch { row, .. } = scratch;
        row.resize(x.len(), 0.0);
        map(level, x, row, f64::abs);
        let total = sum::sum(level, row);
        // 0 / 0 is what is wanted: missing.
        map(level, x, out, |v| v / total);
    }),
    #[cfg(test)]
    twin: Twin::Row(|rows, _| {
        let x = &rows[0];
        let sizes: Vec<f64> = x.iter().map(|v| v.abs()).collect();
        let total = twin_sum(&sizes);
        x.iter().map(|v| if total == 0.0 { f64::NAN } else { v / total }).collect()
    }),
};
