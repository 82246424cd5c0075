//! Replacement of what is missing or infinite.

#[cfg(test)]
use super::Twin;
use super::{Exactness, Kernel, Member, Parameter, map2, signature};

/// `nan_inf_to(x, value)`.
pub(super) static NAN_INF_TO: Member = Member {
    signature: signature(
        "nan_inf_to",
        &[Parameter::Series("x"), Parameter::Series("value")],
        Exactness::Never,
        "x, or the value where x is missing or infinite",
    )
    .explained(super::Reference {
        formula: "x if it is a number, else value",
        missing: "replaces missing and infinite x; missing when the value is that replaces it",
        source: "numpy.nan_to_num with one value for all",
        cost: super::Cost::Constant,
        example: "nan_inf_to(close / delay(close, 1) - 1, 0)",
    }),
    kernel: Kernel::Elementwise(|level, args, out| {
        map2(level, args, out, |x, y| if x.abs() < f64::INFINITY { x } else { y });
    }),
    #[cfg(test)]
    twin: Twin::Cell(|args| if args[0].is_finite() { args[0] } else { args[1] }),
};
