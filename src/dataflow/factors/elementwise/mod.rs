//! Operators whose value depends on the same symbol and time only. A new one is a file here, its
//! `mod` and its line in [`MEMBERS`].

mod abs;
mod arithmetic;
mod choose;
mod clip;
mod compare;
mod extremes;
mod log;
mod logic;
mod nan_inf_to;
mod pow;
mod sign;

#[cfg(test)]
use super::Twin;
use super::simd::{Body, Level, run};
use super::{Kernel, Member};
use crate::formula::{Cost, Exactness, Family, Parameter, Reference, Signature};

/// All elementwise operators.
pub(super) const MEMBERS: &[&Member] = &[
    &arithmetic::ADD,
    &arithmetic::SUBTRACT,
    &arithmetic::MULTIPLY,
    &arithmetic::DIVIDE,
    &arithmetic::NEGATE,
    &abs::ABS,
    &log::LOG,
    &sign::SIGN,
    &pow::POW,
    &pow::SIGNED_POWER,
    &extremes::MAX,
    &extremes::MIN,
    &compare::LESS,
    &compare::AT_MOST,
    &compare::GREATER,
    &compare::AT_LEAST,
    &compare::EQUAL,
    &compare::UNEQUAL,
    &logic::AND,
    &logic::OR,
    &logic::NOT,
    &choose::IF,
    &nan_inf_to::NAN_INF_TO,
    &clip::CLIP,
];

const fn signature(
    name: &'static str,
    parameters: &'static [Parameter],
    exactness: Exactness,
    summary: &'static str,
) -> Signature {
    let family = Family::Elementwise;
    Signature {
        name,
        family,
        parameters,
        summary,
        exactness,
        compares: false,
        reference: Reference::NONE,
    }
}

/// Applies a function of one number to a row.
fn map1(level: Level, args: &[&[f64]], out: &mut [f64], f: impl Fn(f64) -> f64) {
    struct Map<'a, F>(&'a [f64], &'a mut [f64], F);
    impl<F: Fn(f64) -> f64> Body for Map<'_, F> {
        #[inline(always)]
        fn run(self) {
            for (o, x) in self.1.iter_mut().zip(self.0) {
                *o = (self.2)(*x);
            }
        }
    }
    if let [x] = args {
        run(level, Map(x, out, f));
    }
}

/// Applies a function of two numbers to two rows.
fn map2(level: Level, args: &[&[f64]], out: &mut [f64], f: impl Fn(f64, f64) -> f64) {
    struct Map<'a, F>(&'a [f64], &'a [f64], &'a mut [f64], F);
    impl<F: Fn(f64, f64) -> f64> Body for Map<'_, F> {
        #[inline(always)]
        fn run(self) {
            for ((o, x), y) in self.2.iter_mut().zip(self.0).zip(self.1) {
                *o = (self.3)(*x, *y);
            }
        }
    }
    if let [x, y] = args {
        run(level, Map(x, y, out, f));
    }
}

/// Applies a function of three numbers to three rows.
fn map3(level: Level, args: &[&[f64]], out: &mut [f64], f: impl Fn(f64, f64, f64) -> f64) {
    struct Map<'a, F>([&'a [f64]; 3], &'a mut [f64], F);
    impl<F: Fn(f64, f64, f64) -> f64> Body for Map<'_, F> {
        #[inline(always)]
        fn run(self) {
            let [x, y, z] = self.0;
            for (((o, x), y), z) in self.1.iter_mut().zip(x).zip(y).zip(z) {
                *o = (self.2)(*x, *y, *z);
            }
        }
    }
    if let [x, y, z] = args {
        run(level, Map([x, y, z], out, f));
    }
}

/// Truth as a number.
#[inline(always)]
const fn truth(holds: bool) -> f64 {
    if holds { 1.0 } else { 0.0 }
}

/// Whether a number means true: missing is false.
#[inline(always)]
fn is_true(x: f64) -> bool {
    x != 0.0 && !x.is_nan()
}
