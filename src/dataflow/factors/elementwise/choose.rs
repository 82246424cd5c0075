//! Choice by a condition.

#[cfg(test)]
use super::Twin;
use super::{Exactness, Kernel, Member, Parameter, is_true, map3, signature};

/// `if(condition, then, otherwise)`.
pub(super) static IF: Member = Member {
    signature: signature(
        "if",
        &[
            Parameter::Series("condition"),
            Parameter::Series("then"),
            Parameter::Series("otherwise"),
        ],
        Exactness::Inherited,
        "`then` where the condition is true, `otherwise` where it is false or missing",
    )
    .explained(super::Reference {
        formula: "then if condition is not 0, else otherwise",
        missing: "a missing condition takes `otherwise`; missing when the one that is taken is",
        source: "101 Formulaic Alphas (Kakushadze, 2016), appendix A.1 (written x ? y : z)",
        cost: super::Cost::Constant,
        example: "if(close > delay(close, 1), volume, -volume)",
    }),
    kernel: Kernel::Elementwise(|level, args, out| {
        map3(level, args, out, |x, y, z| if is_true(x) { y } else { z });
    }),
    #[cfg(test)]
    twin: Twin::Cell(|args| match args {
        [c, _, otherwise] if c.is_nan() || *c == 0.0 => *otherwise,
        _ => args[1],
    }),
};
