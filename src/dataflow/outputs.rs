//! What leaves the dataflow on each worker, epoch by epoch. Live runs encode it and hand it to the
//! delivery; backfill collects it into files.

use super::operators::Epoch;
use super::signal::Clock;
use crate::model::{Alert, DeadLetter, FactorBatch, Finding, Position, Time};
use super::upsert::Quarantined;

/// The receiving end of one worker's outputs. Called once per output and epoch, when the epoch is
/// complete, in the order of the epochs of that output.
pub trait Outputs {
    /// Factor rows that became true or ceased to be.
    fn factors(&mut self, epoch: Epoch, batches: Vec<FactorBatch>);
    /// Findings opened (+1) and retracted (-1).
    fn findings(&mut self, epoch: Epoch, changes: Vec<(Finding, isize)>);
    /// Alerts that begin (+1) and end (-1).
    fn alerts(&mut self, epoch: Epoch, changes: Vec<(Alert, isize)>);
    /// Rows put into (+1) and released from (-1) the quarantine.
    fn quarantine(&mut self, epoch: Epoch, changes: Vec<(Quarantined, isize)>);
    /// Records that could not be read.
    fn dead_letters(&mut self, epoch: Epoch, letters: Vec<DeadLetter>);
    /// Facts for the progress record.
    fn progress(&mut self, epoch: Epoch, fact: Fact);
}

/// A fact for the progress record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// How far a partition has been read.
    Position(Position),
    /// The clock of the epoch.
    Clock(Clock),
    /// The newest closed time.
    ClosedThrough(Time),
    /// Offsets `from..=to` of a partition were judged late.
    Late {
        /// Partition.
        partition: i32,
        /// First offset.
        from: i64,
        /// Last offset.
        to: i64,
    },
}
