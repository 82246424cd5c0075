//! Brokers that are not there, come back, or refuse: the program says so, waits, and goes on by
//! itself; what cannot pass by itself ends it with a clear message.

use std::time::{Duration, Instant};

use super::bars::sp500;
use super::harness::{Job, Output, Settings};
use super::outputs::assert_nothing_twice;
use crate::broker::{self, eventually};

const SYMBOLS: usize = 20;
const DAYS: usize = 40;

#[test]
fn pipeline_waits_for_its_broker() {
    let Some(broker) = broker::own("pipeline_waits_for_its_broker", &[]) else { return };
    let job = Job::new(&broker, "p", &Settings { partitions: 2, ..Settings::default() });
    let bars = sp500(SYMBOLS, DAYS);
    job.produce(&bars);
    broker.ctl("stop");

    let mut running = job.start(&["--workers", "2"]);
    let ready = eventually("it says that the broker is away", || {
        running.assert_runs();
        let ready = running.get("/readyz");
        assert_eq!(ready.status, 503);
        ready.body.contains(&broker.address).then_some(ready.body)
    });
    assert!(ready.contains("broker_connected"), "{ready}");
    assert_eq!(running.get("/livez").status, 200);
    assert_eq!(running.metric("weir_ready", &[]), 0.0);

    broker.ctl("start");
    running.wait_ready();
    assert_eq!(running.get("/startupz").status, 200);
    running.wait_read(bars.len());
    job.expect(&mut running, &job.backfill(&bars));
    assert_eq!(running.metric("weir_ready", &[]), 1.0);
    running.stop();
}

#[test]
fn pipeline_goes_on_when_its_broker_was_away() {
    let name = "pipeline_goes_on_when_its_broker_was_away";
    let Some(broker) = broker::own(name, &[]) else { return };
    let job = Job::new(&broker, "p", &Settings { partitions: 2, ..Settings::default() });
    let bars = sp500(SYMBOLS, DAYS);
    let (first, second) = bars.split_at(bars.len() / 2);
    job.produce(first);
    let mut running = job.start(&["--workers", "2"]);
    running.wait_read(first.len());
    running.wait_ready();

    let (producer, half) = (job.producer(), second.len() / 2);
    let gone = Instant::now();
    std::thread::scope(|scope| {
        // Half of it while the broker goes away, so that it does so in the middle of something.
        let producing = scope.spawn(|| {
            for bar in &second[..half] {
                producer.bar(bar);
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        std::thread::sleep(Duration::from_millis(300));
        broker.ctl("stop");
        let ready = eventually("it says that the broker is away", || {
            running.assert_runs();
            let ready = running.get("/readyz");
            (ready.status == 503).then_some(ready.body)
        });
        assert!(ready.contains("broker_connected") || ready.contains("transactions_working"));
        assert!(gone.elapsed() < Duration::from_secs(10), "it took {:?}", gone.elapsed());
        assert_eq!(running.get("/livez").status, 200);
        std::thread::sleep(Duration::from_secs(10).saturating_sub(gone.elapsed()));
        assert_eq!(running.get("/readyz").status, 503);
        broker.ctl("start");
        producing.join().expect("it is produced");
    });
    second[half..].iter().for_each(|bar| producer.bar(bar));
    producer.finish();
    running.wait_ready();
    running.wait_read(bars.len());
    job.expect(&mut running, &job.backfill(&bars));
    assert_eq!(running.get("/livez").status, 200);
    assert_eq!(running.metric("weir_source_parked", &[]), 0.0);
    running.stop();
    assert_nothing_twice(&job.read(Output::Factors));
    assert_eq!(job.progress()["records"], bars.len());
}

#[test]
fn pipeline_drains_when_told_to_stop() {
    let Some(broker) = broker::own("pipeline_drains_when_told_to_stop", &[]) else { return };
    let job = Job::new(&broker, "p", &Settings { partitions: 2, ..Settings::default() });
    let bars = sp500(120, 120);
    job.produce(&bars);
    let mut running = job.start(&["--epoch-records", "100"]);
    eventually("it is in the middle", || {
        running.assert_runs();
        (running.metric("weir_transactions_total", &["committed"]) > 1.0).then_some(())
    });
    // What is begun cannot be committed now, so that the drain takes long enough to be looked at.
    broker.ctl("pause");
    running.signal_term();
    let ready = eventually("readiness is off", || {
        running.assert_runs();
        let ready = running.get("/readyz");
        ready.body.contains("not_draining").then_some(ready)
    });
    assert_eq!((ready.status, running.get("/livez").status), (503, 200));
    broker.ctl("resume");
    let status = running.wait();
    assert_eq!(status.code(), Some(0), "{}", running.log());
    let read = job.progress()["records"].as_u64().expect("a number") as usize;
    assert!(0 < read && read < bars.len(), "{read} records: not stopped in the middle");

    let mut running = job.start(&["--workers", "2"]);
    running.wait_read(bars.len());
    job.expect(&mut running, &job.backfill(&bars));
    running.stop();
    let written = job.read(Output::Factors);
    assert_nothing_twice(&written);
    assert_eq!(written.len(), bars.len());
}

#[test]
fn pipeline_names_a_topic_that_is_missing() {
    let Some(broker) = broker::shared("pipeline_names_a_topic_that_is_missing") else { return };
    let settings = Settings { delivery: "  create_topics: false\n", ..Settings::default() };
    let job = Job::new(&broker, "p", &settings);
    let mut running = job.start(&[]);
    assert_eq!(running.wait().code(), Some(1));
    let (log, topic) = (running.log(), job.topic(Output::Factors));
    let error = log.lines().find(|line| line.starts_with("error: ")).unwrap_or_default();
    assert!(error.contains(&topic) && error.contains("create_topics"), "{log}");
}

#[test]
fn pipeline_says_that_it_may_not_write() {
    let name = "pipeline_says_that_it_may_not_write";
    let Some(broker) = broker::own(name, &broker::ACCESS_CONTROL) else { return };
    let job = Job::new(&broker, "p", &Settings::default());
    let bars = sp500(5, 10);
    let (first, second) = bars.split_at(25);
    job.produce(first);
    let mut running = job.start(&[]);
    running.wait_read(first.len());
    job.expect(&mut running, &job.backfill(first));
    let topic = job.topic(Output::Factors);
    broker.deny_write(&topic);
    job.produce(second);
    assert_eq!(running.wait().code(), Some(1));
    let log = running.log();
    let error = log.lines().find(|line| line.starts_with("error: ")).unwrap_or_default();
    assert!(error.contains(&topic) && error.contains("not allowed"), "{log}");
}
