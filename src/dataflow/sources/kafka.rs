//! Reads partitions of a Kafka topic from given offsets, without a consumer group.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::health::{Health, Probe, Watched};
use super::{PartitionState, Source, SourceError, Status, Waker};
use crate::dataflow::kafka::{
    Context, Fault, classify, close_aside, code_of, config, create, native,
};
use crate::model::{RawBatch, RawView};
use crate::plan::KafkaPlan;

/// Settings of the consumer that a pipeline may change.
pub const DEFAULTS: [(&str, &str); 6] = [
    // Memory per partition, as the queues are split. The back-off is how long fetching rests when
    // a queue was full; its default of a second starves a fast reader.
    ("queued.max.messages.kbytes", "8192"),
    ("fetch.queue.backoff.ms", "5"),
    ("fetch.message.max.bytes", "4194304"),
    ("fetch.error.backoff.ms", "200"),
    ("fetch.wait.max.ms", "250"),
    ("session.timeout.ms", "45000"),
];

/// Settings on which correctness hangs.
const FIXED: [(&str, &str); 6] = [
    ("isolation.level", "read_committed"),
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    // Offsets that are gone must be noticed, not skipped.
    ("auto.offset.reset", "error"),
    ("allow.auto.create.topics", "false"),
    ("enable.partition.eof", "false"),
];

/// How long dropping a source may wait for a clean goodbye.
const CLOSE_PATIENCE: Duration = Duration::from_millis(1000);

/// Partitions of one topic, read by one worker.
pub struct KafkaSource {
    consumer: Option<Arc<BaseConsumer<Context>>>,
    partitions: Vec<Partition>,
    topic: String,
    topic_c: CString,
    brokers: String,
    context: Context,
    health: Arc<Health>,
    probe: Option<Probe>,
}

struct Partition {
    id: i32,
    queue: PartitionQueue<Context>,
    /// Next offset to hand out.
    next: Arc<AtomicI64>,
    /// Next offset to take out of the queue; beyond `next` when something is set aside.
    taken: i64,
    end: i64,
    hold: Option<i64>,
    /// Records taken out but not handed out: from the main queue, or beyond the target.
    aside: Option<RawBatch>,
}

impl KafkaSource {
    /// A source of `starts` = (partition, first offset) of `topic`, which has `count` partitions
    /// that are read by all workers together. `group` is where [`Source::commit`] puts offsets.
    /// Does not wait for brokers.
    pub fn open(
        plan: &KafkaPlan,
        topic: &str,
        group: &str,
        count: usize,
        starts: &[(i32, i64)],
        waker: &Waker,
    ) -> Result<KafkaSource, SourceError> {
        let fail = |what: &str, error: &KafkaError| {
            SourceError(format!("cannot read topic {topic}: {what}: {error}"))
        };
        let client_id = format!("{group}-source");
        let mut settings = config(plan, &client_id, &DEFAULTS, &FIXED);
        settings.set("group.id", group);
        let context = Context::new(&client_id);
        let mut consumer: BaseConsumer<Context> = create(&settings, context.clone())
            .map_err(|error| SourceError(format!("cannot read topic {topic}: {error}")))?;
        let wake = Arc::clone(waker);
        consumer.set_nonempty_callback(move || wake());
        let consumer = Arc::new(consumer);
        let mut assignment = TopicPartitionList::with_capacity(starts.len());
        for (partition, offset) in starts {
            assignment
                .add_partition_offset(topic, *partition, Offset::Offset(*offset))
                .map_err(|error| fail("a start offset is not valid", &error))?;
        }
        consumer.assign(&assignment).map_err(|error| fail("cannot assign", &error))?;
        let mut partitions = Vec::with_capacity(starts.len());
        for (id, offset) in starts {
            // Splitting must come after assigning, which undoes it.
            let mut queue = consumer.split_partition_queue(topic, *id).ok_or_else(|| {
                SourceError(format!("cannot read topic {topic}: partition {id} has no queue"))
            })?;
            let wake = Arc::clone(waker);
            queue.set_nonempty_callback(move || wake());
            let next = Arc::new(AtomicI64::new(*offset));
            let taken = *offset;
            partitions.push(Partition {
                id: *id,
                queue,
                next,
                taken,
                end: taken,
                hold: None,
                aside: None,
            });
        }
        partitions.sort_by_key(|partition| partition.id);
        let health = Arc::new(Health::default());
        let watched = partitions.iter().map(|p| Watched::new(p.id, Arc::clone(&p.next))).collect();
        let probe = Probe::start(
            Arc::clone(&consumer),
            topic.to_owned(),
            plan.brokers.clone(),
            count,
            watched,
            Arc::clone(&health),
            Arc::clone(waker),
        )?;
        let topic_c = CString::new(topic)
            .map_err(|_| SourceError(format!("topic {topic:?} has a zero byte in its name")))?;
        Ok(KafkaSource {
            consumer: Some(consumer),
            partitions,
            topic: topic.to_owned(),
            topic_c,
            brokers: plan.brokers.clone(),
            context,
            health,
            probe: Some(probe),
        })
    }

