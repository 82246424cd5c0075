//! Natural logarithm.

#[cfg(test)]
use super::Twin;
use super::{Exactness, Kernel, Member, Parameter, map1, signature};
use crate::dataflow::factors::math;

/// `log(x)`.
pub(super) static LOG: Member = Member {
    signature: signature(
        "log",
        &[Parameter::Series("x")],
        Exactness::Never,
        "natural logarithm of x; missing for x <= 0",
    )
    .explained(super::Reference {
        formula: "the t with e^t = x",
        missing: "missing when x is, and for x <= 0",
        source: "fdlibm (Sun Microsystems), e_log.c; the domain: 101 Formulaic Alphas \
                 (Kakushadze, 2016), appendix A.1",
        cost: super::Cost::Constant,
        example: "log(close / delay(close, 1))",
    }),
    kernel: Kernel::Elementwise(|level, args, out| map1(level, args, out, math::log)),
    #[cfg(test)]
    twin: Twin::Cell(|args| {
        // A vector kernel against the same function, one number at a time.
        let x = args[0];
        if x > 0.0 { libm::log(x) } else { f64::NAN }
    }),
};
