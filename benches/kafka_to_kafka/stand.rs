//! The broker, topics and rows of the benchmark.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use weir::dataflow::kafka::admin::Admin;
use weir::plan::KafkaPlan;

/// Symbols of the panel.
pub(crate) const SYMBOLS: usize = 500;

pub(crate) struct Stand {
    pub(crate) brokers: String,
    admin: Admin,
    run: u32,
    started: bool,
}

fn ctl() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/broker/ctl")
}

impl Stand {
    pub(crate) fn start() -> Stand {
        let given = std::env::var("WEIR_TEST_BROKERS").ok();
        let started = given.is_none();
        let brokers = given.unwrap_or_else(|| {
            let output = Command::new(ctl()).args(["start", "bench"]).output().expect("it runs");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        });
        let plan = KafkaPlan { brokers: brokers.clone(), settings: Vec::new() };
        let admin = Admin::new(&plan, Duration::from_secs(20)).expect("the settings are valid");
        Stand { brokers, admin, run: std::process::id(), started }
    }

    /// A new topic.
    pub(crate) fn topic(&self, what: &str, partitions: i32) -> String {
        let topic = format!("bench-{what}-{}", self.run);
        self.admin.create_topic(&topic, Some(partitions), &[]).expect("it can be created");
        while self.admin.watermarks(&topic).ok().flatten().is_none() {
            std::thread::sleep(Duration::from_millis(20));
        }
        topic
    }

    /// A producer of input rows.
    pub(crate) fn producer(&self) -> BaseProducer {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers).set("linger.ms", "1");
        config.set("delivery.report.only.error", "true");
        config.set("queue.buffering.max.messages", "500000");
        config.create().expect("the settings are valid")
    }

    /// Fills a topic with rows `0..rows`.
    pub(crate) fn fill(&self, topic: &str, partitions: i32, rows: usize) {
        let producer = self.producer();
        for row in 0..rows {
            send(&producer, topic, partitions, row);
        }
        while !weir::dataflow::kafka::flush(producer.client(), Duration::from_secs(1)) {
            producer.poll(Duration::ZERO);
        }
    }
}

impl Drop for Stand {
    fn drop(&mut self) {
        if self.started {
            Command::new(ctl()).args(["remove", "bench"]).status().expect("it runs");
        }
    }
}

/// Key of a row: the symbols of one minute after the other.
fn key_of(row: usize) -> String {
    let (minute, symbol) = (row / SYMBOLS, row % SYMBOLS);
    let (day, minute) = (minute / 1440, minute % 1440);
    let (month, day) = (1 + (day / 28) % 12, 1 + day % 28);
    let (hour, minute) = (minute / 60, minute % 60);
    format!("S{symbol:03}|2018-{month:02}-{day:02}T{hour:02}:{minute:02}:00Z")
}

/// The row of a key, the inverse of `key_of`.
pub(crate) fn row_of(key: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(key).ok()?;
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<usize>().ok();
    let day = (number(10, 12)? - 1) * 28 + number(13, 15)? - 1;
    let minute = day * 1440 + number(16, 18)? * 60 + number(19, 21)?;
    Some(minute * SYMBOLS + number(1, 4)?)
}

/// Hands one row to the producer; rows of a symbol go to one partition.
pub(crate) fn send(producer: &BaseProducer, topic: &str, partitions: i32, row: usize) {
    let key = key_of(row);
    let (symbol, time) = key.split_once('|').expect("it has both");
    // Prices that look like prices and need all their digits.
    let wave = ((row.wrapping_mul(2_654_435_761) >> 8) & 0xffff) as f64 / 65_536.0;
    let open = 50.0 + (row % SYMBOLS) as f64 + wave;
    let close = open * (1.0 + (wave - 0.5) * 0.01);
    let (high, low) = (open.max(close) * 1.001, open.min(close) * 0.999);
    let volume = (100_000.0 * (1.0 + wave)).round();
    let vwap = (open + high + low + close) / 4.0;
    let value = format!(
        r#"{{"symbol":"{symbol}","time":"{time}","open":{open},"high":{high},"low":{low},"close":{close},"volume":{volume},"vwap":{vwap}}}"#
    );
    let partition = (row % SYMBOLS) as i32 % partitions;
    let mut record =
        BaseRecord::<str, str>::to(topic).partition(partition).key(&key).payload(&value);
    loop {
        match producer.send(record) {
            Ok(()) => break,
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                record = back;
                producer.poll(Duration::from_millis(5));
            }
            Err((error, _)) => panic!("{error}"),
        }
    }
}
