//! Encoded output records on their way to a transport.

use super::Digest;

/// The five outputs of a pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OutputKind {
    /// Factor values.
    Factors,
    /// What checks found.
    Findings,
    /// Alerts that fire or end.
    Alerts,
    /// Readable rows that failed a check, or came too late.
    Quarantine,
    /// Records that could not be read.
    DeadLetters,
}

/// One encoded change of one output.
#[derive(Clone, Debug)]
pub struct Record {
    /// Which output.
    pub output: OutputKind,
    /// Key; none lets the transport choose the partition.
    pub key: Option<Vec<u8>>,
    /// Value; none is a tombstone.
    pub value: Option<Vec<u8>>,
    /// Our headers followed by those of the original record, if it is passed on.
    pub headers: Vec<(String, Vec<u8>)>,
    /// What this change adds to the digest of the outputs.
    pub digest: Digest,
}

impl OutputKind {
    /// All outputs in their fixed order.
    pub const ALL: [OutputKind; 5] = [
        OutputKind::Factors,
        OutputKind::Findings,
        OutputKind::Alerts,
        OutputKind::Quarantine,
        OutputKind::DeadLetters,
    ];

    /// As written in pipelines and metric labels.
    pub const fn name(self) -> &'static str {
        match self {
            OutputKind::Factors => "factors",
            OutputKind::Findings => "findings",
            OutputKind::Alerts => "alerts",
            OutputKind::Quarantine => "quarantine",
            OutputKind::DeadLetters => "dead_letters",
        }
    }
}
