//! Operators whose state goes on from bar to bar, as far back as there are bars. A missing input
//! leaves the state as it is. A new operator is a line in [`MEMBERS`] and its kernel here.
//!
//! The panel keeps the states of all changeable times, so that a correction goes on from the state
//! before it and stops where the states are equal again.

#[cfg(test)]
use super::Twin;
use super::simd::{Body, Level, run};
use super::{How, Kernel, Member, Recursive};
use crate::formula::{Exactness, Family, Parameter, Signature};

/// All recursive operators.
pub(super) const MEMBERS: &[&Member] =
    &[&SMA, &EMA, &RMA, &CUM_SUM, &CUM_PRODUCT, &DMA, &BARS_SINCE, &STREAK, &VALUE_WHEN];

const fn signature(
    name: &'static str,
    parameters: &'static [Parameter],
    exactness: Exactness,
    summary: &'static str,
) -> Signature {
    let family = Family::Recursive;
    Signature { name, family, parameters, summary, exactness, compares: false }
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
    if let [state, x] = args {
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

/// y + a (x - y), or x if there is no y yet.
#[inline(always)]
fn smooth(y: f64, x: f64, a: f64) -> f64 {
    if y.is_nan() { x } else { y + a * (x - y) }
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

#[cfg(test)]
fn smoothed(x: &[f64], a: f64) -> f64 {
    last(x, |state, v| state.map_or(v, |y| y + a * (v - y)))
}

/// `sma(x, n, m)`: y += m / n (x - y), starting at the first value.
static SMA: Member = Member {
    signature: signature(
        "sma",
        &[Parameter::Series("x"), Parameter::Window("n", 1), Parameter::Constant("m")],
        Exactness::Never,
        "moving average that takes m/n of each new value: y = (m x + (n - m) y before) / n, \
         starting at the first x",
    ),
    kernel: Kernel::Recursive(Recursive {
        run: |level, args, how, out| {
            let a = sma_weight(how);
            step1(level, args, out, |y, x| smooth(y, x, a));
        },
        masked: true,
    }),
    #[cfg(test)]
    twin: Twin::History(|w, how| smoothed(&w[0], sma_weight(how))),
};

fn sma_weight(how: How<'_>) -> f64 {
    how.param(1) / how.n as f64
}

/// `ema(x, n)`: `sma` with the weight 2 / (n + 1).
static EMA: Member = Member {
    signature: signature(
        "ema",
        &[Parameter::Series("x"), Parameter::Window("n", 1)],
        Exactness::Never,
        "exponential moving average with the weight 2/(n+1), starting at the first x",
    ),
    kernel: Kernel::Recursive(Recursive {
        run: |level, args, how, out| {
            let a = 2.0 / (how.n as f64 + 1.0);
            step1(level, args, out, |y, x| smooth(y, x, a));
        },
        masked: true,
    }),
    #[cfg(test)]
    twin: Twin::History(|w, how| smoothed(&w[0], 2.0 / (how.n as f64 + 1.0))),
};

/// `rma(x, n)`: `sma` with the weight 1 / n.
static RMA: Member = Member {
    signature: signature(
        "rma",
        &[Parameter::Series("x"), Parameter::Window("n", 1)],
        Exactness::Never,
        "Wilder's moving average with the weight 1/n, starting at the first x",
    ),
    kernel: Kernel::Recursive(Recursive {
        run: |level, args, how, out| {
            let a = 1.0 / how.n as f64;
            step1(level, args, out, |y, x| smooth(y, x, a));
        },
        masked: true,
    }),
    #[cfg(test)]
    twin: Twin::History(|w, how| smoothed(&w[0], 1.0 / how.n as f64)),
};

/// `cum_sum(x)`.
static CUM_SUM: Member = Member {
    signature: signature(
        "cum_sum",
        &[Parameter::Series("x")],
        Exactness::Never,
        "sum of x from the first bar",
    ),
    kernel: Kernel::Recursive(Recursive {
        run: |level, args, _, out| {
            step1(level, args, out, |y, x| if y.is_nan() { x } else { y + x });
        },
        masked: true,
    }),
    #[cfg(test)]
    twin: Twin::History(|w, _| last(&w[0], |state, v| state.map_or(v, |y| y + v))),
};

/// `cum_product(x)`.
static CUM_PRODUCT: Member = Member {
    signature: signature(
        "cum_product",
        &[Parameter::Series("x")],
        Exactness::Never,
        "product of x from the first bar",
    ),
    kernel: Kernel::Recursive(Recursive {
        run: |level, args, _, out| {
            step1(level, args, out, |y, x| if y.is_nan() { x } else { y * x });
        },
        masked: true,
    }),
    #[cfg(test)]
    twin: Twin::History(|w, _| last(&w[0], |state, v| state.map_or(v, |y| y * v))),
};

/// `dma(x, a)`: y += a (x - y) with a weight per bar; both must be there.
static DMA: Member = Member {
    signature: signature(
        "dma",
        &[Parameter::Series("x"), Parameter::Series("a")],
        Exactness::Never,
        "moving average that takes the share a of each new x, starting at the first x",
    ),
    kernel: Kernel::Recursive(Recursive {
        run: |level, args, _, out| {
            step2(level, args, out, |y, x, a| {
                let next = smooth(y, x, a);
                if there(x) & there(a) { next } else { y }
            });
        },
        masked: true,
    }),
    #[cfg(test)]
    twin: Twin::History(|w, _| {
        let mut state = f64::NAN;
        for (x, a) in w[0].iter().zip(&w[1]).filter(|(x, a)| x.is_finite() && a.is_finite()) {
            state = if state.is_nan() { *x } else { state + a * (x - state) };
        }
        if w[0][w[0].len() - 1].is_finite() { state } else { f64::NAN }
    }),
};

/// `bars_since(condition)`.
static BARS_SINCE: Member = Member {
    signature: signature(
        "bars_since",
        &[Parameter::Series("condition")],
        Exactness::Always,
        "bars since the condition was last true, 0 at such a bar; missing before the first",
    ),
    kernel: Kernel::Recursive(Recursive {
        run: |level, args, _, out| {
            step1(level, args, out, |y, x| if x != 0.0 { 0.0 } else { y + 1.0 });
        },
        masked: true,
    }),
    #[cfg(test)]
    twin: Twin::History(|w, _| {
        let known: Vec<f64> = w[0].iter().copied().filter(|v| v.is_finite()).collect();
        let back = known.iter().rev().position(|v| *v != 0.0);
        let now = w[0][w[0].len() - 1].is_finite();
        back.filter(|_| now).map_or(f64::NAN, |bars| bars as f64)
    }),
};

/// `streak(condition)`.
static STREAK: Member = Member {
    signature: signature(
        "streak",
        &[Parameter::Series("condition")],
        Exactness::Always,
        "for how many bars the condition has been true without a break, 0 where it is false",
    ),
    kernel: Kernel::Recursive(Recursive {
        run: |level, args, _, out| {
            step1(level, args, out, |y, x| {
                let before = if y.is_nan() { 0.0 } else { y };
                if x != 0.0 { before + 1.0 } else { 0.0 }
            });
        },
        masked: true,
    }),
    #[cfg(test)]
    twin: Twin::History(|w, _| {
        last(&w[0], |state, v| if v != 0.0 { state.unwrap_or(0.0) + 1.0 } else { 0.0 })
    }),
};

/// `value_when(condition, x)`: holds on until the condition is true again.
static VALUE_WHEN: Member = Member {
    signature: signature(
        "value_when",
        &[Parameter::Series("condition"), Parameter::Series("x")],
        Exactness::Never,
        "x at the last bar at which the condition was true and x was there",
    ),
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
