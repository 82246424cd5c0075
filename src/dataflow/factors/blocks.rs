//! Long windows in blocks: sums over runs of rows are kept and put together, so that a window of
//! hundreds of rows costs some tens.
//!
//! Rounding must not depend on when a run of the program began, so blocks begin at rows whose own
//! time says so ([`begins`]), never after so many rows. A window is evaluated in this order: its
//! rows before the first beginning in it one by one, then block by block. What a block adds up to
//! is the same whether it was kept, row by row as the rows came, or is computed when it is needed.

use std::ops::Range;

use super::simd::{Body, Level, run};
use super::window::{GROUP, Scan, Window, block};
use super::{How, Rolling};
use crate::model::Time;

/// Windows from this length on are evaluated in blocks.
/// (In unit tests all is shorter, so that random streams of some tens of rows have everything.)
pub(crate) const LONG: usize = if cfg!(test) { 5 } else { 48 };
/// Mean length of a block. Longer ones leave more rows before the first beginning of a window to
/// be added one by one, shorter ones leave more blocks.
const MEAN_LENGTH: u64 = if cfg!(test) { 3 } else { 16 };
/// Symbols that are worked on at once where fewer than the kernel's own number are left.
const FEW: usize = 16;

/// How many blocks are kept for windows of so many rows: as many as begin in them on average, and
/// one to be used again.
pub(crate) fn expected(window: usize) -> usize {
    window.div_ceil(MEAN_LENGTH as usize) + 1
}

/// Whether a block begins at the row of this time: about one time in [`MEAN_LENGTH`], scattered by
/// the finisher of Splitmix64 so that no calendar can have all or none.
pub(crate) fn begins(time: Time) -> bool {
    let mut z = (time.nanos() as u64).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)).is_multiple_of(MEAN_LENGTH)
}

/// The blocks of one window.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cuts<'a> {
    /// Rows of the window at which blocks begin, 0 = oldest; none in short windows.
    pub(crate) rows: &'a [usize],
    /// What the blocks add up to, if it is kept.
    pub(crate) kept: Option<Kept<'a>>,
}

/// What blocks add up to, the oldest block first: rows of numbers, one per symbol.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kept<'a> {
    pub(crate) blocks: &'a [&'a [f64]],
    /// Length of a row.
    pub(crate) pitch: usize,
}

/// What a family of operators needs to have its blocks kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Blocked {
    /// Operators of the same name share what is kept.
    pub(crate) sums: &'static str,
    /// Rows of numbers per block.
    pub(crate) parts: usize,
    /// Adds a row to what a block adds up to.
    pub(crate) extend: Extend,
}

/// Adds a row to a block, for the symbols of a range.
pub(crate) type Extend = fn(Level, Row<'_>, &mut [f64], usize, Range<usize>);

/// A row of the arguments of an operator, and the first one of its block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row<'a> {
    pub(crate) first: &'a [&'a [f64]],
    pub(crate) row: &'a [&'a [f64]],
    /// Whether the two are the same, so that nothing is kept yet.
    pub(crate) begins: bool,
}

/// A scan whose states can be kept and put together.
pub(crate) trait Blockwise<const A: usize, const P: usize>: Scan<A> {
    /// What must be kept of a state that started at the block's first row.
    fn keep<const L: usize>(self, state: Self::State<L>) -> [[f64; L]; P];
    /// Whether a block's first row is needed for that.
    const FIRST: bool = true;
    /// The state again.
    fn recall<const L: usize>(self, first: [&[f64; L]; A], kept: [&[f64; L]; P]) -> Self::State<L>;
    /// With the `n` rows of a block added, whose state started at its own first row.
    fn join<const L: usize>(
        self,
        state: Self::State<L>,
        block: Self::State<L>,
        n: f64,
    ) -> Self::State<L>;
}

/// An operator whose windows may be long.
pub(crate) const fn blocked<const A: usize, const P: usize, S: Blockwise<A, P> + Default>(
    rolling: Rolling,
    sums: &'static str,
) -> super::Kernel {
    super::Kernel::Blocked(rolling, Blocked { sums, parts: P, extend: extend::<A, P, S> })
}

/// Runs a scan over the symbols of `range`, in blocks where the window has some.
pub(crate) fn scan<const L: usize, const A: usize, const P: usize, S: Blockwise<A, P>>(
    level: Level,
    scan: S,
    args: &[Window<'_>],
    how: How<'_>,
    range: Range<usize>,
    out: &mut [f64],
) {
    if how.cuts.rows.is_empty() {
        super::window::scan::<L, A, S>(level, scan, args, range, out);
    } else if let Some(args) = args.first_chunk::<A>() {
        run(
            level,
            InBlocks::<'_, '_, L, A, P, S> { scan, args, cuts: how.cuts, at: range.start, out },
        );
    }
}

struct InBlocks<'a, 'w, const L: usize, const A: usize, const P: usize, S> {
    scan: S,
    args: &'a [Window<'w>; A],
    cuts: Cuts<'a>,
    at: usize,
    out: &'a mut [f64],
}

