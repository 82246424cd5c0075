//! What a running check or alert condition must be able to do.

use std::fmt::Debug;
use std::sync::Arc;

use crate::model::{RowBatch, Time};

/// A check's rule, by what it needs to see.
#[derive(Clone, Debug)]
pub enum Rule {
    /// One row at a time, before anything else: may quarantine.
    Row(Arc<dyn RowRule>),
    /// A row and the one before it of the same symbol, among the accepted rows: flags only.
    Series(Arc<dyn SeriesRule>),
}

/// A rule about single rows. Stateless, and a function of the row and its broker timestamp only.
pub trait RowRule: Debug + Send + Sync {
    /// Calls `fail(row, detail)` for every row of `rows` that is not deleted and does not hold,
    /// once for each thing that is wrong. The detail must not depend on the broker timestamp: a
    /// row that is delivered again is the same finding.
    fn test(&self, rows: &RowBatch, fail: &mut dyn FnMut(usize, String));
}

/// A row of one symbol's series.
#[derive(Clone, Copy, Debug)]
pub struct SeriesRow<'a> {
    /// Event time.
    pub time: Time,
    /// Fields of the source, missing = NaN.
    pub fields: &'a [f64],
}

/// A rule about neighbours in one symbol's series of accepted rows.
pub trait SeriesRule: Debug + Send + Sync {
    /// What is wrong with `row` given the row before it, if anything.
    fn test(&self, previous: SeriesRow<'_>, row: SeriesRow<'_>) -> Option<String>;
}

/// What an alert condition may look at: a snapshot at the end of an epoch.
pub trait Situation {
    /// The clock in milliseconds: wall clock live, event time in backfill.
    fn now_ms(&self) -> i64;
    /// Broker timestamp of the newest record of the source, none before the first.
    fn last_arrival_ms(&self) -> Option<i64>;
    /// When the source was first looked at, for silence that was there from the start.
    fn started_ms(&self) -> i64;
    /// Broker timestamps, ascending, of the open findings of check number `check` that arrived
    /// after `after_ms` and not after the clock.
    fn arrivals_of_findings(&self, check: u16, after_ms: i64) -> Vec<i64>;
}

/// An alert condition.
pub trait Condition: Debug + Send + Sync {
    /// Since when (milliseconds) the condition holds and a sentence about it, or none. A pure
    /// function of the situation.
    fn holds(&self, situation: &dyn Situation) -> Option<(i64, String)>;
    /// How far back findings matter, so that older ones may be forgotten.
    fn window_ms(&self) -> i64;
}
