//! How long ago the newest largest or smallest value of a window was.

use super::{
    Exactness, Fold, How, Kernel, Member, Parameter, Reads, Rolling, Signature, Window,
    grid_of_some, needed, signature, sweep, there,
};
use crate::dataflow::factors::simd::Level;
use std::ops::Range;

#[cfg(test)]
use super::{Twin, usable};

/// `bars_since_max(x, n)`: TA-Lib's AROON and the terminals' HHVBARS count to the newest of equals,
/// `highday` to the oldest.
pub(super) static MAX: Member = Member {
    signature: with_ties(
        "bars_since_max",
        "bars since the newest largest of the last n values of x, 0 at such a bar",
    )
    .explained(super::Reference {
        formula: "the smallest i with x[i] = ts_max(x, n)",
        missing: super::WINDOW,
        source: "TA-Lib: AROON; formula language of the Chinese terminals (TDX): HHVBARS",
        cost: super::Cost::Window,
        example: "bars_since_max(high, 25)",
    }),
    kernel: Kernel::Rolling(Rolling { run: since::<true>, reads: Reads::Window }),
    #[cfg(test)]
    twin: Twin::Window(|w, how| twin(w, how, |a, b| a >= b)),
};

/// `bars_since_min(x, n)`.
pub(super) static MIN: Member = Member {
    signature: with_ties(
        "bars_since_min",
        "bars since the newest smallest of the last n values of x, 0 at such a bar",
    )
    .explained(super::Reference {
        formula: "the smallest i with x[i] = ts_min(x, n)",
        missing: super::WINDOW,
        source: "TA-Lib: AROON; formula language of the Chinese terminals (TDX): LLVBARS",
        cost: super::Cost::Window,
        example: "bars_since_min(low, 25)",
    }),
    kernel: Kernel::Rolling(Rolling { run: since::<false>, reads: Reads::Window }),
    #[cfg(test)]
    twin: Twin::Window(|w, how| twin(w, how, |a, b| a <= b)),
};

const fn with_ties(name: &'static str, summary: &'static str) -> Signature {
    const PARAMETERS: &[Parameter] = &[Parameter::Series("x"), Parameter::Window("n", 1)];
    Signature { compares: true, ..signature(name, PARAMETERS, Exactness::Always, summary) }
}

#[cfg(test)]
fn twin(w: &[Vec<f64>], how: How<'_>, as_good: fn(f64, f64) -> bool) -> f64 {
    if usable(&w[0], how, 1).is_none() {
        return f64::NAN;
    }
    let known: Vec<f64> = w[0].iter().map(|v| if v.is_finite() { *v } else { f64::NAN }).collect();
    let on_grid = crate::dataflow::factors::cross_section::twin_grid(&known, how.inexact);
    let mut best: Option<usize> = None;
    for i in (0..known.len()).filter(|i| !known[*i].is_nan()) {
        if best.is_none_or(|b| as_good(on_grid[i], on_grid[b])) {
            best = Some(i);
        }
    }
    best.map_or(f64::NAN, |best| (known.len() - 1 - best) as f64)
}

fn since<const MAX: bool>(
    level: Level,
    args: &[Window<'_>],
    how: How<'_>,
    range: Range<usize>,
    out: &mut [f64],
) {
    let needed = needed(how, 1);
    match how.inexact {
        true => sweep::<16, _>(level, Since::<MAX, true> { needed }, args, range, out),
        false => sweep::<16, _>(level, Since::<MAX, false> { needed }, args, range, out),
    }
}

#[derive(Clone, Copy)]
struct Since<const MAX: bool, const GRID: bool> {
    needed: f64,
}

impl<const MAX: bool, const GRID: bool> Fold for Since<MAX, GRID> {
    #[inline(always)]
    fn fold<const L: usize>(self, args: &[Window<'_>], at: usize) -> [f64; L] {
        let rows = args[0].lanes::<L>(at);
        let add = if GRID { grid_of_some::<L>(args[0], at) } else { [0.0; L] };
        let (mut best, mut ago) = ([f64::NEG_INFINITY; L], [f64::NAN; L]);
        let mut count = [0.0; L];
        for row in rows {
            for j in 0..L {
                let given = there(row[j]);
                let x = if MAX { row[j] } else { -row[j] } + add[j];
                let better = given & (x >= best[j]);
                best[j] = if better { x } else { best[j] };
                ago[j] = if better { 0.0 } else { ago[j] + 1.0 };
                count[j] += if given { 1.0 } else { 0.0 };
            }
        }
        for j in 0..L {
            ago[j] = if count[j] >= self.needed { ago[j] } else { f64::NAN };
        }
        ago
    }
}
