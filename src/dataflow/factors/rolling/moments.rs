//! Sums of what is there in a window, shifted by the newest value that is: what cancellation cannot
//! harm, and exactly 0 where a window is constant.

use super::{Window, there};

/// Sums over one window.
#[derive(Clone, Copy)]
pub(super) struct Spread<const L: usize> {
    n: [f64; L],
    sum: [f64; L],
    squares: [f64; L],
}

impl<const L: usize> Spread<L> {
    #[inline(always)]
    pub(super) fn of(x: Window<'_>, at: usize) -> Spread<L> {
        let mut shift = [0.0; L];
        for row in x.lanes::<L>(at) {
            for j in 0..L {
                shift[j] = if there(row[j]) { row[j] } else { shift[j] };
            }
        }
        let mut s = Spread { n: [0.0; L], sum: [0.0; L], squares: [0.0; L] };
        for row in x.lanes::<L>(at) {
            for j in 0..L {
                let given = there(row[j]);
                let d = if given { row[j] - shift[j] } else { 0.0 };
                s.n[j] += if given { 1.0 } else { 0.0 };
                s.sum[j] += d;
                s.squares[j] += d * d;
            }
        }
        s
    }

    /// With ddof 1; missing for less than two values.
    #[inline(always)]
    pub(super) fn variance(&self) -> [f64; L] {
        let mut out = [f64::NAN; L];
        for j in 0..L {
            let n = self.n[j];
            let v = (self.squares[j] - self.sum[j] * self.sum[j] / n) / (n - 1.0);
            let v = if v < 0.0 { 0.0 } else { v };
            out[j] = if n >= 2.0 { v } else { f64::NAN };
        }
        out
    }
}

/// Sums over the pairs of which both values are there.
#[derive(Clone, Copy)]
pub(super) struct Pairs<const L: usize> {
    /// How many there are.
    pub(super) n: [f64; L],
    /// Co-moment about the means.
    pub(super) xy: [f64; L],
    /// Moments about the means.
    pub(super) xx: [f64; L],
    pub(super) yy: [f64; L],
}

impl<const L: usize> Pairs<L> {
    #[inline(always)]
    pub(super) fn of(x: Window<'_>, y: Window<'_>, at: usize) -> Pairs<L> {
        let rows = x.lanes::<L>(at).zip(y.lanes::<L>(at));
        let (mut x0, mut y0) = ([0.0; L], [0.0; L]);
        for (a, b) in rows.clone() {
            for j in 0..L {
                let given = there(a[j]) & there(b[j]);
                x0[j] = if given { a[j] } else { x0[j] };
                y0[j] = if given { b[j] } else { y0[j] };
            }
        }
        let zero = [0.0; L];
        let mut s = Pairs { n: zero, xy: zero, xx: zero, yy: zero };
        let (mut sx, mut sy) = (zero, zero);
        for (a, b) in rows {
            for j in 0..L {
                let given = there(a[j]) & there(b[j]);
                let d = if given { a[j] - x0[j] } else { 0.0 };
                let e = if given { b[j] - y0[j] } else { 0.0 };
                s.n[j] += if given { 1.0 } else { 0.0 };
                sx[j] += d;
                sy[j] += e;
                s.xx[j] += d * d;
                s.yy[j] += e * e;
                s.xy[j] += d * e;
            }
        }
        for j in 0..L {
            s.xx[j] -= sx[j] * sx[j] / s.n[j];
            s.yy[j] -= sy[j] * sy[j] / s.n[j];
            s.xy[j] -= sx[j] * sy[j] / s.n[j];
        }
        s
    }
}

/// For twins: how many pairs there are, and their moments xx, yy and xy about the means.
#[cfg(test)]
pub(super) fn twin_pairs(x: &[f64], y: &[f64], how: super::How<'_>) -> (f64, f64, f64, f64) {
    let pairs: Vec<(f64, f64)> = x
        .iter()
        .copied()
        .zip(y.iter().copied())
        .filter(|(a, b)| a.is_finite() && b.is_finite())
        .collect();
    // Sums of x, y, xx, yy and xy about a pair.
    let sums = |pairs: &[(f64, f64)], (x0, y0): (f64, f64)| {
        let f = |s: [f64; 5], (a, b): &(f64, f64)| {
            let (d, e) = (a - x0, b - y0);
            [s[0] + d, s[1] + e, s[2] + d * d, s[3] + e * e, s[4] + d * e]
        };
        pairs.iter().fold([0.0; 5], f)
    };
    let newest = pairs.last().copied().unwrap_or((0.0, 0.0));
    let pieces = super::blocks::pieces(how, pairs.len(), x.len());
    let mut all = sums(&pairs[pieces.head], newest);
    for piece in pieces.blocks {
        let block = &pairs[piece];
        let (s, n) = (sums(block, block[0]), block.len() as f64);
        let (d, e) = (block[0].0 - newest.0, block[0].1 - newest.1);
        let (x, y) = (s[0] + n * d, s[1] + n * e);
        all[2] += s[2] + d * (s[0] + x);
        all[3] += s[3] + e * (s[1] + y);
        all[4] += s[4] + (d * s[1] + e * x);
        all[0] += x;
        all[1] += y;
    }
    let ([x, y, xx, yy, xy], n) = (all, pairs.len() as f64);
    (n, xx - x * x / n, yy - y * y / n, xy - x * y / n)
}
