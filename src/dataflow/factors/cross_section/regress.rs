//! What a regression within groups leaves of a row.

#[cfg(test)]
use super::Twin;
use super::{Exactness, Kernel, Level, Member, Parameter, Scratch, sum, with};
use crate::dataflow::factors::least_squares::{Moments, factors};
use crate::formula::MAX_SERIES;

/// `regress_neutralize(x, group, y1, ..., yk)`: the residual of the regression on one constant per
/// group and on the ys, of which all must be there.
pub(super) static REGRESS_NEUTRALIZE: Member = Member {
    signature: with(
        "regress_neutralize",
        &[Parameter::Series("x"), Parameter::Group("group"), Parameter::Rest("y")],
        Exactness::Never,
        "distance of x from its least-squares fit by y1 to yk and one constant per group over the \
         universe at that time; missing where the ys and the groups depend on each other linearly",
    )
    .explained(super::Reference {
        formula: "x less its fit by least squares",
        missing: "of the symbols at which all series and the group are there; missing elsewhere, and where the series and the groups depend on each other",
        source: "Barra-style neutralisation by industry and size, as in Qlib and polars_ta",
        cost: super::Cost::Row,
        example: "regress_neutralize(returns, industry, log(volume))",
    }),
    kernel: Kernel::CrossSection(|level, args, _, scratch, out| {
        residuals(level, args, scratch, out);
    }),
    #[cfg(test)]
    twin: Twin::Row(|rows, _| tests::twin(rows)),
};

/// A y whose distances from the means of its groups are, squared and added up, below this share of
/// its own squares is constant within the groups, and what is left of it is rounding.
const CONSTANT: f64 = 1e-24;

/// Constants per group drop out when the means of the groups are taken off everything.
fn residuals(level: Level, args: &[&[f64]], scratch: &mut Scratch, out: &mut [f64]) {
    out.fill(f64::NAN);
    let [x, keys, ys @ ..] = args else { return };
    scratch.groups.find(keys);
    let series = 1 + ys.len();
    scratch.columns.resize_with(scratch.columns.len().max(series), Vec::new);
    let columns = &mut scratch.columns[..series];
    for (column, row) in columns.iter_mut().zip(std::iter::once(x).chain(ys)) {
        column.clear();
        column.extend_from_slice(row);
    }
    let none = scratch.groups.count() as u32;
    for (s, group) in scratch.groups.of().iter().enumerate() {
        let there = columns.iter().all(|column| column.get(s).is_some_and(|v| v.is_finite()));
        if !there || *group == none {
            columns.iter_mut().filter_map(|column| column.get_mut(s)).for_each(|v| *v = f64::NAN);
        }
    }
    let mut squares = [0.0; MAX_SERIES];
    for (column, squares) in columns.iter_mut().zip(&mut squares) {
        *squares = product(level, column, column, &mut scratch.row);
        scratch.groups.add_up(column);
        scratch.groups.make_means();
        for (s, v) in column.iter_mut().enumerate() {
            *v -= scratch.groups.sum_of(s);
        }
    }
    let mut moments: Moments = [[0.0; MAX_SERIES]; MAX_SERIES];
    for (i, column) in columns.iter().enumerate() {
        for (j, other) in columns.iter().enumerate().take(i + 1) {
            moments[i][j] = product(level, column, other, &mut scratch.row);
        }
    }
    if let Some(factors) = fit(&moments, &squares, series) {
        for (s, out) in out.iter_mut().enumerate() {
            let value = |column: &Vec<f64>| column.get(s).copied().unwrap_or(f64::NAN);
            let explained = columns.iter().zip(factors).skip(1);
            *out = explained.fold(value(&columns[0]), |rest, (c, factor)| rest - factor * value(c));
        }
    }
}

fn fit(moments: &Moments, squares: &[f64], series: usize) -> Option<[f64; MAX_SERIES]> {
    let varies = |i: usize| moments[i][i] > squares[i] * CONSTANT;
    (1..series).all(varies).then(|| factors(moments, series)).flatten()
}

