//! Kurtosis over a window, in two passes: the mean first, then the moments about it.

use super::{
    Exactness, Fold, Kernel, Member, Parameter, Reads, Rolling, Window, needed, signature, sweep,
    there,
};
#[cfg(test)]
use super::{Twin, usable};

/// `ts_kurt(x, n)`: unbiased excess kurtosis, as pandas has it; missing when the window is constant.
pub(super) static KURT: Member = Member {
    signature: signature(
        "ts_kurt",
        &[Parameter::Series("x"), Parameter::Window("n", 4)],
        Exactness::Never,
        "unbiased excess kurtosis of the last n values of x; missing when they are equal",
    )
    .explained(super::Reference {
        formula: "n (n + 1) / ((n - 1) (n - 2) (n - 3)) times the sum of ((x[i] - mean) / std)^4, less 3 (n - 1)^2 / ((n - 2) (n - 3))",
        missing: "missing unless all n inputs are there, with `min_periods: 1` unless 4 are; infinite counts as missing; missing when all are equal",
        source: "pandas, rolling.kurt",
        cost: super::Cost::Window,
        example: "ts_kurt(returns, 20)",
    }),
    kernel: Kernel::Rolling(Rolling {
        run: |level, args, how, range, out| {
            sweep::<16, _>(level, Kurt { needed: needed(how, 4) }, args, range, out);
        },
        reads: Reads::Window,
    }),
    #[cfg(test)]
    twin: Twin::Window(|w, how| {
        let Some(x) = usable(&w[0], how, 4) else { return f64::NAN };
        let (n, newest) = (x.len() as f64, x[x.len() - 1]);
        let mean = x.iter().fold(0.0, |s, v| s + (v - newest)) / n;
        let d: Vec<f64> = x.iter().map(|v| (v - newest) - mean).collect();
        let m2 = d.iter().fold(0.0, |s, d| s + d * d);
        let m4 = d.iter().fold(0.0, |s, d| s + (d * d) * (d * d));
        if m2 > 0.0 { unbiased(n, m2, m4) } else { f64::NAN }
    }),
};

/// From the sums of squares and fourth powers about the mean.
#[inline(always)]
fn unbiased(n: f64, m2: f64, m4: f64) -> f64 {
    let both = (n - 2.0) * (n - 3.0);
    n * (n + 1.0) * (n - 1.0) / both * (m4 / m2 / m2) - 3.0 * (n - 1.0) * (n - 1.0) / both
}

#[derive(Clone, Copy)]
struct Kurt {
    needed: f64,
}

impl Fold for Kurt {
    #[inline(always)]
    fn fold<const L: usize>(self, args: &[Window<'_>], at: usize) -> [f64; L] {
        let (x, zero) = (args[0], [0.0; L]);
        let (mut n, mut newest, mut mean) = (zero, zero, zero);
        for row in x.lanes::<L>(at) {
            for j in 0..L {
                newest[j] = if there(row[j]) { row[j] } else { newest[j] };
            }
        }
        for row in x.lanes::<L>(at) {
            for j in 0..L {
                let given = there(row[j]);
                n[j] += if given { 1.0 } else { 0.0 };
                mean[j] += if given { row[j] - newest[j] } else { 0.0 };
            }
        }
        for j in 0..L {
            mean[j] /= n[j];
        }
        let (mut m2, mut m4) = (zero, zero);
        for row in x.lanes::<L>(at) {
            for j in 0..L {
                let d = if there(row[j]) { (row[j] - newest[j]) - mean[j] } else { 0.0 };
                m2[j] += d * d;
                m4[j] += (d * d) * (d * d);
            }
        }
        let mut out = zero;
        for j in 0..L {
            let value = unbiased(n[j], m2[j], m4[j]);
            out[j] = if (n[j] >= self.needed) & (m2[j] > 0.0) { value } else { f64::NAN };
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_that_of_pandas() {
        // pandas.Series([1, 2, 3, 4, 10]).kurt() is 3.152.
        let x: [f64; 5] = [1.0, 2.0, 3.0, 4.0, 10.0];
        let power = |p: i32| x.iter().map(|v| (v - 4.0).powi(p)).sum::<f64>();
        assert!((unbiased(5.0, power(2), power(4)) - 3.152).abs() < 1e-12);
    }
}
