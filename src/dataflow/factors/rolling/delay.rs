//! The value of an earlier row.

use super::{
    Exactness, Fold, Kernel, Member, Parameter, Reads, Rolling, Window, gap, signature, sweep,
};
#[cfg(test)]
use super::{Twin, full};

/// `delay(x, n)`: the value n rows ago.
pub(super) static DELAY: Member = Member {
    signature: signature(
        "delay",
        &[Parameter::Series("x"), Parameter::Window("n", 0)],
        Exactness::Inherited,
        "value of x n bars ago",
    ),
    kernel: Kernel::Rolling(Rolling {
        run: |level, args, _, range, out| sweep::<32, _>(level, Delay, args, range, out),
        reads: Reads::Lag,
    }),
    #[cfg(test)]
    twin: Twin::Window(|w, _| if full(w) { w[0][0] + 0.0 } else { f64::NAN }),
};

#[derive(Clone, Copy)]
struct Delay;

impl Fold for Delay {
    #[inline(always)]
    fn fold<const L: usize>(self, args: &[Window<'_>], at: usize) -> [f64; L] {
        let x = args[0].newest::<L>(at);
        let mut out = [0.0; L];
        for j in 0..L {
            out[j] = x[j] + gap(x[j]);
        }
        out
    }
}
