//! Late or not: decided once, recorded, and decided the same way when the input is read again.

use std::collections::BTreeMap;

use crate::model::{Because, LateRange, LateRanges, Quarantined, RawBatch, RowBatch, Time};

/// Takes late rows out of batches. One per worker, for the partitions that it reads.
#[derive(Clone, Debug, Default)]
pub struct Admission {
    /// Decisions of an earlier run, and for each partition the offset up to which they count.
    replay: Option<(LateRanges, BTreeMap<i32, i64>)>,
    /// The range that a further late row of the partition would go on with.
    current: BTreeMap<i32, LateRange>,
    /// Decisions since the last [`Admission::take_ranges`].
    made: Vec<LateRange>,
    late: u64,
}

impl Admission {
    /// Admission that decides by the horizon alone.
    pub fn new() -> Admission {
        Admission::default()
    }

    /// Admission after a restart: for offsets before `next` of their partition it repeats the
    /// recorded decisions, after that it decides by the horizon.
    pub fn replaying(recorded: LateRanges, next: BTreeMap<i32, i64>) -> Admission {
        Admission { replay: Some((recorded, next)), ..Admission::default() }
    }

    /// Takes the rows that are late out of `rows` and `raw_index` (the number of each row's record
    /// in `raw`) and returns them as facts for the quarantine. Late is what is before `horizon`.
    pub fn admit(
        &mut self,
        rows: &mut RowBatch,
        raw_index: &mut Vec<u32>,
        raw: &RawBatch,
        horizon: Time,
    ) -> Vec<Quarantined> {
        let partition = rows.partition;
        let recorded_before = self
            .replay
            .as_ref()
            .and_then(|(_, next)| next.get(&partition).copied())
            .unwrap_or(i64::MIN);
        let mut late: Vec<usize> = Vec::new();
        for (row, (time, offset)) in rows.times.iter().zip(&rows.offsets).enumerate() {
            if *offset < recorded_before {
                let recorded = self.replay.as_ref().map(|(recorded, _)| recorded);
                if recorded.is_some_and(|recorded| recorded.contains(partition, *offset)) {
                    late.push(row);
                }
            } else if *time < horizon {
                late.push(row);
                self.note(partition, *offset);
            } else {
                self.current.remove(&partition);
            }
        }
        if late.is_empty() {
            return Vec::new();
        }
        self.late += late.len() as u64;
        let facts = late.iter().map(|row| fact(rows, *row, raw_index, raw)).collect();
        let mut kept = 0..rows.len();
        let is_late = |row: usize| late.binary_search(&row).is_ok();
        raw_index.retain(|_| kept.next().is_some_and(|row| !is_late(row)));
        rows.remove(&late);
        facts
    }

    fn note(&mut self, partition: i32, offset: i64) {
        let range = self.current.entry(partition).or_insert(LateRange {
            partition,
            first: offset,
            last: offset,
        });
        range.last = offset;
        let grown = *range;
        match self.made.iter_mut().rev().find(|made| made.partition == partition) {
            Some(made) if made.first == grown.first => *made = grown,
            _ => self.made.push(grown),
        }
    }

    /// The decisions since the last call, for [`LateRanges::extend`]. A range that goes on is given
    /// again, longer.
    pub fn take_ranges(&mut self) -> Vec<LateRange> {
        std::mem::take(&mut self.made)
    }

    /// How many rows were late so far, those of a replay included.
    pub fn late(&self) -> u64 {
        self.late
    }
}

