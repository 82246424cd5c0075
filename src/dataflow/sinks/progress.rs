//! The progress record: what was committed with the outputs, and all that a restart needs to know.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::{Digest, LateRanges, Time};

/// Written as the last record of every transaction; the newest one is where a restart begins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Form of this record, [`Progress::FORMAT`].
    pub format: u32,
    /// Number of the newest epoch in the commit; numbers go on over restarts. The records of an
    /// epoch carry its number as `revision`.
    pub epoch: u64,
    /// Next offset to read of each partition of the input.
    pub offsets: BTreeMap<i32, i64>,
    /// Offset at which each partition of the input began.
    pub start: BTreeMap<i32, i64>,
    /// The newest closed time, nanoseconds; none before the first.
    pub closed_through: Option<Time>,
    /// The clock that conditions looked at, milliseconds.
    pub clock_ms: i64,
    /// When the source was first looked at, milliseconds: where silence counts from.
    pub started_ms: i64,
    /// Records that were judged late when they came: ranges of offsets, first and last, ascending,
    /// by partition.
    #[serde(default)]
    pub late: LateRanges,
    /// Version of the plan that wrote this.
    pub version: String,
    /// Digest of all outputs that are now true, 32 hexadecimal digits.
    #[serde(with = "digest")]
    pub digest: Digest,
    /// Records read since the beginning.
    pub records: u64,
}

/// A progress record that cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ProgressError {
    /// Not what we write.
    #[error("it is not a progress record of weir: {0}")]
    Unreadable(String),
    /// From a later release.
    #[error("it was written by a newer release of weir (format {0}): run that release")]
    Newer(u32),
}

impl Progress {
    /// The form of progress records that this release writes.
    pub const FORMAT: u32 = 1;

    /// The record's value: JSON with stable names.
    pub fn encode(&self) -> Result<Vec<u8>, ProgressError> {
        serde_json::to_vec(self).map_err(|error| ProgressError::Unreadable(error.to_string()))
    }

    /// Reads a record's value.
    pub fn decode(value: &[u8]) -> Result<Progress, ProgressError> {
        #[derive(Deserialize)]
        struct Form {
            format: u32,
        }
        let unreadable = |error: serde_json::Error| ProgressError::Unreadable(error.to_string());
        // The form first: a newer one may have other fields.
        let form: Form = serde_json::from_slice(value).map_err(unreadable)?;
        if form.format > Self::FORMAT {
            return Err(ProgressError::Newer(form.format));
        }
        serde_json::from_slice(value).map_err(unreadable)
    }
}

mod digest {
    use super::{Deserialize, Deserializer, Digest, Serializer};

    pub(super) fn serialize<S: Serializer>(digest: &Digest, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(digest)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Digest, D::Error> {
        let text = String::deserialize(from)?;
        Digest::parse(&text).ok_or_else(|| serde::de::Error::custom("not a digest"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::LateRange;

    fn example() -> Progress {
        Progress {
            format: Progress::FORMAT,
            epoch: 7,
            offsets: BTreeMap::from([(0, 12), (1, 34)]),
            start: BTreeMap::from([(0, 0), (1, 30)]),
            closed_through: Some(Time::from_millis(1_514_851_200_000)),
            clock_ms: 1_514_851_260_000,
            started_ms: 1_514_851_000_000,
            late: [(31, 32), (34, 34)]
                .map(|(first, last)| LateRange { partition: 1, first, last })
                .into_iter()
                .collect(),
            version: "ab12".to_owned(),
            digest: Digest::of("factors", b"k", b"v"),
            records: 16,
        }
    }

    #[test]
    fn reads_what_it_writes() {
        for progress in [example(), Progress { format: 1, ..Progress::default() }] {
            let value = progress.encode().expect("it can be written");
            assert_eq!(Progress::decode(&value), Ok(progress));
        }
    }

    #[test]
    fn the_names_in_the_record_are_stable() {
        let text = String::from_utf8(example().encode().expect("it can be written"))
            .expect("JSON is text");
        let digest = example().digest;
        assert_eq!(
            text,
            format!(
                r#"{{"format":1,"epoch":7,"offsets":{{"0":12,"1":34}},"start":{{"0":0,"1":30}},"closed_through":1514851200000000000,"clock_ms":1514851260000,"started_ms":1514851000000,"late":{{"1":[[31,32],[34,34]]}},"version":"ab12","digest":"{digest}","records":16}}"#
            )
        );
    }

    #[test]
    fn refuses_newer_and_foreign_records() {
        assert_eq!(Progress::decode(br#"{"format":2,"x":1}"#), Err(ProgressError::Newer(2)));
        for value in [&b""[..], b"{}", b"null", br#"{"format":1}"#, b"\xff"] {
            assert!(
                matches!(Progress::decode(value), Err(ProgressError::Unreadable(_))),
                "{value:?}"
            );
        }
    }
}
