//! Checks: what must hold for good rows. One check is one file here and one line in [`MEMBERS`].
//!
//! The contract. A rule about single rows is stateless and a function of the row and its broker
//! timestamp; what it says about a row ("detail") depends on the row only, so that delivering a
//! row again says the same. It never panics, whatever the numbers. A missing value (NaN) never
//! fails a check unless its doc says so; deletions are not checked. A rule about neighbours in a
//! series sees accepted rows only and cannot keep a row out: whether it holds changes with rows
//! that come later.
//!
//! [`Checks`] runs all rules about rows in one pass over a batch; [`Series`] keeps what the rules
//! about neighbours need.

mod checks;
mod finite;
mod future_time;
mod not_null;
mod ohlc_order;
mod options;
mod positive;
mod range;
mod return_jump;
mod series;
#[cfg(test)]
mod testing;
mod tick_size;

pub use checks::{Checks, TooManyChecks};
pub use series::Series;

use crate::plan::CheckMember;

/// All kinds of checks.
pub const MEMBERS: &[&dyn CheckMember] = &[
    &finite::Finite,
    &future_time::FutureTime,
    &not_null::NotNull,
    &ohlc_order::OhlcOrder,
    &positive::Positive,
    &range::Range,
    &return_jump::ReturnJump,
    &tick_size::TickSize,
];