    /// Serves callbacks, and records that came in between assigning and splitting.
    fn serve_main_queue(&mut self) {
        let Some(consumer) = &self.consumer else { return };
        while let Some(event) = consumer.poll(Duration::ZERO) {
            match event {
                Ok(message) => {
                    let partition =
                        self.partitions.iter_mut().find(|p| p.id == message.partition());
                    if let Some(partition) = partition
                        && message.offset() >= partition.taken
                    {
                        partition.set_aside(&message);
                    }
                }
                Err(error) => note(&self.health, &self.topic, None, &error),
            }
        }
        if let Some(reason) = self.context.take_unreachable() {
            self.health.park(format!("no broker at {} can be reached: {reason}", self.brokers));
        }
    }
}

/// Turns an error of a poll into a condition of the source.
fn note(health: &Health, topic: &str, partition: Option<&Partition>, error: &KafkaError) {
    let place = partition.map_or(topic.to_owned(), |p| format!("{topic}/{}", p.id));
    let fault = code_of(error).map_or(Fault::Other, classify);
    match fault {
        // One lost connection of several is nothing; whether the brokers answer, the probe finds.
        Fault::Transient => tracing::debug!(place, %error, "reading goes on by itself"),
        Fault::UnknownTopic => health.park(format!("{place} does not exist: create the topic")),
        Fault::Authorisation => {
            health.park(format!("reading {place} is not allowed: {error}"));
        }
        Fault::OutOfRange => {
            let next = partition.map_or(-1, |p| p.taken);
            health.fail(format!(
                "offset {next} of {place} is not there any more, or not yet: records were removed \
                 before they were read (retention), or the topic was made anew"
            ));
        }
        Fault::Unreadable => health.fail(format!(
            "records of {place} cannot be read: damaged, or compressed with a codec that this \
             build lacks: {error}"
        )),
        Fault::TooLarge | Fault::Fenced | Fault::Other => {
            if matches!(error, KafkaError::MessageConsumptionFatal(_)) {
                health.fail(format!("reading {place}: {error}"));
            } else {
                health.park(format!("reading {place}: {error}"));
            }
        }
    }
}

impl Partition {
    fn set_aside(&mut self, message: &BorrowedMessage<'_>) {
        self.taken = message.offset() + 1;
        copy(message, self.aside.get_or_insert_with(|| RawBatch::new(self.id)));
    }

    /// Takes records out of the queue; true when the queue was emptied.
    fn read(&mut self, limit: usize, batch: &mut RawBatch) -> Result<bool, KafkaError> {
        if let Some(aside) = self.aside.take() {
            self.hand_out_aside(aside, limit, batch);
        }
        let mut drained = false;
        while self.aside.is_none()
            && batch.len() < limit
            && self.hold.is_none_or(|target| self.taken < target)
        {
            match self.queue.poll(Duration::ZERO) {
                None => {
                    drained = true;
                    break;
                }
                // Never twice, whatever a reconnect may bring again.
                Some(Ok(message)) if message.offset() < self.taken => {}
                Some(Ok(message)) => {
                    self.taken = message.offset() + 1;
                    if self.hold.is_some_and(|target| message.offset() >= target) {
                        copy(&message, self.aside.get_or_insert_with(|| RawBatch::new(self.id)));
                    } else {
                        copy(&message, batch);
                    }
                }
                Some(Err(error)) => return Err(error),
            }
        }
        Ok(drained)
    }

