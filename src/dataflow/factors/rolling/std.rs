//! Standard deviation over a window, in one pass: values are shifted by the newest one, which
//! keeps cancellation harmless at any level of the data and makes a constant window exactly 0.

use super::{Exactness, Kernel, Member, Parameter, Reads, Rolling, Scan, scan, signature};
#[cfg(test)]
use super::{Twin, full};

/// `ts_std(x, n)`: with n - 1 in the denominator, so missing for n = 1.
pub(super) static STD: Member = Member {
    signature: signature(
        "ts_std",
        &[Parameter::Series("x"), Parameter::Window("n", 2)],
        Exactness::Never,
        "sample standard deviation (ddof 1) of the last n values of x; 0 when they are equal",
    ),
    kernel: Kernel::Rolling(Rolling {
        run: |level, args, _, range, out| scan::<16, 1, _>(level, Std, args, range, out),
        reads: Reads::Window,
    }),
    #[cfg(test)]
    twin: Twin::Window(|w, _| {
        let (x, n) = (&w[0], w[0].len() as f64);
        if !full(w) {
            return f64::NAN;
        }
        let deviations: Vec<f64> = x.iter().map(|v| v - x[x.len() - 1]).collect();
        let sum = deviations.iter().fold(0.0, |s, d| s + d);
        let squares = deviations.iter().fold(0.0, |s, d| s + d * d);
        let variance = (squares - sum * sum / n) / (n - 1.0);
        if variance < 0.0 { 0.0 } else { variance.sqrt() }
    }),
};

#[derive(Clone, Copy)]
struct Std;

/// Newest values, sums of the distances from them, and of their squares.
#[derive(Clone, Copy)]
struct Moments<const L: usize> {
    newest: [f64; L],
    sum: [f64; L],
    squares: [f64; L],
}

impl Scan<1> for Std {
    type State<const L: usize> = Moments<L>;

    #[inline(always)]
    fn start<const L: usize>(self, newest: [&[f64; L]; 1]) -> Moments<L> {
        Moments { newest: *newest[0], sum: [0.0; L], squares: [0.0; L] }
    }

    #[inline(always)]
    fn add<const L: usize>(self, mut state: Moments<L>, row: [&[f64; L]; 1]) -> Moments<L> {
        let [x] = row;
        for j in 0..L {
            let d = x[j] - state.newest[j];
            state.sum[j] += d;
            state.squares[j] += d * d;
        }
        state
    }

    #[inline(always)]
    fn finish<const L: usize>(self, state: Moments<L>, n: f64) -> [f64; L] {
        let mut out = [0.0; L];
        for j in 0..L {
            // What is infinite gives infinity minus infinity: missing by itself.
            let variance = (state.squares[j] - state.sum[j] * state.sum[j] / n) / (n - 1.0);
            out[j] = if variance < 0.0 { 0.0 } else { variance.sqrt() };
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataflow::factors::simd::Level;
    use crate::dataflow::factors::window::Window;

    #[test]
    fn is_exactly_zero_for_a_constant_window_and_stable_at_a_high_level() {
        let mut rows = vec![[1e8 / 3.0; 8]; 5];
        for (i, row) in rows.iter_mut().enumerate() {
            row[1] = 1e8 + i as f64;
        }
        let data = rows.as_flattened();
        let starts = [0, 8, 16, 24, 32];
        let mut out = [0.0; 8];
        scan::<16, 1, _>(Level::best(), Std, &[Window::new(data, &starts)], 0..8, &mut out);
        assert_eq!(out[0].to_bits(), 0.0_f64.to_bits());
        assert!((out[1] - 2.5_f64.sqrt()).abs() < 1e-12);
    }
}
