//! Truth: 0 and missing are false, all else is true.

#[cfg(test)]
use super::Twin;
use super::{Exactness, Kernel, Member, Parameter, is_true, map1, map2, signature, truth};

/// `and(x, y)`.
pub(super) static AND: Member = Member {
    signature: signature(
        "and",
        &[Parameter::Series("x"), Parameter::Series("y")],
        Exactness::Always,
        "1 where both x and y are true, else 0; missing is false",
    )
    .explained(super::Reference {
        formula: "1 if x and y are not 0, else 0",
        missing: "missing counts as false, so the result is never missing",
        source: "101 Formulaic Alphas (Kakushadze, 2016), appendix A.1 (written &&)",
        cost: super::Cost::Constant,
        example: "if(and(close > open, volume > delay(volume, 1)), 1, 0)",
    }),
    kernel: Kernel::Elementwise(|level, args, out| {
        map2(level, args, out, |x, y| truth(is_true(x) & is_true(y)));
    }),
    #[cfg(test)]
    twin: Twin::Cell(|args| match args {
        [x, y] if x.is_nan() || y.is_nan() || *x == 0.0 || *y == 0.0 => 0.0,
        _ => 1.0,
    }),
};

/// `or(x, y)`.
pub(super) static OR: Member = Member {
    signature: signature(
        "or",
        &[Parameter::Series("x"), Parameter::Series("y")],
        Exactness::Always,
        "1 where x or y is true, else 0; missing is false",
    )
    .explained(super::Reference {
        formula: "1 if x or y is not 0, else 0",
        missing: "missing counts as false, so the result is never missing",
        source: "101 Formulaic Alphas (Kakushadze, 2016), appendix A.1 (written ||)",
        cost: super::Cost::Constant,
        example: "if(or(close > open, volume > delay(volume, 1)), 1, 0)",
    }),
    kernel: Kernel::Elementwise(|level, args, out| {
        map2(level, args, out, |x, y| truth(is_true(x) | is_true(y)));
    }),
    #[cfg(test)]
    twin: Twin::Cell(|args| {
        args.iter().filter(|x| !x.is_nan() && **x != 0.0).take(1).count() as f64
    }),
};

/// `not(x)`.
pub(super) static NOT: Member = Member {
    signature: signature(
        "not",
        &[Parameter::Series("x")],
        Exactness::Always,
        "1 where x is false, else 0; missing is false",
    )
    .explained(super::Reference {
        formula: "1 if x is 0, else 0",
        missing: "missing counts as false, so its result is 1",
        source: "logical negation, truth as a number",
        cost: super::Cost::Constant,
        example: "ts_count(not(close > open), 10)",
    }),
    kernel: Kernel::Elementwise(|level, args, out| map1(level, args, out, |x| truth(!is_true(x)))),
    #[cfg(test)]
    twin: Twin::Cell(|args| if args[0].is_nan() || args[0] == 0.0 { 1.0 } else { 0.0 }),
};
