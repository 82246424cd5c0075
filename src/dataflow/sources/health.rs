//! Whether a Kafka source can go on: what polls and a slow probe of the brokers found out.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, Sender, bounded};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;

use super::{SourceError, Waker};
use crate::dataflow::kafka::{Context, Fault, classify, code_of};

/// Time between two probes.
const INTERVAL: Duration = Duration::from_millis(1000);
/// How long a probe waits for an answer.
const PATIENCE: Duration = Duration::from_millis(3000);
/// How many probes in a row must find the end before our position. One alone may be a new leader
/// that has not caught up.
const BEHIND: u32 = 3;

/// Every how many probes the number of partitions is looked at.
const COUNT_EVERY: u32 = 5;

/// The condition of a source.
#[derive(Debug, Default)]
pub(super) struct Health {
    /// Saves the lock in the usual case.
    troubled: AtomicBool,
    condition: Mutex<Condition>,
}

#[derive(Debug, Default)]
struct Condition {
    parked: Option<String>,
    failed: Option<String>,
}

impl Health {
    fn change(&self, change: impl FnOnce(&mut Condition)) {
        let mut condition = self.condition.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut condition);
        let troubled = condition.parked.is_some() || condition.failed.is_some();
        self.troubled.store(troubled, Ordering::Release);
    }

    fn look(&self, at: impl FnOnce(&Condition) -> Option<String>) -> Option<String> {
        if !self.troubled.load(Ordering::Acquire) {
            return None;
        }
        at(&self.condition.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn park(&self, cause: String) {
        self.change(|condition| condition.parked = Some(cause));
    }

    pub(super) fn unpark(&self) {
        if self.troubled.load(Ordering::Acquire) {
            self.change(|condition| condition.parked = None);
        }
    }

    /// The first failure stays: what follows is often its consequence.
    pub(super) fn fail(&self, cause: String) {
        self.change(|condition| {
            condition.failed.get_or_insert(cause);
        });
    }

    pub(super) fn parked(&self) -> Option<String> {
        self.look(|condition| condition.parked.clone())
    }

    pub(super) fn failed(&self) -> Option<String> {
        self.look(|condition| condition.failed.clone())
    }
}

/// A partition that the probe looks at.
pub(super) struct Watched {
    id: i32,
    next: Arc<AtomicI64>,
    behind: u32,
}

impl Watched {
    pub(super) fn new(id: i32, next: Arc<AtomicI64>) -> Watched {
        Watched { id, next, behind: 0 }
    }

    /// Judges the offsets a partition holds; the text of a failure.
    fn judge(&mut self, topic: &str, next: i64, low: i64, high: i64) -> Option<String> {
        self.behind = if high < next { self.behind + 1 } else { 0 };
        (self.behind >= BEHIND).then(|| {
            format!(
                "{topic}/{} ends at offset {high} but was read up to {next} (it holds {low} to \
                 {high}): the topic was made anew or lost records; start a new pipeline name, or \
                 remove the progress record, to read it from its beginning",
                self.id
            )
        })
    }
}

/// Asks the brokers about the partitions every second on a thread of its own, so that an outage
/// is seen when no record flows, and a topic that was made anew is noticed.
pub(super) struct Probe {
    // Ends the thread when dropped; the thread may take as long as one request to see it.
    _stop: Sender<()>,
}

impl Probe {
    pub(super) fn start(
        consumer: Arc<BaseConsumer<Context>>,
        topic: String,
        brokers: String,
        count: usize,
        watched: Vec<Watched>,
        health: Arc<Health>,
        waker: Waker,
    ) -> Result<Probe, SourceError> {
        let (stop, stopped) = bounded::<()>(0);
        let mut prober = Prober { consumer, topic, brokers, watched, rounds: 0, count };
        std::thread::Builder::new()
            .name("kafka-probe".to_owned())
            .spawn(move || {
                while stopped.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                    let before = (health.parked(), health.failed());
                    match prober.round() {
                        Ok(None) => health.unpark(),
                        Ok(Some(failure)) => health.fail(failure),
                        Err(cause) => health.park(cause),
                    }
                    if before != (health.parked(), health.failed()) {
                        waker();
                    }
                }
            })
            .map_err(|error| SourceError(format!("no thread to probe Kafka: {error}")))?;
        Ok(Probe { _stop: stop })
    }
}

