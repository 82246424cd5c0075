//! How long a condition has been true.

use super::{Exactness, Kernel, Member, Parameter, Recursive, signature, step1};
#[cfg(test)]
use super::{Twin, last};

/// `streak(condition)`.
pub(super) static STREAK: Member = Member {
    signature: signature(
        "streak",
        &[Parameter::Series("condition")],
        Exactness::Always,
        "for how many bars the condition has been true without a break, 0 where it is false",
    )
    .explained(super::Reference {
        formula: "y' + 1 if condition is not 0, else 0",
        missing: super::STATE,
        source: "formula language of the Chinese terminals (TDX): BARSLASTCOUNT",
        cost: super::Cost::Constant,
        example: "streak(close > delay(close, 1))",
    }),
    kernel: Kernel::Recursive(Recursive {
        run: |level, args, _, out| {
            step1(level, args, out, |y, x| {
                let before = if y.is_nan() { 0.0 } else { y };
                if x != 0.0 { before + 1.0 } else { 0.0 }
            });
        },
        masked: true,
    }),
    #[cfg(test)]
    twin: Twin::History(|w, _| {
        last(&w[0], |state, v| if v != 0.0 { state.unwrap_or(0.0) + 1.0 } else { 0.0 })
    }),
};
