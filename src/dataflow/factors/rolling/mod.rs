//! Operators down one symbol's column: a window of times that ends at the current one. Except for
//! `delay` and `delta`, an infinite input counts as missing, and a result is missing unless all
//! inputs are there. A new operator is a file here, its `mod` and its line in [`MEMBERS`].
//!
//! All windows are evaluated directly, oldest row first, so that the order of additions is fixed
//! by the positions in the window. Aligned blocks for long windows belong beside the folds: their
//! limits must come from the row's own time, never from a counter.

#![expect(clippy::needless_range_loop, reason = "lanes of several arrays side by side")]

mod corr;
mod delay;
mod delta;
mod extremes;
mod rank;
mod std;
mod sum;

#[cfg(test)]
use super::Twin;
use super::window::{Fold, Scan, Window, scan, sweep};
use super::{Kernel, Member, Reads, Rolling};
use crate::formula::{Exactness, Family, Parameter, Signature};

/// All operators down a column.
pub(super) const MEMBERS: &[&Member] = &[
    &delay::DELAY,
    &delta::DELTA,
    &sum::SUM,
    &sum::MEAN,
    &std::STD,
    &extremes::MIN,
    &extremes::MAX,
    &rank::RANK,
    &corr::CORR,
];

const fn signature(
    name: &'static str,
    parameters: &'static [Parameter],
    exactness: Exactness,
    summary: &'static str,
) -> Signature {
    let family = Family::TimeSeries;
    Signature { name, family, parameters, summary, exactness, compares: false }
}

/// 0 for a number, missing for what counts as missing: added to a result, it masks it.
#[inline(always)]
#[expect(clippy::eq_op, reason = "infinity minus itself is what is asked for")]
fn gap(x: f64) -> f64 {
    x - x
}

/// For twins: whether all inputs are there.
#[cfg(test)]
fn full(windows: &[Vec<f64>]) -> bool {
    windows.iter().flatten().all(|x| x.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataflow::factors::random::Random;
    use crate::dataflow::factors::simd::Level;
    use crate::dataflow::factors::window::GROUP;

    /// Enough symbols for all ways through the loops over blocks.
    const WIDTH: usize = 512 + 32 + 16 + 8;

    #[test]
    fn equals_the_twin_in_every_block_for_short_and_long_windows() {
        let mut random = Random::new(41);
        for rows in [1, 2, 4, 8, 9, 10, 23] {
            let data: Vec<f64> = (0..2 * rows * WIDTH)
                .map(|_| match random.below(200) {
                    0 => f64::NAN,
                    1 => f64::INFINITY,
                    2..50 => random.below(4) as f64,
                    _ => random.unit() * 100.0,
                })
                .collect();
            for member in MEMBERS {
                check(member, rows, &data);
            }
        }
    }

    fn check(member: &Member, rows: usize, data: &[f64]) {
        let (Kernel::Rolling(kernel), Twin::Window(twin)) = (member.kernel, member.twin) else {
            panic!("a rolling operator");
        };
        let count = match kernel.reads {
            Reads::Window => rows,
            Reads::Lag => 1,
            Reads::LagAndCurrent => 2.min(rows),
        };
        if kernel.reads == Reads::LagAndCurrent && count < 2 {
            return;
        }
        let starts: Vec<Vec<usize>> =
            (0..2).map(|a| (0..count).map(|r| (a * rows + r) * WIDTH).collect()).collect();
        let series = member.signature.parameters.len() - 1;
        let args: Vec<Window<'_>> =
            starts.iter().take(series).map(|starts| Window::new(data, starts)).collect();
        for (level, inexact) in
            Level::available().into_iter().flat_map(|level| [(level, false), (level, true)])
        {
            let mut out = vec![0.0; WIDTH];
            (kernel.run)(level, &args, inexact, 0..WIDTH, &mut out);
            let some = 5 * GROUP..7 * GROUP;
            let mut part = [0.0; 2 * GROUP];
            (kernel.run)(level, &args, inexact, some.clone(), &mut part);
            for (s, ours) in out.iter().enumerate() {
                let column = |starts: &Vec<usize>| starts.iter().map(|at| data[at + s]).collect();
                let windows: Vec<Vec<f64>> = starts.iter().take(series).map(column).collect();
                let want = twin(&windows, inexact);
                let same = |a: f64| a.to_bits() == want.to_bits() || (a.is_nan() && want.is_nan());
                let name = member.signature.name;
                assert!(same(*ours), "{name} {rows} symbol {s}: {ours:e}, twin {want:e}");
                if some.contains(&s) {
                    assert!(same(part[s - some.start]), "{name} {rows} symbol {s} alone");
                }
            }
        }
    }
}
