//! Operators whose state goes on from bar to bar, as far back as there are bars. A missing input
//! leaves the state as it is. A new operator is a file here, its
//! `mod` and its line in [`MEMBERS`].
//!
//! The panel keeps the states of all changeable times, so that a correction goes on from the state
//! before it and stops where the states are equal again.

#[cfg(test)]
use super::Twin;
mod bars_since;
mod cross;
mod cumulative;
mod sar;
mod seed;
mod session;
mod smooth;
mod streak;
mod value_when;
mod wilder;

use super::simd::{Body, Level, run};
use super::{How, Kernel, Member, Outcome, Recursive};
use crate::formula::{Cost, Exactness, Family, Parameter, Reference, Signature};

/// All recursive operators.
pub(super) const MEMBERS: &[&Member] = &[
    &smooth::SMA,
    &smooth::EMA,
    &smooth::RMA,
    &smooth::DMA,
    &cumulative::SUM,
    &cumulative::PRODUCT,
    &bars_since::BARS_SINCE,
    &streak::STREAK,
    &value_when::VALUE_WHEN,
    &cross::CROSS,
    &session::FIRST,
    &session::LAST,
    &wilder::SUM,
    &sar::SAR,
];

/// States of one series.
const STATE: &str = "a missing or infinite input leaves the state as it is and gives missing";

const fn signature(
    name: &'static str,
    parameters: &'static [Parameter],
    exactness: Exactness,
    summary: &'static str,
) -> Signature {
    let family = Family::Recursive;
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

/// The state where the input is there.
pub(super) const MASK: fn(Level, &[&[f64]], &mut [f64]) = |level, args, out| {
    struct Mask<'a>(&'a [f64], &'a [f64], &'a mut [f64]);
    impl Body for Mask<'_> {
        #[inline(always)]
        fn run(self) {
            for ((o, state), x) in self.2.iter_mut().zip(self.0).zip(self.1) {
                *o = if there(*x) { *state } else { f64::NAN };
            }
        }
    }
    if let [state, x, ..] = args {
        run(level, Mask(state, x, out));
    }
};

/// Whether a number counts: neither missing nor infinite.
#[inline(always)]
fn there(x: f64) -> bool {
    x.abs() < f64::INFINITY
}

/// Takes states one bar further: `f` of the state before and the input, where that is there.
fn step1(level: Level, args: &[&[f64]], out: &mut [f64], f: impl Fn(f64, f64) -> f64) {
    struct Step<'a, F>(&'a [f64], &'a mut [f64], F);
    impl<F: Fn(f64, f64) -> f64> Body for Step<'_, F> {
        #[inline(always)]
        fn run(self) {
            for (state, x) in self.1.iter_mut().zip(self.0) {
                let next = (self.2)(*state, *x);
                *state = if there(*x) { next } else { *state };
            }
        }
    }
    if let [x] = args {
        run(level, Step(x, out, f));
    }
}

/// The same with two inputs, of which `f` itself sees to what is missing.
fn step2(level: Level, args: &[&[f64]], out: &mut [f64], f: impl Fn(f64, f64, f64) -> f64) {
    struct Step<'a, F>(&'a [f64], &'a [f64], &'a mut [f64], F);
    impl<F: Fn(f64, f64, f64) -> f64> Body for Step<'_, F> {
        #[inline(always)]
        fn run(self) {
            for ((state, x), y) in self.2.iter_mut().zip(self.0).zip(self.1) {
                *state = (self.3)(*state, *x, *y);
            }
        }
    }
    if let [x, y] = args {
        run(level, Step(x, y, out, f));
    }
}

/// For twins: the last state after all inputs, missing where the last input is.
#[cfg(test)]
fn last(x: &[f64], step: impl Fn(Option<f64>, f64) -> f64) -> f64 {
    let mut state = None;
    for v in x.iter().filter(|v| v.is_finite()) {
        // A state that is no number is none: what comes next begins anew.
        state = Some(step(state.filter(|s: &f64| !s.is_nan()), *v));
    }
    state.filter(|_| x[x.len() - 1].is_finite()).unwrap_or(f64::NAN)
}
