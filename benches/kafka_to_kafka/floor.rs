//! The floor: loops on one thread that do what any program must do, with Weir's client settings
//! and its way of committing.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::util::Timeout;
use weir::dataflow::kafka::flush;
use weir::dataflow::{sinks, sources};

use crate::Job;

/// Bytes unchanged.
pub(crate) fn bare(job: &Job) {
    run(job, |message, value| value.extend_from_slice(message.payload().unwrap_or_default()));
}

/// Decodes a bar, encodes ten numbers.
pub(crate) fn json(job: &Job) {
    run(job, |message, value| {
        let bar: Bar<'_> =
            serde_json::from_slice(message.payload().unwrap_or_default()).expect("our own row");
        let out = Numbers {
            symbol: bar.symbol,
            time: bar.time,
            revision: 1,
            f0: bar.close / bar.open - 1.0,
            f1: bar.high - bar.low,
            f2: bar.close - bar.vwap,
            f3: (bar.close - bar.low) / (bar.high - bar.low),
            f4: bar.volume * bar.close,
            f5: bar.open - bar.low,
            f6: bar.high - bar.open,
            f7: bar.vwap / bar.close,
            f8: (bar.high + bar.low) / 2.0,
            f9: bar.volume.sqrt(),
        };
        serde_json::to_writer(value, &out).expect("numbers can be written");
    });
}

#[derive(serde::Deserialize)]
struct Bar<'a> {
    symbol: &'a str,
    time: &'a str,
    open: f64,
    high: f64,
    low: f64,
    close: f64,
    volume: f64,
    vwap: f64,
}

#[derive(serde::Serialize)]
struct Numbers<'a> {
    symbol: &'a str,
    time: &'a str,
    revision: u64,
    f0: f64,
    f1: f64,
    f2: f64,
    f3: f64,
    f4: f64,
    f5: f64,
    f6: f64,
    f7: f64,
    f8: f64,
    f9: f64,
}

fn consumer(job: &Job) -> BaseConsumer {
    let mut config = ClientConfig::new();
    for (key, value) in sources::kafka::DEFAULTS {
        config.set(key, value);
    }
    config.set("bootstrap.servers", &job.brokers).set("group.id", &job.transactional_id);
    config.set("enable.auto.commit", "false").set("isolation.level", "read_committed");
    let consumer: BaseConsumer = config.create().expect("the settings are valid");
    let mut list = TopicPartitionList::new();
    for partition in 0..job.partitions {
        list.add_partition_offset(&job.input, partition, Offset::Beginning).expect("valid");
    }
    consumer.assign(&list).expect("it can be assigned");
    consumer
}

fn producer(job: &Job) -> BaseProducer {
    let mut config = ClientConfig::new();
    for (key, value) in sinks::kafka::DEFAULTS {
        config.set(key, value);
    }
    config.set("bootstrap.servers", &job.brokers).set("acks", "all");
    config.set("transactional.id", &job.transactional_id);
    config.set("delivery.report.only.error", "true");
    let producer: BaseProducer = config.create().expect("the settings are valid");
    producer.init_transactions(Duration::from_secs(20)).expect("the broker answers");
    producer
}

fn run(job: &Job, encode: impl Fn(&BorrowedMessage<'_>, &mut Vec<u8>)) {
    let (consumer, producer) = (consumer(job), producer(job));
    let mut value = Vec::new();
    let mut open = false;
    let mut due = Instant::now() + job.commit;
    loop {
        let wait = if open { due.saturating_duration_since(Instant::now()) } else { job.commit };
        let message = consumer.poll(wait.min(Duration::from_millis(20)));
        if let Some(message) = message {
            let message = message.expect("a record");
            if !open {
                producer.begin_transaction().expect("it can begin");
                open = true;
                due = due.max(Instant::now());
            }
            value.clear();
            encode(&message, &mut value);
            send(&producer, &job.output, message.key().unwrap_or_default(), &value);
        }
        if open && Instant::now() >= due {
            while !flush(producer.client(), Duration::from_millis(50)) {
                producer.poll(Duration::ZERO);
            }
            producer.commit_transaction(Timeout::Never).expect("it can commit");
            open = false;
            due = (due + job.commit).max(Instant::now());
        }
        if !open && job.stop.load(Ordering::Relaxed) {
            return;
        }
    }
}

fn send(producer: &BaseProducer, topic: &str, key: &[u8], value: &[u8]) {
    let mut record = BaseRecord::<[u8], [u8]>::to(topic).key(key).payload(value);
    loop {
        match producer.send(record) {
            Ok(()) => return,
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                record = back;
                flush(producer.client(), Duration::from_millis(5));
            }
            Err((error, _)) => panic!("{error}"),
        }
    }
}
