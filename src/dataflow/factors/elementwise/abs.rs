//! Magnitude.

#[cfg(test)]
use super::Twin;
use super::{Exactness, Kernel, Member, Parameter, map1, signature};

/// `abs(x)`.
pub(super) static ABS: Member = Member {
    signature: signature("abs", &[Parameter::Series("x")], Exactness::Inherited, "magnitude of x"),
    kernel: Kernel::Elementwise(|level, args, out| map1(level, args, out, |x| x.abs())),
    #[cfg(test)]
    twin: Twin::Cell(|args| if args[0] < 0.0 { -args[0] } else { args[0] + 0.0 }),
};
