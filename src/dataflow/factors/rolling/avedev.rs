//! Mean distance from the mean of a window.

use super::{
    Exactness, Fold, Kernel, Member, Parameter, Reads, Rolling, Window, needed, signature, sweep,
    there,
};
#[cfg(test)]
use super::{Twin, usable};

/// `ts_avedev(x, n)`: the AVEDEV of the terminals, part of the commodity channel index.
pub(super) static AVEDEV: Member = Member {
    signature: signature(
        "ts_avedev",
        &[Parameter::Series("x"), Parameter::Window("n", 1)],
        Exactness::Never,
        "mean absolute distance of the last n values of x from their mean; 0 when they are equal",
    )
    .explained(super::Reference {
        formula: "sum of |x[i] - mean| / n",
        missing: super::WINDOW,
        source: "formula language of the Chinese terminals (TDX): AVEDEV; TA-Lib: CCI",
        cost: super::Cost::Window,
        example: "ts_avedev(close, 14)",
    }),
    kernel: Kernel::Rolling(Rolling {
        run: |level, args, how, range, out| {
            sweep::<16, _>(level, Avedev { needed: needed(how, 1) }, args, range, out);
        },
        reads: Reads::Window,
    }),
    #[cfg(test)]
    twin: Twin::Window(|w, how| {
        let Some(x) = usable(&w[0], how, 1) else { return f64::NAN };
        let (n, newest) = (x.len() as f64, x[x.len() - 1]);
        let mean = x.iter().fold(0.0, |s, v| s + (v - newest)) / n;
        x.iter().fold(0.0, |s, v| s + ((v - newest) - mean).abs()) / n
    }),
};

#[derive(Clone, Copy)]
struct Avedev {
    needed: f64,
}

impl Fold for Avedev {
    #[inline(always)]
    fn fold<const L: usize>(self, args: &[Window<'_>], at: usize) -> [f64; L] {
        let (x, zero) = (args[0], [0.0; L]);
        let (mut n, mut newest, mut mean, mut sum) = (zero, zero, zero, zero);
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
        for row in x.lanes::<L>(at) {
            for j in 0..L {
                let distance = ((row[j] - newest[j]) - mean[j]).abs();
                sum[j] += if there(row[j]) { distance } else { 0.0 };
            }
        }
        for j in 0..L {
            sum[j] = if n[j] >= self.needed { sum[j] / n[j] } else { f64::NAN };
        }
        sum
    }
}
