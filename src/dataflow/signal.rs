//! What sources say besides rows: positions, the clock, and how far event time has come.

use serde::{Deserialize, Serialize};

use crate::model::{Mark, Position, RawBatch, RowBatch, Time};

/// What a source brings in: records to decode, or rows that a file reader has decoded.
#[derive(Clone, Debug)]
pub enum Load {
    /// Records as they came.
    Raw(RawBatch),
    /// Decoded rows.
    Rows(RowBatch),
}

/// What a source reports beside its records.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Report {
    /// How far a partition has been read.
    Position(Position),
    /// The clock of an epoch.
    Clock(Clock),
    /// News for those who close times.
    Signal(Signal),
}

/// The clock of an epoch: the collection that rules about absence read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// Milliseconds since the Unix epoch: wall clock live, event time in backfill.
    pub now_ms: i64,
    /// Whether alerts may be judged: not while a replay is incomplete.
    pub settled: bool,
    /// Whether this epoch ends a replay: state is now what the progress record describes.
    pub resumed: bool,
}

/// News about event time. Every worker sees all of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Signal {
    /// A partition exists and holds back the watermark until it speaks or is idle.
    Partition(i32),
    /// Times of passing rows of a partition, or that it is idle.
    Mark(Mark),
    /// A replay begins: nothing closes until [`Signal::Resume`].
    Replay,
    /// The replay is complete: close what was closed when the progress record was written.
    Resume {
        /// The newest closed time of the record, none if nothing had closed.
        closed_through: Option<Time>,
    },
    /// The input has ended: close everything.
    End,
}
