//! Which records were judged late: decisions that a restart must repeat.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Offsets of one partition whose rows were late. There may be gaps and unreadable records in
/// between, but no row that was in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LateRange {
    /// Partition of the source's topic.
    pub partition: i32,
    /// Offset of the first late row.
    pub first: i64,
    /// Offset of the last late row.
    pub last: i64,
}

/// All late decisions of a pipeline: what a progress record keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LateRanges(BTreeMap<i32, Vec<(i64, i64)>>);

impl LateRanges {
    /// Adds decisions, those of one partition in the order in which they were made. A range that
    /// begins like the last known one is that one, grown in the meantime.
    pub fn extend(&mut self, ranges: impl IntoIterator<Item = LateRange>) {
        for LateRange { partition, first, last } in ranges {
            let known = self.0.entry(partition).or_default();
            match known.last_mut() {
                Some(newest) if newest.0 == first => newest.1 = newest.1.max(last),
                _ => known.push((first, last)),
            }
        }
    }

    /// Whether the row at an offset was late.
    pub fn contains(&self, partition: i32, offset: i64) -> bool {
        let Some(ranges) = self.0.get(&partition) else { return false };
        let after = ranges.partition_point(|(first, _)| *first <= offset);
        ranges[..after].last().is_some_and(|(_, last)| offset <= *last)
    }

    /// All ranges, by partition and offset.
    pub fn iter(&self) -> impl Iterator<Item = LateRange> {
        self.0.iter().flat_map(|(partition, ranges)| {
            let partition = *partition;
            ranges.iter().map(move |(first, last)| LateRange {
                partition,
                first: *first,
                last: *last,
            })
        })
    }

    /// Whether nothing was late.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<LateRange> for LateRanges {
    fn from_iter<I: IntoIterator<Item = LateRange>>(ranges: I) -> LateRanges {
        let mut all = LateRanges::default();
        all.extend(ranges);
        all
    }
}
