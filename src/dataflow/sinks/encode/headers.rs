//! The headers of dead letters and quarantined records: where a record came from and why it is
//! there. They stand before the headers of the original record, which follow unchanged.
//!
//! | what | `weir.` | `__connect.errors.` | |
//! |---|---|---|---|
//! | topic | `topic` | `topic` | topic of the source |
//! | partition | `partition` | `partition` | decimal |
//! | offset | `offset` | `offset` | decimal |
//! | timestamp | `timestamp` | `timestamp` | the broker's, milliseconds since the Unix epoch, decimal |
//! | stage | `stage` | `stage` | `decode`, `check`, `late`; for Connect `VALUE_CONVERTER`, `TRANSFORMATION`, `TASK_PUT` |
//! | reason | `reason` | `exception.class.name` | stable code of a dead letter, names of the failed checks joined by `,`, or `late` |
//! | message | `message` | `exception.message` | for people |
//! | pipeline | `pipeline` | `connector.name` | name of the pipeline |
//! | version | `version` | `version` | hash of the pipeline |
//! | tombstone | `tombstone` | `tombstone` | `true` where the original had no value; only on quarantined records, whose own tombstones mean released |
//! | task | | `task.id` | always `0`, Connect's tools expect it |
//! | class | | `class.name` | always `weir` |

use crate::model::Coordinates;
use crate::plan::HeaderPrefix;

/// Names and values in the order they are written.
pub type Headers = Vec<(String, Vec<u8>)>;

/// Where a record went out of the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// It cannot be read.
    Decode,
    /// It fails a check.
    Check,
    /// It came after its time was past correcting.
    Late,
}

const STAGES: [(Stage, &str, &str); 3] = [
    (Stage::Decode, "decode", "VALUE_CONVERTER"),
    (Stage::Check, "check", "TRANSFORMATION"),
    (Stage::Late, "late", "TASK_PUT"),
];

/// What the headers of one pipeline have in common.
#[derive(Clone, Debug)]
pub struct HeaderSet {
    /// Which names.
    pub prefix: HeaderPrefix,
    /// Topic of the source.
    pub topic: String,
    /// Name of the pipeline.
    pub pipeline: String,
    /// Hash of the pipeline.
    pub version: String,
}

/// What headers say, read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Topic of the source.
    pub topic: String,
    /// Partition of the topic.
    pub partition: i32,
    /// Offset in the partition.
    pub offset: i64,
    /// The broker's timestamp, milliseconds since the Unix epoch.
    pub timestamp_ms: i64,
    /// Where the record went out of the way.
    pub stage: Stage,
    /// Stable code, or names of checks joined by `,`.
    pub reason: String,
    /// For people.
    pub message: String,
    /// Name of the pipeline.
    pub pipeline: String,
    /// Hash of the pipeline.
    pub version: String,
}

const fn text(prefix: HeaderPrefix) -> &'static str {
    match prefix {
        HeaderPrefix::Weir => "weir.",
        HeaderPrefix::Connect => "__connect.errors.",
    }
}

/// The names that differ: reason, message, pipeline.
const fn names(prefix: HeaderPrefix) -> (&'static str, &'static str, &'static str) {
    match prefix {
        HeaderPrefix::Weir => ("reason", "message", "pipeline"),
        HeaderPrefix::Connect => ("exception.class.name", "exception.message", "connector.name"),
    }
}

impl HeaderSet {
    /// Our headers of one record, followed by its own.
    pub fn write(
        &self,
        at: Coordinates,
        (stage, reason, message): (Stage, &str, &str),
        original: &[(String, Vec<u8>)],
    ) -> Headers {
        let (reason_name, message_name, pipeline_name) = names(self.prefix);
        let connect = self.prefix == HeaderPrefix::Connect;
        let stage = STAGES.iter().find(|(of, ..)| *of == stage);
        let stage = stage.map_or("", |(_, ours, theirs)| if connect { theirs } else { ours });
        let partition = at.partition.to_string();
        let offset = at.offset.to_string();
        let timestamp = at.arrival_ms.to_string();
        let mut ours = vec![
            ("topic", self.topic.as_str()),
            ("partition", &partition),
            ("offset", &offset),
            ("timestamp", &timestamp),
            ("stage", stage),
            (reason_name, reason),
            (message_name, message),
            (pipeline_name, &self.pipeline),
            ("version", &self.version),
        ];
        if connect {
            ours.extend([("task.id", "0"), ("class.name", "weir")]);
        }
        let named = |(name, value): (&str, &str)| (self.name(name), value.as_bytes().to_vec());
        ours.into_iter().map(named).chain(original.iter().cloned()).collect()
    }

