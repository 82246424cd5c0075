//! What a source says about how far it is: in its partitions and in event time.

use serde::{Deserialize, Serialize};

use super::Time;

/// How far a source has read one partition at the end of an epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Partition of the source's topic.
    pub partition: i32,
    /// The next offset to read.
    pub next: i64,
    /// Broker timestamps of the records read since the last position, as (milliseconds, records)
    /// runs: what the latency from broker to commit is measured from.
    pub arrivals_ms: Vec<(i64, u32)>,
}

/// How far one partition is in event time. Broadcast to everyone who closes times.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Partition of the source's topic.
    pub partition: i32,
    /// The distinct times of the passing rows since the last mark, ascending.
    pub times: Vec<Time>,
    /// Whether the partition has been without a record for the idle timeout: it does not hold
    /// back the watermark until it speaks again.
    pub idle: bool,
}
