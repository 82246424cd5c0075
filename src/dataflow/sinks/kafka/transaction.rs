//! One transaction from begin to commit, and what its errors mean.

use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::util::Timeout;

use super::Targets;
use crate::dataflow::kafka::{Context, Fault, Undelivered, classify, code_of, native};
use crate::dataflow::sinks::{CommitStats, DeliveryError, Faults, Progress, Step};
use crate::model::Record;

/// Slices in which acknowledgements are waited for; waking up comes with the last one.
const SLICE: Duration = Duration::from_millis(50);
/// Longest wait for a place in a full queue before looking again.
const FULL: Duration = Duration::from_millis(5);

/// How long to look for the cause of a failure.
const CAUSE_PATIENCE: Duration = Duration::from_secs(2);

/// Where a transaction goes.
pub(super) struct Destination<'a> {
    pub(super) producer: &'a BaseProducer<Context>,
    pub(super) context: &'a Context,
    pub(super) targets: &'a Targets,
    /// Key of the progress record.
    pub(super) key: &'a [u8],
    /// After this the coordinator ends a transaction by itself.
    pub(super) timeout: Duration,
}

/// Why a transaction did not come to its commit.
enum Failure {
    /// One record, by its number.
    Record(usize, RDKafkaErrorCode),
    /// A call.
    Call(&'static str, KafkaError),
    /// Records stay unacknowledged.
    Stuck,
    /// A fault of a test, or a record that cannot be.
    Other(DeliveryError),
}

/// Writes all and commits. After `Retry` the producer is ready for the next transaction.
pub(super) fn write(
    to: &Destination<'_>,
    batches: &[Vec<Record>],
    progress: &Progress,
    faults: &mut dyn Faults,
) -> Result<CommitStats, DeliveryError> {
    let began = Instant::now();
    // Of an earlier transaction that was aborted.
    to.context.forget_undelivered();
    if let Err(error) = to.producer.begin_transaction() {
        return Err(to.hopeless("begin", &error, began));
    }
    let stats = match to.produce(batches, progress, began, faults) {
        Ok(stats) => stats,
        Err(failure) => return Err(to.abort(failure, batches, began)),
    };
    let acknowledged = Instant::now();
    // Nothing is in flight, so its flush returns at once. -1 = what is left of the transaction.
    if let Err(error) = to.producer.commit_transaction(Timeout::Never) {
        let abortable = matches!(&error, KafkaError::Transaction(e) if e.txn_requires_abort());
        return Err(if abortable {
            to.abort(Failure::Call("commit", error), batches, began)
        } else {
            to.hopeless("commit", &error, began)
        });
    }
    faults.at(Step::Committed)?;
    Ok(CommitStats { produce: acknowledged - began, commit: acknowledged.elapsed(), ..stats })
}

impl Destination<'_> {
    /// Hands over all records and waits until all are acknowledged.
    fn produce(
        &self,
        batches: &[Vec<Record>],
        progress: &Progress,
        began: Instant,
        faults: &mut dyn Faults,
    ) -> Result<CommitStats, Failure> {
        faults.at(Step::Began).map_err(Failure::Other)?;
        let total: usize = batches.iter().map(Vec::len).sum();
        let mut stats = CommitStats::default();
        for (number, record) in batches.iter().flatten().enumerate() {
            if number == total / 2 {
                faults.at(Step::Halfway).map_err(Failure::Other)?;
            }
            let topic = self.targets.topic(record.output).ok_or_else(|| {
                let output = record.output.name();
                let text =
                    format!("a record for output {output}, which the pipeline does not have");
                Failure::Other(DeliveryError::Fatal(text))
            })?;
            let (key, value) = (record.key.as_deref(), record.value.as_deref());
            self.send(topic, key, value, &record.headers, number, began)?;
            stats.records += 1;
            let bytes = key.map_or(0, <[u8]>::len) + value.map_or(0, <[u8]>::len);
            stats.bytes += bytes as u64;
        }
        let value = progress
            .encode()
            .map_err(|error| Failure::Other(DeliveryError::Fatal(error.to_string())))?;
        self.send(&self.targets.progress, Some(self.key), Some(&value), &[], total, began)?;
        faults.at(Step::Produced).map_err(Failure::Other)?;
        self.wait_until_acknowledged(began)?;
        faults.at(Step::Acknowledged).map_err(Failure::Other)?;
        Ok(stats)
    }

