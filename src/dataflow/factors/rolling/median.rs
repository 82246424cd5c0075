//! Median of a window.

use super::quantile::quantile;
use super::{Exactness, Kernel, Member, Parameter, Reads, Rolling, needed, signature};
#[cfg(test)]
use super::{Twin, usable};

/// `ts_median(x, n)`: `ts_quantile(x, n, 0.5)`.
pub(super) static MEDIAN: Member = Member {
    signature: signature(
        "ts_median",
        &[Parameter::Series("x"), Parameter::Window("n", 1)],
        Exactness::Never,
        "median of the last n values of x, the mean of the middle two of an even number",
    )
    .explained(super::Reference {
        formula: "ts_quantile(x, n, 0.5)",
        missing: super::WINDOW,
        source: "pandas, rolling.median",
        cost: super::Cost::SortedWindow,
        example: "close / ts_median(close, 20) - 1",
    }),
    kernel: Kernel::Sorted(
        Rolling {
            run: |_, args, how, range, out| quantile(args, how, 0.5, range, out),
            reads: Reads::Window,
        },
        |level, sorted, how, out| sorted.quantile(level, 0.5, needed(how, 1) as usize, out),
    ),
    #[cfg(test)]
    twin: Twin::Window(|w, how| {
        let Some(mut x) = usable(&w[0], how, 1) else { return f64::NAN };
        x.sort_by(f64::total_cmp);
        let (low, high) = (x[(x.len() - 1) / 2], x[x.len() / 2]);
        low + (high - low) * 0.5 + 0.0
    }),
};
