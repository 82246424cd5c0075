//! Powers. Exponents that are the same for a whole row, as they are in nearly all formulas, and
//! simple are computed by products; the bits are those of the general kernel.

#[cfg(test)]
use super::Twin;
use super::{Exactness, Kernel, Member, Parameter, map1, map2, signature, truth};
use crate::dataflow::factors::math;
use crate::dataflow::factors::simd::Level;

/// `pow(x, y)`.
pub(super) static POW: Member = Member {
    signature: signature(
        "pow",
        &[Parameter::Series("x"), Parameter::Series("y")],
        Exactness::Never,
        "x to the power of y as IEEE has it; missing for a negative x with a fractional y",
    ),
    kernel: Kernel::Elementwise(|level, args, out| power(level, args, out, math::pow)),
    #[cfg(test)]
    twin: Twin::Cell(|args| math::pow(args[0], args[1])),
};

/// `signed_power(x, y)`: `sign(x) * pow(abs(x), y)`.
pub(super) static SIGNED_POWER: Member = Member {
    signature: signature(
        "signed_power",
        &[Parameter::Series("x"), Parameter::Series("y")],
        Exactness::Never,
        "sign(x) * pow(abs(x), y)",
    ),
    kernel: Kernel::Elementwise(|level, args, out| power(level, args, out, signed)),
    #[cfg(test)]
    twin: Twin::Cell(|args| {
        let size = math::pow(args[0].abs(), args[1]);
        match args[0] {
            0.0 => 0.0 * size,
            x if x.is_nan() => x,
            x => size.copysign(x),
        }
    }),
};

#[inline(always)]
fn signed(x: f64, y: f64) -> f64 {
    let sign = if x.is_nan() { x } else { truth(x > 0.0) - truth(x < 0.0) };
    sign * math::pow(x.abs(), y)
}

/// Only what `pow` does for the exponent remains after inlining with a known one.
fn power(level: Level, args: &[&[f64]], out: &mut [f64], pow: impl Fn(f64, f64) -> f64) {
    let [x, y] = args else { return };
    let first = y.first().copied().unwrap_or(1.0);
    let same = y.iter().all(|v| v.to_bits() == first.to_bits());
    let x = &[*x];
    match first {
        2.0 if same => map1(level, x, out, |x| pow(x, 2.0)),
        3.0 if same => map1(level, x, out, |x| pow(x, 3.0)),
        0.5 if same => map1(level, x, out, |x| pow(x, 0.5)),
        _ => map2(level, args, out, pow),
    }
}
