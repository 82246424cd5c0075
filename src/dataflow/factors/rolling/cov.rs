//! Covariance over a window.

use super::moments::Pairs;
use super::{
    Exactness, Fold, Kernel, Member, Parameter, Reads, Rolling, Window, less, needed, signature,
    sweep,
};
#[cfg(test)]
use super::{Twin, moments::twin_pairs};

/// `ts_cov(x, y, n)`: ddof 1, or 0 if the rules say so, over the pairs of which both are there.
pub(super) static COV: Member = Member {
    signature: signature(
        "ts_cov",
        &[Parameter::Series("x"), Parameter::Series("y"), Parameter::Window("n", 2)],
        Exactness::Never,
        "covariance (ddof 1; 0 under the profiles `ta` and `cn`) of the last n values of x and y",
    ),
    kernel: Kernel::Rolling(Rolling {
        run: |level, args, how, range, out| {
            sweep::<16, _>(
                level,
                Cov { needed: needed(how, 2), less: less(how) },
                args,
                range,
                out,
            );
        },
        reads: Reads::Window,
    }),
    #[cfg(test)]
    twin: Twin::Window(|w, how| {
        let (n, _, _, xy) = twin_pairs(&w[0], &w[1]);
        let enough = n >= 2.0 && (how.mode.partial || n == how.n as f64);
        if enough { xy / (n - less(how)) } else { f64::NAN }
    }),
};

#[derive(Clone, Copy)]
struct Cov {
    needed: f64,
    less: f64,
}

impl Fold for Cov {
    #[inline(always)]
    fn fold<const L: usize>(self, args: &[Window<'_>], at: usize) -> [f64; L] {
        let p = Pairs::<L>::of(args[0], args[1], at);
        let mut out = [f64::NAN; L];
        for j in 0..L {
            out[j] = if p.n[j] >= self.needed { p.xy[j] / (p.n[j] - self.less) } else { f64::NAN };
        }
        out
    }
}