fn fact(rows: &RowBatch, row: usize, raw_index: &[u32], raw: &RawBatch) -> Quarantined {
    let original =
        raw_index.get(row).map(|index| raw.get(*index as usize).to_record()).unwrap_or_default();
    Quarantined {
        symbol: rows.symbols[row],
        time: rows.times[row],
        coordinates: rows.coordinates(row),
        original,
        because: Because::Late,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{RawView, SymbolId};

    fn batch(partition: i32, rows: &[(i64, i64)]) -> (RowBatch, Vec<u32>, RawBatch) {
        let (mut batch, mut raw) = (RowBatch::new(partition, 1), RawBatch::new(partition));
        for (offset, time) in rows {
            let value = offset.to_string();
            raw.push(RawView {
                offset: *offset,
                arrival_ms: 0,
                key: None,
                value: Some(value.as_bytes()),
                headers: &[],
            });
            batch.offsets.push(*offset);
            batch.arrivals_ms.push(0);
            batch.revisions.push(0);
            batch.symbols.push(SymbolId(0));
            batch.times.push(Time::from_nanos(*time));
            batch.deleted.push(false);
            batch.violations.push(0);
            batch.columns[0].push(*offset as f64);
        }
        let index = (0..rows.len() as u32).collect();
        (batch, index, raw)
    }

    #[test]
    fn late_rows_leave_the_batch_with_their_original() {
        let (mut rows, mut index, raw) = batch(4, &[(7, 10), (8, 5), (10, 9), (11, 20), (12, 1)]);
        let mut admission = Admission::new();
        let late = admission.admit(&mut rows, &mut index, &raw, Time::from_nanos(10));
        assert_eq!((&rows.offsets[..], &index[..]), (&[7, 11][..], &[0, 3][..]));
        assert_eq!(rows.columns[0], [7.0, 11.0]);
        let originals: Vec<_> = late.iter().map(|fact| fact.original.value.clone()).collect();
        assert_eq!(originals, [b"8".to_vec(), b"10".to_vec(), b"12".to_vec()].map(Some));
        assert!(late.iter().all(|fact| fact.because == Because::Late));
        let range = |first, last| LateRange { partition: 4, first, last };
        assert_eq!(admission.take_ranges(), [range(8, 10), range(12, 12)]);
        assert_eq!((admission.take_ranges().len(), admission.late()), (0, 3));
    }

    proptest! {
        #[test]
        fn a_replay_decides_as_the_first_run_did(
            stream in proptest::collection::vec((0..2, 0..20_i64, 0..3_i64), 0..60),
            steps in proptest::collection::vec((1..5_usize, 0..20_i64), 1..20),
            commits in proptest::collection::vec(any::<bool>(), 20),
            restart in any::<prop::sample::Index>(),
        ) {
            let mut offsets = [0_i64; 2];
            let stream: Vec<(i32, i64, i64)> = stream.into_iter().map(|(partition, time, gap)| {
                offsets[partition as usize] += 1 + gap;
                (partition, offsets[partition as usize], time)
            }).collect();
            let mut live = Admission::new();
            let mut ranges = LateRanges::default();
            let mut decided: Vec<(i32, i64)> = Vec::new();
            let (mut rest, mut step) = (&stream[..], 0);
            let mut horizons = vec![Time::MIN; 0];
            while !rest.is_empty() {
                let (size, horizon) = steps[step % steps.len()];
                let (now, later) = rest.split_at(size.min(rest.len()));
                rest = later;
                horizons.extend(now.iter().map(|_| Time::from_nanos(horizon)));
                for partition in 0..2 {
                    let part: Vec<(i64, i64)> = now.iter().filter(|row| row.0 == partition)
                        .map(|row| (row.1, row.2)).collect();
                    let (mut rows, mut index, raw) = batch(partition, &part);
                    let late = live.admit(&mut rows, &mut index, &raw, Time::from_nanos(horizon));
                    prop_assert_eq!(late.len() + rows.len(), part.len());
                    prop_assert_eq!(index.len(), rows.len());
                    decided.extend(late.iter().map(|fact| (partition, fact.coordinates.offset)));
                }
                if commits[step % commits.len()] {
                    ranges.extend(live.take_ranges());
                }
                step += 1;
            }
            ranges.extend(live.take_ranges());
            let expected: Vec<(i32, i64)> = {
                let mut all: Vec<_> = stream.iter().zip(&horizons)
                    .filter(|(row, horizon)| Time::from_nanos(row.2) < **horizon)
                    .map(|(row, _)| (row.0, row.1)).collect();
                all.sort_unstable();
                all
            };
            decided.sort_unstable();
            prop_assert_eq!(&decided, &expected);
            for (partition, offset, _) in &stream {
                prop_assert_eq!(ranges.contains(*partition, *offset),
                    expected.binary_search(&(*partition, *offset)).is_ok());
            }
            // Up to the restart the recorded decisions count, after it the horizon, here one that
            // makes everything late.
            let cut = restart.index(stream.len() + 1);
            let mut next = BTreeMap::new();
            for (partition, offset, _) in &stream[..cut] {
                next.insert(*partition, offset + 1);
            }
            let mut again = Admission::replaying(ranges.clone(), next.clone());
            for (partition, offset, time) in &stream {
                let (mut rows, mut index, raw) = batch(*partition, &[(*offset, *time)]);
                let late = again.admit(&mut rows, &mut index, &raw, Time::MAX).len() == 1;
                let replayed = next.get(partition).is_some_and(|next| offset < next);
                prop_assert_eq!(late, !replayed || ranges.contains(*partition, *offset));
            }
        }
    }
}
