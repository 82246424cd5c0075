//! Powers. Exponents that are the same for a whole row, as they are in nearly all formulas, and
//! simple are computed by products; the bits are those of the general kernel.

#[cfg(test)]
use super::Twin;
use super::{Exactness, Kernel, Member, Parameter, signature, truth};
use crate::dataflow::factors::math;
use crate::dataflow::factors::simd::{Body, Level, run};

/// `pow(x, y)`.
pub(super) static POW: Member = Member {
    signature: signature(
        "pow",
        &[Parameter::Series("x"), Parameter::Series("y")],
        Exactness::Never,
        "x to the power of y as IEEE has it; missing for a negative x with a fractional y",
    )
    .explained(super::Reference {
        formula: "x^y",
        missing: "missing when either input is, except that x^0 and 1^y are 1; missing for x < 0 \
                  with a fractional y",
        source: "IEEE 754; fdlibm (Sun Microsystems), e_pow.c",
        cost: super::Cost::Constant,
        example: "pow(close / open, 0.5)",
    }),
    kernel: Kernel::Elementwise(power::<false>),
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
    )
    .explained(super::Reference {
        formula: "sign(x) * abs(x)^y",
        missing: "missing when either input is",
        source: "101 Formulaic Alphas (Kakushadze, 2016), appendix A.1",
        cost: super::Cost::Constant,
        example: "signed_power(close / open - 1, 0.5)",
    }),
    kernel: Kernel::Elementwise(power::<true>),
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

/// One cell; with a known exponent, only what is needed for it remains.
#[inline(always)]
fn cell<const SIGNED: bool>(x: f64, y: f64) -> f64 {
    if SIGNED {
        let sign = if x.is_nan() { x } else { truth(x > 0.0) - truth(x < 0.0) };
        sign * math::pow(x.abs(), y)
    } else {
        math::pow(x, y)
    }
}

fn power<const SIGNED: bool>(level: Level, args: &[&[f64]], out: &mut [f64]) {
    if let [x, y] = args {
        run(level, Power::<SIGNED> { x, y, out });
    }
}

/// Written as loops of its own: the body is too long for closures to be inlined.
struct Power<'a, const SIGNED: bool> {
    x: &'a [f64],
    y: &'a [f64],
    out: &'a mut [f64],
}

impl<const SIGNED: bool> Power<'_, SIGNED> {
    #[inline(always)]
    fn constant(self, y: f64) {
        for (o, x) in self.out.iter_mut().zip(self.x) {
            *o = cell::<SIGNED>(*x, y);
        }
    }
}

impl<const SIGNED: bool> Body for Power<'_, SIGNED> {
    #[inline(always)]
    fn run(self) {
        let first = self.y.first().copied().unwrap_or(1.0);
        let same = self.y.iter().all(|y| y.to_bits() == first.to_bits());
        match first {
            2.0 if same => self.constant(2.0),
            3.0 if same => self.constant(3.0),
            0.5 if same => self.constant(0.5),
            _ => {
                for ((o, x), y) in self.out.iter_mut().zip(self.x).zip(self.y) {
                    *o = cell::<SIGNED>(*x, *y);
                }
            }
        }
    }
}
