//! Residual of a regression on several series.

#![expect(clippy::needless_range_loop, reason = "several rows of numbers side by side")]

#[cfg(test)]
use super::Twin;
use super::{
    Exactness, Fold, How, Kernel, Member, Parameter, Reads, Rolling, Window, needed, signature,
    sweep, there,
};
use crate::dataflow::factors::least_squares::{Moments, factors};
use crate::dataflow::factors::simd::Level;
use crate::formula::MAX_SERIES;
use std::ops::Range;

/// `ts_regresi(y, x1, ..., xk, n)`: with intercept; missing where the explaining series depend on
/// each other linearly.
pub(super) static REGRESI: Member = Member {
    signature: signature(
        "ts_regresi",
        &[Parameter::Series("y"), Parameter::Rest("x"), Parameter::Window("n", 2)],
        Exactness::Never,
        "distance of the current y from the least-squares fit (with intercept) of the last n values \
         of y on those of x1 to xk",
    )
    .explained(super::Reference {
        formula: "y[0] - (a + b1 x1[0] + ... + bk xk[0]) with the a, b1, ..., bk that make the \
                  sum of squares over the window least",
        missing: super::ROWS,
        source: "Guotai Junan, 191 short-period factors (2017) (REGRESI)",
        cost: super::Cost::Fit,
        example: "ts_regresi(close, open, volume, 20)",
    }),
    kernel: Kernel::Rolling(Rolling { run: residuals, reads: Reads::Window }),
    #[cfg(test)]
    twin: Twin::Window(|w, how| {
        let rows: Vec<Vec<f64>> = (0..w[0].len())
            .map(|i| w.iter().map(|x| x[i]).collect())
            .filter(|row: &Vec<f64>| row.iter().all(|x| x.is_finite()))
            .collect();
        let enough = if how.mode.partial { rows.len() >= 2 } else { rows.len() == how.n };
        let newest: Vec<f64> = w.iter().map(|x| x[x.len() - 1]).collect();
        if !enough || rows.len() < 2 || newest.iter().any(|x| !x.is_finite()) {
            return f64::NAN;
        }
        tests::residual(&rows, &newest)
    }),
};

/// Sums over the rows of a window: one symbol's.
struct Sums {
    mean: [f64; MAX_SERIES],
    /// Co-moments about the means; only the lower half is filled.
    moments: Moments,
}

