//! Readable rows that are kept out of the factors: the originals and why.

use serde::{Deserialize, Serialize};

use super::{Coordinates, RawRecord, SymbolId, Time};

/// Why a readable row is kept out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Because {
    /// It fails checks, as (number of the check in the plan, what was found), ascending. Ends when
    /// a newer version of the row passes.
    Checks(Vec<(u16, String)>),
    /// It came after its time could no longer change. A fact: never withdrawn.
    Late,
}

/// A row in the quarantine. As a member of a collection it is inserted when it is kept out and,
/// unless it is late, retracted when a newer version of the row replaces it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Quarantined {
    /// Symbol of the row.
    pub symbol: SymbolId,
    /// Event time of the row.
    pub time: Time,
    /// The first record that brought this content.
    pub coordinates: Coordinates,
    /// That record as it came.
    pub original: RawRecord,
    /// Why it is here.
    pub because: Because,
}
