//! Sum and mean over a window.
//!
//! Additions carry their rounding error along, so that the result is the exact sum rounded once:
//! two windows with the same values in another order have the same sum. Without it, a sum that
//! stands still would tremble in its last bit as the window moves on, and what looks at it, like
//! the correlation of a constant window, would see a movement.

use super::{
    Blockwise, Exactness, Member, Parameter, Reads, Rolling, Scan, Scanned, blocked, blocks, mend,
    signature, there,
};
#[cfg(test)]
use super::{How, Twin, usable};

/// `ts_sum(x, n)`.
pub(super) static SUM: Member = Member {
    signature: signature(
        "ts_sum",
        &[Parameter::Series("x"), Parameter::Window("n", 1)],
        Exactness::Never,
        "sum of the last n values of x",
    )
    .explained(super::Reference {
        formula: "x[0] + x[1] + ... + x[n-1]",
        missing: super::WINDOW,
        source: "101 Formulaic Alphas (Kakushadze, 2016), appendix A.1",
        cost: super::Cost::Window,
        example: "ts_sum(volume, 10)",
    }),
    kernel: blocked::<1, 2, Sum<false>>(
        Rolling {
            run: |level, args, how, range, out| {
                blocks::scan::<64, 1, 2, _>(level, Sum::<false>, args, how, range.clone(), out);
                if how.mode.partial {
                    mend(level, Scanned(SumOfSome::<false>), args, range, out);
                }
            },
            reads: Reads::Window,
        },
        "sum",
    ),
    #[cfg(test)]
    twin: Twin::Window(|w, how| twin(w, how).0),
};

/// `ts_mean(x, n)`.
pub(super) static MEAN: Member = Member {
    signature: signature(
        "ts_mean",
        &[Parameter::Series("x"), Parameter::Window("n", 1)],
        Exactness::Never,
        "mean of the last n values of x",
    )
    .explained(super::Reference {
        formula: "(x[0] + x[1] + ... + x[n-1]) / n",
        missing: super::WINDOW,
        source: "101 Formulaic Alphas (Kakushadze, 2016), appendix A.1",
        cost: super::Cost::Window,
        example: "close / ts_mean(close, 20) - 1",
    }),
    kernel: blocked::<1, 2, Sum<true>>(
        Rolling {
            run: |level, args, how, range, out| {
                blocks::scan::<64, 1, 2, _>(level, Sum::<true>, args, how, range.clone(), out);
                if how.mode.partial {
                    mend(level, Scanned(SumOfSome::<true>), args, range, out);
                }
            },
            reads: Reads::Window,
        },
        "sum",
    ),
    #[cfg(test)]
    twin: Twin::Window(|w, how| {
        let (sum, count) = twin(w, how);
        sum / count
    }),
};

#[cfg(test)]
fn twin(w: &[Vec<f64>], how: How<'_>) -> (f64, f64) {
    let Some(inputs) = usable(&w[0], how, 1) else { return (f64::NAN, 1.0) };
    let more = |(sum, errors): (f64, f64), x: f64| {
        let next = sum + x;
        let grown = next - sum;
        (next, errors + ((sum - (next - grown)) + (x - grown)))
    };
    let add = |from: (f64, f64), x: &[f64]| x.iter().copied().fold(from, more);
    let pieces = blocks::pieces(how, inputs.len(), w[0].len());
    let mut all = add((0.0, 0.0), &inputs[pieces.head]);
    for piece in pieces.blocks {
        let block = add((0.0, 0.0), &inputs[piece]);
        all = more(all, block.0);
        all.1 += block.1;
    }
    (all.0 + all.1, inputs.len() as f64)
}

/// The sum, or the mean.
#[derive(Clone, Copy, Default)]
struct Sum<const MEAN: bool>;

impl<const MEAN: bool> Scan<1> for Sum<MEAN> {
    /// Sum and its error.
    type State<const L: usize> = ([f64; L], [f64; L]);

    #[inline(always)]
    fn start<const L: usize>(self, _: [&[f64; L]; 1]) -> Self::State<L> {
        ([0.0; L], [0.0; L])
    }

