//! Small clients for programs around a pipeline: a feed that sends records and learns where they
//! ended up, and a tap that reads topics from their beginning.

use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, unbounded};
use rdkafka::client::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{DeliveryResult, Headers, Message};
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};
use rdkafka::{Offset, TopicPartitionList};

/// A client could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ClientError(String);

fn failed(what: &str, error: &dyn std::fmt::Display) -> ClientError {
    ClientError(format!("{what}: {error}"))
}

/// Where a record that was sent with a ticket ended up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The ticket.
    pub ticket: usize,
    /// Partition of the topic.
    pub partition: i32,
    /// Offset in the partition.
    pub offset: i64,
}

/// Sends records to one topic.
pub struct Feed {
    producer: ThreadedProducer<Receipts>,
    topic: String,
    receipts: Receiver<Receipt>,
}

struct Receipts(Sender<Receipt>);

impl ClientContext for Receipts {}

impl ProducerContext for Receipts {
    type DeliveryOpaque = Box<Option<usize>>;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: Box<Option<usize>>) {
        match (result, *ticket) {
            (Ok(at), Some(ticket)) => {
                let receipt = Receipt { ticket, partition: at.partition(), offset: at.offset() };
                if self.0.send(receipt).is_err() {
                    tracing::trace!("a receipt came after the feed was dropped");
                }
            }
            (Err((error, _)), _) => tracing::error!(%error, "a record was not delivered"),
            (Ok(_), None) => {}
        }
    }
}

impl Feed {
    /// Sends to `topic`.
    pub fn new(brokers: &str, topic: &str) -> Result<Feed, ClientError> {
        let (sender, receipts) = unbounded();
        let producer = ClientConfig::new()
            .set("bootstrap.servers", brokers)
            .set("linger.ms", "1")
            .create_with_context(Receipts(sender))
            .map_err(|error| failed("cannot make a producer", &error))?;
        Ok(Feed { producer, topic: topic.to_owned(), receipts })
    }

    /// Sends a record; none as value deletes. With a ticket, a receipt will say where it is.
    pub fn send(
        &self,
        key: &str,
        value: Option<&[u8]>,
        ticket: Option<usize>,
    ) -> Result<(), ClientError> {
        let mut record = BaseRecord::with_opaque_to(&self.topic, Box::new(ticket)).key(key);
        if let Some(value) = value {
            record = record.payload(value);
        }
        self.producer.send(record).map_err(|(error, _)| failed("cannot send a record", &error))
    }

    /// The receipts that came since the last call.
    pub fn receipts(&self) -> impl Iterator<Item = Receipt> {
        self.receipts.try_iter()
    }

    /// Waits until everything is delivered, at most for `patience`.
    pub fn flush(&self, patience: Duration) -> Result<(), ClientError> {
        self.producer.flush(patience).map_err(|error| failed("cannot deliver all records", &error))
    }
}

impl std::fmt::Debug for Feed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feed").field("topic", &self.topic).finish_non_exhaustive()
    }
}

/// A record as a tap reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tapped {
    /// Number of the topic among those of the tap.
    pub topic: usize,
    /// Key.
    pub key: Option<Vec<u8>>,
    /// Value; none is a tombstone.
    pub value: Option<Vec<u8>>,
    /// Headers in order.
    pub headers: Vec<(String, Vec<u8>)>,
}

/// Reads topics from their beginning, committed records only.
pub struct Tap {
    consumer: BaseConsumer,
    topics: Vec<String>,
}

impl Tap {
    /// Reads partition 0 of each topic.
    pub fn new(brokers: &str, topics: &[&str]) -> Result<Tap, ClientError> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", brokers)
            .set("group.id", "weir-tap")
            .set("enable.auto.commit", "false")
            .set("isolation.level", "read_committed")
            .set("fetch.wait.max.ms", "10")
            .create()
            .map_err(|error| failed("cannot make a consumer", &error))?;
        let mut from = TopicPartitionList::new();
        for topic in topics {
            from.add_partition_offset(topic, 0, Offset::Beginning)
                .map_err(|error| failed("cannot read from the beginning", &error))?;
        }
        consumer.assign(&from).map_err(|error| failed("cannot read topics", &error))?;
        Ok(Tap { consumer, topics: topics.iter().map(|topic| (*topic).to_owned()).collect() })
    }

    /// The next record, waiting for it at most for `patience`.
    pub fn next(&self, patience: Duration) -> Result<Option<Tapped>, ClientError> {
        let Some(read) = self.consumer.poll(patience) else { return Ok(None) };
        let message = read.map_err(|error| failed("cannot read outputs", &error))?;
        let headers = message.headers().map_or_else(Vec::new, |headers| {
            let owned = |header: rdkafka::message::Header<'_, &[u8]>| {
                (header.key.to_owned(), header.value.unwrap_or_default().to_vec())
            };
            headers.iter().map(owned).collect()
        });
        let topic = self.topics.iter().position(|topic| topic == message.topic());
        Ok(Some(Tapped {
            topic: topic.unwrap_or(usize::MAX),
            key: message.key().map(<[u8]>::to_vec),
            value: message.payload().map(<[u8]>::to_vec),
            headers,
        }))
    }
}

impl std::fmt::Debug for Tap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tap").field("topics", &self.topics).finish_non_exhaustive()
    }
}
