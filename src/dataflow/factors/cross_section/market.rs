//! A series of the whole market, given in the rows of its symbols.

#[cfg(test)]
use super::Twin;
use super::{Exactness, Kernel, Member, first, signature};

/// `market(x)`: the value that all symbols with an x share, also for those without one; missing
/// where they differ.
pub(super) static MARKET: Member = Member {
    signature: signature(
        "market",
        Exactness::Inherited,
        "x of a series that is the same for all symbols at a time, like an index, also where a \
         symbol has no bar; missing where it is not the same",
    )
    .explained(super::Reference {
        formula: "the value that all x of the time share",
        missing: "missing values do not count; missing when the values differ, or there are none",
        source: "series of an index in the rows of its symbols, as the factors of Guotai Junan, \
                 191 short-period factors (2017) need it",
        cost: super::Cost::Row,
        example: "ts_corr(returns, delta(market(index_close), 1), 20)",
    }),
    kernel: Kernel::CrossSection(|_, args, _, _, out| {
        let mut shared = f64::NAN;
        let mut same = true;
        for v in first(args).iter().filter(|v| !v.is_nan()) {
            same &= shared.is_nan() || shared == *v;
            // The addition turns -0 into 0.
            shared = *v + 0.0;
        }
        out.fill(if same { shared } else { f64::NAN });
    }),
    #[cfg(test)]
    twin: Twin::Row(|rows, _| {
        let mut known: Vec<f64> = rows[0].iter().filter(|v| !v.is_nan()).map(|v| v + 0.0).collect();
        known.sort_by(f64::total_cmp);
        known.dedup();
        let shared = if let [one] = known[..] { one } else { f64::NAN };
        vec![shared; rows[0].len()]
    }),
};
