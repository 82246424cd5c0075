//! Sign.

#[cfg(test)]
use super::Twin;
use super::{Exactness, Kernel, Member, Parameter, map1, signature, truth};

/// `sign(x)`.
pub(super) static SIGN: Member = Member {
    signature: signature(
        "sign",
        &[Parameter::Series("x")],
        Exactness::Always,
        "1, 0 or -1 with the sign of x",
    )
    .explained(super::Reference {
        formula: "1 if x > 0, -1 if x < 0, else 0",
        missing: "missing when x is",
        source: "101 Formulaic Alphas (Kakushadze, 2016), appendix A.1",
        cost: super::Cost::Constant,
        example: "sign(delta(volume, 1)) * -delta(close, 1)",
    }),
    kernel: Kernel::Elementwise(|level, args, out| {
        map1(level, args, out, |x| if x.is_nan() { x } else { truth(x > 0.0) - truth(x < 0.0) });
    }),
    #[cfg(test)]
    twin: Twin::Cell(|args| match args[0] {
        x if x > 0.0 => 1.0,
        x if x < 0.0 => -1.0,
        0.0 => 0.0,
        _ => f64::NAN,
    }),
};
