//! Smallest and largest value of a window.

use super::{
    Exactness, Fold, Kernel, Member, Parameter, Reads, Rolling, Window, gap, signature, sweep,
};
#[cfg(test)]
use super::{Twin, full};

/// `ts_min(x, n)`.
pub(super) static MIN: Member = Member {
    signature: signature(
        "ts_min",
        &[Parameter::Series("x"), Parameter::Window("n", 1)],
        Exactness::Inherited,
        "smallest of the last n values of x",
    ),
    kernel: Kernel::Rolling(Rolling {
        run: |level, args, _, range, out| {
            sweep::<32, _>(level, Extreme::<false>, args, range, out);
        },
        reads: Reads::Window,
    }),
    #[cfg(test)]
    twin: Twin::Window(|w, _| twin(w, |x, m| x < m)),
};

/// `ts_max(x, n)`.
pub(super) static MAX: Member = Member {
    signature: signature(
        "ts_max",
        &[Parameter::Series("x"), Parameter::Window("n", 1)],
        Exactness::Inherited,
        "largest of the last n values of x",
    ),
    kernel: Kernel::Rolling(Rolling {
        run: |level, args, _, range, out| sweep::<32, _>(level, Extreme::<true>, args, range, out),
        reads: Reads::Window,
    }),
    #[cfg(test)]
    twin: Twin::Window(|w, _| twin(w, |x, m| x > m)),
};

#[cfg(test)]
fn twin(w: &[Vec<f64>], better: fn(f64, f64) -> bool) -> f64 {
    if !full(w) {
        return f64::NAN;
    }
    w[0].iter().copied().reduce(|m, x| if better(x, m) { x } else { m }).unwrap_or(f64::NAN) + 0.0
}

#[derive(Clone, Copy)]
struct Extreme<const MAX: bool>;

impl<const MAX: bool> Fold for Extreme<MAX> {
    #[inline(always)]
    fn fold<const L: usize>(self, args: &[Window<'_>], at: usize) -> [f64; L] {
        let mut best = [if MAX { f64::NEG_INFINITY } else { f64::INFINITY }; L];
        let mut gaps = [0.0; L];
        for row in args[0].lanes::<L>(at) {
            for j in 0..L {
                let x = row[j];
                let better = if MAX { x > best[j] } else { x < best[j] };
                best[j] = if better { x } else { best[j] };
                gaps[j] += gap(x);
            }
        }
        // The addition also turns -0 into 0, so that the order of equal zeros does not show.
        for j in 0..L {
            best[j] += gaps[j];
        }
        best
    }
}
