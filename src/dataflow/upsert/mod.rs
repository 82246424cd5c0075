//! From versions of rows to the rows that hold: which version of a (symbol, time) counts, which
//! are in quarantine, and which came too late.
//!
//! The contract. Every epoch goes through the three parts in this order:
//!
//! 1. [`Admission::admit`] on every decoded and checked batch, on the worker that reads the
//!    partition. It takes out the rows that are late by the [`EventTime::horizon`] of the epochs
//!    before, and records that it did.
//! 2. [`Upsert::apply`] on every checked batch, on the worker that owns the symbol, in any order
//!    and any splits; then [`Upsert::finish`] once, which gives the net changes of the epoch.
//! 3. [`EventTime::apply`] with the signals of the epoch; then [`Upsert::evict`] with the new
//!    horizon, by which the next epoch is admitted.
//!
//! What comes out of 2, summed up over all epochs, is a function of the set of versions that were
//! admitted. The order of arrival, partitions, batches and epochs do not matter. Versions of a row
//! are ordered by (revision, offset, partition). The newest version that passes is accepted; a
//! deletion always passes. The newest version that fails a check whose action is quarantine is
//! quarantined if it is newer than the accepted one. All others are superseded.
//!
//! Findings and quarantined rows name the *first* record (by arrival, offset, partition) among
//! the versions of the row that have the same content, so that delivering a record again changes
//! nothing. Rows with more than 64 different contents name the newest instead: remembering who
//! was first has to end somewhere when a row changes with every tick. For each (check, symbol, time) there is at most one finding: that of the quarantined
//! version if it fails the check, otherwise that of the accepted version.
//!
//! [`EventTime::horizon`]: super::event_time::EventTime::horizon
//! [`EventTime::apply`]: super::event_time::EventTime::apply

mod admit;
mod content;
mod index;
mod slot;
mod state;
#[cfg(test)]
mod twin;

pub use admit::Admission;
pub use state::{Changes, Counters, Upsert};
