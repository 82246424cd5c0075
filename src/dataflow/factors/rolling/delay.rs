//! The value of an earlier row, infinite ones included.

#[cfg(test)]
use super::Twin;
use super::{Exactness, Fold, Kernel, Member, Parameter, Reads, Rolling, Window, signature, sweep};

/// `delay(x, n)`: the value n rows ago.
pub(super) static DELAY: Member = Member {
    signature: signature(
        "delay",
        &[Parameter::Series("x"), Parameter::Window("n", 0)],
        Exactness::Inherited,
        "value of x n bars ago",
    )
    .explained(super::Reference {
        formula: "x[n]",
        missing: "missing when x[n] is, and where there are not so many bars; infinite values are \
                  kept",
        source: "101 Formulaic Alphas (Kakushadze, 2016), appendix A.1",
        cost: super::Cost::Constant,
        example: "close / delay(close, 5) - 1",
    }),
    kernel: Kernel::Rolling(Rolling {
        run: |level, args, _, range, out| sweep::<32, _>(level, Delay, args, range, out),
        reads: Reads::Lag,
    }),
    #[cfg(test)]
    twin: Twin::Window(|w, _| w[0][0]),
};

#[derive(Clone, Copy)]
struct Delay;

impl Fold for Delay {
    #[inline(always)]
    fn fold<const L: usize>(self, args: &[Window<'_>], at: usize) -> [f64; L] {
        *args[0].newest::<L>(at)
    }
}
