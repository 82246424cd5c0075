//! Rank of the current value among those of its window.

use super::{
    Exactness, Fold, Kernel, Member, Parameter, Reads, Rolling, Signature, Window, gap, signature,
    sweep,
};
#[cfg(test)]
use super::{Twin, full};
use crate::dataflow::factors::grid::rounding_addend;

/// `ts_rank(x, n)`: the number of values below the current one, plus half the number of equal
/// ones plus one; 1 to n.
pub(super) static RANK: Member = Member {
    signature: Signature {
        compares: true,
        ..signature(
            "ts_rank",
            &[Parameter::Series("x"), Parameter::Window("n", 1)],
            Exactness::Always,
            "rank of the current value among the last n, 1 to n, ties averaged",
        )
    },
    kernel: Kernel::Rolling(Rolling {
        run: |level, args, inexact, range, out| {
            if inexact {
                sweep::<32, _>(level, Rank::<true>, args, range, out);
            } else {
                sweep::<32, _>(level, Rank::<false>, args, range, out);
            }
        },
        reads: Reads::Window,
    }),
    #[cfg(test)]
    twin: Twin::Window(|w, inexact| {
        if !full(w) {
            return f64::NAN;
        }
        let on_grid = crate::dataflow::factors::cross_section::twin_grid(&w[0], inexact);
        let current = on_grid[on_grid.len() - 1];
        let below = on_grid.iter().filter(|x| **x < current).count() as f64;
        let equal = on_grid.iter().filter(|x| **x == current).count() as f64;
        below + (equal + 1.0) / 2.0
    }),
};

#[derive(Clone, Copy)]
struct Rank<const GRID: bool>;

impl<const GRID: bool> Fold for Rank<GRID> {
    #[inline(always)]
    fn fold<const L: usize>(self, args: &[Window<'_>], at: usize) -> [f64; L] {
        let rows = args[0].lanes::<L>(at);
        let (mut add, mut gaps) = ([0.0; L], [0.0; L]);
        if GRID {
            for row in rows.clone() {
                for j in 0..L {
                    let a = row[j].abs();
                    add[j] = if a > add[j] { a } else { add[j] };
                }
            }
            for a in &mut add {
                *a = rounding_addend(*a);
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
                gaps[j] += gap(row[j]);
            }
        }
        for j in 0..L {
            twice[j] = (twice[j] + 1.0) * 0.5 + gaps[j];
        }
        twice
    }
}
