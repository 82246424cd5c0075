//! Findings: what a check found wrong with a row, true until a correction retracts it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Coordinates, SymbolId, Time};

/// How bad it is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// For the record.
    Info,
    /// Someone should look.
    Warning,
    /// Data is wrong and was kept out.
    Error,
    /// Someone must look now.
    Critical,
}

/// What happens to a row that fails a check.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// The row is used, the finding is written.
    Flag,
    /// The row is kept out of the factors and goes to the quarantine, the finding is written.
    Quarantine,
}

/// One check does not hold for one row. As a member of a differential collection it is inserted
/// when it becomes true and retracted when corrected data shows that it no longer is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Finding {
    /// Number of the check in the plan.
    pub check: u16,
    /// Symbol of the row.
    pub symbol: SymbolId,
    /// Event time of the row.
    pub time: Time,
    /// The record that brought the row.
    pub coordinates: Coordinates,
    /// What was found, for people: `close = -3, must be above 0`.
    pub detail: String,
}

impl Severity {
    /// As written in pipelines, records and labels.
    pub const fn name(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
            Severity::Critical => "critical",
        }
    }
}

impl Action {
    /// As written in pipelines, records and labels.
    pub const fn name(self) -> &'static str {
        match self {
            Action::Flag => "flag",
            Action::Quarantine => "quarantine",
        }
    }
}