    fn send(
        &self,
        topic: &str,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[(String, Vec<u8>)],
        number: usize,
        began: Instant,
    ) -> Result<(), Failure> {
        let mut record = BaseRecord::<[u8], [u8], usize>::with_opaque_to(topic, number);
        record.key = key;
        record.payload = value;
        if !headers.is_empty() {
            let owned = OwnedHeaders::new_with_capacity(headers.len());
            record.headers = Some(headers.iter().fold(owned, |owned, (key, value)| {
                owned.insert(Header { key, value: Some(value) })
            }));
        }
        loop {
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    record = back;
                    native::flush(self.producer.client(), FULL);
                    self.look_for_failures()?;
                    if self.overdue(began) {
                        return Err(Failure::Stuck);
                    }
                }
                Err((KafkaError::MessageProduction(code), _)) => {
                    return Err(Failure::Record(number, code));
                }
                Err((error, _)) => return Err(Failure::Call("produce", error)),
            }
        }
    }

    fn wait_until_acknowledged(&self, began: Instant) -> Result<(), Failure> {
        loop {
            let done = native::flush(self.producer.client(), SLICE);
            self.look_for_failures()?;
            if done {
                return Ok(());
            }
            if self.overdue(began) {
                return Err(Failure::Stuck);
            }
        }
    }

    /// Records give up by themselves when the transaction times out; a little later we do.
    fn overdue(&self, began: Instant) -> bool {
        began.elapsed() > self.timeout + Duration::from_secs(5)
    }

    /// Serves what the producer has to say, which is only records that were not delivered.
    fn look_for_failures(&self) -> Result<(), Failure> {
        self.producer.poll(Duration::ZERO);
        match self.context.take_undelivered() {
            None => Ok(()),
            Some(first) if first.is_consequence() => Err(self.cause_of(first)),
            Some(Undelivered { record, code }) => Err(Failure::Record(record, code)),
        }
    }

    /// Looks for what made the producer give up records: a fatal error, a record that is reported
    /// later, or an error of the transaction as a whole.
    fn cause_of(&self, first: Undelivered) -> Failure {
        let fatal = |code| Failure::Record(first.record, code);
        let since = Instant::now();
        while self.producer.in_flight_count() > 0 && since.elapsed() < CAUSE_PATIENCE {
            self.producer.poll(Duration::from_millis(1));
        }
        if let Some((code, _)) = self.producer.client().fatal_error() {
            return fatal(code);
        }
        match self.context.take_undelivered() {
            Some(later) if !later.is_consequence() => Failure::Record(later.record, later.code),
            // With a record undelivered a commit cannot succeed; its error names the cause.
            _ => match self.producer.commit_transaction(CAUSE_PATIENCE) {
                Err(error) => Failure::Call("write", error),
                Ok(()) => fatal(first.code),
            },
        }
    }

    /// Takes the transaction back and says how to go on.
    fn abort(&self, failure: Failure, batches: &[Vec<Record>], began: Instant) -> DeliveryError {
        let error = self.judge(failure, batches, began);
        let aborted = std::thread::scope(|scope| {
            // Records in flight must end first, and their reports must be served meanwhile.
            let (stop, stopped) = crossbeam_channel::bounded::<()>(0);
            scope.spawn(move || {
                while stopped.try_recv() == Err(crossbeam_channel::TryRecvError::Empty) {
                    self.producer.poll(Duration::from_millis(5));
                }
            });
            let aborted = self.producer.abort_transaction(self.timeout);
            drop(stop);
            aborted
        });
        match (error, aborted) {
            (error, Ok(())) => error,
            // Whatever it was: nothing is known about this producer any more.
            (DeliveryError::Retry(text), Err(error)) => self.hopeless_with(&text, &error, began),
            (error, Err(_)) => error,
        }
    }

    fn judge(&self, failure: Failure, batches: &[Vec<Record>], began: Instant) -> DeliveryError {
        match failure {
            Failure::Other(error) => error,
            Failure::Stuck => {
                DeliveryError::Restart("records stay without an answer from the brokers".to_owned())
            }
            Failure::Record(number, code) => {
                let name = self.name(number, batches);
                match classify(code) {
                    Fault::Transient => DeliveryError::Retry(format!("{name}: {code}")),
                    Fault::TooLarge => DeliveryError::Fatal(format!(
                        "{name} is larger than the topic takes: raise its max.message.bytes: {code}"
                    )),
                    Fault::Authorisation => DeliveryError::Fatal(format!(
                        "{name}: writing is not allowed: allow WRITE on the topic: {code}"
                    )),
                    Fault::UnknownTopic => DeliveryError::Restart(format!(
                        "{name}: the topic is not there any more: {code}"
                    )),
                    Fault::Fenced => self.fenced(&name, began),
                    _ => DeliveryError::Restart(format!("{name}: {code}")),
                }
            }
            Failure::Call(call, error) => {
                let fault = code_of(&error).map_or(Fault::Other, classify);
                match fault {
                    Fault::Transient => DeliveryError::Retry(format!("cannot {call}: {error}")),
                    _ => self.hopeless(call, &error, began),
                }
            }
        }
    }

    /// An error after which the producer cannot be used.
    fn hopeless(&self, call: &str, error: &KafkaError, began: Instant) -> DeliveryError {
        self.hopeless_with(&format!("cannot {call} the transaction"), error, began)
    }

    fn hopeless_with(&self, what: &str, error: &KafkaError, began: Instant) -> DeliveryError {
        match code_of(error).map_or(Fault::Other, classify) {
            Fault::Fenced => self.fenced(what, began),
            // The brokers do not say which topic.
            Fault::Authorisation => DeliveryError::Fatal(format!(
                "{what}: not allowed by the brokers: allow WRITE on {} and on transactional id \
                 {}: {error}",
                self.targets.list(),
                String::from_utf8_lossy(self.key)
            )),
            _ => DeliveryError::Restart(format!("{what}, its outcome is not known: {error}")),
        }
    }

    /// The brokers refuse our epoch: someone took over, or our transaction was open for too long
    /// and the coordinator ended it. Only the time tells the two apart. If both happened, starting
    /// over fences the newer instance, which then stops.
    fn fenced(&self, what: &str, began: Instant) -> DeliveryError {
        let id = String::from_utf8_lossy(self.key);
        if began.elapsed() >= self.timeout {
            DeliveryError::Restart(format!("{what}: the transaction of {id} timed out"))
        } else {
            DeliveryError::Fatal(format!(
                "{what}: another instance runs as transactional id {id}: stop one of the two"
            ))
        }
    }

    /// Topic and key of a record, for people.
    fn name(&self, number: usize, batches: &[Vec<Record>]) -> String {
        match batches.iter().flatten().nth(number) {
            None => format!("progress record in topic {}", self.targets.progress),
            Some(record) => {
                let topic = self.targets.topic(record.output).unwrap_or("?");
                let key = record.key.as_deref().map_or_else(
                    || "no key".into(),
                    |key| String::from_utf8_lossy(&key[..key.len().min(128)]),
                );
                let bytes = record.value.as_ref().map_or(0, Vec::len);
                format!("record {key} ({bytes} bytes) for topic {topic}")
            }
        }
    }
}
