//! IEEE arithmetic on 64-bit numbers: `x / 0` is infinite, `0 / 0` missing.

#[cfg(test)]
use super::Twin;
use super::{Exactness, Kernel, Member, Parameter, map1, map2, signature};

/// `x + y`.
pub(super) static ADD: Member = Member {
    signature: signature(
        "+",
        &[Parameter::Series("x"), Parameter::Series("y")],
        Exactness::Never,
        "x plus y",
    )
    .explained(super::Reference {
        formula: "x + y",
        missing: "missing when either input is",
        source: "IEEE 754",
        cost: super::Cost::Constant,
        example: "high + low",
    }),
    kernel: Kernel::Elementwise(|level, args, out| map2(level, args, out, |x, y| x + y)),
    #[cfg(test)]
    twin: Twin::Cell(|args| args[0] + args[1]),
};

/// `x - y`.
pub(super) static SUBTRACT: Member = Member {
    signature: signature(
        "-",
        &[Parameter::Series("x"), Parameter::Series("y")],
        Exactness::Never,
        "x minus y",
    )
    .explained(super::Reference {
        formula: "x - y",
        missing: "missing when either input is",
        source: "IEEE 754",
        cost: super::Cost::Constant,
        example: "close - open",
    }),
    kernel: Kernel::Elementwise(|level, args, out| map2(level, args, out, |x, y| x - y)),
    #[cfg(test)]
    twin: Twin::Cell(|args| args[0] - args[1]),
};

/// `x * y`.
pub(super) static MULTIPLY: Member = Member {
    signature: signature(
        "*",
        &[Parameter::Series("x"), Parameter::Series("y")],
        Exactness::Never,
        "x times y",
    )
    .explained(super::Reference {
        formula: "x * y",
        missing: "missing when either input is",
        source: "IEEE 754",
        cost: super::Cost::Constant,
        example: "close * volume",
    }),
    kernel: Kernel::Elementwise(|level, args, out| map2(level, args, out, |x, y| x * y)),
    #[cfg(test)]
    twin: Twin::Cell(|args| args[0] * args[1]),
};

/// `x / y`.
pub(super) static DIVIDE: Member = Member {
    signature: signature(
        "/",
        &[Parameter::Series("x"), Parameter::Series("y")],
        Exactness::Never,
        "x divided by y; infinite where y is 0, missing for 0 / 0",
    )
    .explained(super::Reference {
        formula: "x / y",
        missing: "missing when either input is; x / 0 is infinite, 0 / 0 missing",
        source: "IEEE 754",
        cost: super::Cost::Constant,
        example: "close / open - 1",
    }),
    kernel: Kernel::Elementwise(|level, args, out| map2(level, args, out, |x, y| x / y)),
    #[cfg(test)]
    twin: Twin::Cell(|args| args[0] / args[1]),
};

/// `-x`.
pub(super) static NEGATE: Member = Member {
    signature: signature(
        "neg",
        &[Parameter::Series("x")],
        Exactness::Inherited,
        "x with the other sign",
    )
    .explained(super::Reference {
        formula: "-x",
        missing: "missing when x is; a minus before a number belongs to the number",
        source: "IEEE 754",
        cost: super::Cost::Constant,
        example: "-delta(close, 1)",
    }),
    kernel: Kernel::Elementwise(|level, args, out| map1(level, args, out, |x| -x)),
    #[cfg(test)]
    twin: Twin::Cell(|args| -args[0]),
};
