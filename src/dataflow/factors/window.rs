//! A window of rows of one node, and the loop over blocks of symbols that all kernels share.

use std::ops::Range;

use super::simd::{Body, Level, run};

/// Symbols are computed in groups of this many; rows are a multiple of it long.
pub(crate) const GROUP: usize = 8;

/// Rows of one node, oldest first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window<'a> {
    /// All rows of the node.
    data: &'a [f64],
    /// Where each row of the window begins in `data`.
    starts: &'a [usize],
}

impl<'a> Window<'a> {
    pub(crate) const fn new(data: &'a [f64], starts: &'a [usize]) -> Window<'a> {
        Window { data, starts }
    }

    /// How many rows there are.
    #[inline(always)]
    pub(crate) const fn len(&self) -> usize {
        self.starts.len()
    }

    /// `L` symbols from `at` of every row, oldest first.
    #[inline(always)]
    pub(crate) fn lanes<const L: usize>(
        self,
        at: usize,
    ) -> impl DoubleEndedIterator<Item = &'a [f64; L]> + Clone + use<'a, L> {
        self.starts.iter().map(move |start| block(self.data, start + at))
    }

    /// `L` symbols from `at` of the newest row.
    #[inline(always)]
    pub(crate) fn newest<const L: usize>(self, at: usize) -> &'a [f64; L] {
        self.lanes(at).next_back().unwrap_or(const { &[f64::NAN; L] })
    }
}

#[inline(always)]
fn block<const L: usize>(data: &[f64], at: usize) -> &[f64; L] {
    data.get(at..).and_then(<[f64]>::first_chunk).unwrap_or(const { &[f64::NAN; L] })
}

/// What a rolling kernel does for `L` symbols. Each symbol is one lane, rows are taken oldest
/// first, so the result of a symbol depends neither on `L` nor on its neighbours.
pub(crate) trait Fold: Copy {
    /// The values of the symbols `at..at + L`.
    fn fold<const L: usize>(self, args: &[Window<'_>], at: usize) -> [f64; L];
}

/// Runs a fold over the symbols of `range`, `L` at a time as long as there are so many.
pub(crate) fn sweep<const L: usize, F: Fold>(
    level: Level,
    fold: F,
    args: &[Window<'_>],
    range: Range<usize>,
    out: &mut [f64],
) {
    run(level, Sweep::<'_, '_, L, F> { fold, args, range, out });
}

struct Sweep<'a, 'w, const L: usize, F> {
    fold: F,
    args: &'a [Window<'w>],
    range: Range<usize>,
    out: &'a mut [f64],
}

impl<const L: usize, F: Fold> Body for Sweep<'_, '_, L, F> {
    #[inline(always)]
    fn run(self) {
        let (wide, rest) = self.out.as_chunks_mut::<L>();
        let mut at = self.range.start;
        for chunk in wide {
            *chunk = self.fold.fold::<L>(self.args, at);
            at += L;
        }
        let (narrow, _) = rest.as_chunks_mut::<GROUP>();
        for chunk in narrow {
            *chunk = self.fold.fold::<GROUP>(self.args, at);
            at += GROUP;
        }
    }
}
