//! Writes to the input of a pipeline.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

use super::bars::Bar;
use crate::broker::Broker;

/// Writes to the input of a pipeline.
pub(super) struct Producer {
    producer: BaseProducer,
    topic: String,
    partitions: i32,
}

impl Producer {
    pub(super) fn new(broker: &Broker, topic: &str, partitions: i32) -> Producer {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &broker.address).set("enable.idempotence", "true");
        config.set("message.max.bytes", "20000000").set("linger.ms", "2");
        let producer = config.create().expect("the settings are valid");
        Producer { producer, topic: topic.to_owned(), partitions }
    }

    /// Every symbol has its partition.
    pub(super) fn partition(&self, symbol: &str) -> i32 {
        symbol.bytes().map(i32::from).sum::<i32>() % self.partitions
    }

    pub(super) fn bar(&self, bar: &Bar) {
        let key = bar.key();
        self.send(self.partition(&bar.symbol), Some(key.as_bytes()), Some(bar.json().as_bytes()));
    }

    pub(super) fn delete(&self, bar: &Bar) {
        self.send(self.partition(&bar.symbol), Some(bar.key().as_bytes()), None);
    }

    pub(super) fn send(&self, partition: i32, key: Option<&[u8]>, value: Option<&[u8]>) {
        self.send_with(partition, key, value, &[]);
    }

    pub(super) fn send_with(
        &self,
        partition: i32,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[(&str, &str)],
    ) {
        let mut record = BaseRecord::<[u8], [u8]>::to(&self.topic).partition(partition);
        if !headers.is_empty() {
            let all = headers.iter().fold(OwnedHeaders::new(), |all, (key, value)| {
                all.insert(Header { key, value: Some(*value) })
            });
            record = record.headers(all);
        }
        record.key = key;
        record.payload = value;
        self.producer.send(record).map_err(|(error, _)| error).expect("there is room");
        self.producer.poll(Duration::ZERO);
    }

    /// Waits until everything is acknowledged.
    pub(super) fn finish(&self) {
        self.producer.flush(Duration::from_secs(60)).expect("the broker answers");
    }
}
