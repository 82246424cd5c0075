//! A window of rows of one node, and the loop over blocks of symbols that all kernels share.

use std::ops::Range;

use super::simd::{Body, Level, prefetch, run};

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

    /// `L` symbols from `at` of row number `row`, 0 = oldest.
    #[inline(always)]
    pub(crate) fn row<const L: usize>(self, row: usize, at: usize) -> &'a [f64; L] {
        block(self.data, self.starts.get(row).copied().unwrap_or(usize::MAX - at) + at)
    }

    /// One symbol of row number `row`, 0 = oldest.
    #[inline(always)]
    pub(crate) fn value(&self, row: usize, symbol: usize) -> f64 {
        let start = self.starts.get(row).copied().unwrap_or(self.data.len());
        self.data.get(start + symbol).copied().unwrap_or(f64::NAN)
    }

    /// `B` blocks of `L` symbols from `at` of row number `row`, 0 = oldest.
    #[inline(always)]
    fn blocks<const L: usize, const B: usize>(self, row: usize, at: usize) -> &'a [[f64; L]; B] {
        let start = self.starts.get(row).copied().unwrap_or(usize::MAX - at);
        let rest = self.data.get(start + at..).unwrap_or(&[]);
        rest.as_chunks().0.first_chunk().unwrap_or(const { &[[f64::NAN; L]; B] })
    }

    /// `L` symbols from `at` of the newest row.
    #[inline(always)]
    pub(crate) fn newest<const L: usize>(self, at: usize) -> &'a [f64; L] {
        self.lanes(at).next_back().unwrap_or(const { &[f64::NAN; L] })
    }
}

