//! Pearson correlation over a window, in one pass over values shifted by the newest ones.

use super::{Exactness, Fold, Kernel, Member, Parameter, Reads, Rolling, Window, signature, sweep};
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
        run: |level, args, _, range, out| sweep::<16, _>(level, Corr, args, range, out),
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

impl Fold for Corr {
    #[inline(always)]
    fn fold<const L: usize>(self, args: &[Window<'_>], at: usize) -> [f64; L] {
        let (a, b) = (args[0], args[1]);
        let n = a.len() as f64;
        let (x0, y0) = (a.newest::<L>(at), b.newest::<L>(at));
        let (mut sx, mut sy) = ([0.0; L], [0.0; L]);
        let (mut sxx, mut syy, mut sxy) = ([0.0; L], [0.0; L], [0.0; L]);
        for (x, y) in a.lanes::<L>(at).zip(b.lanes::<L>(at)) {
            for j in 0..L {
                let (d, e) = (x[j] - x0[j], y[j] - y0[j]);
                sx[j] += d;
                sy[j] += e;
                sxx[j] += d * d;
                syy[j] += e * e;
                sxy[j] += d * e;
            }
        }
        for j in 0..L {
            let (vx, vy) = (sxx[j] - sx[j] * sx[j] / n, syy[j] - sy[j] * sy[j] / n);
            let c = (sxy[j] - sx[j] * sy[j] / n) / (vx.sqrt() * vy.sqrt());
            let c = if c > 1.0 { 1.0 } else { c };
            let c = if c < -1.0 { -1.0 } else { c };
            // Infinite input gives missing variances, which are not above 0 either.
            sx[j] = if vx > 0.0 && vy > 0.0 { c } else { f64::NAN };
        }
        sx
    }
}
