//! When one series rises above another.

#[cfg(test)]
use super::Twin;
use super::{Exactness, Kernel, Member, Outcome, Parameter, Recursive, signature, step2, there};
use crate::dataflow::factors::simd::{Body, Level, run};

/// Not above.
const BELOW: f64 = 0.0;
/// Above, as at the bar before or at the first bar.
const ABOVE: f64 = 1.0;
/// Above, and not at the bar before.
const CROSSED: f64 = 2.0;

/// `cross(x, y)`: bars at which one of them is missing do not count.
pub(super) static CROSS: Member = Member {
    signature: signature(
        "cross",
        &[Parameter::Series("x"), Parameter::Series("y")],
        Exactness::Always,
        "1 where x is above y and was not at the bar before, else 0; missing where x or y is",
    )
    .explained(super::Reference {
        formula: "x > y and not x' > y'",
        missing: "missing where x or y is; the bar before is the last one at which both were there",
        source: "formula language of the Chinese terminals (TDX): CROSS",
        cost: super::Cost::Constant,
        example: "cross(close, ts_mean(close, 20))",
    }),
    kernel: Kernel::Recursive(Recursive {
        state: &[|level, args, _, out| {
            step2(level, args, out, |state, x, y| {
                let above = if state == BELOW { CROSSED } else { ABOVE };
                let next = if x > y { above } else { BELOW };
                if there(x) & there(y) { next } else { state }
            });
        }],
        result: Outcome::Of(result),
    }),
    #[cfg(test)]
    twin: Twin::History(|w, _| {
        let known = |i: &usize| w[0][*i].is_finite() && w[1][*i].is_finite();
        let mut bars = (0..w[0].len()).rev().filter(known).map(|i| w[0][i] > w[1][i]);
        match (known(&(w[0].len() - 1)), bars.next(), bars.next()) {
            (true, Some(now), before) => f64::from(u8::from(now && before == Some(false))),
            _ => f64::NAN,
        }
    }),
};

fn result(level: Level, args: &[&[f64]], out: &mut [f64]) {
    struct Result<'a>([&'a [f64]; 3], &'a mut [f64]);
    impl Body for Result<'_> {
        #[inline(always)]
        fn run(self) {
            let [state, x, y] = self.0;
            for (((o, state), x), y) in self.1.iter_mut().zip(state).zip(x).zip(y) {
                let crossed = if *state == CROSSED { 1.0 } else { 0.0 };
                *o = if there(*x) & there(*y) { crossed } else { f64::NAN };
            }
        }
    }
    if let [state, x, y] = args {
        run(level, Result([state, x, y], out));
    }
}
