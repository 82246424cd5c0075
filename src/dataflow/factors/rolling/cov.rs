//! Covariance over a window.

use super::moments::Pairs;
use super::{
    Exactness, Fold, Kernel, Member, Parameter, Reads, Rolling, Window, needed, signature, sweep,
};
#[cfg(test)]
use super::{Twin, moments::twin_pairs};

/// `ts_cov(x, y, n)`: ddof 1, over the pairs of which both are there.
pub(super) static COV: Member = Member {
    signature: signature(
        "ts_cov",
        &[Parameter::Series("x"), Parameter::Series("y"), Parameter::Window("n", 2)],
        Exactness::Never,
        "sample covariance (ddof 1) of the last n values of x and y",
    )
    .explained(super::Reference {
        formula: "sum of (x[i] - mean of x) (y[i] - mean of y) / (n - 1)",
        missing: super::PAIRS,
        source: "101 Formulaic Alphas (Kakushadze, 2016), appendix A.1",
        cost: super::Cost::Window,
        example: "ts_cov(rank(close), rank(volume), 10)",
    }),
    kernel: Kernel::Rolling(Rolling {
        run: |level, args, how, range, out| {
            sweep::<16, _>(level, Cov { needed: needed(how, 2) }, args, range, out);
        },
        reads: Reads::Window,
    }),
    #[cfg(test)]
    twin: Twin::Window(|w, how| {
        let (n, _, _, xy) = twin_pairs(&w[0], &w[1]);
        let enough = n >= 2.0 && (how.mode.partial || n == how.n as f64);
        if enough { xy / (n - 1.0) } else { f64::NAN }
    }),
};

#[derive(Clone, Copy)]
struct Cov {
    needed: f64,
}

impl Fold for Cov {
    #[inline(always)]
    fn fold<const L: usize>(self, args: &[Window<'_>], at: usize) -> [f64; L] {
        let p = Pairs::<L>::of(args[0], args[1], at);
        let mut out = [f64::NAN; L];
        for j in 0..L {
            out[j] = if p.n[j] >= self.needed { p.xy[j] / (p.n[j] - 1.0) } else { f64::NAN };
        }
        out
    }
}
