//! What leaves the dataflow on each worker, epoch by epoch. Live runs encode it and hand it to the
//! delivery; backfill collects it into files.

use super::operators::Epoch;
use super::signal::Clock;
use crate::model::{
    AlertChange, DeadLetter, FactorBatch, Finding, LateRange, Position, Quarantined, Time,
};

/// The receiving end of one worker's outputs. Called once per output and epoch, when the epoch is
/// complete, in the order of the epochs of that output.
pub trait Outputs {
    /// Factor rows that became true or ceased to be.
    fn factors(&mut self, epoch: Epoch, batches: Vec<FactorBatch>);
    /// Findings opened (+1) and retracted (-1).
    fn findings(&mut self, epoch: Epoch, changes: Vec<(Finding, i64)>);
    /// Alerts that begin (+1) and end (-1).
    fn alerts(&mut self, epoch: Epoch, changes: Vec<AlertChange>);
    /// Rows put into (+1) and released from (-1) the quarantine.
    fn quarantine(&mut self, epoch: Epoch, changes: Vec<(Quarantined, i64)>);
    /// Records that could not be read.
    fn dead_letters(&mut self, epoch: Epoch, letters: Vec<DeadLetter>);
    /// Facts for the progress record.
    fn progress(&mut self, epoch: Epoch, fact: Fact);
    /// All epochs below `first_open` are complete on all workers; none when the input has ended.
    fn through(&mut self, first_open: Option<Epoch>);
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
    /// Rows that were judged late.
    Late(Vec<LateRange>),
}
