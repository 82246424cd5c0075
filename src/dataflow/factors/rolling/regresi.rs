//! Residual of a regression on several series.

#[cfg(test)]
use super::Twin;
use super::{
    Exactness, How, Kernel, Member, Parameter, Reads, Rolling, Window, needed, signature, there,
};
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
    count: f64,
    mean: [f64; MAX_SERIES],
    /// Co-moments about the means; only the lower half is filled.
    moments: [[f64; MAX_SERIES]; MAX_SERIES],
}

fn residuals(_: Level, args: &[Window<'_>], how: How<'_>, range: Range<usize>, out: &mut [f64]) {
    let needed = needed(how, 2);
    for (symbol, out) in range.zip(out) {
        let newest = row(args, args.first().map_or(0, |w| w.len().saturating_sub(1)), symbol);
        let sums = Sums::of(args, symbol, newest);
        let defined = sums.count >= needed && newest.iter().take(args.len()).all(|x| there(*x));
        *out = if defined { sums.residual(args.len()) } else { f64::NAN };
    }
}

/// The values of all series at one row of their windows.
fn row(args: &[Window<'_>], at: usize, symbol: usize) -> [f64; MAX_SERIES] {
    let mut values = [0.0; MAX_SERIES];
    for (value, window) in values.iter_mut().zip(args) {
        *value = window.value(at, symbol);
    }
    values
}

impl Sums {
    /// Shifted by the newest values, so that the residual of the newest row needs no more.
    fn of(args: &[Window<'_>], symbol: usize, newest: [f64; MAX_SERIES]) -> Sums {
        let series = args.len().min(MAX_SERIES);
        let mut sums =
            Sums { count: 0.0, mean: [0.0; MAX_SERIES], moments: [[0.0; MAX_SERIES]; MAX_SERIES] };
        let rows = args.first().map_or(0, |window| window.len());
        let whole = |at: usize| {
            let values = row(args, at, symbol);
            values[..series].iter().all(|x| there(*x)).then_some(values)
        };
        for values in (0..rows).filter_map(whole) {
            sums.count += 1.0;
            for i in 0..series {
                sums.mean[i] += values[i] - newest[i];
            }
        }
        for mean in &mut sums.mean {
            *mean /= sums.count;
        }
        for values in (0..rows).filter_map(whole) {
            let mut d = [0.0; MAX_SERIES];
            for i in 0..series {
                d[i] = (values[i] - newest[i]) - sums.mean[i];
            }
            for i in 0..series {
                for j in 0..=i {
                    sums.moments[i][j] += d[i] * d[j];
                }
            }
        }
        sums
    }

    /// Cholesky's method on the explaining series, numbers 1 and up; number 0 is explained.
    fn residual(&self, series: usize) -> f64 {
        let mut lower = [[0.0; MAX_SERIES]; MAX_SERIES];
        let mut solved = [0.0; MAX_SERIES];
        for i in 1..series {
            for j in 1..=i {
                let mut rest = self.moments[i][j];
                for k in 1..j {
                    rest -= lower[i][k] * lower[j][k];
                }
                if i == j {
                    // What rounding leaves of a moment that the others explain is no moment.
                    if rest.is_nan() || rest <= self.moments[i][i] * 1e-12 {
                        return f64::NAN;
                    }
                    lower[i][i] = rest.sqrt();
                } else {
                    lower[i][j] = rest / lower[j][j];
                }
            }
            let mut rest = self.moments[i][0];
            for k in 1..i {
                rest -= lower[i][k] * solved[k];
            }
            solved[i] = rest / lower[i][i];
        }
        for i in (1..series).rev() {
            let mut rest = solved[i];
            for k in i + 1..series {
                rest -= lower[k][i] * solved[k];
            }
            solved[i] = rest / lower[i][i];
        }
        // The newest row is 0 after the shift: its distance from the means is minus the means.
        let mut residual = -self.mean[0];
        for i in 1..series {
            residual += solved[i] * self.mean[i];
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
        let mut sums =
            Sums { count: n, mean: [0.0; MAX_SERIES], moments: [[0.0; MAX_SERIES]; MAX_SERIES] };
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
