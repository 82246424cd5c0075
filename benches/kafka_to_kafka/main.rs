//! Rows per second and latency from Kafka to Kafka, beside the least that any program must do.
//!
//! ```text
//! cargo bench --bench kafka_to_kafka -- [throughput|latency] [--rows 600000] [--rounds 3]
//!     [--rate 2000] [--seconds 15] [--commit-ms 20] [--partitions 2] [--only NAME,...]
//! ```
//!
//! Contenders take turns on one broker, round by round, and the medians are compared. Without
//! WEIR_TEST_BROKERS a broker is started through `tests/broker/ctl`.
#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a program that prints figures and has nobody to report errors to"
)]

mod ends;
mod floor;
mod latency;
mod options;
mod pipeline;
mod stand;
mod throughput;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use options::Options;
use stand::Stand;

/// What a contender works on. It reads `input` from its beginning, writes one record per row with
/// the row's key (`SYMBOL|TIME`) to `output` in transactions, and ends when `stop` is set.
#[derive(Clone)]
pub(crate) struct Job {
    pub(crate) brokers: String,
    pub(crate) input: String,
    pub(crate) partitions: i32,
    pub(crate) output: String,
    pub(crate) transactional_id: String,
    pub(crate) commit: std::time::Duration,
    pub(crate) stop: Arc<AtomicBool>,
}

/// One way from Kafka to Kafka.
#[derive(Clone, Copy)]
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) run: fn(&Job),
}

/// Who takes part. The first is what the others are compared with.
const CONTENDERS: &[Contender] = &[
    Contender {
        name: "bare",
        about: "consume and produce in transactions, bytes unchanged, one thread",
        run: floor::bare,
    },
    Contender {
        name: "json",
        about: "the same, each bar decoded from JSON and ten numbers encoded as JSON",
        run: floor::json,
    },
    Contender {
        name: "ends",
        about: "Weir's source and transport with nothing between them, a thread each",
        run: ends::run,
    },
    Contender {
        name: "weir",
        about: "a whole pipeline: decode, checks, upsert, panel, three factors, one worker",
        run: pipeline::run,
    },
];

fn main() {
    let options = Options::read();
    let stand = Stand::start();
    println!(
        "broker {}, {} partitions, commit every {:?}",
        stand.brokers, options.partitions, options.commit
    );
    let chosen: Vec<Contender> =
        CONTENDERS.iter().copied().filter(|c| options.takes(c.name)).collect();
    for contender in &chosen {
        println!("  {:8} {}", contender.name, contender.about);
    }
    if options.throughput {
        throughput::measure(&stand, &options, &chosen);
    }
    if options.latency {
        latency::measure(&stand, &options, &chosen);
    }
}