/// The sum of the products of two rows.
fn product(level: Level, x: &[f64], y: &[f64], row: &mut Vec<f64>) -> f64 {
    row.clear();
    row.extend(x.iter().zip(y).map(|(a, b)| a * b));
    sum::sum(level, row)
}

#[cfg(test)]
mod tests {
    use super::super::twin_sum;
    use super::*;

    pub(super) fn twin(rows: &[Vec<f64>]) -> Vec<f64> {
        let there = |s: &usize| {
            let finite = rows.iter().enumerate().all(|(i, row)| i == 1 || row[*s].is_finite());
            finite && !rows[1][*s].is_nan()
        };
        let symbols: Vec<usize> = (0..rows[0].len()).filter(there).collect();
        let mut series: Vec<Vec<f64>> = Vec::new();
        let mut squares = Vec::new();
        for (i, row) in rows.iter().enumerate().filter(|(i, _)| *i != 1) {
            let square: Vec<f64> = symbols.iter().map(|s| row[*s] * row[*s]).collect();
            squares.push(twin_sum(&square));
            let centred = symbols.iter().map(|s| {
                let own = symbols.iter().filter(|other| rows[1][**other] == rows[1][*s]);
                let own: Vec<f64> = own.map(|other| row[*other]).collect();
                row[*s] - twin_sum(&own) / own.len() as f64
            });
            let centred = centred.collect();
            series.insert(i.saturating_sub(1), centred);
        }
        let mut moments: Moments = [[0.0; MAX_SERIES]; MAX_SERIES];
        for (i, x) in series.iter().enumerate() {
            for (j, y) in series.iter().enumerate() {
                let products: Vec<f64> = x.iter().zip(y).map(|(a, b)| a * b).collect();
                moments[i][j] = twin_sum(&products);
            }
        }
        let mut out = vec![f64::NAN; rows[0].len()];
        if let Some(factors) = fit(&moments, &squares, series.len()) {
            for (at, s) in symbols.iter().enumerate() {
                out[*s] = series[0][at];
                for (y, factor) in series.iter().zip(factors).skip(1) {
                    out[*s] -= factor * y[at];
                }
            }
        }
        out
    }

    #[test]
    fn takes_off_what_groups_and_series_explain() {
        let group = [0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, f64::NAN];
        let cap = [1.0, 2.0, 4.0, 3.0, 5.0, 6.0, 1.0, 2.0];
        let beta = [0.5, 0.7, 0.2, 0.9, 0.4, 1.5, 1.1, 0.3];
        let x: Vec<f64> = (0..8).map(|i| 7.0 * group[i] + 2.0 * cap[i] - 3.0 * beta[i]).collect();
        let mut out = [1.0; 8];
        let rows: [&[f64]; 4] = [&x, &group, &cap, &beta];
        residuals(Level::best(), &rows, &mut Scratch::default(), &mut out);
        assert!(out[..7].iter().all(|v| v.abs() < 1e-13), "{out:?}");
        assert!(out[7].is_nan());
        // Constant within the groups, up to rounding: no regression.
        let constant: Vec<f64> = group.iter().map(|g| 0.1 + g / 3.0).collect();
        residuals(Level::best(), &[&x, &group, &constant], &mut Scratch::default(), &mut out);
        assert!(out.iter().all(|v| v.is_nan()), "{out:?}");
    }

    #[test]
    fn a_residual_is_orthogonal_to_what_explains() {
        let group = [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0];
        let cap = [1.0, 2.0, 4.0, 3.0, 5.0, 6.0, 1.0, 2.0];
        let x = [3.0, -1.0, 4.0, 1.0, -5.0, 9.0, 2.0, 6.0];
        let mut out = [0.0; 8];
        residuals(Level::best(), &[&x, &group, &cap], &mut Scratch::default(), &mut out);
        let with = |y: &[f64; 8]| out.iter().zip(y).map(|(a, b)| a * b).sum::<f64>().abs();
        assert!(with(&group) < 1e-12 && with(&cap) < 1e-12 && with(&[1.0; 8]) < 1e-12);
        assert!(out.iter().any(|v| v.abs() > 1.0));
    }
}
