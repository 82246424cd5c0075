//! Wilder's running sum.

use super::seed::{Seeded, seeded};
use super::{Exactness, How, Kernel, Member, Parameter, signature};
#[cfg(test)]
use super::{Twin, seed};

/// `wilder_sum(x, n)`: s = s - s / n + x, beginning with the sum of the first n - 1 inputs, as in
/// TA-Lib's directional movement.
pub(super) static SUM: Member = Member {
    signature: signature(
        "wilder_sum",
        &[Parameter::Series("x"), Parameter::Window("n", 2)],
        Exactness::Never,
        "Wilder's running sum, which loses 1/n of itself before each new x, starting with the sum \
         of the first n - 1",
    )
    .explained(super::Reference {
        formula: "y = y' - y' / n + x, after the sum of the first n - 1",
        missing: super::STATE,
        source: "Wilder, New Concepts in Technical Trading Systems (1978); TA-Lib: ADX",
        cost: super::Cost::Constant,
        example: "wilder_sum(abs(delta(close, 1)), 14)",
    }),
    kernel: Kernel::Recursive(seeded(&[
        |level, args, how, out| wilder(how).left(level, args, out),
        |level, args, how, out| wilder(how).value(level, args, out),
    ])),
    #[cfg(test)]
    twin: Twin::History(|w, how| seed::twin(&w[0], wilder(how))),
};

fn wilder(how: How<'_>) -> Seeded {
    let n = how.n as f64;
    Seeded { first: n - 1.0, share: 1.0 / n, sum: true }
}
