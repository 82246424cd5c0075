//! Moving averages that take a share of each new value.

use super::{Exactness, How, Kernel, Member, Parameter, Recursive, signature, step1, step2, there};
#[cfg(test)]
use super::{Twin, last};

/// y + a (x - y), or x if there is no y yet.
#[inline(always)]
fn smooth(y: f64, x: f64, a: f64) -> f64 {
    if y.is_nan() { x } else { y + a * (x - y) }
}

#[cfg(test)]
fn smoothed(x: &[f64], a: f64) -> f64 {
    last(x, |state, v| state.map_or(v, |y| y + a * (v - y)))
}

/// `sma(x, n, m)`: y += m / n (x - y), starting at the first value.
pub(super) static SMA: Member = Member {
    signature: signature(
        "sma",
        &[Parameter::Series("x"), Parameter::Window("n", 1), Parameter::Constant("m")],
        Exactness::Never,
        "moving average that takes m/n of each new value: y = (m x + (n - m) y before) / n, \
         starting at the first x",
    )
    .explained(super::Reference {
        formula: "y = (m x + (n - m) y') / n, the first y = x",
        missing: super::STATE,
        source: "formula language of the Chinese terminals (TDX): SMA; Guotai Junan, 191 \
                 short-period factors (2017)",
        cost: super::Cost::Constant,
        example: "sma(close, 20, 2)",
    }),
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
pub(super) static EMA: Member = Member {
    signature: signature(
        "ema",
        &[Parameter::Series("x"), Parameter::Window("n", 1)],
        Exactness::Never,
        "exponential moving average with the weight 2/(n+1), starting at the first x",
    )
    .explained(super::Reference {
        formula: "y = y' + 2 / (n + 1) (x - y'), the first y = x",
        missing: super::STATE,
        source: "formula language of the Chinese terminals (TDX): EMA; pandas, ewm(span=n, \
                 adjust=False)",
        cost: super::Cost::Constant,
        example: "ema(close, 12) - ema(close, 26)",
    }),
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
pub(super) static RMA: Member = Member {
    signature: signature(
        "rma",
        &[Parameter::Series("x"), Parameter::Window("n", 1)],
        Exactness::Never,
        "Wilder's moving average with the weight 1/n, starting at the first x",
    )
    .explained(super::Reference {
        formula: "y = y' + (x - y') / n, the first y = x",
        missing: super::STATE,
        source: "Wilder, New Concepts in Technical Trading Systems (1978)",
        cost: super::Cost::Constant,
        example: "rma(abs(delta(close, 1)), 14)",
    }),
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

/// `dma(x, a)`: y += a (x - y) with a weight per bar; both must be there.
pub(super) static DMA: Member = Member {
    signature: signature(
        "dma",
        &[Parameter::Series("x"), Parameter::Series("a")],
        Exactness::Never,
        "moving average that takes the share a of each new x, starting at the first x",
    )
    .explained(super::Reference {
        formula: "y = y' + a (x - y'), the first y = x",
        missing: "a bar at which x or a is missing or infinite leaves the state as it is; missing \
                  where x is",
        source: "formula language of the Chinese terminals (TDX): DMA",
        cost: super::Cost::Constant,
        example: "dma(close, volume / ts_sum(volume, 20))",
    }),
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