    fn hand_out_aside(&mut self, aside: RawBatch, limit: usize, batch: &mut RawBatch) {
        let mut rest = RawBatch::new(self.id);
        for record in aside.iter() {
            let held = self.hold.is_some_and(|target| record.offset >= target);
            if held || batch.len() >= limit { rest.push(record) } else { batch.push(record) }
        }
        self.aside = (!rest.is_empty()).then_some(rest);
    }

    /// The next offset to hand out, given librdkafka's position if the queue was emptied.
    fn advance(&mut self, position: Option<i64>) {
        let first_aside = self.aside.as_ref().and_then(|aside| aside.iter().next());
        if first_aside.is_none()
            && let Some(position) = position
        {
            self.taken = self.taken.max(position);
        }
        let reached = first_aside.map_or(self.taken, |record| record.offset);
        let reached = self.hold.map_or(reached, |target| reached.min(target));
        self.next.fetch_max(reached, Ordering::Relaxed);
    }
}

/// Appends a copy of a message to a batch.
fn copy(message: &BorrowedMessage<'_>, batch: &mut RawBatch) {
    let mut headers = Vec::new();
    if let Some(borrowed) = message.headers() {
        for header in borrowed.iter() {
            headers.push((header.key.to_owned(), header.value.unwrap_or_default().to_vec()));
        }
    }
    batch.push(RawView {
        offset: message.offset(),
        arrival_ms: message.timestamp().to_millis().unwrap_or(0),
        key: message.key(),
        value: message.payload(),
        headers: &headers,
    });
}

impl Source for KafkaSource {
    fn poll(&mut self, limit: usize, out: &mut Vec<RawBatch>) -> Status {
        self.serve_main_queue();
        let Some(consumer) = &self.consumer else { return Status::Idle };
        let (mut any, mut more) = (false, false);
        for partition in &mut self.partitions {
            let mut batch = RawBatch::new(partition.id);
            let drained = match partition.read(limit, &mut batch) {
                Ok(drained) => drained,
                Err(error) => {
                    note(&self.health, &self.topic, Some(partition), &error);
                    more = true;
                    false
                }
            };
            let client = consumer.client();
            let position = (drained && self.health.failed().is_none())
                .then(|| native::position(client, &self.topic_c, partition.id))
                .flatten();
            partition.advance(position);
            let high = native::high_watermark(client, &self.topic_c, partition.id);
            partition.end = partition.end.max(high.unwrap_or(0)).max(partition.taken);
            if !batch.is_empty() {
                any = true;
                out.push(batch);
            }
        }
        if any {
            self.health.unpark();
        }
        if let Some(cause) = self.health.failed() {
            return Status::Failed(cause);
        }
        match self.health.parked() {
            _ if any || more => Status::Ready,
            Some(cause) => Status::Parked(cause),
            None => Status::Idle,
        }
    }

    fn partitions(&self) -> Vec<PartitionState> {
        let state = |p: &Partition| {
            let next = p.next.load(Ordering::Relaxed);
            PartitionState { partition: p.id, next, end: p.end.max(next) }
        };
        self.partitions.iter().map(state).collect()
    }

    fn hold_at(&mut self, targets: &[(i32, i64)]) {
        let targets: BTreeMap<i32, i64> = targets.iter().copied().collect();
        for partition in &mut self.partitions {
            partition.hold = targets.get(&partition.id).copied();
        }
    }

    fn release(&mut self) {
        self.hold_at(&[]);
    }

    fn commit(&self, offsets: &[(i32, i64)]) {
        let Some(consumer) = &self.consumer else { return };
        let mut list = TopicPartitionList::with_capacity(offsets.len());
        for (partition, offset) in offsets {
            if list.add_partition_offset(&self.topic, *partition, Offset::Offset(*offset)).is_err()
            {
                return;
            }
        }
        if let Err(error) = consumer.commit(&list, CommitMode::Async) {
            tracing::debug!(topic = self.topic, %error, "group offsets were not committed");
        }
    }
}

impl Drop for KafkaSource {
    fn drop(&mut self) {
        let probe = self.probe.take();
        let partitions = std::mem::take(&mut self.partitions);
        let consumer = self.consumer.take();
        // Queues before the consumer, in this order.
        close_aside((probe, partitions, consumer), CLOSE_PATIENCE);
    }
}

impl std::fmt::Debug for KafkaSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KafkaSource")
            .field("topic", &self.topic)
            .field("partitions", &self.partitions())
            .finish_non_exhaustive()
    }
}
