//! Smallest and largest value of a window.

use super::{
    Blockwise, Exactness, Member, Parameter, Reads, Rolling, Scan, Scanned, blocked, blocks, gap,
    mend, signature, there,
};
#[cfg(test)]
use super::{How, Twin, usable};

/// `ts_min(x, n)`.
pub(super) static MIN: Member = Member {
    signature: signature(
        "ts_min",
        &[Parameter::Series("x"), Parameter::Window("n", 1)],
        Exactness::Inherited,
        "smallest of the last n values of x",
    )
    .explained(super::Reference {
        formula: "smallest of x[0], ..., x[n-1]",
        missing: super::WINDOW,
        source: "101 Formulaic Alphas (Kakushadze, 2016), appendix A.1",
        cost: super::Cost::Window,
        example: "close / ts_min(low, 20) - 1",
    }),
    kernel: blocked::<1, 2, Extreme<false>>(
        Rolling {
            run: |level, args, how, range, out| {
                blocks::scan::<64, 1, 2, _>(level, Extreme::<false>, args, how, range.clone(), out);
                if how.mode.partial {
                    mend(level, Scanned(OfSome::<false>), args, range, out);
                }
            },
            reads: Reads::Window,
        },
        "min",
    ),
    #[cfg(test)]
    twin: Twin::Window(|w, how| twin(w, how, |x, m| x < m)),
};

/// `ts_max(x, n)`.
pub(super) static MAX: Member = Member {
    signature: signature(
        "ts_max",
        &[Parameter::Series("x"), Parameter::Window("n", 1)],
        Exactness::Inherited,
        "largest of the last n values of x",
    )
    .explained(super::Reference {
        formula: "largest of x[0], ..., x[n-1]",
        missing: super::WINDOW,
        source: "101 Formulaic Alphas (Kakushadze, 2016), appendix A.1",
        cost: super::Cost::Window,
        example: "close / ts_max(high, 20) - 1",
    }),
    kernel: blocked::<1, 2, Extreme<true>>(
        Rolling {
            run: |level, args, how, range, out| {
                blocks::scan::<64, 1, 2, _>(level, Extreme::<true>, args, how, range.clone(), out);
                if how.mode.partial {
                    mend(level, Scanned(OfSome::<true>), args, range, out);
                }
            },
            reads: Reads::Window,
        },
        "max",
    ),
    #[cfg(test)]
    twin: Twin::Window(|w, how| twin(w, how, |x, m| x > m)),
};

#[cfg(test)]
fn twin(w: &[Vec<f64>], how: How<'_>, better: fn(f64, f64) -> bool) -> f64 {
    let Some(x) = usable(&w[0], how, 1) else { return f64::NAN };
    x.iter().copied().reduce(|m, x| if better(x, m) { x } else { m }).unwrap_or(f64::NAN) + 0.0
}

/// Of the values that are there.
#[derive(Clone, Copy)]
struct OfSome<const MAX: bool>;

impl<const MAX: bool> Scan<1> for OfSome<MAX> {
    type State<const L: usize> = [f64; L];

    #[inline(always)]
    fn start<const L: usize>(self, _: [&[f64; L]; 1]) -> [f64; L] {
        [f64::NAN; L]
    }

    #[inline(always)]
    fn add<const L: usize>(self, mut best: [f64; L], row: [&[f64; L]; 1]) -> [f64; L] {
        let [x] = row;
        for j in 0..L {
            let better = if MAX { x[j] > best[j] } else { x[j] < best[j] };
            best[j] = if there(x[j]) & (better | best[j].is_nan()) { x[j] } else { best[j] };
        }
        best
    }

    #[inline(always)]
    fn finish<const L: usize>(self, mut best: [f64; L], _: f64) -> [f64; L] {
        for b in &mut best {
            *b += 0.0;
        }
        best
    }
}

#[derive(Clone, Copy, Default)]
struct Extreme<const MAX: bool>;

impl<const MAX: bool> Scan<1> for Extreme<MAX> {
    /// The best value, and whether something was missing.
    type State<const L: usize> = ([f64; L], [f64; L]);

    #[inline(always)]
    fn start<const L: usize>(self, _: [&[f64; L]; 1]) -> Self::State<L> {
        ([if MAX { f64::NEG_INFINITY } else { f64::INFINITY }; L], [0.0; L])
    }

    #[inline(always)]
    fn add<const L: usize>(
        self,
        (mut best, mut gaps): Self::State<L>,
        row: [&[f64; L]; 1],
    ) -> Self::State<L> {
        let [x] = row;
        for j in 0..L {
            let better = if MAX { x[j] > best[j] } else { x[j] < best[j] };
            best[j] = if better { x[j] } else { best[j] };
            gaps[j] += gap(x[j]);
        }
        (best, gaps)
    }

    #[inline(always)]
    fn finish<const L: usize>(self, (mut best, gaps): Self::State<L>, _: f64) -> [f64; L] {
        // The addition also turns -0 into 0, so that the order of equal zeros does not show.
        for j in 0..L {
            best[j] += gaps[j];
        }
        best
    }
}

impl<const MAX: bool> Blockwise<1, 2> for Extreme<MAX> {
    const FIRST: bool = false;

    #[inline(always)]
    fn keep<const L: usize>(self, (best, gaps): Self::State<L>) -> [[f64; L]; 2] {
        [best, gaps]
    }

    #[inline(always)]
    fn recall<const L: usize>(self, _: [&[f64; L]; 1], kept: [&[f64; L]; 2]) -> Self::State<L> {
        (*kept[0], *kept[1])
    }

    #[inline(always)]
    fn join<const L: usize>(
        self,
        state: Self::State<L>,
        (best, gaps): Self::State<L>,
        _: f64,
    ) -> Self::State<L> {
        let mut all = self.add(state, [&best]);
        for j in 0..L {
            all.1[j] += gaps[j];
        }
        all
    }
}
