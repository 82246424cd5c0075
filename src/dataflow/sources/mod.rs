//! Where rows come from. A source hands out raw records partition by partition, in order, and
//! never blocks; the operator that drives it decides how much it takes.

mod batches;
mod drive;
pub mod file;
mod health;
pub mod kafka;

use std::sync::Arc;

use crate::model::RawBatch;

pub use batches::Batches;
pub use drive::{Live, LiveSettings};

/// Wakes the worker that drives a source. Called from threads of the source, with locks held: it
/// must be quick and must not call the source.
pub type Waker = Arc<dyn Fn() + Send + Sync>;

/// A source of raw records. Driven by one worker; no method blocks.
pub trait Source {
    /// Reads at most `limit` records of each partition that are there now and appends a batch per
    /// partition that had any. Offsets of one partition ascend from batch to batch. What is
    /// appended counts as handed out, whatever the status.
    fn poll(&mut self, limit: usize, out: &mut Vec<RawBatch>) -> Status;

    /// How far each partition is, ascending by partition.
    fn partitions(&self) -> Vec<PartitionState>;

    /// From now on hands out only records before the given offset of each named partition; the
    /// position of such a partition does not go beyond it. Replaces earlier targets.
    fn hold_at(&mut self, targets: &[(i32, i64)]);

    /// Forgets the targets of [`Source::hold_at`] and goes on after them.
    fn release(&mut self);

    /// Tells tools outside how far we are: the next offset of each partition, as committed. For
    /// display only, may be lost, is never read back.
    fn commit(&self, offsets: &[(i32, i64)]);
}

/// How a source is after a poll.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// There was something, and there may be more: poll again soon.
    Ready,
    /// There is nothing now; the waker will be called.
    Idle,
    /// It cannot go on for a reason that passes, for instance brokers that are away. It goes on
    /// by itself.
    Parked(String),
    /// It cannot go on until someone repairs something: the text says what.
    Failed(String),
}

/// How far a source is in one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionState {
    /// Partition.
    pub partition: i32,
    /// The next offset to hand out. Offsets without a record, such as markers of transactions,
    /// count as read when nothing stands before them.
    pub next: i64,
    /// Offset after the newest record that is known to be there (high watermark); at least `next`.
    pub end: i64,
}

/// A source could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SourceError(pub String);

/// A worker without a part of the source reads nothing.
impl<S: Source> Source for Option<S> {
    fn poll(&mut self, limit: usize, out: &mut Vec<RawBatch>) -> Status {
        self.as_mut().map_or(Status::Idle, |source| source.poll(limit, out))
    }

    fn partitions(&self) -> Vec<PartitionState> {
        self.as_ref().map_or_else(Vec::new, Source::partitions)
    }

    fn hold_at(&mut self, targets: &[(i32, i64)]) {
        if let Some(source) = self {
            source.hold_at(targets);
        }
    }

    fn release(&mut self) {
        if let Some(source) = self {
            source.release();
        }
    }

    fn commit(&self, offsets: &[(i32, i64)]) {
        if let Some(source) = self {
            source.commit(offsets);
        }
    }
}
