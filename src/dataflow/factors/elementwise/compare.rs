//! Comparisons: 1 or 0, and 0 when either side is missing.

#[cfg(test)]
use super::Twin;
use super::{Exactness, Kernel, Member, Parameter, map2, signature, truth};
#[cfg(test)]
use std::cmp::Ordering;

/// `x < y`.
pub(super) static LESS: Member = Member {
    signature: signature(
        "<",
        &[Parameter::Series("x"), Parameter::Series("y")],
        Exactness::Always,
        "1 where x is less than y, else 0; 0 when either is missing",
    )
    .explained(super::Reference {
        formula: "1 if x < y, else 0",
        missing: "0 when either input is missing",
        source: "IEEE 754, truth as a number",
        cost: super::Cost::Constant,
        example: "if(close < open, volume, 0)",
    }),
    kernel: Kernel::Elementwise(|level, args, out| map2(level, args, out, |x, y| truth(x < y))),
    #[cfg(test)]
    twin: Twin::Cell(|args| twin(args, |o| matches!(o, Some(Ordering::Less)))),
};

/// `x <= y`.
pub(super) static AT_MOST: Member = Member {
    signature: signature(
        "<=",
        &[Parameter::Series("x"), Parameter::Series("y")],
        Exactness::Always,
        "1 where x is at most y, else 0; 0 when either is missing",
    )
    .explained(super::Reference {
        formula: "1 if x <= y, else 0",
        missing: "0 when either input is missing",
        source: "IEEE 754, truth as a number",
        cost: super::Cost::Constant,
        example: "ts_count(close <= open, 10)",
    }),
    kernel: Kernel::Elementwise(|level, args, out| map2(level, args, out, |x, y| truth(x <= y))),
    #[cfg(test)]
    twin: Twin::Cell(|args| twin(args, |o| matches!(o, Some(Ordering::Less | Ordering::Equal)))),
};

/// `x > y`.
pub(super) static GREATER: Member = Member {
    signature: signature(
        ">",
        &[Parameter::Series("x"), Parameter::Series("y")],
        Exactness::Always,
        "1 where x is greater than y, else 0; 0 when either is missing",
    )
    .explained(super::Reference {
        formula: "1 if x > y, else 0",
        missing: "0 when either input is missing",
        source: "IEEE 754, truth as a number",
        cost: super::Cost::Constant,
        example: "if(close > open, volume, 0)",
    }),
    kernel: Kernel::Elementwise(|level, args, out| map2(level, args, out, |x, y| truth(x > y))),
    #[cfg(test)]
    twin: Twin::Cell(|args| twin(args, |o| matches!(o, Some(Ordering::Greater)))),
};

/// `x >= y`.
pub(super) static AT_LEAST: Member = Member {
    signature: signature(
        ">=",
        &[Parameter::Series("x"), Parameter::Series("y")],
        Exactness::Always,
        "1 where x is at least y, else 0; 0 when either is missing",
    )
    .explained(super::Reference {
        formula: "1 if x >= y, else 0",
        missing: "0 when either input is missing",
        source: "IEEE 754, truth as a number",
        cost: super::Cost::Constant,
        example: "ts_count(close >= open, 10)",
    }),
    kernel: Kernel::Elementwise(|level, args, out| map2(level, args, out, |x, y| truth(x >= y))),
    #[cfg(test)]
    twin: Twin::Cell(|args| twin(args, |o| matches!(o, Some(Ordering::Greater | Ordering::Equal)))),
};

/// `x == y`.
pub(super) static EQUAL: Member = Member {
    signature: signature(
        "==",
        &[Parameter::Series("x"), Parameter::Series("y")],
        Exactness::Always,
        "1 where x equals y, else 0; 0 when either is missing",
    )
    .explained(super::Reference {
        formula: "1 if x = y, else 0",
        missing: "0 when either input is missing",
        source: "IEEE 754, truth as a number",
        cost: super::Cost::Constant,
        example: "ts_count(close == delay(close, 1), 10)",
    }),
    kernel: Kernel::Elementwise(|level, args, out| map2(level, args, out, |x, y| truth(x == y))),
    #[cfg(test)]
    twin: Twin::Cell(|args| twin(args, |o| matches!(o, Some(Ordering::Equal)))),
};

/// `x != y`; unlike IEEE, 0 when either is missing.
pub(super) static UNEQUAL: Member = Member {
    signature: signature(
        "!=",
        &[Parameter::Series("x"), Parameter::Series("y")],
        Exactness::Always,
        "1 where x differs from y, else 0; 0 when either is missing",
    )
    .explained(super::Reference {
        formula: "1 if x differs from y, else 0",
        missing: "0 when either input is missing",
        source: "IEEE 754, truth as a number",
        cost: super::Cost::Constant,
        example: "ts_count(close != delay(close, 1), 10)",
    }),
    kernel: Kernel::Elementwise(|level, args, out| {
        map2(level, args, out, |x, y| truth(x != y && !x.is_nan() && !y.is_nan()));
    }),
    #[cfg(test)]
    twin: Twin::Cell(|args| twin(args, |o| matches!(o, Some(Ordering::Less | Ordering::Greater)))),
};

#[cfg(test)]
fn twin(args: &[f64], holds: fn(Option<Ordering>) -> bool) -> f64 {
    truth(holds(args[0].partial_cmp(&args[1])))
}