struct Prober {
    consumer: Arc<BaseConsumer<Context>>,
    topic: String,
    brokers: String,
    watched: Vec<Watched>,
    rounds: u32,
    /// Partitions of the topic that someone reads, ours and those of other workers.
    count: usize,
}

impl Prober {
    /// Looks at all partitions: none if all is well, the text of a failure, or why it must wait.
    fn round(&mut self) -> Result<Option<String>, String> {
        for partition in &mut self.watched {
            // Before asking: the position may only grow meanwhile.
            let next = partition.next.load(Ordering::Relaxed);
            let (low, high) =
                self.consumer
                    .fetch_watermarks(&self.topic, partition.id, PATIENCE)
                    .map_err(|error| cause(&self.topic, partition.id, &self.brokers, &error))?;
            if let Some(failure) = partition.judge(&self.topic, next, low, high) {
                return Ok(Some(failure));
            }
        }
        self.rounds = self.rounds.wrapping_add(1);
        if self.rounds % COUNT_EVERY != 1 {
            return Ok(None);
        }
        let Ok(metadata) = self.consumer.fetch_metadata(Some(&self.topic), PATIENCE) else {
            return Ok(None);
        };
        let found = metadata.topics().iter().find(|found| found.name() == self.topic);
        Ok(found.and_then(|found| grown(&self.topic, self.count, found.partitions().len())))
    }
}

/// Rows in partitions that nobody reads must not be missed silently.
fn grown(topic: &str, read: usize, found: usize) -> Option<String> {
    (found > read)
        .then(|| format!("topic {topic} has {found} partitions now, only {read} are read: restart"))
}

fn cause(topic: &str, partition: i32, brokers: &str, error: &KafkaError) -> String {
    match code_of(error).map_or(Fault::Other, classify) {
        Fault::Transient => format!("no answer from the brokers at {brokers}: {error}"),
        Fault::UnknownTopic => {
            format!("{topic}/{partition} does not exist on {brokers}: create the topic")
        }
        Fault::Authorisation => {
            format!("reading {topic}/{partition} is not allowed: {error}")
        }
        _ => format!("asking for the end of {topic}/{partition}: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parks_and_goes_on_but_stays_failed() {
        let health = Health::default();
        assert_eq!((health.parked(), health.failed()), (None, None));
        health.park("away".to_owned());
        assert_eq!(health.parked().as_deref(), Some("away"));
        health.unpark();
        assert_eq!(health.parked(), None);
        health.fail("first".to_owned());
        health.fail("second".to_owned());
        health.unpark();
        assert_eq!(health.failed().as_deref(), Some("first"));
    }

    #[test]
    fn an_end_before_the_position_counts_only_when_it_stays() {
        let mut watched = Watched::new(3, Arc::new(AtomicI64::new(10)));
        assert_eq!(watched.judge("t", 10, 0, 9), None);
        assert_eq!(watched.judge("t", 10, 0, 10), None);
        assert_eq!(watched.judge("t", 10, 0, 9), None);
        assert_eq!(watched.judge("t", 10, 0, 9), None);
        let text = watched.judge("t", 10, 0, 9).expect("three times in a row");
        assert!(text.contains("t/3 ends at offset 9 but was read up to 10"), "{text}");
    }

    #[test]
    fn new_partitions_are_noticed() {
        assert_eq!(grown("t", 2, 2), None);
        // Right after a topic was deleted.
        assert_eq!(grown("t", 2, 0), None);
        let text = grown("t", 2, 3).expect("one more");
        assert!(text.contains("3 partitions now, only 2"), "{text}");
    }
}
