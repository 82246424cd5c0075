//! What is kept of one (symbol, time).

use super::content::{Details, Seen, Version};
use crate::model::{Coordinates, Finding, Quarantined, RawRecord, SymbolId, Time};

/// A (symbol, time), wherever its fields are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) symbol: SymbolId,
    pub(super) time: Time,
    /// The epoch in which it was touched last.
    pub(super) epoch: u64,
    /// The accepted version, if there is one.
    pub(super) accepted: Option<Accepted>,
}

/// The newest version that passes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Accepted {
    pub(super) version: Version,
    pub(super) at: Coordinates,
    pub(super) deleted: bool,
    /// The first record of this content, as long as the slot has no [`Extra`].
    pub(super) first: Coordinates,
}

/// What is kept of a slot whose versions are not all the same good row.
#[derive(Debug, Default)]
pub(super) struct Extra {
    /// What was found in the accepted version.
    pub(super) flagged: Details,
    /// The newest version that fails, if it is newer than the accepted one.
    pub(super) failed: Option<Failed>,
    pub(super) seen: Seen,
}

/// A version in quarantine.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) version: Version,
    pub(super) at: Coordinates,
    pub(super) content: u64,
    pub(super) failures: Details,
    pub(super) original: RawRecord,
}

/// What a slot was at the start of the epoch.
#[derive(Debug)]
pub(super) struct Before {
    pub(super) slot: u32,
    /// The record of the row and where its fields are among the fields of before, if there was a
    /// row.
    pub(super) row: Option<(Coordinates, usize)>,
    pub(super) standing: Option<Box<Standing>>,
}

/// Findings and quarantined version of a slot.
#[derive(Debug, Default)]
pub(super) struct Standing {
    pub(super) findings: Vec<Finding>,
    pub(super) quarantined: Option<Quarantined>,
}
