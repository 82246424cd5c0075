//! Active alerts: members of a collection while their condition holds.

use serde::{Deserialize, Serialize};

/// An alert rule whose condition holds. Inserted when it starts to, retracted when it ends; which
/// rules are in here is a function of the rows and the clock only, so that a restart sees the
/// same. `starts_ms` and `summary` are what was seen when it was inserted: they describe the alert
/// and are no part of its identity, which is the rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Alert {
    /// Number of the rule in the plan.
    pub rule: u16,
    /// Since when the condition holds, milliseconds since the Unix epoch, derived from data.
    pub starts_ms: i64,
    /// What was seen when it started, for people: `6 violations of ohlc_order in 10m`.
    pub summary: String,
}

/// An alert begins or ends.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AlertChange {
    /// The alert; an end repeats it as it began.
    pub alert: Alert,
    /// The clock when it was noticed, milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// Why it ended; none when it begins.
    pub ended: Option<EndReason>,
}

/// Why an alert ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum EndReason {
    /// Time passed or data arrived: it was true, and is over.
    Resolved,
    /// What it rested on was corrected away: it would still be active otherwise.
    Retracted,
}

impl AlertChange {
    /// +1 when the alert joins the collection of active alerts, -1 when it leaves.
    pub const fn diff(&self) -> i64 {
        match self.ended {
            None => 1,
            Some(_) => -1,
        }
    }
}

impl EndReason {
    /// As written in records.
    pub const fn name(self) -> &'static str {
        match self {
            EndReason::Resolved => "resolved",
            EndReason::Retracted => "retracted",
        }
    }
}
