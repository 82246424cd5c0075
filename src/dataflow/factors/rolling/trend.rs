//! The least-squares line of a window: values on the bar numbers 1 to n, the current bar at n.

use super::corr::QLIB_FLAT;
use super::{
    Exactness, Fold, How, Kernel, Member, Parameter, Reads, Rolling, Window, gap, mend, signature,
    sweep, there,
};
use crate::dataflow::factors::simd::Level;
use std::ops::Range;

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
    ),
    kernel: Kernel::Rolling(Rolling {
        run: |level, args, how, range, out| {
            trend::<SLOPE_OF>(level, args, how, range, out);
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
    ),
    kernel: Kernel::Rolling(Rolling {
        run: |level, args, how, range, out| {
            trend::<RSQUARE_OF>(level, args, how, range, out);
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
    ),
    kernel: Kernel::Rolling(Rolling {
        run: |level, args, how, range, out| {
            trend::<RESI_OF>(level, args, how, range, out);
        },
        reads: Reads::Window,
    }),
    #[cfg(test)]
    twin: Twin::Window(twin::<RESI_OF>),
};

fn trend<const OF: u8>(
    level: Level,
    args: &[Window<'_>],
    how: How<'_>,
    range: Range<usize>,
    out: &mut [f64],
) {
    let qlib = how.mode.qlib;
    sweep::<32, _>(level, Full::<OF> { qlib }, args, range.clone(), out);
    if how.mode.partial {
        mend(level, OfSome::<OF> { qlib }, args, range, out);
    }
}

/// Of windows without gaps, in one pass.
#[derive(Clone, Copy)]
struct Full<const OF: u8> {
    qlib: bool,
}

impl<const OF: u8> Fold for Full<OF> {
    #[inline(always)]
    fn fold<const L: usize>(self, args: &[Window<'_>], at: usize) -> [f64; L] {
        let (x, zero) = (args[0], [0.0; L]);
        let n = x.len() as f64;
        // Bar numbers relative to the current one, so that the current one is 0.
        let middle = (1.0 - n) * n * 0.5 / n;
        let newest = x.newest::<L>(at);
        let (mut tt, mut td, mut sum, mut squares) = (0.0, zero, zero, zero);
        let mut gaps = zero;
        let mut t = 1.0 - n;
        for row in x.lanes::<L>(at) {
            let u = t - middle;
            tt += u * u;
            for j in 0..L {
                let d = row[j] - newest[j];
                gaps[j] += gap(row[j]);
                td[j] += u * d;
                sum[j] += d;
                squares[j] += d * d;
            }
            t += 1.0;
        }
        let mut out = zero;
        for j in 0..L {
            let slope = td[j] / tt;
            let moment = squares[j] - sum[j] * sum[j] / n;
            let value = match OF {
                SLOPE_OF => slope,
                RSQUARE_OF => share(td[j], tt, moment, n, self.qlib),
                // The distance of the newest value from itself is 0.
                _ => (0.0 - sum[j] / n) + slope * middle,
            };
            out[j] = if n >= 2.0 { value + gaps[j] } else { f64::NAN };
        }
        out
    }
}

/// The share of the variance that a line explains; missing where there is none to explain.
#[inline(always)]
fn share(td: f64, tt: f64, moment: f64, n: f64, qlib: bool) -> f64 {
    let share = td * td / (tt * moment);
    let share = if share > 1.0 { 1.0 } else { share };
    let least = if qlib { QLIB_FLAT } else { 0.0 };
    if (moment / (n - 1.0)).sqrt() > least { share } else { f64::NAN }
}

/// Of the values that are there.
#[derive(Clone, Copy)]
struct OfSome<const OF: u8> {
    qlib: bool,
}

impl<const OF: u8> Fold for OfSome<OF> {
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
                RSQUARE_OF => share(td[j], tt[j], moment, n[j], self.qlib),
                _ => {
                    let value = (current[j] - shift[j] - sum[j] / n[j]) + slope * middle[j];
                    if there(current[j]) { value } else { f64::NAN }
                }
            };
            out[j] = if n[j] >= 2.0 { value } else { f64::NAN };
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
