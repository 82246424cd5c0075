//! The books of a run: collects what the workers put out, epoch by epoch, and says what the next
//! commit holds. Pure; the delivery thread does the waiting.

use std::collections::BTreeMap;

use crate::dataflow::Fact;
use crate::dataflow::operators::Epoch;
use crate::dataflow::sinks::Progress;
use crate::model::{Digest, Record};

/// From the workers to the delivery.
#[derive(Debug)]
pub(super) enum Message {
    /// Encoded records of one output in a complete epoch, in order.
    Records(Epoch, Vec<Record>),
    /// A fact for the progress record.
    Fact(Epoch, Fact),
    /// All epochs below are complete; none when the input has ended.
    Through(Option<Epoch>),
    /// A worker cannot go on; the text says why.
    Broken(String),
}

/// What one commit holds.
#[derive(Debug)]
pub(super) struct Batch {
    /// Records in the order of their epochs.
    pub(super) records: Vec<Vec<Record>>,
    /// The record of how far this comes.
    pub(super) progress: Progress,
    /// Broker timestamps of the input records in it, as (milliseconds, records) runs.
    pub(super) arrivals_ms: Vec<(i64, u32)>,
    /// All epochs below are in this or an earlier commit.
    pub(super) through: Epoch,
}

/// A replay that came to another result than what was committed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "replaying the input up to the committed offsets gives other outputs than were committed \
     (digest {found}, the progress record of epoch {epoch} says {expected}): the input topic lost \
     or changed records, or this version of the program computes other values; start with a new \
     pipeline name or delete the progress record to begin anew"
)]
pub(super) struct Diverged {
    /// Epoch of the progress record.
    pub(super) epoch: u64,
    /// Digest of the record.
    pub(super) expected: Digest,
    /// Digest of the replay.
    pub(super) found: Digest,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Books {
    /// What the newest commit said, or would say had there been one.
    progress: Progress,
    /// The progress record that a replay must come to, until it has.
    expected: Option<Progress>,
    /// Added to the epochs of this run.
    base: u64,
    epochs: BTreeMap<Epoch, Entry>,
    /// All epochs below are complete.
    complete: Epoch,
    ended: bool,
    broken: Option<String>,
}

#[derive(Debug, Default)]
struct Entry {
    records: Vec<Vec<Record>>,
    facts: Vec<Fact>,
}

impl Books {
    /// Opens the books of a run: after `recorded`, or for the first time with `first`.
    pub(super) fn new(mut recorded: Option<Progress>, first: Progress) -> Books {
        if let Some(recorded) = &mut recorded {
            // Partitions that came later begin where this run begins to read them.
            for (partition, at) in &first.start {
                recorded.start.entry(*partition).or_insert(*at);
                recorded.offsets.entry(*partition).or_insert(*at);
            }
        }
        // Also when everything is written anew: `revision` must grow.
        let base = recorded.as_ref().map_or(first.epoch, |progress| progress.epoch) + 1;
        let progress = match &recorded {
            Some(recorded) => Progress { digest: Digest::default(), ..recorded.clone() },
            None => first,
        };
        let expected = recorded;
        Books {
            progress,
            expected,
            base,
            epochs: BTreeMap::new(),
            complete: 0,
            ended: false,
            broken: None,
        }
    }

    /// The durable number of epoch 0 of this run.
    pub(super) fn base(&self) -> u64 {
        self.base
    }

    /// Takes in a message.
    pub(super) fn take(&mut self, message: Message) {
        match message {
            Message::Records(epoch, records) => {
                self.epochs.entry(epoch).or_default().records.push(records);
            }
            Message::Fact(epoch, fact) => self.epochs.entry(epoch).or_default().facts.push(fact),
            Message::Broken(cause) => self.broken = Some(cause),
            Message::Through(Some(epoch)) => self.complete = self.complete.max(epoch),
            Message::Through(None) => {
                self.ended = true;
                let last = self.epochs.last_key_value().map_or(0, |(epoch, _)| epoch + 1);
                self.complete = self.complete.max(last);
            }
        }
    }

    /// Why a worker cannot go on, if one cannot.
    pub(super) fn broken(&self) -> Option<&str> {
        self.broken.as_deref()
    }

    /// Whether the input has ended.
    pub(super) fn ended(&self) -> bool {
        self.ended
    }

    /// Whether the input has ended and everything is in a batch.
    pub(super) fn finished(&self) -> bool {
        self.ended && self.epochs.is_empty()
    }

