//! The larger and the smaller of two numbers; missing when either is.

#[cfg(test)]
use super::Twin;
use super::{Exactness, Kernel, Member, Parameter, map2, signature};

/// `max(x, y)`.
pub(super) static MAX: Member = Member {
    signature: signature(
        "max",
        &[Parameter::Series("x"), Parameter::Series("y")],
        Exactness::Inherited,
        "the larger of x and y; missing when either is",
    )
    .explained(super::Reference {
        formula: "x if x > y, else y",
        missing: "missing when either input is",
        source: "101 Formulaic Alphas (Kakushadze, 2016), appendix A.1",
        cost: super::Cost::Constant,
        example: "high - max(open, close)",
    }),
    kernel: Kernel::Elementwise(|level, args, out| {
        map2(level, args, out, |x, y| if x.is_nan() || x > y { x } else { y });
    }),
    #[cfg(test)]
    twin: Twin::Cell(|args| match args {
        [x, y] if x.is_nan() || y.is_nan() => f64::NAN,
        [x, y] if x > y => *x,
        _ => args[1],
    }),
};

/// `min(x, y)`.
pub(super) static MIN: Member = Member {
    signature: signature(
        "min",
        &[Parameter::Series("x"), Parameter::Series("y")],
        Exactness::Inherited,
        "the smaller of x and y; missing when either is",
    )
    .explained(super::Reference {
        formula: "x if x < y, else y",
        missing: "missing when either input is",
        source: "101 Formulaic Alphas (Kakushadze, 2016), appendix A.1",
        cost: super::Cost::Constant,
        example: "min(open, close) - low",
    }),
    kernel: Kernel::Elementwise(|level, args, out| {
        map2(level, args, out, |x, y| if x.is_nan() || x < y { x } else { y });
    }),
    #[cfg(test)]
    twin: Twin::Cell(|args| match args {
        [x, y] if x.is_nan() || y.is_nan() => f64::NAN,
        [x, y] if x < y => *x,
        _ => args[1],
    }),
};
