//! Where in its window the first largest or smallest value stands.

use super::{
    Exactness, Fold, How, INFINITY_BITS, Kernel, Member, Parameter, Reads, Rolling, Signature,
    Window, grid_of_some, largest_bits, mend, signature, sweep, there,
};
use crate::dataflow::factors::grid::rounding_addend;
use crate::dataflow::factors::simd::Level;
use std::ops::Range;

#[cfg(test)]
use super::Twin;

/// `ts_argmax(x, n)`: 1 = the oldest bar, n = the current one.
pub(super) static ARGMAX: Member = Member {
    signature: with_ties("ts_argmax", "position of the first largest of the last n values of x")
        .explained(super::Reference {
            formula: "n - i for the largest i among those with the largest x[i]",
            missing: super::POSITION,
            source: "101 Formulaic Alphas (Kakushadze, 2016), appendix A.1",
            cost: super::Cost::Window,
            example: "ts_argmax(close, 20)",
        }),
    kernel: Kernel::Rolling(Rolling { run: position::<true, false>, reads: Reads::Window }),
    #[cfg(test)]
    twin: Twin::Window(|w, how| twin(w, how, |a, b| a > b)),
};

/// `ts_argmin(x, n)`.
pub(super) static ARGMIN: Member = Member {
    signature: with_ties("ts_argmin", "position of the first smallest of the last n values of x")
        .explained(super::Reference {
            formula: "n - i for the largest i among those with the smallest x[i]",
            missing: super::POSITION,
            source: "101 Formulaic Alphas (Kakushadze, 2016), appendix A.1",
            cost: super::Cost::Window,
            example: "ts_argmin(close, 20)",
        }),
    kernel: Kernel::Rolling(Rolling { run: position::<false, false>, reads: Reads::Window }),
    #[cfg(test)]
    twin: Twin::Window(|w, how| twin(w, how, |a, b| a < b)),
};

/// `highday(x, n)` = n - `ts_argmax(x, n)`.
pub(super) static HIGHDAY: Member = Member {
    signature: with_ties("highday", "bars since the first largest of the last n values of x")
        .explained(super::Reference {
            formula: "n - ts_argmax(x, n)",
            missing: super::POSITION,
            source: "Guotai Junan, 191 short-period factors (2017); Qlib, data/ops.py for profile \
                 qlib",
            cost: super::Cost::Window,
            example: "highday(high, 20) / 20",
        }),
    kernel: Kernel::Rolling(Rolling { run: position::<true, true>, reads: Reads::Window }),
    #[cfg(test)]
    twin: Twin::Window(|w, how| how.n as f64 - twin(w, how, |a, b| a > b)),
};

/// `lowday(x, n)` = n - `ts_argmin(x, n)`.
pub(super) static LOWDAY: Member = Member {
    signature: with_ties("lowday", "bars since the first smallest of the last n values of x")
        .explained(super::Reference {
            formula: "n - ts_argmin(x, n)",
            missing: super::POSITION,
            source: "Guotai Junan, 191 short-period factors (2017); Qlib, data/ops.py for profile \
                 qlib",
            cost: super::Cost::Window,
            example: "lowday(low, 20) / 20",
        }),
    kernel: Kernel::Rolling(Rolling { run: position::<false, true>, reads: Reads::Window }),
    #[cfg(test)]
    twin: Twin::Window(|w, how| how.n as f64 - twin(w, how, |a, b| a < b)),
};

const fn with_ties(name: &'static str, summary: &'static str) -> Signature {
    const PARAMETERS: &[Parameter] = &[Parameter::Series("x"), Parameter::Window("n", 1)];
    Signature { compares: true, ..signature(name, PARAMETERS, Exactness::Always, summary) }
}