    /// Whether this run is still replaying what an earlier one committed.
    pub(super) fn replaying(&self) -> bool {
        self.expected.is_some()
    }

    /// Works off the complete epochs of a replay: counts their outputs into the digest and drops
    /// them. Returns the epoch below which all is worked off; an error when the replay ends with
    /// another digest than was committed.
    pub(super) fn replay(&mut self) -> Result<Epoch, Diverged> {
        while let Some(epoch) = self.first_complete() {
            if !self.replaying() {
                return Ok(epoch);
            }
            let entry = self.epochs.remove(&epoch).unwrap_or_default();
            let resumed =
                entry.facts.iter().any(|fact| matches!(fact, Fact::Clock(c) if c.resumed));
            for record in entry.records.iter().flatten() {
                self.progress.digest += record.digest;
            }
            if resumed && let Some(expected) = self.expected.take() {
                if expected.digest != self.progress.digest {
                    return Err(Diverged {
                        epoch: expected.epoch,
                        expected: expected.digest,
                        found: self.progress.digest,
                    });
                }
                self.progress = expected;
            }
        }
        Ok(self.complete)
    }

    /// Everything complete that is not yet in a batch; none if that changes nothing that others
    /// can see. Epochs that are none are worked off.
    pub(super) fn batch(&mut self) -> Option<Batch> {
        let mut batch = Batch {
            records: Vec::new(),
            progress: self.progress.clone(),
            arrivals_ms: Vec::new(),
            through: self.complete,
        };
        let mut moved = false;
        while let Some(epoch) = self.first_complete() {
            let Entry { mut records, facts } = self.epochs.remove(&epoch).unwrap_or_default();
            for record in records.iter().flatten() {
                batch.progress.digest += record.digest;
            }
            batch.progress.epoch = self.base + epoch;
            batch.records.append(&mut records);
            for fact in facts {
                moved |= note(fact, &mut batch);
            }
        }
        self.progress = batch.progress.clone();
        (moved || !batch.records.is_empty()).then_some(batch)
    }

    /// Whether the next batch would hold no record: only that the input was read further.
    pub(super) fn silent(&self) -> bool {
        self.epochs.range(..self.complete).all(|(_, e)| e.records.iter().all(Vec::is_empty))
    }

    fn first_complete(&self) -> Option<Epoch> {
        let (epoch, _) = self.epochs.first_key_value()?;
        (*epoch < self.complete).then_some(*epoch)
    }

