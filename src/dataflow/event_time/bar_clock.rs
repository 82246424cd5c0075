//! How far a source is in event time: the watermark, and from where on rows may still change.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Mark, Span, Time};

/// Watermark and corrections horizon of one source, from the marks of its partitions. Neither ever
/// goes back. Both depend on the marks applied so far only, and applying the marks of one epoch in
/// another order leads to the same place.
#[derive(Clone, Debug)]
pub(super) struct BarClock {
    lateness: Span,
    corrections: usize,
    partitions: BTreeMap<i32, Partition>,
    watermark: Time,
    horizon: Time,
    /// Times seen that the watermark has not reached.
    open: BTreeSet<Time>,
    /// The newest closed times, at most `corrections`.
    closed: BTreeSet<Time>,
}

#[derive(Clone, Copy, Debug)]
struct Partition {
    newest: Time,
    idle: bool,
}

impl BarClock {
    /// A clock before the first mark. `lateness` is how long a time stays open after newer ones,
    /// `corrections` how many closed times may still change. A partition that was named by a mark
    /// without times holds the watermark back until it speaks or is idle.
    pub(super) fn new(lateness: Span, corrections: usize) -> BarClock {
        BarClock {
            lateness,
            corrections,
            partitions: BTreeMap::new(),
            watermark: Time::MIN,
            horizon: Time::MIN,
            open: BTreeSet::new(),
            closed: BTreeSet::new(),
        }
    }

