//! Covariance over a window.

use super::moments::Pairs;
use super::{
    Blockwise, Exactness, Fold, Member, Parameter, Reads, Rolling, Scan, Window, blocked, blocks,
    gap, mend, signature,
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
    kernel: blocked::<2, 4, Cov>(
        Rolling {
            run: |level, args, how, range, out| {
                blocks::scan::<32, 2, 4, _>(level, Cov, args, how, range.clone(), out);
                if how.mode.partial {
                    mend(level, OfSome, args, range, out);
                }
            },
            reads: Reads::Window,
        },
        "products",
    ),
    #[cfg(test)]
    twin: Twin::Window(|w, how| {
        let (n, _, _, xy) = twin_pairs(&w[0], &w[1], how);
        let enough = n >= 2.0 && (how.mode.partial || n == how.n as f64);
        if enough { xy / (n - 1.0) } else { f64::NAN }
    }),
};

/// Of windows without gaps.
#[derive(Clone, Copy, Default)]
struct Cov;

/// Newest values, and sums of the distances from them and of their products.
#[derive(Clone, Copy)]
struct Moments<const L: usize> {
    newest: [[f64; L]; 2],
    x: [f64; L],
    y: [f64; L],
    xy: [f64; L],
    /// 0, or missing where something is.
    gaps: [f64; L],
}

impl Scan<2> for Cov {
    type State<const L: usize> = Moments<L>;

    #[inline(always)]
    fn start<const L: usize>(self, newest: [&[f64; L]; 2]) -> Moments<L> {
        let zero = [0.0; L];
        Moments { newest: newest.map(|row| *row), x: zero, y: zero, xy: zero, gaps: zero }
    }

    #[inline(always)]
    fn add<const L: usize>(self, mut state: Moments<L>, row: [&[f64; L]; 2]) -> Moments<L> {
        let [x, y] = row;
        for j in 0..L {
            let (d, e) = (x[j] - state.newest[0][j], y[j] - state.newest[1][j]);
            state.x[j] += d;
            state.y[j] += e;
            state.xy[j] += d * e;
            state.gaps[j] += gap(x[j]) + gap(y[j]);
        }
        state
    }

    #[inline(always)]
    fn finish<const L: usize>(self, s: Moments<L>, n: f64) -> [f64; L] {
        let mut out = [0.0; L];
        for j in 0..L {
            out[j] = (s.xy[j] - s.x[j] * s.y[j] / n) / (n - 1.0) + s.gaps[j];
        }
        out
    }
}

/// Of the pairs that are there.
#[derive(Clone, Copy)]
struct OfSome;

impl Fold for OfSome {
    #[inline(always)]
    fn fold<const L: usize>(self, args: &[Window<'_>], at: usize) -> [f64; L] {
        let p = Pairs::<L>::of(args[0], args[1], at);
        let mut out = [f64::NAN; L];
        for j in 0..L {
            out[j] = if p.n[j] >= 2.0 { p.xy[j] / (p.n[j] - 1.0) } else { f64::NAN };
        }
        out
    }
}

impl Blockwise<2, 4> for Cov {
    #[inline(always)]
    fn keep<const L: usize>(self, s: Moments<L>) -> [[f64; L]; 4] {
        [s.x, s.y, s.xy, s.gaps]
    }

    #[inline(always)]
    fn recall<const L: usize>(self, first: [&[f64; L]; 2], kept: [&[f64; L]; 4]) -> Moments<L> {
        let [x, y, xy, gaps] = kept.map(|row| *row);
        Moments { newest: first.map(|row| *row), x, y, xy, gaps }
    }

    #[inline(always)]
    fn join<const L: usize>(self, mut s: Moments<L>, block: Moments<L>, n: f64) -> Moments<L> {
        for j in 0..L {
            // About the window's newest values instead of the block's first.
            let d = block.newest[0][j] - s.newest[0][j];
            let e = block.newest[1][j] - s.newest[1][j];
            let (x, y) = (block.x[j] + n * d, block.y[j] + n * e);
            s.xy[j] += block.xy[j] + (d * block.y[j] + e * x);
            s.x[j] += x;
            s.y[j] += y;
            s.gaps[j] += block.gaps[j];
        }
        s
    }
}