    /// A name with the prefix.
    pub fn name(&self, name: &str) -> String {
        format!("{}{name}", text(self.prefix))
    }
}

impl Origin {
    /// Reads the headers of a dead letter or quarantined record, whichever names they have; none
    /// when they are not all there. Where a record went through twice, the last time counts.
    pub fn read(headers: &[(String, Vec<u8>)]) -> Option<Origin> {
        [HeaderPrefix::Weir, HeaderPrefix::Connect]
            .into_iter()
            .find_map(|prefix| Origin::read_with(prefix, headers))
    }

    fn read_with(prefix: HeaderPrefix, headers: &[(String, Vec<u8>)]) -> Option<Origin> {
        let find = |name: &str| {
            let named = |header: &&(String, Vec<u8>)| {
                header.0.strip_prefix(text(prefix)).is_some_and(|rest| rest == name)
            };
            headers.iter().find(named).and_then(|(_, value)| std::str::from_utf8(value).ok())
        };
        let (reason, message, pipeline) = names(prefix);
        let stage = find("stage")?;
        Some(Origin {
            topic: find("topic")?.to_owned(),
            partition: find("partition")?.parse().ok()?,
            offset: find("offset")?.parse().ok()?,
            timestamp_ms: find("timestamp")?.parse().ok()?,
            stage: STAGES.iter().find(|(_, a, b)| *a == stage || *b == stage)?.0,
            reason: find(reason)?.to_owned(),
            message: find(message)?.to_owned(),
            pipeline: find(pipeline)?.to_owned(),
            version: find("version")?.to_owned(),
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn set(prefix: HeaderPrefix) -> HeaderSet {
        HeaderSet {
            prefix,
            topic: "market.bars".to_owned(),
            pipeline: "p".to_owned(),
            version: "abc".to_owned(),
        }
    }

    #[test]
    fn both_prefixes_read_back() {
        let at = Coordinates { partition: 3, offset: 12, arrival_ms: 99 };
        let own =
            [("trace".to_owned(), b"\xff".to_vec()), ("weir.offset".to_owned(), b"7".to_vec())];
        for prefix in [HeaderPrefix::Weir, HeaderPrefix::Connect] {
            for stage in [Stage::Decode, Stage::Check, Stage::Late] {
                let headers = set(prefix).write(at, (stage, "malformed", "at 3"), &own);
                assert_eq!(headers[headers.len() - 2..], own);
                let origin = Origin::read(&headers).unwrap();
                assert_eq!((origin.partition, origin.offset, origin.timestamp_ms), (3, 12, 99));
                assert_eq!(origin.stage, stage);
                assert_eq!((&*origin.reason, &*origin.message), ("malformed", "at 3"));
                assert_eq!((&*origin.pipeline, &*origin.version), ("p", "abc"));
            }
        }
        assert_eq!(Origin::read(&own), None);
    }

    #[test]
    fn connect_finds_its_names() {
        let at = Coordinates { partition: 0, offset: 1, arrival_ms: 2 };
        let headers = set(HeaderPrefix::Connect).write(at, (Stage::Decode, "malformed", "m"), &[]);
        for name in [
            "topic",
            "partition",
            "offset",
            "connector.name",
            "task.id",
            "stage",
            "class.name",
            "exception.class.name",
            "exception.message",
        ] {
            let name = format!("__connect.errors.{name}");
            assert!(headers.iter().any(|(header, _)| *header == name), "{name}");
        }
    }
}