    /// Takes in the marks of one epoch, in any order; a partition may have several.
    ///
    /// A time closes when every partition that is not idle has shown one that is newer by more than
    /// the lateness. If all are idle nothing more is expected: everything seen so far closes.
    pub(super) fn apply<'a>(&mut self, marks: impl IntoIterator<Item = &'a Mark>) {
        for mark in marks {
            let state = self
                .partitions
                .entry(mark.partition)
                .or_insert(Partition { newest: Time::MIN, idle: false });
            state.idle = mark.idle;
            if let Some(newest) = mark.times.iter().max() {
                state.newest = state.newest.max(*newest);
            }
            self.open.extend(mark.times.iter().filter(|time| **time >= self.horizon));
        }
        let active = self.partitions.values().filter(|state| !state.idle).map(|state| state.newest);
        let through = match active.min() {
            Some(newest) => newest.minus(self.lateness).minus(Span::from_nanos(1)),
            None => self.partitions.values().map(|state| state.newest).max().unwrap_or(Time::MIN),
        };
        self.close_through(through);
    }

    /// Moves the watermark to at least `time`, whatever the partitions say: after a replay, to
    /// where it was; at the end of a source that ends, to [`Time::MAX`].
    pub(super) fn close_through(&mut self, time: Time) {
        self.watermark = self.watermark.max(time);
        while let Some(first) = self.open.first().copied().filter(|time| *time <= self.watermark) {
            self.open.pop_first();
            self.closed.insert(first);
            if self.closed.len() > self.corrections {
                self.closed.pop_first();
            }
        }
        if self.corrections == 0 {
            if self.watermark > Time::MIN {
                self.horizon = self.watermark.plus(Span::from_nanos(1));
            }
        } else if self.closed.len() == self.corrections {
            self.horizon = self.closed.first().copied().unwrap_or(self.horizon).max(self.horizon);
        }
    }

    /// Times up to here, inclusive, are closed.
    pub(super) fn watermark(&self) -> Time {
        self.watermark
    }

    /// Rows of times before this are late: with N corrections, the N-th newest closed time that
    /// has rows, and [`Time::MIN`] until there are N; without corrections, just after the
    /// watermark.
    pub(super) fn horizon(&self) -> Time {
        self.horizon
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mark(partition: i32, times: &[i64], idle: bool) -> Mark {
        Mark { partition, times: times.iter().map(|t| Time::from_nanos(*t)).collect(), idle }
    }

    fn clock(corrections: usize, partitions: i32) -> BarClock {
        let mut clock = BarClock::new(Span::from_nanos(5), corrections);
        let silent: Vec<Mark> =
            (0..partitions).map(|partition| mark(partition, &[], false)).collect();
        clock.apply(&silent);
        clock
    }

    #[test]
    fn the_slowest_partition_holds_the_watermark_unless_it_is_idle() {
        let mut clock = clock(2, 3);
        clock.apply(&[mark(0, &[100], false), mark(1, &[50, 60], false)]);
        assert_eq!(clock.watermark(), Time::MIN, "partition 2 has not spoken");
        clock.apply(&[mark(2, &[], true)]);
        assert_eq!(clock.watermark(), Time::from_nanos(54));
        clock.apply(&[mark(1, &[], true)]);
        assert_eq!(clock.watermark(), Time::from_nanos(94));
        clock.apply(&[mark(2, &[70], false)]);
        assert_eq!(clock.watermark(), Time::from_nanos(94), "it never goes back");
        clock.apply(&[mark(0, &[], true), mark(2, &[], true)]);
        assert_eq!(clock.watermark(), Time::from_nanos(100));
    }

    #[test]
    fn when_all_are_idle_everything_seen_closes() {
        for order in [[0, 1], [1, 0]] {
            let mut clock = clock(0, 2);
            clock.apply(&[mark(0, &[100], false), mark(1, &[50], false)]);
            for partition in order {
                clock.apply(&[mark(partition, &[], true)]);
            }
            assert_eq!(clock.watermark(), Time::from_nanos(100));
        }
    }

    #[test]
    fn the_horizon_is_the_oldest_closed_time_that_may_change() {
        let mut clock = clock(2, 1);
        clock.apply(&[mark(0, &[10, 20], false)]);
        assert_eq!(clock.horizon(), Time::MIN, "one closed time, two may change");
        clock.apply(&[mark(0, &[30], false)]);
        assert_eq!(clock.horizon(), Time::from_nanos(10));
        clock.apply(&[mark(0, &[15], false)]);
        assert_eq!(clock.horizon(), Time::from_nanos(15), "a new closed time pushes one out");
        clock.apply(&[mark(0, &[12, 15], false)]);
        assert_eq!(clock.horizon(), Time::from_nanos(15));
        clock.close_through(Time::MAX);
        assert_eq!(clock.horizon(), Time::from_nanos(20));
    }

    #[test]
    fn without_corrections_what_is_closed_is_late() {
        let mut clock = clock(0, 1);
        assert_eq!(clock.horizon(), Time::MIN);
        clock.apply(&[mark(0, &[10, 20], false)]);
        assert_eq!(clock.watermark(), Time::from_nanos(14));
        assert_eq!(clock.horizon(), Time::from_nanos(15));
    }

    proptest! {
        #[test]
        fn equals_the_definition_computed_from_all_marks(
            corrections in 0..4_usize,
            epochs in proptest::collection::vec(
                proptest::collection::vec(
                    (0..3, proptest::collection::vec(0..40_i64, 0..4), any::<bool>()), 0..4),
                0..12),
            reversed in any::<bool>(),
        ) {
            let mut clock = clock(corrections, 2);
            let mut newest = BTreeMap::from([(0, (i64::MIN, false)), (1, (i64::MIN, false))]);
            let (mut watermark, mut horizon) = (i64::MIN, i64::MIN);
            let mut admitted: BTreeSet<i64> = BTreeSet::new();
            for epoch in epochs {
                let mut marks: Vec<Mark> = Vec::new();
                for (partition, times, idle) in epoch {
                    if marks.iter().all(|mark| mark.partition != partition) {
                        marks.push(mark(partition, &times, idle));
                    }
                }
                for mark in &marks {
                    let state = newest.entry(mark.partition).or_insert((i64::MIN, false));
                    let times = mark.times.iter().map(|time| time.nanos());
                    *state = (times.clone().fold(state.0, i64::max), mark.idle);
                    admitted.extend(times.filter(|time| *time >= horizon));
                }
                let active = newest.values().filter(|state| !state.1).map(|state| state.0).min();
                let through = match active {
                    Some(i64::MIN) => i64::MIN,
                    Some(slowest) => slowest - 6,
                    None => newest.values().map(|state| state.0).max().unwrap(),
                };
                watermark = watermark.max(through);
                let closed: Vec<i64> =
                    admitted.iter().copied().filter(|time| *time <= watermark).collect();
                if corrections == 0 && watermark > i64::MIN {
                    horizon = watermark + 1;
                } else if corrections > 0 && closed.len() >= corrections {
                    horizon = closed[closed.len() - corrections];
                }
                if reversed {
                    marks.reverse();
                }
                let before = (clock.watermark(), clock.horizon());
                clock.apply(&marks);
                prop_assert_eq!(clock.watermark(), Time::from_nanos(watermark));
                prop_assert_eq!(clock.horizon(), Time::from_nanos(horizon));
                prop_assert!(before <= (clock.watermark(), clock.horizon()));
                prop_assert!(before.1 <= clock.horizon());
            }
        }
    }
}