/// `L` numbers from `at`, missing past the end.
///
/// Kernels go down the rows of some symbols and then turn to the next symbols: more streams than a
/// processor follows by itself, so the same row of the next block is asked for.
#[inline(always)]
pub(crate) fn block<const L: usize>(data: &[f64], at: usize) -> &[f64; L] {
    prefetch::<L>(data, at.wrapping_add(L));
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

/// A fold of `A` arguments that looks at every row once, oldest first.
pub(crate) trait Scan<const A: usize>: Copy {
    /// What is known after some rows.
    type State<const L: usize>: Copy;
    /// Before the first row; `newest` is the last one of each argument.
    fn start<const L: usize>(self, newest: [&[f64; L]; A]) -> Self::State<L>;
    /// With one row more.
    fn add<const L: usize>(self, state: Self::State<L>, row: [&[f64; L]; A]) -> Self::State<L>;
    /// After the last of `n` rows.
    fn finish<const L: usize>(self, state: Self::State<L>, n: f64) -> [f64; L];
}

/// Blocks that are scanned together: their states stay in the first cache.
const BLOCKS: usize = 16;
/// Rows that are added to a block before the next block gets its turn.
const ROWS: usize = 4;
/// Windows up to this length are scanned block by block, with the state in registers.
const SHORT: usize = 64;
/// Symbols of a block where fewer than `L` are left.
const FEW: usize = 16;

/// Runs a scan over the symbols of `range`. `L` symbols should be as many as the registers of the
/// widest instruction set can hold the states of: memory is read fastest along rows. Long windows
/// are mostly not in the caches: some of their rows are added to many blocks in turn. The order of
/// the rows of one symbol is the same in any case.
pub(crate) fn scan<const L: usize, const A: usize, S: Scan<A>>(
    level: Level,
    scan: S,
    args: &[Window<'_>],
    range: Range<usize>,
    out: &mut [f64],
) {
    if let Some(args) = args.first_chunk::<A>() {
        run(level, Scanner::<'_, '_, L, A, S> { scan, args, at: range.start, out });
    }
}

/// A scan as a fold.
#[derive(Clone, Copy)]
pub(crate) struct Scanned<S>(pub(crate) S);

impl<S: Scan<1>> Fold for Scanned<S> {
    #[inline(always)]
    fn fold<const L: usize>(self, args: &[Window<'_>], at: usize) -> [f64; L] {
        match args.first_chunk::<1>() {
            Some(args) => scan_block(self.0, args, args.first().map_or(0, Window::len), at),
            None => [f64::NAN; L],
        }
    }
}

/// Computes again, by a fold that knows what to do with gaps, where a fast kernel that does not has
/// left something missing.
pub(crate) fn mend<F: Fold>(
    level: Level,
    fold: F,
    args: &[Window<'_>],
    range: Range<usize>,
    out: &mut [f64],
) {
    run(level, Mend { fold, args, at: range.start, out });
}

struct Mend<'a, 'w, F> {
    fold: F,
    args: &'a [Window<'w>],
    at: usize,
    out: &'a mut [f64],
}

impl<F: Fold> Body for Mend<'_, '_, F> {
    #[inline(always)]
    fn run(self) {
        let Mend { fold, args, mut at, out } = self;
        let (few, rest) = out.as_chunks_mut::<FEW>();
        for block in few {
            fill_gaps(fold, args, at, block);
            at += FEW;
        }
        for block in rest.as_chunks_mut::<GROUP>().0 {
            fill_gaps(fold, args, at, block);
            at += GROUP;
        }
    }
}

#[inline(always)]
fn fill_gaps<const L: usize, F: Fold>(
    fold: F,
    args: &[Window<'_>],
    at: usize,
    block: &mut [f64; L],
) {
    // Without leaving early, so that it runs in vectors.
    if block.iter().fold(false, |gap, v| gap | v.is_nan()) {
        // Neighbours keep what they have: a value may not depend on whose lane it shares.
        for (value, mended) in block.iter_mut().zip(fold.fold::<L>(args, at)) {
            *value = if value.is_nan() { mended } else { *value };
        }
    }
}

struct Scanner<'a, 'w, const L: usize, const A: usize, S> {
    scan: S,
    args: &'a [Window<'w>; A],
    at: usize,
    out: &'a mut [f64],
}

impl<const L: usize, const A: usize, S: Scan<A>> Body for Scanner<'_, '_, L, A, S> {
    #[inline(always)]
    fn run(self) {
        let Scanner { scan, args, mut at, out } = self;
        let rows = args.first().map_or(0, Window::len);
        let together = if rows > SHORT { out.len() - out.len() % (L * BLOCKS) } else { 0 };
        let (long, rest) = out.split_at_mut(together);
        for chunk in long.as_chunks_mut::<L>().0.as_chunks_mut::<BLOCKS>().0 {
            scan_blocks(scan, args, rows, at, chunk);
            at += L * BLOCKS;
        }
        let (short, rest) = rest.as_chunks_mut::<L>();
        for block in short {
            *block = scan_block(scan, args, rows, at);
            at += L;
        }
        let (few, rest) = rest.as_chunks_mut::<FEW>();
        for block in few {
            *block = scan_block(scan, args, rows, at);
            at += FEW;
        }
        for block in rest.as_chunks_mut::<GROUP>().0 {
            *block = scan_block(scan, args, rows, at);
            at += GROUP;
        }
    }
}

#[inline(always)]
fn scan_block<const L: usize, const A: usize, S: Scan<A>>(
    scan: S,
    args: &[Window<'_>; A],
    rows: usize,
    at: usize,
) -> [f64; L] {
    let mut state = scan.start(args.map(|window| window.newest::<L>(at)));
    let mut all = args.map(|window| window.lanes::<L>(at));
    for _ in 0..rows {
        state =
            scan.add(state, all.each_mut().map(|a| a.next().unwrap_or(const { &[f64::NAN; L] })));
    }
    scan.finish(state, rows as f64)
}

#[inline(always)]
fn scan_blocks<const L: usize, const A: usize, const B: usize, S: Scan<A>>(
    scan: S,
    args: &[Window<'_>; A],
    rows: usize,
    at: usize,
    out: &mut [[f64; L]; B],
) {
    let row = |i: usize| args.map(|window| window.blocks::<L, B>(i, at));
    let newest = row(rows.wrapping_sub(1));
    let mut states: [S::State<L>; B] =
        std::array::from_fn(|i| scan.start(newest.map(|blocks| &blocks[i])));
    let whole = rows - rows % ROWS;
    for first in (0..whole).step_by(ROWS) {
        let group: [_; ROWS] = std::array::from_fn(|r| row(first + r));
        for (i, state) in states.iter_mut().enumerate() {
            let mut s = *state;
            for blocks in &group {
                s = scan.add(s, blocks.map(|blocks| &blocks[i]));
            }
            *state = s;
        }
    }
    for r in whole..rows {
        let blocks = row(r);
        for (i, state) in states.iter_mut().enumerate() {
            *state = scan.add(*state, blocks.map(|blocks| &blocks[i]));
        }
    }
    for (block, state) in out.iter_mut().zip(states) {
        *block = scan.finish(state, rows as f64);
    }
}
