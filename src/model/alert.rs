//! Active alerts: members of a collection while their condition holds.

use serde::{Deserialize, Serialize};

/// An alert rule whose condition holds. Inserted when it starts to, retracted when it ends; what
/// is in here is a function of the rows and the clock only, so that a restart sees the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Alert {
    /// Number of the rule in the plan.
    pub rule: u16,
    /// Since when the condition holds, milliseconds since the Unix epoch, derived from data.
    pub starts_ms: i64,
    /// What was seen when it started, for people: `6 violations of ohlc_order in 10m`.
    pub summary: String,
}
