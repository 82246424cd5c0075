//! Pearson correlation over a window, in one pass over values shifted by the newest ones.

use super::{Exactness, Kernel, Member, Parameter, Reads, Rolling, Scan, scan, signature};
#[cfg(test)]
use super::{Twin, full};

/// `ts_corr(x, y, n)`: missing when either window is constant, clipped to [-1, 1].
pub(super) static CORR: Member = Member {
    signature: signature(
        "ts_corr",
        &[Parameter::Series("x"), Parameter::Series("y"), Parameter::Window("n", 2)],
        Exactness::Never,
        "correlation of the last n values of x and y; missing when either is constant",
    ),
    kernel: Kernel::Rolling(Rolling {
        run: |level, args, _, range, out| scan::<16, 2, _>(level, Corr, args, range, out),
        reads: Reads::Window,
    }),
    #[cfg(test)]
    twin: Twin::Window(|w, _| {
        if !full(w) {
            return f64::NAN;
        }
        let n = w[0].len();
        let (mut sx, mut sy, mut sxx, mut syy, mut sxy) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for i in 0..n {
            let (d, e) = (w[0][i] - w[0][n - 1], w[1][i] - w[1][n - 1]);
            sx += d;
            sy += e;
            sxx += d * d;
            syy += e * e;
            sxy += d * e;
        }
        let n = n as f64;
        let (vx, vy) = (sxx - sx * sx / n, syy - sy * sy / n);
        if vx <= 0.0 || vy <= 0.0 {
            return f64::NAN;
        }
        ((sxy - sx * sy / n) / (vx.sqrt() * vy.sqrt())).clamp(-1.0, 1.0)
    }),
};

#[derive(Clone, Copy)]
struct Corr;

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

impl Scan<2> for Corr {
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
            out[j] = if vx > 0.0 && vy > 0.0 { c } else { f64::NAN };
        }
        out
    }
}
