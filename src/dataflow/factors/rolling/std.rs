//! Standard deviation over a window, in one pass: values are shifted by the newest one, which
//! keeps cancellation harmless at any level of the data and makes a constant window exactly 0.

use super::moments::Spread;
use super::{
    Blockwise, Exactness, Fold, Member, Parameter, Reads, Rolling, Scan, Window, blocked, blocks,
    mend, signature,
};
#[cfg(test)]
use super::{How, Twin, usable};

/// `ts_std(x, n)`: with n - 1 in the denominator, so missing for n = 1.
pub(super) static STD: Member = Member {
    signature: signature(
        "ts_std",
        &[Parameter::Series("x"), Parameter::Window("n", 2)],
        Exactness::Never,
        "sample standard deviation (ddof 1) of the last n values of x; 0 when they are equal",
    )
    .explained(super::Reference {
        formula: "sqrt(sum of (x[i] - mean)^2 / (n - 1))",
        missing: super::PAIR,
        source: "101 Formulaic Alphas (Kakushadze, 2016), appendix A.1; ddof 1 as in pandas",
        cost: super::Cost::Window,
        example: "ts_std(returns, 20)",
    }),
    kernel: blocked::<1, 2, Std<false>>(
        Rolling {
            run: |level, args, how, range, out| {
                blocks::scan::<64, 1, 2, _>(level, Std::<false>, args, how, range.clone(), out);
                if how.mode.partial {
                    mend(level, OfSome::<false>, args, range, out);
                }
            },
            reads: Reads::Window,
        },
        "spread",
    ),
    #[cfg(test)]
    twin: Twin::Window(|w, how| twin(w, how).sqrt()),
};

/// `ts_var(x, n)`: the square of `ts_std`.
pub(super) static VAR: Member = Member {
    signature: signature(
        "ts_var",
        &[Parameter::Series("x"), Parameter::Window("n", 2)],
        Exactness::Never,
        "sample variance (ddof 1) of the last n values of x; 0 when they are equal",
    )
    .explained(super::Reference {
        formula: "sum of (x[i] - mean)^2 / (n - 1)",
        missing: super::PAIR,
        source: "pandas, rolling.var",
        cost: super::Cost::Window,
        example: "ts_var(returns, 20)",
    }),
    kernel: blocked::<1, 2, Std<true>>(
        Rolling {
            run: |level, args, how, range, out| {
                blocks::scan::<64, 1, 2, _>(level, Std::<true>, args, how, range.clone(), out);
                if how.mode.partial {
                    mend(level, OfSome::<true>, args, range, out);
                }
            },
            reads: Reads::Window,
        },
        "spread",
    ),
    #[cfg(test)]
    twin: Twin::Window(twin),
};

#[cfg(test)]
fn twin(w: &[Vec<f64>], how: How<'_>) -> f64 {
    twin_var(&w[0], how)
}

/// For twins: the variance of a window.
#[cfg(test)]
pub(super) fn twin_var(window: &[f64], how: How<'_>) -> f64 {
    let Some(x) = usable(window, how, 2) else { return f64::NAN };
    let n = x.len() as f64;
    let moments = |from: (f64, f64), x: &[f64], shift: f64| {
        let add = |(s, q): (f64, f64), v: &f64| (s + (v - shift), q + (v - shift) * (v - shift));
        x.iter().fold(from, add)
    };
    let (newest, pieces) = (x[x.len() - 1], blocks::pieces(how, x.len(), window.len()));
    let (mut sum, mut squares) = moments((0.0, 0.0), &x[pieces.head], newest);
    for piece in pieces.blocks {
        let block = &x[piece];
        let apart = block[0] - newest;
        let (s, q) = moments((0.0, 0.0), block, block[0]);
        let shifted = s + block.len() as f64 * apart;
        sum += shifted;
        squares += q + apart * (s + shifted);
    }
    let variance = (squares - sum * sum / n) / (n - 1.0);
    if variance < 0.0 { 0.0 } else { variance }
}

/// Of the values that are there.
#[derive(Clone, Copy)]
struct OfSome<const VAR: bool>;

impl<const VAR: bool> Fold for OfSome<VAR> {
    #[inline(always)]
    fn fold<const L: usize>(self, args: &[Window<'_>], at: usize) -> [f64; L] {
        let mut out = Spread::<L>::of(args[0], at).variance();
        if !VAR {
            for v in &mut out {
                *v = v.sqrt();
            }
        }
        out
    }
}

#[derive(Clone, Copy, Default)]
struct Std<const VAR: bool>;

/// Newest values, sums of the distances from them, and of their squares.
#[derive(Clone, Copy)]
struct Moments<const L: usize> {
    newest: [f64; L],
    sum: [f64; L],
    squares: [f64; L],
}

impl<const VAR: bool> Scan<1> for Std<VAR> {
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
            let variance = if variance < 0.0 { 0.0 } else { variance };
            out[j] = if VAR { variance } else { variance.sqrt() };
        }
        out
    }
}

impl<const VAR: bool> Blockwise<1, 2> for Std<VAR> {
    #[inline(always)]
    fn keep<const L: usize>(self, state: Moments<L>) -> [[f64; L]; 2] {
        [state.sum, state.squares]
    }

    #[inline(always)]
    fn recall<const L: usize>(self, first: [&[f64; L]; 1], kept: [&[f64; L]; 2]) -> Moments<L> {
        Moments { newest: *first[0], sum: *kept[0], squares: *kept[1] }
    }

    #[inline(always)]
    fn join<const L: usize>(self, mut s: Moments<L>, block: Moments<L>, n: f64) -> Moments<L> {
        for j in 0..L {
            // About the window's newest value instead of the block's first.
            let apart = block.newest[j] - s.newest[j];
            let shifted = block.sum[j] + n * apart;
            s.sum[j] += shifted;
            s.squares[j] += block.squares[j] + apart * (block.sum[j] + shifted);
        }
        s
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataflow::factors::simd::Level;
    use crate::dataflow::factors::window::{Window, scan};

    #[test]
    fn is_exactly_zero_for_a_constant_window_and_stable_at_a_high_level() {
        let mut rows = vec![[1e8 / 3.0; 8]; 5];
        for (i, row) in rows.iter_mut().enumerate() {
            row[1] = 1e8 + i as f64;
        }
        let data = rows.as_flattened();
        let starts = [0, 8, 16, 24, 32];
        let mut out = [0.0; 8];
        scan::<16, 1, _>(
            Level::best(),
            Std::<false>,
            &[Window::new(data, &starts)],
            0..8,
            &mut out,
        );
        assert_eq!(out[0].to_bits(), 0.0_f64.to_bits());
        assert!((out[1] - 2.5_f64.sqrt()).abs() < 1e-12);
    }
}
