//! Pearson correlation over a window, in one pass over values shifted by the newest ones.

use super::moments::{Pairs, Spread};
use super::{
    Blockwise, Exactness, Fold, Member, Parameter, Reads, Rolling, Scan, Window, blocked, blocks,
    mend, signature,
};
#[cfg(test)]
use super::{How, Twin, moments::twin_pairs};

/// A standard deviation up to this is none, says Qlib.
pub(super) const QLIB_FLAT: f64 = 2e-5;

/// `ts_corr(x, y, n)`: missing when either window is constant, clipped to [-1, 1].
pub(super) static CORR: Member = Member {
    signature: signature(
        "ts_corr",
        &[Parameter::Series("x"), Parameter::Series("y"), Parameter::Window("n", 2)],
        Exactness::Never,
        "correlation of the last n values of x and y; missing when either is constant",
    )
    .explained(super::Reference {
        formula: "ts_cov(x, y, n) / (ts_std(x, n) ts_std(y, n)), within [-1, 1]",
        missing: super::BOTH_MOVE,
        source: "101 Formulaic Alphas (Kakushadze, 2016), appendix A.1; Qlib, data/ops.py for \
                 profile qlib",
        cost: super::Cost::Window,
        example: "ts_corr(close, volume, 10)",
    }),
    kernel: blocked::<2, 5, Corr<false>>(
        Rolling {
            run: |level, args, how, range, out| {
                let qlib = how.mode.qlib;
                if qlib {
                    blocks::scan::<32, 2, 5, _>(level, Corr::<true>, args, how, range.clone(), out);
                } else {
                    blocks::scan::<32, 2, 5, _>(
                        level,
                        Corr::<false>,
                        args,
                        how,
                        range.clone(),
                        out,
                    );
                }
                if how.mode.partial {
                    mend(level, OfSome { qlib }, args, range, out);
                }
            },
            reads: Reads::Window,
        },
        "pairs",
    ),
    #[cfg(test)]
    twin: Twin::Window(|w, how| {
        let (n, vx, vy, xy) = twin_pairs(&w[0], &w[1], how);
        let enough = n >= 2.0 && (how.mode.partial || n == how.n as f64);
        if !enough || vx <= 0.0 || vy <= 0.0 {
            return f64::NAN;
        }
        // Each window on its own; in blocks only where the pairs are.
        let cuts = if n == w[0].len() as f64 { how.cuts } else { Default::default() };
        let own = How { cuts, ..how };
        let flat = |window: &Vec<f64>| super::std::twin_var(window, own).sqrt() <= QLIB_FLAT;
        if how.mode.qlib && (flat(&w[0]) || flat(&w[1])) {
            return f64::NAN;
        }
        (xy / (vx.sqrt() * vy.sqrt())).clamp(-1.0, 1.0)
    }),
};

/// Of the pairs that are there.
#[derive(Clone, Copy)]
struct OfSome {
    qlib: bool,
}

impl Fold for OfSome {
    #[inline(always)]
    fn fold<const L: usize>(self, args: &[Window<'_>], at: usize) -> [f64; L] {
        let p = Pairs::<L>::of(args[0], args[1], at);
        let mut out = [f64::NAN; L];
        for j in 0..L {
            let c = p.xy[j] / (p.xx[j].sqrt() * p.yy[j].sqrt());
            let c = if c > 1.0 { 1.0 } else { c };
            let c = if c < -1.0 { -1.0 } else { c };
            let defined = (p.n[j] >= 2.0) & (p.xx[j] > 0.0) & (p.yy[j] > 0.0);
            out[j] = if defined { c } else { f64::NAN };
        }
        if self.qlib {
            let x = Spread::<L>::of(args[0], at).variance();
            let y = Spread::<L>::of(args[1], at).variance();
            for j in 0..L {
                let moves = (x[j].sqrt() > QLIB_FLAT) & (y[j].sqrt() > QLIB_FLAT);
                out[j] = if moves { out[j] } else { f64::NAN };
            }
        }
        out
    }
}

/// Of windows without gaps; `QLIB` for its rule about windows that hardly move.
#[derive(Clone, Copy, Default)]
struct Corr<const QLIB: bool>;

/// Newest values, and sums of the distances from them and of their products.
#[derive(Clone, Copy)]
struct Moments<const L: usize> {
    newest: [[f64; L]; 2],
    x: [f64; L],
    y: [f64; L],
    xx: [f64; L],
    yy: [f64; L],
    xy: [f64; L],
}

impl<const QLIB: bool> Scan<2> for Corr<QLIB> {
    type State<const L: usize> = Moments<L>;

    #[inline(always)]
    fn start<const L: usize>(self, newest: [&[f64; L]; 2]) -> Moments<L> {
        let newest = [*newest[0], *newest[1]];
        let zero = [0.0; L];
        Moments { newest, x: zero, y: zero, xx: zero, yy: zero, xy: zero }
    }

    #[inline(always)]
    fn add<const L: usize>(self, mut state: Moments<L>, row: [&[f64; L]; 2]) -> Moments<L> {
        let [x, y] = row;
        for j in 0..L {
            let (d, e) = (x[j] - state.newest[0][j], y[j] - state.newest[1][j]);
            state.x[j] += d;
            state.y[j] += e;
            state.xx[j] += d * d;
            state.yy[j] += e * e;
            state.xy[j] += d * e;
        }
        state
    }

    #[inline(always)]
    fn finish<const L: usize>(self, s: Moments<L>, n: f64) -> [f64; L] {
        let mut out = [0.0; L];
        for j in 0..L {
            let (vx, vy) = (s.xx[j] - s.x[j] * s.x[j] / n, s.yy[j] - s.y[j] * s.y[j] / n);
            let c = (s.xy[j] - s.x[j] * s.y[j] / n) / (vx.sqrt() * vy.sqrt());
            let c = if c > 1.0 { 1.0 } else { c };
            let c = if c < -1.0 { -1.0 } else { c };
            // Infinite input gives missing variances, which are not above 0 either.
            let moves = |v: f64| !QLIB || (v / (n - 1.0)).sqrt() > QLIB_FLAT;
            out[j] = if vx > 0.0 && vy > 0.0 && moves(vx) && moves(vy) { c } else { f64::NAN };
        }
        out
    }
}

impl<const QLIB: bool> Blockwise<2, 5> for Corr<QLIB> {
    #[inline(always)]
    fn keep<const L: usize>(self, s: Moments<L>) -> [[f64; L]; 5] {
        [s.x, s.y, s.xx, s.yy, s.xy]
    }

    #[inline(always)]
    fn recall<const L: usize>(self, first: [&[f64; L]; 2], kept: [&[f64; L]; 5]) -> Moments<L> {
        let [x, y, xx, yy, xy] = kept.map(|row| *row);
        Moments { newest: first.map(|row| *row), x, y, xx, yy, xy }
    }

    #[inline(always)]
    fn join<const L: usize>(self, mut s: Moments<L>, block: Moments<L>, n: f64) -> Moments<L> {
        for j in 0..L {
            // About the window's newest values instead of the block's first.
            let d = block.newest[0][j] - s.newest[0][j];
            let e = block.newest[1][j] - s.newest[1][j];
            let (x, y) = (block.x[j] + n * d, block.y[j] + n * e);
            s.xx[j] += block.xx[j] + d * (block.x[j] + x);
            s.yy[j] += block.yy[j] + e * (block.y[j] + y);
            s.xy[j] += block.xy[j] + (d * block.y[j] + e * x);
            s.x[j] += x;
            s.y[j] += y;
        }
        s
    }
}
