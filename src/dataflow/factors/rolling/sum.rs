//! Sum and mean over a window.

use super::{
    Exactness, Fold, Kernel, Member, Parameter, Reads, Rolling, Window, gap, signature, sweep,
};
#[cfg(test)]
use super::{Twin, full};

/// `ts_sum(x, n)`.
pub(super) static SUM: Member = Member {
    signature: signature(
        "ts_sum",
        &[Parameter::Series("x"), Parameter::Window("n", 1)],
        Exactness::Never,
        "sum of the last n values of x",
    ),
    kernel: Kernel::Rolling(Rolling {
        run: |level, args, _, range, out| sweep::<32, _>(level, Sum, args, range, out),
        reads: Reads::Window,
    }),
    #[cfg(test)]
    twin: Twin::Window(|w, _| twin(w)),
};

/// `ts_mean(x, n)`.
pub(super) static MEAN: Member = Member {
    signature: signature(
        "ts_mean",
        &[Parameter::Series("x"), Parameter::Window("n", 1)],
        Exactness::Never,
        "mean of the last n values of x",
    ),
    kernel: Kernel::Rolling(Rolling {
        run: |level, args, _, range, out| sweep::<32, _>(level, Mean, args, range, out),
        reads: Reads::Window,
    }),
    #[cfg(test)]
    twin: Twin::Window(|w, _| twin(w) / w[0].len() as f64),
};

#[cfg(test)]
fn twin(w: &[Vec<f64>]) -> f64 {
    if full(w) { w[0].iter().fold(0.0, |s, x| s + x) } else { f64::NAN }
}

#[derive(Clone, Copy)]
struct Sum;

impl Fold for Sum {
    #[inline(always)]
    fn fold<const L: usize>(self, args: &[Window<'_>], at: usize) -> [f64; L] {
        let (mut sum, mut gaps) = ([0.0; L], [0.0; L]);
        for row in args[0].lanes::<L>(at) {
            for j in 0..L {
                sum[j] += row[j];
                gaps[j] += gap(row[j]);
            }
        }
        for j in 0..L {
            sum[j] += gaps[j];
        }
        sum
    }
}

#[derive(Clone, Copy)]
struct Mean;

impl Fold for Mean {
    #[inline(always)]
    fn fold<const L: usize>(self, args: &[Window<'_>], at: usize) -> [f64; L] {
        let n = args[0].len() as f64;
        let mut sum = Sum.fold::<L>(args, at);
        for s in &mut sum {
            *s /= n;
        }
        sum
    }
}
