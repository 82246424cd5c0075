//! Where results go. Encoders turn changes into records; a transport writes them together with the
//! progress record so that all of it becomes visible at once, or nothing.

pub mod encode;
pub mod file;
pub mod kafka;
pub mod progress;

use std::time::Duration;

pub use progress::{Progress, ProgressError};

use crate::model::Record;

/// Writes records. Used by one thread; its methods wait for what they do.
pub trait Transport: Send {
    /// Takes over from every older instance and reads where it stopped; none at the first start.
    /// Also the way to begin anew after [`DeliveryError::Restart`].
    fn resume(&mut self) -> Result<Option<Progress>, DeliveryError>;

    /// Writes all records of all batches in order, then `progress`, and makes them visible
    /// together.
    fn commit(
        &mut self,
        batches: &[Vec<Record>],
        progress: &Progress,
    ) -> Result<CommitStats, DeliveryError>;
}

/// What a commit wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CommitStats {
    /// Records of outputs, without the progress record.
    pub records: u64,
    /// Bytes of their keys and values.
    pub bytes: u64,
    /// From the begin of the transaction until all records were acknowledged.
    pub produce: Duration,
    /// From then until the transaction was committed.
    pub commit: Duration,
}

/// A commit or resume that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryError {
    /// Nothing of the batch is or will be visible: commit the same batch again.
    #[error("{0}")]
    Retry(String),
    /// It is not known what is visible, or the connection cannot be used any longer: call
    /// `resume` and go on from what it says.
    #[error("{0}")]
    Restart(String),
    /// Someone must repair something first; the text says what.
    #[error("{0}")]
    Fatal(String),
}

/// Places inside a commit where tests make it fail, or kill the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Before the older instance is fenced.
    Resume,
    /// After fencing, before the progress record is read.
    Fenced,
    /// The transaction is open, nothing is written.
    Began,
    /// Some of the records are written.
    Halfway,
    /// All records and the progress record are handed to the producer.
    Produced,
    /// All are acknowledged, the transaction is open.
    Acknowledged,
    /// The transaction is committed, nobody was told.
    Committed,
}

impl Step {
    /// All places in order.
    pub const ALL: [Step; 7] = [
        Step::Resume,
        Step::Fenced,
        Step::Began,
        Step::Halfway,
        Step::Produced,
        Step::Acknowledged,
        Step::Committed,
    ];

    /// Name for tests that choose a place from outside.
    pub const fn name(self) -> &'static str {
        match self {
            Step::Resume => "resume",
            Step::Fenced => "fenced",
            Step::Began => "began",
            Step::Halfway => "halfway",
            Step::Produced => "produced",
            Step::Acknowledged => "acknowledged",
            Step::Committed => "committed",
        }
    }
}

/// Makes delivery fail at chosen places. What runs for users never does.
pub trait Faults: Send {
    /// Called at each place; an error is returned as if it had happened there.
    fn at(&mut self, step: Step) -> Result<(), DeliveryError>;
}

/// No faults.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFaults;

impl Faults for NoFaults {
    fn at(&mut self, _step: Step) -> Result<(), DeliveryError> {
        Ok(())
    }
}
