//! A value held until the next one.

#[cfg(test)]
use super::Twin;
use super::{Exactness, Kernel, Member, Parameter, Recursive, signature, step2, there};

/// `value_when(condition, x)`: holds on until the condition is true again.
pub(super) static VALUE_WHEN: Member = Member {
    signature: signature(
        "value_when",
        &[Parameter::Series("condition"), Parameter::Series("x")],
        Exactness::Never,
        "x at the last bar at which the condition was true and x was there",
    )
    .explained(super::Reference {
        formula: "x if condition is not 0 and x is there, else y'",
        missing: "a missing condition counts as false, and a missing x is passed over: the value \
                  before is held; missing before the first",
        source: "Pine Script: ta.valuewhen with occurrence 0",
        cost: super::Cost::Constant,
        example: "close / value_when(close > ts_max(delay(close, 1), 20), close) - 1",
    }),
    kernel: Kernel::Recursive(Recursive {
        run: |level, args, _, out| {
            step2(
                level,
                args,
                out,
                |y, c, x| {
                    if (c != 0.0) & !c.is_nan() & there(x) { x } else { y }
                },
            );
        },
        masked: false,
    }),
    #[cfg(test)]
    twin: Twin::History(|w, _| {
        let held = |i: &usize| w[0][*i] != 0.0 && !w[0][*i].is_nan() && w[1][*i].is_finite();
        (0..w[0].len()).rev().find(held).map_or(f64::NAN, |i| w[1][i])
    }),
};
