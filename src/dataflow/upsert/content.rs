//! What makes two versions of a row the same, and which record brought a content first.

use rustc_hash::FxHashMap;
use xxhash_rust::xxh3::xxh3_64;

use crate::model::{Coordinates, RawRecord, RowBatch};

/// What was found in a row, as (number of the check, detail).
pub(super) type Details = Vec<(u16, String)>;

/// Place of a version among the versions of its row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version {
    revision: i64,
    offset: i64,
    partition: i32,
}

impl Version {
    pub(super) fn of(rows: &RowBatch, row: usize) -> Version {
        let (revision, offset) = (rows.revisions[row], rows.offsets[row]);
        Version { revision, offset, partition: rows.partition }
    }
}

/// The bits that are compared: all missing values are the same.
pub(super) fn bits(value: f64) -> u64 {
    if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() }
}

/// Whether two rows of fields have the same bits.
pub(super) fn same(one: &[f64], other: impl Iterator<Item = f64>) -> bool {
    one.iter().copied().map(bits).eq(other.map(bits))
}

/// The one of two records that came first.
pub(super) fn earlier(one: Coordinates, other: Coordinates) -> Coordinates {
    let order = |at: &Coordinates| (at.arrival_ms, at.offset, at.partition);
    if order(&other) < order(&one) { other } else { one }
}

/// Number of a content: its fields, what was found in it, and for rows that are kept out the
/// record itself. Two contents with the same number would share the record that findings name,
/// nothing else.
pub(super) fn number(
    fields: impl Iterator<Item = f64>,
    failures: &[(u16, String)],
    original: Option<&RawRecord>,
) -> u64 {
    let mut buffer = Vec::with_capacity(128);
    for value in fields {
        buffer.extend_from_slice(&bits(value).to_le_bytes());
    }
    for (check, detail) in failures {
        buffer.extend_from_slice(&check.to_le_bytes());
        part(&mut buffer, Some(detail.as_bytes()));
    }
    if let Some(record) = original {
        part(&mut buffer, record.key.as_deref());
        part(&mut buffer, record.value.as_deref());
        for (name, value) in &record.headers {
            part(&mut buffer, Some(name.as_bytes()));
            part(&mut buffer, Some(value));
        }
    }
    xxh3_64(&buffer)
}

/// Appends bytes so that what follows cannot be taken for a part of them.
fn part(buffer: &mut Vec<u8>, bytes: Option<&[u8]>) {
    let length = bytes.map_or(u64::MAX, |bytes| bytes.len() as u64);
    buffer.extend_from_slice(&length.to_le_bytes());
    buffer.extend_from_slice(bytes.unwrap_or_default());
}

/// The contents that the versions of a row have, with the record that brought each first. Only up
/// to a limit, so that a row that changes with every tick does not fill the memory: then it is
/// only known that there are more. How many there are is a function of the set of versions.
#[derive(Clone, Debug)]
pub(super) enum Seen {
    Few(FxHashMap<u64, Coordinates>),
    Many,
}

impl Default for Seen {
    fn default() -> Seen {
        Seen::Few(FxHashMap::default())
    }
}

impl Seen {
    /// A version with a content.
    pub(super) fn remember(&mut self, content: u64, at: Coordinates, limit: usize) {
        let Seen::Few(known) = self else { return };
        let first = known.entry(content).or_insert(at);
        *first = earlier(*first, at);
        if known.len() > limit {
            *self = Seen::Many;
        }
    }

    /// The record that brought a content first, as far as known.
    pub(super) fn first(&self, content: u64) -> Option<Coordinates> {
        match self {
            Seen::Few(known) => known.get(&content).copied(),
            Seen::Many => None,
        }
    }
}
