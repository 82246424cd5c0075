//! What makes two versions of a row the same, and which record brought a content first.

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
    buffer: &mut Vec<u8>,
) -> u64 {
    buffer.clear();
    for value in fields {
        buffer.extend_from_slice(&bits(value).to_le_bytes());
    }
    for (check, detail) in failures {
        buffer.extend_from_slice(&check.to_le_bytes());
        part(buffer, Some(detail.as_bytes()));
    }
    if let Some(record) = original {
        part(buffer, record.key.as_deref());
        part(buffer, record.value.as_deref());
        for (name, value) in &record.headers {
            part(buffer, Some(name.as_bytes()));
            part(buffer, Some(value));
        }
    }
    xxh3_64(buffer)
}

/// Appends bytes so that what follows cannot be taken for a part of them.
fn part(buffer: &mut Vec<u8>, bytes: Option<&[u8]>) {
    let length = bytes.map_or(u64::MAX, |bytes| bytes.len() as u64);
    buffer.extend_from_slice(&length.to_le_bytes());
    buffer.extend_from_slice(bytes.unwrap_or_default());
}

/// Contents that a row had or has in other versions than those that stand, with the record that
/// brought each first: 32 bytes per content.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen(Vec<(u64, Coordinates)>);

impl Seen {
    /// Another version with a content.
    pub(super) fn remember(&mut self, content: u64, at: Coordinates) {
        match self.0.iter_mut().find(|(known, _)| *known == content) {
            Some((_, first)) => *first = earlier(*first, at),
            None => self.0.push((content, at)),
        }
    }

    /// The record that brought a content first, given the one of a version that now stands, which
    /// keeps it from here on.
    pub(super) fn take(&mut self, content: u64, at: Coordinates) -> Coordinates {
        match self.0.iter().position(|(known, _)| *known == content) {
            Some(place) => earlier(self.0.swap_remove(place).1, at),
            None => at,
        }
    }
}
