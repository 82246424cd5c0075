//! Skewness over a window, in two passes: the mean first, then the moments about it.

use super::{
    Exactness, Fold, Kernel, Member, Parameter, Reads, Rolling, Window, needed, signature, sweep,
    there,
};
#[cfg(test)]
use super::{Twin, usable};

/// `ts_skew(x, n)`: unbiased, missing when the window is constant.
pub(super) static SKEW: Member = Member {
    signature: signature(
        "ts_skew",
        &[Parameter::Series("x"), Parameter::Window("n", 3)],
        Exactness::Never,
        "unbiased skewness of the last n values of x; missing when they are equal",
    )
    .explained(super::Reference {
        formula: "n / ((n - 1) (n - 2)) * sum of ((x[i] - mean) / ts_std)^3",
        missing: super::TRIPLE,
        source: "adjusted Fisher-Pearson coefficient, Joanes and Gill (1998); pandas, \
                 rolling.skew",
        cost: super::Cost::Window,
        example: "ts_skew(returns, 20)",
    }),
    kernel: Kernel::Rolling(Rolling {
        run: |level, args, how, range, out| {
            sweep::<16, _>(level, Skew { needed: needed(how, 3) }, args, range, out);
        },
        reads: Reads::Window,
    }),
    #[cfg(test)]
    twin: Twin::Window(|w, how| {
        let Some(x) = usable(&w[0], how, 3) else { return f64::NAN };
        let (n, newest) = (x.len() as f64, x[x.len() - 1]);
        let mean = x.iter().fold(0.0, |s, v| s + (v - newest)) / n;
        let d: Vec<f64> = x.iter().map(|v| (v - newest) - mean).collect();
        let m2 = d.iter().fold(0.0, |s, d| s + d * d);
        let m3 = d.iter().fold(0.0, |s, d| s + d * d * d);
        if m2 > 0.0 {
            m3 / m2 * (n / m2).sqrt() * ((n - 1.0) / n).sqrt() * (n / (n - 2.0))
        } else {
            f64::NAN
        }
    }),
};

#[derive(Clone, Copy)]
struct Skew {
    needed: f64,
}

impl Fold for Skew {
    #[inline(always)]
    fn fold<const L: usize>(self, args: &[Window<'_>], at: usize) -> [f64; L] {
        let (x, zero) = (args[0], [0.0; L]);
        let (mut n, mut shift, mut mean) = (zero, zero, zero);
        for row in x.lanes::<L>(at) {
            for j in 0..L {
                shift[j] = if there(row[j]) { row[j] } else { shift[j] };
            }
        }
        for row in x.lanes::<L>(at) {
            for j in 0..L {
                let given = there(row[j]);
                n[j] += if given { 1.0 } else { 0.0 };
                mean[j] += if given { row[j] - shift[j] } else { 0.0 };
            }
        }
        for j in 0..L {
            mean[j] /= n[j];
        }
        let (mut m2, mut m3) = (zero, zero);
        for row in x.lanes::<L>(at) {
            for j in 0..L {
                let d = if there(row[j]) { (row[j] - shift[j]) - mean[j] } else { 0.0 };
                m2[j] += d * d;
                m3[j] += d * d * d;
            }
        }
        let mut out = zero;
        for j in 0..L {
            let (n, m2) = (n[j], m2[j]);
            let value = m3[j] / m2 * (n / m2).sqrt() * ((n - 1.0) / n).sqrt() * (n / (n - 2.0));
            out[j] = if (n >= self.needed) & (m2 > 0.0) { value } else { f64::NAN };
        }
        out
    }
}
