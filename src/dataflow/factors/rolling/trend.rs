//! The least-squares line of a window: values on the bar numbers 1 to n, the current bar at n.

use super::corr::QLIB_FLAT;
use super::{
    Exactness, Fold, How, Kernel, Member, Parameter, Reads, Rolling, Window, needed, signature,
    sweep, there,
};
#[cfg(test)]
use super::{Twin, usable};

const SLOPE_OF: u8 = 0;
const RSQUARE_OF: u8 = 1;
const RESI_OF: u8 = 2;

/// `ts_slope(x, n)`.
pub(super) static SLOPE: Member = Member {
    signature: signature(
        "ts_slope",
        &[Parameter::Series("x"), Parameter::Window("n", 2)],
        Exactness::Never,
        "slope of the least-squares line through the last n values of x, per bar",
    )
    .explained(super::Reference {
        formula: "the b that makes the sum of (x[i] - a - b (n - i))^2 least",
        missing: super::PAIR,
        source: "Qlib, data/ops.py (Slope)",
        cost: super::Cost::Window,
        example: "ts_slope(close, 20) / close",
    }),
    kernel: Kernel::Rolling(Rolling {
        run: |level, args, how, range, out| {
            sweep::<16, _>(level, Trend::<SLOPE_OF>::new(how), args, range, out);
        },
        reads: Reads::Window,
    }),
    #[cfg(test)]
    twin: Twin::Window(twin::<SLOPE_OF>),
};

/// `ts_rsquare(x, n)`: missing when the window is constant.
pub(super) static RSQUARE: Member = Member {
    signature: signature(
        "ts_rsquare",
        &[Parameter::Series("x"), Parameter::Window("n", 2)],
        Exactness::Never,
        "share of the variance of the last n values of x that their least-squares line explains, 0 \
         to 1; missing when they are equal",
    )
    .explained(super::Reference {
        formula: "ts_corr(x, bar number, n)^2",
        missing: super::FLAT,
        source: "Qlib, data/ops.py (Rsquare)",
        cost: super::Cost::Window,
        example: "ts_rsquare(close, 20)",
    }),
    kernel: Kernel::Rolling(Rolling {
        run: |level, args, how, range, out| {
            sweep::<16, _>(level, Trend::<RSQUARE_OF>::new(how), args, range, out);
        },
        reads: Reads::Window,
    }),
    #[cfg(test)]
    twin: Twin::Window(twin::<RSQUARE_OF>),
};

/// `ts_resi(x, n)`: missing where the current value is.
pub(super) static RESI: Member = Member {
    signature: signature(
        "ts_resi",
        &[Parameter::Series("x"), Parameter::Window("n", 2)],
        Exactness::Never,
        "distance of the current value from the least-squares line through the last n values of x",
    )
    .explained(super::Reference {
        formula: "x[0] - (a + b n) with the a and b of ts_slope",
        missing: super::PAIR_CURRENT,
        source: "Qlib, data/ops.py (Resi)",
        cost: super::Cost::Window,
        example: "ts_resi(close, 20) / close",
    }),
    kernel: Kernel::Rolling(Rolling {
        run: |level, args, how, range, out| {
            sweep::<16, _>(level, Trend::<RESI_OF>::new(how), args, range, out);
        },
        reads: Reads::Window,
    }),
    #[cfg(test)]
    twin: Twin::Window(twin::<RESI_OF>),
};

#[derive(Clone, Copy)]
struct Trend<const OF: u8> {
    needed: f64,
    qlib: bool,
}

impl<const OF: u8> Trend<OF> {
    fn new(how: How<'_>) -> Trend<OF> {
        Trend { needed: needed(how, 2), qlib: how.mode.qlib }
    }
}

impl<const OF: u8> Fold for Trend<OF> {
    #[inline(always)]
    fn fold<const L: usize>(self, args: &[Window<'_>], at: usize) -> [f64; L] {
        let (x, zero) = (args[0], [0.0; L]);
        // Bar numbers relative to the current one, so that the current one is 0.
        let oldest = 1.0 - x.len() as f64;
        let (mut n, mut times, mut shift) = (zero, zero, zero);
        let mut t = oldest;
        for row in x.lanes::<L>(at) {
            for j in 0..L {
                let given = there(row[j]);
                n[j] += if given { 1.0 } else { 0.0 };
                times[j] += if given { t } else { 0.0 };
                shift[j] = if given { row[j] } else { shift[j] };
            }
            t += 1.0;
        }
        let mut middle = zero;
        for j in 0..L {
            middle[j] = times[j] / n[j];
        }
        let (mut tt, mut td, mut sum, mut squares) = (zero, zero, zero, zero);
        let mut t = oldest;
        for row in x.lanes::<L>(at) {
            for j in 0..L {
                let given = there(row[j]);
                let d = if given { row[j] - shift[j] } else { 0.0 };
                let u = if given { t - middle[j] } else { 0.0 };
                tt[j] += u * u;
                td[j] += u * d;
                sum[j] += d;
                squares[j] += d * d;
            }
            t += 1.0;
        }
        let current = x.newest::<L>(at);
        let mut out = zero;
        for j in 0..L {
            let slope = td[j] / tt[j];
            let moment = squares[j] - sum[j] * sum[j] / n[j];
            let value = match OF {
                SLOPE_OF => slope,
                RSQUARE_OF => {
                    let share = td[j] * td[j] / (tt[j] * moment);
                    let share = if share > 1.0 { 1.0 } else { share };
                    let least = if self.qlib { QLIB_FLAT } else { 0.0 };
                    let moves = (moment / (n[j] - 1.0)).sqrt() > least;
                    if moves { share } else { f64::NAN }
                }
                _ => {
                    let value = (current[j] - shift[j] - sum[j] / n[j]) + slope * middle[j];
                    if there(current[j]) { value } else { f64::NAN }
                }
            };
            out[j] = if n[j] >= self.needed { value } else { f64::NAN };
        }
        out
    }
}

#[cfg(test)]
fn twin<const OF: u8>(w: &[Vec<f64>], how: How<'_>) -> f64 {
    let Some(values) = usable(&w[0], how, 2) else { return f64::NAN };
    let (n, rows) = (values.len() as f64, w[0].len());
    let bars: Vec<f64> = (0..rows)
        .filter(|i| w[0][*i].is_finite())
        .map(|i| i as f64 - (rows as f64 - 1.0))
        .collect();
    let newest = values[values.len() - 1];
    let middle = bars.iter().fold(0.0, |s, t| s + t) / n;
    let d: Vec<f64> = values.iter().map(|v| v - newest).collect();
    let tt = bars.iter().fold(0.0, |s, t| s + (t - middle) * (t - middle));
    let td = bars.iter().zip(&d).fold(0.0, |s, (t, d)| s + (t - middle) * d);
    let sum = d.iter().fold(0.0, |s, d| s + d);
    let moment = d.iter().fold(0.0, |s, d| s + d * d) - sum * sum / n;
    let slope = td / tt;
    match OF {
        SLOPE_OF => slope,
        RSQUARE_OF => {
            let least = if how.mode.qlib { QLIB_FLAT } else { 0.0 };
            if (moment / (n - 1.0)).sqrt() > least {
                (td * td / (tt * moment)).min(1.0)
            } else {
                f64::NAN
            }
        }
        _ if w[0][rows - 1].is_finite() => (w[0][rows - 1] - newest - sum / n) + slope * middle,
        _ => f64::NAN,
    }
}
