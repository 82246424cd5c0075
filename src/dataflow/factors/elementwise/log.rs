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
    ),
    kernel: Kernel::Elementwise(|level, args, out| map1(level, args, out, math::log)),
    #[cfg(test)]
    twin: Twin::Cell(|args| {
        // A vector kernel against the same function, one number at a time.
        let x = args[0];
        if x > 0.0 { libm::log(x) } else { f64::NAN }
    }),
};
