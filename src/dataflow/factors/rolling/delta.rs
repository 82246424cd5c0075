//! The change since an earlier row; infinite values are taken as they are.

#[cfg(test)]
use super::Twin;
use super::{Exactness, Fold, Kernel, Member, Parameter, Reads, Rolling, Window, signature, sweep};

/// `delta(x, n)`: x minus its value n rows ago.
pub(super) static DELTA: Member = Member {
    signature: signature(
        "delta",
        &[Parameter::Series("x"), Parameter::Window("n", 0)],
        Exactness::Never,
        "x minus its value n bars ago",
    )
    .explained(super::Reference {
        formula: "x[0] - x[n]",
        missing: "missing when x[0] or x[n] is, and where there are not so many bars",
        source: "101 Formulaic Alphas (Kakushadze, 2016), appendix A.1",
        cost: super::Cost::Constant,
        example: "delta(close, 5)",
    }),
    kernel: Kernel::Rolling(Rolling {
        run: |level, args, _, range, out| sweep::<32, _>(level, Delta, args, range, out),
        reads: Reads::LagAndCurrent,
    }),
    #[cfg(test)]
    twin: Twin::Window(|w, _| w[0][1] - w[0][0]),
};

#[derive(Clone, Copy)]
struct Delta;

impl Fold for Delta {
    #[inline(always)]
    fn fold<const L: usize>(self, args: &[Window<'_>], at: usize) -> [f64; L] {
        let mut rows = args[0].lanes::<L>(at);
        let mut out = [f64::NAN; L];
        if let (Some(old), Some(new)) = (rows.next(), rows.next()) {
            for j in 0..L {
                out[j] = new[j] - old[j];
            }
        }
        out
    }
}
