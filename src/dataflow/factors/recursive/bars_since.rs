//! How long ago a condition was true.

#[cfg(test)]
use super::Twin;
use super::{Exactness, Kernel, Member, Parameter, Recursive, signature, step1};

/// `bars_since(condition)`.
pub(super) static BARS_SINCE: Member = Member {
    signature: signature(
        "bars_since",
        &[Parameter::Series("condition")],
        Exactness::Always,
        "bars since the condition was last true, 0 at such a bar; missing before the first",
    )
    .explained(super::Reference {
        formula: "0 if condition is not 0, else y' + 1",
        missing: super::STATE,
        source: "formula language of the Chinese terminals (TDX): BARSLAST",
        cost: super::Cost::Constant,
        example: "bars_since(close > delay(close, 1))",
    }),
    kernel: Kernel::Recursive(Recursive {
        run: |level, args, _, out| {
            step1(level, args, out, |y, x| if x != 0.0 { 0.0 } else { y + 1.0 });
        },
        masked: true,
    }),
    #[cfg(test)]
    twin: Twin::History(|w, _| {
        let known: Vec<f64> = w[0].iter().copied().filter(|v| v.is_finite()).collect();
        let back = known.iter().rev().position(|v| *v != 0.0);
        let now = w[0][w[0].len() - 1].is_finite();
        back.filter(|_| now).map_or(f64::NAN, |bars| bars as f64)
    }),
};
