//! How long a row takes at a steady rate: from handing it to the producer until a reader of
//! committed records has it. Rows come as bars do: those of all symbols for one time together.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::Producer;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::options::{Options, median};
use crate::stand::{self, Stand};
use crate::{Contender, Job};

/// Rows of the first seconds are not counted.
const WARM_UP_SECONDS: usize = 3;

pub(crate) fn measure(stand: &Stand, options: &Options, contenders: &[Contender]) {
    println!("latency at {} rows/s for {} s:", options.rate, options.seconds);
    let mut figures = vec![(Vec::new(), Vec::new()); contenders.len()];
    for round in 0..options.rounds {
        for (contender, (middles, tails)) in contenders.iter().zip(&mut figures) {
            let mut times = once(stand, options, contender, round);
            times.sort_by(f64::total_cmp);
            let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize];
            let (middle, tail) = (at(0.5), at(0.99));
            println!(
                "  round {} {:8} p50 {middle:6.1} ms, p99 {tail:6.1} ms, {} rows",
                round + 1,
                contender.name,
                times.len()
            );
            middles.push(middle);
            tails.push(tail);
        }
    }
    let first = figures.first().cloned().unwrap_or_default();
    let first = (median(first.0), median(first.1));
    for (contender, (middles, tails)) in contenders.iter().zip(figures) {
        let (middle, tail) = (median(middles), median(tails));
        println!(
            "  median  {:8} p50 {middle:6.1} ms ({:.2} of the first), p99 {tail:6.1} ms ({:.2})",
            contender.name,
            middle / first.0,
            tail / first.1
        );
    }
}

/// The milliseconds of each row after the warm-up.
fn once(stand: &Stand, options: &Options, contender: &Contender, round: usize) -> Vec<f64> {
    let input = stand.topic(&format!("slow-in-{}-{round}", contender.name), options.partitions);
    let output = stand.topic(&format!("slow-{}-{round}", contender.name), options.partitions);
    let stop = Arc::new(AtomicBool::new(false));
    let job = Job {
        brokers: stand.brokers.clone(),
        input: input.clone(),
        partitions: options.partitions,
        output: output.clone(),
        transactional_id: output.clone(),
        commit: options.commit,
        stop: Arc::clone(&stop),
    };
    let skipped = options.rate * WARM_UP_SECONDS;
    let rows = skipped + options.rate * options.seconds;
    // When each row was sent, in nanoseconds since `began`.
    let sent: Vec<AtomicU64> = (0..rows).map(|_| AtomicU64::new(0)).collect();
    let began = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| (contender.run)(&job));
        let reader = scope.spawn(|| {
            let consumer = reader(stand, &output, options.partitions);
            let mut times = Vec::with_capacity(rows);
            let mut seen = 0;
            while seen < rows {
                let Some(message) = consumer.poll(Duration::from_millis(100)) else { continue };
                let now = began.elapsed();
                let message = message.expect("a record");
                let row = message.key().and_then(stand::row_of).expect("one of our keys");
                seen += 1;
                if row >= skipped {
                    let sent = Duration::from_nanos(sent[row].load(Ordering::Acquire));
                    times.push((now - sent).as_secs_f64() * 1e3);
                }
            }
            times
        });
        // Readers and contender first get where they wait for records.
        std::thread::sleep(Duration::from_secs(2));
        let producer = stand.producer();
        let start = Instant::now();
        for (row, sent) in sent.iter().enumerate() {
            let of_bar = row - row % stand::SYMBOLS;
            let due = start + Duration::from_secs_f64(of_bar as f64 / options.rate as f64);
            let wait = due.saturating_duration_since(Instant::now());
            // In steps of a millisecond: sleeping is no more exact.
            if wait > Duration::from_millis(1) {
                producer.poll(Duration::ZERO);
                std::thread::sleep(wait);
            }
            sent.store(began.elapsed().as_nanos() as u64, Ordering::Release);
            stand::send(&producer, &input, options.partitions, row);
        }
        producer.flush(Duration::from_secs(10)).expect("the broker answers");
        let times = reader.join().expect("the reader ends");
        stop.store(true, Ordering::Relaxed);
        times
    })
}

fn reader(stand: &Stand, topic: &str, partitions: i32) -> BaseConsumer {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &stand.brokers).set("group.id", "bench-reader");
    config.set("isolation.level", "read_committed").set("enable.auto.commit", "false");
    let consumer: BaseConsumer = config.create().expect("the settings are valid");
    let mut list = TopicPartitionList::new();
    for partition in 0..partitions {
        list.add_partition_offset(topic, partition, Offset::Beginning).expect("valid");
    }
    consumer.assign(&list).expect("it can be assigned");
    consumer
}
