//! Rows that can be read and are kept out of the factors.

use serde::{Deserialize, Serialize};

use super::{Coordinates, RawRecord, SymbolId, Time};

/// A row in the quarantine. As a member of a differential collection it is inserted when it is kept
/// out and retracted when a newer version of its key makes it irrelevant; a late row stays.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Quarantined {
    /// Symbol of the row.
    pub symbol: SymbolId,
    /// Event time of the row.
    pub time: Time,
    /// The record that brought the row.
    pub coordinates: Coordinates,
    /// Why it is here.
    pub why: QuarantineReason,
    /// The record as it came.
    pub original: RawRecord,
}

/// Why a row is in the quarantine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum QuarantineReason {
    /// It fails checks: bit i is check number i of the plan.
    Checks(u64),
    /// Its time was past correcting when it arrived.
    Late,
}
