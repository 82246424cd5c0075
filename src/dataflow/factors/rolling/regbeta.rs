//! Slope of one series on another.

use super::moments::Pairs;
use super::{Exactness, Fold, Kernel, Member, Parameter, Reads, Rolling, Window, signature, sweep};
#[cfg(test)]
use super::{Twin, moments::twin_pairs};

/// `ts_regbeta(y, x, n)`: over the pairs that are there, at least two, under any rules: series with
/// gaps on purpose are what it is used for.
pub(super) static REGBETA: Member = Member {
    signature: signature(
        "ts_regbeta",
        &[Parameter::Series("y"), Parameter::Series("x"), Parameter::Window("n", 2)],
        Exactness::Never,
        "slope of the least-squares line of y on x over the pairs in the last n bars of which both \
         are there, at least 2; missing when x is constant",
    )
    .explained(super::Reference {
        formula: "sum of (x[i] - mean of x) (y[i] - mean of y) / sum of (x[i] - mean of x)^2",
        missing: "of the pairs that are there whatever the rules, at least 2; infinite counts as \
                  missing; missing when x is constant",
        source: "Guotai Junan, 191 short-period factors (2017) (REGBETA)",
        cost: super::Cost::Window,
        example: "ts_regbeta(close / delay(close, 1), volume / delay(volume, 1), 20)",
    }),
    kernel: Kernel::Rolling(Rolling {
        run: |level, args, _, range, out| sweep::<16, _>(level, Beta, args, range, out),
        reads: Reads::Existing,
    }),
    #[cfg(test)]
    twin: Twin::Window(|w, how| {
        let (n, _, xx, xy) = twin_pairs(&w[0], &w[1], how);
        if n >= 2.0 && xx > 0.0 { xy / xx } else { f64::NAN }
    }),
};

#[derive(Clone, Copy)]
struct Beta;

impl Fold for Beta {
    #[inline(always)]
    fn fold<const L: usize>(self, args: &[Window<'_>], at: usize) -> [f64; L] {
        let p = Pairs::<L>::of(args[0], args[1], at);
        let mut out = [f64::NAN; L];
        for j in 0..L {
            let defined = (p.n[j] >= 2.0) & (p.yy[j] > 0.0);
            out[j] = if defined { p.xy[j] / p.yy[j] } else { f64::NAN };
        }
        out
    }
}
