//! Magnitude.

#[cfg(test)]
use super::Twin;
use super::{Exactness, Kernel, Member, Parameter, map1, signature};

/// `abs(x)`.
pub(super) static ABS: Member = Member {
    signature: signature("abs", &[Parameter::Series("x")], Exactness::Inherited, "magnitude of x")
        .explained(super::Reference {
            formula: "x if x >= 0, else -x",
            missing: "missing when x is",
            source: "IEEE 754",
            cost: super::Cost::Constant,
            example: "abs(close / delay(close, 1) - 1)",
        }),
    kernel: Kernel::Elementwise(|level, args, out| map1(level, args, out, |x| x.abs())),
    #[cfg(test)]
    twin: Twin::Cell(|args| if args[0] < 0.0 { -args[0] } else { args[0] + 0.0 }),
};