impl<const L: usize, const A: usize, const P: usize, S: Blockwise<A, P>> Body
    for InBlocks<'_, '_, L, A, P, S>
{
    #[inline(always)]
    fn run(self) {
        let InBlocks { scan, args, cuts, mut at, out } = self;
        let (wide, rest) = out.as_chunks_mut::<L>();
        for block in wide {
            *block = in_blocks(scan, args, cuts, at);
            at += L;
        }
        let (few, rest) = rest.as_chunks_mut::<FEW>();
        for block in few {
            *block = in_blocks(scan, args, cuts, at);
            at += FEW;
        }
        for block in rest.as_chunks_mut::<GROUP>().0 {
            *block = in_blocks(scan, args, cuts, at);
            at += GROUP;
        }
    }
}

#[inline(always)]
fn in_blocks<const L: usize, const A: usize, const P: usize, S: Blockwise<A, P>>(
    scan: S,
    args: &[Window<'_>; A],
    cuts: Cuts<'_>,
    at: usize,
) -> [f64; L] {
    let rows = args.first().map_or(0, Window::len);
    let row = |i: usize| args.map(|window| window.row::<L>(i, at));
    let mut state = scan.start(row(rows.wrapping_sub(1)));
    for i in 0..cuts.rows.first().copied().unwrap_or(rows) {
        state = scan.add(state, row(i));
    }
    for (number, first) in cuts.rows.iter().copied().enumerate() {
        let end = cuts.rows.get(number + 1).copied().unwrap_or(rows);
        let kept = cuts.kept.and_then(|kept| Some((kept.blocks.get(number)?, kept.pitch)));
        let added = match kept {
            Some((data, pitch)) => {
                let parts = std::array::from_fn(|p| block(data, p * pitch + at));
                let nothing = const { &[f64::NAN; L] };
                scan.recall(if S::FIRST { row(first) } else { [nothing; A] }, parts)
            }
            None => {
                let mut block = scan.start(row(first));
                for i in first..end {
                    block = scan.add(block, row(i));
                }
                block
            }
        };
        state = scan.join(state, added, (end - first) as f64);
    }
    scan.finish(state, rows as f64)
}

fn extend<const A: usize, const P: usize, S: Blockwise<A, P> + Default>(
    level: Level,
    Row { first, row, begins }: Row<'_>,
    kept: &mut [f64],
    pitch: usize,
    range: Range<usize>,
) {
    if let (Some(first), Some(row)) = (first.first_chunk::<A>(), row.first_chunk::<A>()) {
        let scan = S::default();
        run(level, OneMore::<'_, A, P, S> { scan, first, row, begins, kept, pitch, range });
    }
}

struct OneMore<'a, const A: usize, const P: usize, S> {
    scan: S,
    first: &'a [&'a [f64]; A],
    row: &'a [&'a [f64]; A],
    begins: bool,
    kept: &'a mut [f64],
    pitch: usize,
    range: Range<usize>,
}

impl<const A: usize, const P: usize, S: Blockwise<A, P>> Body for OneMore<'_, A, P, S> {
    #[inline(always)]
    fn run(self) {
        let OneMore { scan, first, row, begins, kept, pitch, range } = self;
        for at in range.step_by(GROUP) {
            let parts = std::array::from_fn(|p| *block::<GROUP>(kept, p * pitch + at));
            let start = first.map(|row| block::<GROUP>(row, at));
            let state =
                if begins { scan.start(start) } else { scan.recall(start, parts.each_ref()) };
            let state = scan.add(state, row.map(|row| block::<GROUP>(row, at)));
            for (p, part) in scan.keep(state).iter().enumerate() {
                if let Some(place) = kept.get_mut(p * pitch + at..p * pitch + at + GROUP) {
                    place.copy_from_slice(part);
                }
            }
        }
    }
}

/// For twins: the pieces of a window of which `there` values are there, out of `rows`.
#[cfg(test)]
pub(crate) struct Pieces {
    pub(crate) head: Range<usize>,
    pub(crate) blocks: Vec<Range<usize>>,
}

/// Only windows without gaps are evaluated in blocks.
#[cfg(test)]
pub(crate) fn pieces(how: How<'_>, there: usize, rows: usize) -> Pieces {
    let cuts = if there == rows { how.cuts.rows } else { &[] };
    let ends = cuts.iter().copied().skip(1).chain([rows]);
    let blocks = cuts.iter().copied().zip(ends).map(|(first, end)| first..end).collect();
    Pieces { head: 0..cuts.first().copied().unwrap_or(there), blocks }
}