    /// All epochs below this are complete.
    pub(super) fn complete(&self) -> Epoch {
        self.complete
    }
}

/// Writes a fact into a batch. True when it must not be lost even if there is no output.
fn note(fact: Fact, batch: &mut Batch) -> bool {
    let progress = &mut batch.progress;
    match fact {
        Fact::Position(position) => {
            let read: u64 =
                position.arrivals_ms.iter().map(|(_, records)| u64::from(*records)).sum();
            progress.records += read;
            batch.arrivals_ms.extend(position.arrivals_ms);
            let old = progress.offsets.insert(position.partition, position.next);
            let start = progress.start.entry(position.partition).or_insert(position.next);
            old != Some(position.next) && *start != position.next
        }
        Fact::Clock(clock) => {
            progress.clock_ms = clock.now_ms;
            false
        }
        Fact::ClosedThrough(time) => {
            let moved = progress.closed_through.is_none_or(|old| old < time);
            progress.closed_through = progress.closed_through.max(Some(time));
            moved
        }
        Fact::Late(ranges) => {
            progress.late.extend(ranges);
            true
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataflow::Clock;
    use crate::model::{LateRange, OutputKind, Position, Time};

    fn record(key: &str) -> Record {
        Record {
            output: OutputKind::Factors,
            key: Some(key.as_bytes().to_vec()),
            value: None,
            headers: Vec::new(),
            digest: Digest::of("factors", key.as_bytes(), b""),
        }
    }

    fn sum(keys: &[&str]) -> Digest {
        let mut sum = Digest::default();
        keys.iter().for_each(|key| sum += record(key).digest);
        sum
    }

    fn position(next: i64) -> Fact {
        Fact::Position(Position { partition: 0, next, arrivals_ms: vec![(5, 2)] })
    }

    fn clock(resumed: bool) -> Fact {
        Fact::Clock(Clock { now_ms: 9, settled: resumed, resumed })
    }

    #[test]
    fn a_batch_holds_complete_epochs_in_order_and_nothing_else() {
        let mut books = Books::new(None, Progress::default());
        books.take(Message::Records(1, vec![record("b")]));
        books.take(Message::Records(0, vec![record("a")]));
        books.take(Message::Records(2, vec![record("c")]));
        books.take(Message::Fact(1, position(7)));
        assert!(books.batch().is_none(), "nothing is complete");
        assert!(books.silent());
        books.take(Message::Through(Some(2)));
        assert!(!books.silent());
        let batch = books.batch().unwrap();
        let keys: Vec<_> = batch.records.iter().flatten().map(|r| r.key.clone().unwrap()).collect();
        assert_eq!(keys, [b"a".to_vec(), b"b".to_vec()]);
        assert_eq!((batch.through, batch.progress.epoch), (2, 2));
        assert_eq!(batch.progress.offsets.get(&0), Some(&7));
        assert_eq!((batch.progress.records, batch.arrivals_ms), (2, vec![(5, 2)]));
        assert_eq!(batch.progress.digest, sum(&["a", "b"]));
        books.take(Message::Through(None));
        assert_eq!(books.batch().unwrap().progress.digest, sum(&["a", "b", "c"]));
        assert!(books.finished());
    }

    #[test]
    fn what_nobody_can_see_is_no_commit_and_is_not_lost() {
        let mut books = Books::new(None, Progress::default());
        books.take(Message::Fact(0, clock(false)));
        books.take(Message::Fact(0, Fact::ClosedThrough(Time::from_nanos(4))));
        books.take(Message::Through(Some(1)));
        assert!(books.batch().is_some(), "a time closed");
        books.take(Message::Fact(1, clock(false)));
        books.take(Message::Through(Some(2)));
        assert!(books.batch().is_none(), "only the clock went on");
        let late = LateRange { partition: 0, first: 3, last: 4 };
        books.take(Message::Fact(2, Fact::Late(vec![late])));
        books.take(Message::Through(Some(3)));
        let progress = books.batch().unwrap().progress;
        assert_eq!(progress.late.iter().collect::<Vec<_>>(), [late]);
        assert_eq!((progress.clock_ms, progress.closed_through), (9, Some(Time::from_nanos(4))));
    }

    #[test]
    fn a_partition_that_came_later_begins_where_it_was_begun() {
        let first = Progress { start: [(0, 3), (1, 5)].into(), ..Progress::default() };
        let mut books = Books::new(Some(recorded()), first);
        books.take(Message::Records(0, vec![record("a"), record("b")]));
        books.take(Message::Fact(0, clock(true)));
        let read = Position { partition: 1, next: 9, arrivals_ms: vec![(5, 4)] };
        books.take(Message::Fact(1, Fact::Position(read)));
        books.take(Message::Through(Some(2)));
        assert_eq!(books.replay(), Ok(1));
        let progress = books.batch().unwrap().progress;
        assert_eq!((progress.start[&1], progress.offsets[&1], progress.records), (5, 9, 6));
    }

    fn recorded() -> Progress {
        Progress { epoch: 40, digest: sum(&["a", "b"]), records: 2, ..Progress::default() }
    }

    #[test]
    fn a_replay_in_other_steps_comes_to_the_same() {
        let mut books = Books::new(Some(recorded()), Progress::default());
        assert_eq!(books.base(), 41);
        books.take(Message::Records(0, vec![record("b"), record("x")]));
        let mut gone = record("x");
        gone.digest = gone.digest.retracted();
        books.take(Message::Records(1, vec![gone]));
        books.take(Message::Through(Some(2)));
        assert_eq!(books.replay(), Ok(2));
        assert!(books.replaying());
        books.take(Message::Records(2, vec![record("a")]));
        books.take(Message::Fact(2, clock(true)));
        books.take(Message::Records(3, vec![record("new")]));
        books.take(Message::Through(Some(4)));
        assert_eq!(books.replay(), Ok(3), "the first epoch of its own is kept");
        assert!(!books.replaying());
        let batch = books.batch().unwrap();
        assert_eq!(batch.records.iter().flatten().count(), 1);
        assert_eq!((batch.progress.epoch, batch.progress.records), (44, 2));
        assert_eq!(batch.progress.digest, sum(&["a", "b", "new"]));
    }

    #[test]
    fn a_replay_that_comes_to_something_else_is_an_error() {
        let mut books = Books::new(Some(recorded()), Progress::default());
        books.take(Message::Records(0, vec![record("a")]));
        books.take(Message::Fact(0, clock(true)));
        books.take(Message::Through(Some(1)));
        let diverged = books.replay().unwrap_err();
        assert_eq!((diverged.epoch, diverged.found), (40, sum(&["a"])));
    }
}