    #[inline(always)]
    fn add<const L: usize>(
        self,
        (mut sum, mut errors): Self::State<L>,
        row: [&[f64; L]; 1],
    ) -> Self::State<L> {
        let [x] = row;
        for j in 0..L {
            let next = sum[j] + x[j];
            let grown = next - sum[j];
            // What is infinite gives infinity minus infinity: missing by itself.
            errors[j] += (sum[j] - (next - grown)) + (x[j] - grown);
            sum[j] = next;
        }
        (sum, errors)
    }

    #[inline(always)]
    fn finish<const L: usize>(self, (mut sum, errors): Self::State<L>, n: f64) -> [f64; L] {
        for j in 0..L {
            sum[j] += errors[j];
            if MEAN {
                sum[j] /= n;
            }
        }
        sum
    }
}

impl<const MEAN: bool> Blockwise<1, 2> for Sum<MEAN> {
    const FIRST: bool = false;

    #[inline(always)]
    fn keep<const L: usize>(self, (sum, errors): Self::State<L>) -> [[f64; L]; 2] {
        [sum, errors]
    }

    #[inline(always)]
    fn recall<const L: usize>(self, _: [&[f64; L]; 1], kept: [&[f64; L]; 2]) -> Self::State<L> {
        (*kept[0], *kept[1])
    }

    #[inline(always)]
    fn join<const L: usize>(
        self,
        state: Self::State<L>,
        (sum, errors): Self::State<L>,
        _: f64,
    ) -> Self::State<L> {
        let mut all = self.add(state, [&sum]);
        for j in 0..L {
            all.1[j] += errors[j];
        }
        all
    }
}

/// The sum, or the mean, of what is there.
#[derive(Clone, Copy)]
struct SumOfSome<const MEAN: bool>;

impl<const MEAN: bool> Scan<1> for SumOfSome<MEAN> {
    /// Sum, its error, and how many there are.
    type State<const L: usize> = [[f64; L]; 3];

    #[inline(always)]
    fn start<const L: usize>(self, _: [&[f64; L]; 1]) -> Self::State<L> {
        [[0.0; L]; 3]
    }

    #[inline(always)]
    fn add<const L: usize>(self, state: Self::State<L>, row: [&[f64; L]; 1]) -> Self::State<L> {
        let ([mut sum, mut errors, mut count], [x]) = (state, row);
        for j in 0..L {
            let given = there(x[j]);
            let v = if given { x[j] } else { 0.0 };
            let next = sum[j] + v;
            let grown = next - sum[j];
            errors[j] += (sum[j] - (next - grown)) + (v - grown);
            sum[j] = next;
            count[j] += if given { 1.0 } else { 0.0 };
        }
        [sum, errors, count]
    }

    #[inline(always)]
    fn finish<const L: usize>(self, state: Self::State<L>, _: f64) -> [f64; L] {
        let [mut sum, errors, count] = state;
        for j in 0..L {
            sum[j] += errors[j];
            if MEAN {
                sum[j] /= count[j];
            }
            sum[j] = if count[j] > 0.0 { sum[j] } else { f64::NAN };
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataflow::factors::random::Random;
    use crate::dataflow::factors::simd::Level;
    use crate::dataflow::factors::window::{Window, scan};

    #[test]
    fn the_order_of_ordinary_values_does_not_show() {
        let mut random = Random::new(31);
        for _ in 0..200 {
            let n = 1 + random.below(60);
            let mut rows: Vec<[f64; 8]> =
                (0..n).map(|_| [(random.unit() * 1e4).round() / 100.0; 8]).collect();
            let starts: Vec<usize> = (0..n).map(|i| i * 8).collect();
            let sum = |rows: &[[f64; 8]]| {
                let mut out = [0.0; 8];
                let window = [Window::new(rows.as_flattened(), &starts)];
                scan::<32, 1, _>(Level::best(), Sum::<false>, &window, 0..8, &mut out);
                out[0]
            };
            let want = sum(&rows);
            for i in (1..n).rev() {
                rows.swap(i, random.below(i + 1));
            }
            assert_eq!(sum(&rows).to_bits(), want.to_bits());
        }
    }
}
