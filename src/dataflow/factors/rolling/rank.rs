//! Rank of the current value among those of its window.

use super::{
    Exactness, Fold, How, INFINITY_BITS, Kernel, Member, Parameter, Reads, Rolling, Signature,
    Window, grid_of_some, largest_bits, mend, signature, sweep, there,
};
#[cfg(test)]
use super::{Twin, usable};
use crate::dataflow::factors::grid::rounding_addend;
use crate::dataflow::factors::simd::Level;
use std::ops::Range;

/// `ts_rank(x, n)`: the number of values below the current one, plus half the number of equal
/// ones plus one; 1 to n.
pub(super) static RANK: Member = Member {
    signature: Signature {
        reference: super::Reference {
            formula: "(number of x[i] < x[0]) + ((number of x[i] = x[0]) + 1) / 2",
            missing: super::CURRENT,
            source: "101 Formulaic Alphas (Kakushadze, 2016), appendix A.1; average ties as in \
                     pandas",
            cost: super::Cost::Window,
            example: "ts_rank(close, 10)",
        },
        compares: true,
        ..signature(
            "ts_rank",
            &[Parameter::Series("x"), Parameter::Window("n", 1)],
            Exactness::Always,
            "rank of the current value among the last n, 1 to n, ties averaged",
        )
    },
    kernel: Kernel::Rolling(Rolling { run: rank::<false>, reads: Reads::Window }),
    #[cfg(test)]
    twin: Twin::Window(|w, how| twin(w, how).0),
};

/// `ts_pct_rank(x, n)`: `ts_rank` divided by the number of values.
pub(super) static PCT_RANK: Member = Member {
    signature: Signature {
        reference: super::Reference {
            formula: "ts_rank(x, n) / number of values",
            missing: super::CURRENT,
            source: "Qlib, data/ops.py (Rank)",
            cost: super::Cost::Window,
            example: "ts_pct_rank(close, 10)",
        },
        compares: true,
        ..signature(
            "ts_pct_rank",
            &[Parameter::Series("x"), Parameter::Window("n", 1)],
            Exactness::Always,
            "rank of the current value among the last n, ties averaged, divided by the number of \
             values",
        )
    },
    kernel: Kernel::Rolling(Rolling { run: rank::<true>, reads: Reads::Window }),
    #[cfg(test)]
    twin: Twin::Window(|w, how| {
        let (rank, count) = twin(w, how);
        rank / count
    }),
};

#[cfg(test)]
fn twin(w: &[Vec<f64>], how: How<'_>) -> (f64, f64) {
    let Some(x) = usable(&w[0], how, 1).filter(|_| w[0][w[0].len() - 1].is_finite()) else {
        return (f64::NAN, 1.0);
    };
    let on_grid = crate::dataflow::factors::cross_section::twin_grid(&x, how.inexact);
    let current = on_grid[on_grid.len() - 1];
    let below = on_grid.iter().filter(|x| **x < current).count() as f64;
    let equal = on_grid.iter().filter(|x| **x == current).count() as f64;
    (below + (equal + 1.0) / 2.0, x.len() as f64)
}

fn rank<const PCT: bool>(
    level: Level,
    args: &[Window<'_>],
    how: How<'_>,
    range: Range<usize>,
    out: &mut [f64],
) {
    if how.inexact {
        sweep::<64, _>(level, Rank::<true, PCT>, args, range.clone(), out);
    } else {
        sweep::<64, _>(level, Rank::<false, PCT>, args, range.clone(), out);
    }
    match (how.mode.partial, how.inexact) {
        (true, true) => mend(level, OfSome::<true, PCT>, args, range, out),
        (true, false) => mend(level, OfSome::<false, PCT>, args, range, out),
        (false, _) => {}
    }
}

/// Among the values that are there.
#[derive(Clone, Copy)]
struct OfSome<const GRID: bool, const PCT: bool>;

impl<const GRID: bool, const PCT: bool> Fold for OfSome<GRID, PCT> {
    #[inline(always)]
    fn fold<const L: usize>(self, args: &[Window<'_>], at: usize) -> [f64; L] {
        let rows = args[0].lanes::<L>(at);
        let add = if GRID { grid_of_some::<L>(args[0], at) } else { [0.0; L] };
        let newest = args[0].newest::<L>(at);
        let (mut twice, mut count) = ([1.0; L], [0.0; L]);
        for row in rows {
            for j in 0..L {
                let (x, current) = (row[j] + add[j], newest[j] + add[j]);
                let given = there(row[j]);
                count[j] += if given { 1.0 } else { 0.0 };
                twice[j] += if given & (x < current) { 1.0 } else { 0.0 };
                twice[j] += if given & (x <= current) { 1.0 } else { 0.0 };
            }
        }
        let mut out = [f64::NAN; L];
        for j in 0..L {
            let rank = twice[j] * 0.5;
            let rank = if PCT { rank / count[j] } else { rank };
            out[j] = if there(newest[j]) { rank } else { f64::NAN };
        }
        out
    }
}

#[derive(Clone, Copy)]
struct Rank<const GRID: bool, const PCT: bool>;

impl<const GRID: bool, const PCT: bool> Fold for Rank<GRID, PCT> {
    #[inline(always)]
    fn fold<const L: usize>(self, args: &[Window<'_>], at: usize) -> [f64; L] {
        let rows = args[0].lanes::<L>(at);
        let mut add = [0.0; L];
        let largest = largest_bits::<L>(args[0], at);
        if GRID {
            for j in 0..L {
                add[j] = rounding_addend(f64::from_bits(largest[j]));
            }
        }
        let mut current = *args[0].newest::<L>(at);
        for j in 0..L {
            current[j] += add[j];
        }
        let mut twice = [0.0; L];
        for row in rows {
            for j in 0..L {
                let x = row[j] + add[j];
                let below = if x < current[j] { 1.0 } else { 0.0 };
                let not_above = if x <= current[j] { 1.0 } else { 0.0 };
                twice[j] += below + not_above;
            }
        }
        for j in 0..L {
            let rank = (twice[j] + 1.0) * 0.5;
            let rank = if PCT { rank / args[0].len() as f64 } else { rank };
            twice[j] = if largest[j] < INFINITY_BITS { rank } else { f64::NAN };
        }
        twice
    }
}
