//! Input records as they came, before anything was read out of them.

use serde::{Deserialize, Serialize};

use super::Coordinates;

/// Records of one partition in one block of memory, in the order of their offsets.
#[derive(Clone, Debug, Default)]
pub struct RawBatch {
    /// The partition all records come from.
    pub partition: i32,
    entries: Vec<Entry>,
    bytes: Vec<u8>,
}

#[derive(Clone, Debug)]
struct Entry {
    offset: i64,
    arrival_ms: i64,
    key: Option<(usize, usize)>,
    value: Option<(usize, usize)>,
    headers: Vec<(String, Vec<u8>)>,
}

/// One record of a [`RawBatch`], borrowed.
#[derive(Clone, Copy, Debug)]
pub struct RawView<'a> {
    /// Offset in the partition.
    pub offset: i64,
    /// The broker's timestamp in milliseconds since the Unix epoch.
    pub arrival_ms: i64,
    /// The record's key.
    pub key: Option<&'a [u8]>,
    /// The record's value; none is a tombstone.
    pub value: Option<&'a [u8]>,
    /// The record's headers in order.
    pub headers: &'a [(String, Vec<u8>)],
}

/// One record as it came, owned: what dead letters and quarantined rows keep.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RawRecord {
    /// The record's key.
    pub key: Option<Vec<u8>>,
    /// The record's value; none is a tombstone.
    pub value: Option<Vec<u8>>,
    /// The record's headers in order.
    pub headers: Vec<(String, Vec<u8>)>,
}

impl RawBatch {
    /// An empty batch of `partition`.
    pub fn new(partition: i32) -> RawBatch {
        RawBatch { partition, ..RawBatch::default() }
    }

    /// Appends a copy of a record.
    pub fn push(&mut self, record: RawView<'_>) {
        let mut store = |bytes: &[u8]| {
            let start = self.bytes.len();
            self.bytes.extend_from_slice(bytes);
            (start, self.bytes.len())
        };
        let key = record.key.map(&mut store);
        let value = record.value.map(&mut store);
        self.entries.push(Entry {
            offset: record.offset,
            arrival_ms: record.arrival_ms,
            key,
            value,
            headers: record.headers.to_vec(),
        });
    }

    /// The record at `index`.
    pub fn get(&self, index: usize) -> RawView<'_> {
        let entry = &self.entries[index];
        let slice = |(start, end): (usize, usize)| &self.bytes[start..end];
        RawView {
            offset: entry.offset,
            arrival_ms: entry.arrival_ms,
            key: entry.key.map(slice),
            value: entry.value.map(slice),
            headers: &entry.headers,
        }
    }

    /// The records in order.
    pub fn iter(&self) -> impl Iterator<Item = RawView<'_>> {
        (0..self.entries.len()).map(|index| self.get(index))
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes of keys and values held.
    pub fn byte_len(&self) -> usize {
        self.bytes.len()
    }
}

impl RawView<'_> {
    /// Where the record stands, given the partition of its batch.
    pub fn coordinates(&self, partition: i32) -> Coordinates {
        Coordinates { partition, offset: self.offset, arrival_ms: self.arrival_ms }
    }

    /// An owned copy.
    pub fn to_record(self) -> RawRecord {
        RawRecord {
            key: self.key.map(<[u8]>::to_vec),
            value: self.value.map(<[u8]>::to_vec),
            headers: self.headers.to_vec(),
        }
    }
}