#[cfg(test)]
fn twin(w: &[Vec<f64>], how: How<'_>, better: fn(f64, f64) -> bool) -> f64 {
    let x = &w[0];
    let missing = x.iter().position(|v| !v.is_finite());
    if x.iter().all(|v| !v.is_finite())
        || (!how.mode.partial && (missing.is_some() || x.len() < how.n))
    {
        return f64::NAN;
    }
    if let Some(first) = missing.filter(|_| how.mode.qlib) {
        return (first + 1) as f64;
    }
    let finite: Vec<f64> = x.iter().map(|v| if v.is_finite() { *v } else { f64::NAN }).collect();
    let on_grid = crate::dataflow::factors::cross_section::twin_grid(&finite, how.inexact);
    let mut best: Option<usize> = None;
    for i in (0..x.len()).filter(|i| x[*i].is_finite()) {
        if best.is_none_or(|b| better(on_grid[i], on_grid[b])) {
            best = Some(i);
        }
    }
    let before = if how.mode.qlib { 0 } else { how.n - x.len() };
    (best.unwrap() + 1 + before) as f64
}

fn position<const MAX: bool, const AGO: bool>(
    level: Level,
    args: &[Window<'_>],
    how: How<'_>,
    range: Range<usize>,
    out: &mut [f64],
) {
    let rows = args.first().map_or(0, |window| window.len());
    let (partial, qlib) = (how.mode.partial, how.mode.qlib);
    let first = if qlib { 1.0 } else { (how.n - rows.min(how.n) + 1) as f64 };
    if how.inexact {
        sweep::<64, _>(level, Full::<MAX, true> { first }, args, range.clone(), out);
    } else {
        sweep::<64, _>(level, Full::<MAX, false> { first }, args, range.clone(), out);
    }
    match (partial, how.inexact) {
        (true, true) => mend(level, Position::<MAX, true> { qlib, first }, args, range, out),
        (true, false) => mend(level, Position::<MAX, false> { qlib, first }, args, range, out),
        (false, _) => {}
    }
    if AGO {
        for place in out {
            *place = how.n as f64 - *place;
        }
    }
}

/// In windows without gaps.
#[derive(Clone, Copy)]
struct Full<const MAX: bool, const GRID: bool> {
    /// Position of the oldest row there is.
    first: f64,
}

impl<const MAX: bool, const GRID: bool> Fold for Full<MAX, GRID> {
    #[inline(always)]
    fn fold<const L: usize>(self, args: &[Window<'_>], at: usize) -> [f64; L] {
        let rows = args[0].lanes::<L>(at);
        let largest = largest_bits::<L>(args[0], at);
        let mut add = [0.0; L];
        if GRID {
            for j in 0..L {
                add[j] = rounding_addend(f64::from_bits(largest[j]));
            }
        }
        let (mut best, mut place) = ([f64::NEG_INFINITY; L], [0.0; L]);
        let mut now = self.first - 1.0;
        for row in rows {
            now += 1.0;
            for j in 0..L {
                let x = if MAX { row[j] } else { -row[j] } + add[j];
                let better = x > best[j];
                best[j] = if better { x } else { best[j] };
                place[j] = if better { now } else { place[j] };
            }
        }
        for j in 0..L {
            place[j] = if largest[j] < INFINITY_BITS { place[j] } else { f64::NAN };
        }
        place
    }
}

/// In windows with gaps.
#[derive(Clone, Copy)]
struct Position<const MAX: bool, const GRID: bool> {
    qlib: bool,
    /// Position of the oldest row there is.
    first: f64,
}

impl<const MAX: bool, const GRID: bool> Fold for Position<MAX, GRID> {
    #[inline(always)]
    fn fold<const L: usize>(self, args: &[Window<'_>], at: usize) -> [f64; L] {
        let rows = args[0].lanes::<L>(at);
        let add = if GRID { grid_of_some::<L>(args[0], at) } else { [0.0; L] };
        let (mut best, mut place) = ([f64::NEG_INFINITY; L], [f64::NAN; L]);
        // Position of the first missing value, 0 if there is none.
        let mut missing = [0.0; L];
        let mut now = self.first;
        for row in rows {
            for j in 0..L {
                let given = there(row[j]);
                let x = if MAX { row[j] } else { -row[j] } + add[j];
                let better = given & (x > best[j]);
                best[j] = if better { x } else { best[j] };
                place[j] = if better { now } else { place[j] };
                missing[j] = if !given & (missing[j] == 0.0) { now } else { missing[j] };
            }
            now += 1.0;
        }
        for j in 0..L {
            let gap = missing[j] != 0.0;
            let nothing = place[j].is_nan();
            place[j] = if gap & self.qlib & !nothing { missing[j] } else { place[j] };
        }
        place
    }
}
