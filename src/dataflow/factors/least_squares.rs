//! Least squares on a few series from their co-moments.

#![expect(clippy::needless_range_loop, reason = "several rows of matrices side by side")]

use crate::formula::MAX_SERIES;

/// Co-moments of some series about their means; only the lower half is looked at. Number 0 is
/// explained by the others.
pub(super) type Moments = [[f64; MAX_SERIES]; MAX_SERIES];

/// The factors of the explaining series, in their places; by Cholesky's method. None where the
/// series depend on each other linearly.
pub(super) fn factors(moments: &Moments, series: usize) -> Option<[f64; MAX_SERIES]> {
    let mut lower = [[0.0; MAX_SERIES]; MAX_SERIES];
    let mut solved = [0.0; MAX_SERIES];
    for i in 1..series {
        for j in 1..=i {
            let mut rest = moments[i][j];
            for k in 1..j {
                rest -= lower[i][k] * lower[j][k];
            }
            if i == j {
                // What rounding leaves of a moment that the others explain is no moment.
                if rest.is_nan() || rest <= moments[i][i] * 1e-12 {
                    return None;
                }
                lower[i][i] = rest.sqrt();
            } else {
                lower[i][j] = rest / lower[j][j];
            }
        }
        let mut rest = moments[i][0];
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
    Some(solved)
}
