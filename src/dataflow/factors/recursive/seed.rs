//! Averages that begin with all of their first inputs, not with the first alone, as TA-Lib has them.
//!
//! The state is two numbers: how many inputs are still to come before there is a result, and the
//! sum of the inputs so far or, from then on, the average.

use super::{How, Level, Outcome, Recursive, step2, there};
use crate::dataflow::factors::simd::{Body, run};

/// Which average.
#[derive(Clone, Copy)]
pub(super) struct Seeded {
    /// How many inputs it begins with.
    pub(super) first: f64,
    /// The share of itself that it loses with each further input.
    pub(super) share: f64,
    /// Whether it is a sum, which gets each further input whole, and not an average, which gets the
    /// same share of it.
    pub(super) sum: bool,
}

/// What a recursive operator needs to be such an average.
pub(super) const fn seeded(
    state: &'static [fn(Level, &[&[f64]], How<'_>, &mut [f64])],
) -> Recursive {
    Recursive { state, result: Outcome::Of(result) }
}

impl Seeded {
    /// Takes the number of inputs still to come one bar further.
    pub(super) fn left(self, level: Level, args: &[&[f64]], out: &mut [f64]) {
        step2(level, args, out, move |left, x, y| self.next(left, y, x).0);
    }

    /// Takes the sum or average one bar further.
    pub(super) fn value(self, level: Level, args: &[&[f64]], out: &mut [f64]) {
        step2(level, args, out, move |y, x, left| self.next(left, y, x).1);
    }

    /// With one input more.
    #[inline(always)]
    fn further(self, y: f64, x: f64) -> f64 {
        if self.sum { y - self.share * y + x } else { y + self.share * (x - y) }
    }

    #[inline(always)]
    fn next(self, left: f64, y: f64, x: f64) -> (f64, f64) {
        let none = left.is_nan();
        let (before, sum) = (if none { self.first } else { left }, if none { x } else { y + x });
        let after = if before > 0.0 { before - 1.0 } else { 0.0 };
        let seed = if (after > 0.0) | self.sum { sum } else { sum / self.first };
        let next = if before > 0.0 { seed } else { self.further(y, x) };
        // What leaves the range of numbers begins anew.
        let (after, next) = if there(next) { (after, next) } else { (f64::NAN, f64::NAN) };
        if there(x) { (after, next) } else { (left, y) }
    }
}

/// The average where no input is still to come and the input is there.
fn result(level: Level, args: &[&[f64]], out: &mut [f64]) {
    struct Result<'a>([&'a [f64]; 3], &'a mut [f64]);
    impl Body for Result<'_> {
        #[inline(always)]
        fn run(self) {
            let [left, y, x] = self.0;
            for (((o, left), y), x) in self.1.iter_mut().zip(left).zip(y).zip(x) {
                *o = if (*left == 0.0) & there(*x) { *y } else { f64::NAN };
            }
        }
    }
    if let [left, y, x] = args {
        run(level, Result([left, y, x], out));
    }
}

/// For twins: the average after all inputs.
#[cfg(test)]
pub(super) fn twin(x: &[f64], seeded: Seeded) -> f64 {
    let (mut seen, mut state) = (Vec::new(), None);
    for v in x.iter().copied().filter(|v| v.is_finite()) {
        state = match state {
            Some(y) if seeded.sum => Some(y - seeded.share * y + v),
            Some(y) => Some(y + seeded.share * (v - y)),
            None => {
                seen.push(v);
                let whole = seen.len() as f64 == seeded.first;
                let sum = seen[1..].iter().fold(seen[0], |sum, v| sum + v);
                if !sum.is_finite() {
                    seen.clear();
                }
                let divisor = if seeded.sum { 1.0 } else { seeded.first };
                (whole && sum.is_finite()).then_some(sum / divisor)
            }
        };
        if state.is_some_and(|y: f64| !y.is_finite()) {
            (seen, state) = (Vec::new(), None);
        }
    }
    state.filter(|_| x[x.len() - 1].is_finite()).unwrap_or(f64::NAN)
}