fn residuals(
    level: Level,
    args: &[Window<'_>],
    how: How<'_>,
    range: Range<usize>,
    out: &mut [f64],
) {
    // One for every number of series: their sums then stay in registers.
    let needed = needed(how, 2);
    match args.len() {
        2 => sweep::<8, _>(level, Residual::<2> { needed }, args, range, out),
        3 => sweep::<8, _>(level, Residual::<3> { needed }, args, range, out),
        4 => sweep::<8, _>(level, Residual::<4> { needed }, args, range, out),
        5 => sweep::<8, _>(level, Residual::<5> { needed }, args, range, out),
        6 => sweep::<8, _>(level, Residual::<6> { needed }, args, range, out),
        7 => sweep::<8, _>(level, Residual::<7> { needed }, args, range, out),
        _ => sweep::<8, _>(level, Residual::<MAX_SERIES> { needed }, args, range, out),
    }
}

/// Of `S` series, in two passes: means, and moments about them.
#[derive(Clone, Copy)]
struct Residual<const S: usize> {
    needed: f64,
}

/// A row shifted by the newest one, so that the residual of the newest row needs no more; and which
/// symbols have all of it: others add nothing.
#[inline(always)]
fn shifted<const L: usize, const S: usize>(
    args: &[Window<'_>; S],
    newest: &[[f64; L]; S],
    row: usize,
    at: usize,
) -> ([[f64; L]; S], [bool; L]) {
    let mut d = [[0.0; L]; S];
    let mut whole = [true; L];
    for i in 0..S {
        let values = args[i].row::<L>(row, at);
        for j in 0..L {
            whole[j] &= there(values[j]);
            d[i][j] = values[j] - newest[i][j];
        }
    }
    (d, whole)
}

impl<const S: usize> Fold for Residual<S> {
    #[inline(always)]
    fn fold<const L: usize>(self, args: &[Window<'_>], at: usize) -> [f64; L] {
        let Some(args) = args.first_chunk::<S>() else { return [f64::NAN; L] };
        let rows = args.first().map_or(0, Window::len);
        let mut newest = [[0.0; L]; S];
        for i in 0..S {
            newest[i] = *args[i].newest::<L>(at);
        }
        let (mut count, mut mean) = ([0.0; L], [[0.0; L]; S]);
        for row in 0..rows {
            let (d, whole) = shifted::<L, S>(args, &newest, row, at);
            for j in 0..L {
                count[j] += if whole[j] { 1.0 } else { 0.0 };
            }
            for i in 0..S {
                for j in 0..L {
                    mean[i][j] += if whole[j] { d[i][j] } else { 0.0 };
                }
            }
        }
        for mean in &mut mean {
            for j in 0..L {
                mean[j] /= count[j];
            }
        }
        let mut moments = [[[0.0; L]; S]; S];
        for row in 0..rows {
            let (mut d, whole) = shifted::<L, S>(args, &newest, row, at);
            for i in 0..S {
                for j in 0..L {
                    d[i][j] = if whole[j] { d[i][j] - mean[i][j] } else { 0.0 };
                }
            }
            for i in 0..S {
                for k in 0..=i {
                    for j in 0..L {
                        moments[i][k][j] += d[i][j] * d[k][j];
                    }
                }
            }
        }
        let mut out = [f64::NAN; L];
        for j in 0..L {
            let defined = newest.iter().all(|x| there(x[j]));
            if count[j] >= self.needed && defined {
                out[j] = Sums::of(&mean, &moments, j).residual(S);
            }
        }
        out
    }
}

impl Sums {
    /// Those of one of the symbols side by side.
    fn of<const L: usize, const S: usize>(
        means: &[[f64; L]; S],
        moments: &[[[f64; L]; S]; S],
        symbol: usize,
    ) -> Sums {
        let mut sums = Sums { mean: [0.0; MAX_SERIES], moments: [[0.0; MAX_SERIES]; MAX_SERIES] };
        for i in 0..S {
            sums.mean[i] = means[i][symbol];
            for k in 0..=i {
                sums.moments[i][k] = moments[i][k][symbol];
            }
        }
        sums
    }

    /// Number 0 is explained by the others.
    fn residual(&self, series: usize) -> f64 {
        let Some(factors) = factors(&self.moments, series) else { return f64::NAN };
        // The newest row is 0 after the shift: its distance from the means is minus the means.
        let mut residual = -self.mean[0];
        for i in 1..series {
            residual += factors[i] * self.mean[i];
        }
        residual
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same computation over rows in vectors.
    pub(super) fn residual(rows: &[Vec<f64>], newest: &[f64]) -> f64 {
        let (k, n) = (newest.len(), rows.len() as f64);
        let shifted: Vec<Vec<f64>> =
            rows.iter().map(|r| r.iter().zip(newest).map(|(x, s)| x - s).collect()).collect();
        let mean: Vec<f64> =
            (0..k).map(|i| shifted.iter().fold(0.0, |s, r| s + r[i]) / n).collect();
        let mut sums = Sums { mean: [0.0; MAX_SERIES], moments: [[0.0; MAX_SERIES]; MAX_SERIES] };
        sums.mean[..k].copy_from_slice(&mean);
        for i in 0..k {
            for j in 0..=i {
                let product = |r: &Vec<f64>| (r[i] - mean[i]) * (r[j] - mean[j]);
                sums.moments[i][j] = shifted.iter().fold(0.0, |s, r| s + product(r));
            }
        }
        sums.residual(k)
    }

    #[test]
    fn solves_a_system_that_is_known() {
        // y = 3 + 2a - b + e, where e is 1 at the newest row only and no line explains it.
        let a = [1.0, 2.0, 3.0, 4.0, 1.0, 2.0, 3.0, 4.0];
        let b = [1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0];
        let e = [1.0, -1.0, 0.0, 0.0, -1.0, 1.0, 0.0, 0.0];
        let rows: Vec<Vec<f64>> =
            (0..8).map(|i| vec![3.0 + 2.0 * a[i] - b[i] + e[i], a[i], b[i]]).collect();
        for (i, want) in [(0, 0.5), (3, -0.5)] {
            let ours = residual(&rows, &rows[i]);
            let sum: f64 = (0..8).map(|r| residual(&rows, &rows[r])).sum();
            assert!(sum.abs() < 1e-12, "residuals add up to 0, not {sum}");
            assert!((ours - e[i]).abs() < 1.0 + want, "row {i}: {ours}");
        }
        let same: Vec<Vec<f64>> = (0..8).map(|i| vec![e[i], a[i], 2.0 * a[i]]).collect();
        assert!(residual(&same, &same[0]).is_nan());
    }
}
