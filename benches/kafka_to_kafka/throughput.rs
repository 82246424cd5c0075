//! How many rows a second: a filled topic is read to its end, the time is taken from the first
//! committed record a reader sees to the last.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};

use crate::options::{Options, median};
use crate::stand::Stand;
use crate::{Contender, Job};

pub(crate) fn measure(stand: &Stand, options: &Options, contenders: &[Contender]) {
    let input = stand.topic("in", options.partitions);
    stand.fill(&input, options.partitions, options.rows);
    println!("throughput, {} rows:", options.rows);
    let mut rates = vec![Vec::new(); contenders.len()];
    for round in 0..options.rounds {
        for (contender, rates) in contenders.iter().zip(&mut rates) {
            let output = stand.topic(&format!("{}-{round}", contender.name), options.partitions);
            let rate = once(stand, options, contender, &input, &output);
            println!("  round {} {:8} {rate:9.0} rows/s", round + 1, contender.name);
            rates.push(rate);
        }
    }
    let first = rates.first().cloned().map_or(f64::NAN, median);
    for (contender, rates) in contenders.iter().zip(rates) {
        let rate = median(rates);
        println!(
            "  median  {:8} {rate:9.0} rows/s, {:.2} of the first",
            contender.name,
            rate / first
        );
    }
}

fn once(stand: &Stand, options: &Options, contender: &Contender, input: &str, output: &str) -> f64 {
    let stop = Arc::new(AtomicBool::new(false));
    let job = Job {
        brokers: stand.brokers.clone(),
        input: input.to_owned(),
        partitions: options.partitions,
        output: output.to_owned(),
        transactional_id: output.to_owned(),
        commit: options.commit,
        stop: Arc::clone(&stop),
    };
    let reader = watcher(stand);
    std::thread::scope(|scope| {
        scope.spawn(|| (contender.run)(&job));
        // The end of the topic is asked for and not its records read, which would cost the
        // machine as much as the work that is measured.
        let mut began: Option<(Instant, usize)> = None;
        let rate = loop {
            let seen = committed(&reader, output, options.partitions);
            let now = Instant::now();
            match began {
                None if seen > 0 => began = Some((now, seen)),
                Some((since, first)) if seen >= options.rows => {
                    break (options.rows - first) as f64 / (now - since).as_secs_f64();
                }
                _ => {}
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        stop.store(true, Ordering::Relaxed);
        rate
    })
}

/// A client that is told how far a topic is committed.
fn watcher(stand: &Stand) -> BaseConsumer {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &stand.brokers).set("isolation.level", "read_committed");
    config.create().expect("the settings are valid")
}

/// Committed offsets of a topic; markers count as records, one per partition and commit.
fn committed(reader: &BaseConsumer, topic: &str, partitions: i32) -> usize {
    let of = |partition| {
        reader.fetch_watermarks(topic, partition, Duration::from_secs(10)).map_or(0, |(_, end)| end)
    };
    (0..partitions).map(of).sum::<i64>() as usize
}
