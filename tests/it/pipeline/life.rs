//! What happens to a pipeline in its life: it is changed, its topic grows, it is started twice.

use super::bars::{Bar, CLOSE, sp500};
use super::harness::{Job, Output, Settings};
use super::outputs::assert_nothing_twice;
use crate::broker::{self, eventually};

const SYMBOLS: usize = 20;
const DAYS: usize = 30;

#[test]
fn pipeline_restates_after_a_change() {
    let Some(broker) = broker::shared("pipeline_restates_after_a_change") else { return };
    let settings = Settings { partitions: 2, ..Settings::default() };
    let job = Job::new(&broker, "p", &settings);
    let bars = sp500(SYMBOLS, DAYS);
    let (first, second) = bars.split_at(bars.len() / 2);
    job.produce(first);
    let mut running = job.start(&[]);
    job.expect(&mut running, &job.backfill(first));
    running.stop();

    job.change(&settings, |text| text.replace("delay(close, 5)", "delay(close, 4)"));
    let mut running = job.start(&[]);
    assert_eq!(running.wait().code(), Some(1));
    assert!(running.log().contains("--restate"), "{}", running.log());
    let mut running = job.start(&["--restate"]);
    job.expect(&mut running, &job.backfill(first));
    job.produce(second);
    job.expect(&mut running, &job.backfill(&bars));
    running.stop();
    // Readers compare revisions, so those of the restated results must be newer.
    let written = job.read(Output::Factors);
    assert_nothing_twice(&written);
    assert_eq!(written.len(), first.len() + bars.len());

    // From then on it goes on as ever.
    let mut running = job.start(&["--workers", "2"]);
    running.wait_ready();
    running.stop();
    assert_eq!(job.read(Output::Factors).len(), written.len());
}

#[test]
fn pipeline_reads_partitions_that_are_added() {
    let Some(broker) = broker::shared("pipeline_reads_partitions_that_are_added") else { return };
    let alerts = "[{name: dirty, when: violations(positive) > 0 in 5h, severity: critical}]";
    let job = Job::new(&broker, "p", &Settings { alerts, ..Settings::default() });
    let bars = sp500(SYMBOLS, DAYS);
    let (first, second) = bars.split_at(bars.len() / 2);
    job.produce(first);
    // One that fails two checks.
    let wrong = first[7].with(CLOSE, "-1");
    job.produce(std::slice::from_ref(&wrong));
    let mut running = job.start(&["--workers", "2"]);
    let with_wrong = |bars: &[Bar]| job.backfill(&[bars, std::slice::from_ref(&wrong)].concat());
    job.expect(&mut running, &with_wrong(first));
    broker.grow(&job.input, 3);
    eventually("the producers know it", || {
        (broker.admin.partitions(&job.input).ok()??.len() == 3).then_some(())
    });
    job.produce(second);
    // What is counted is counted once, although the run began again by itself.
    running.wait_read(bars.len() + 1);
    job.expect(&mut running, &with_wrong(&bars));
    for (metric, expected) in [("weir_findings_open", 2.0), ("weir_alerts_active", 1.0)] {
        assert_eq!(running.metric(metric, &[]), expected, "{metric}");
    }
    running.kill();

    // All of it is replayed, from the beginning of each partition.
    let mut running = job.start(&["--workers", "2"]);
    let mut corrected = bars.clone();
    for symbol in 0..3 {
        let place = bars.len() - 5 * SYMBOLS + symbol;
        corrected[place] = bars[place].scaled(1.01);
        job.produce(&corrected[place..=place]);
    }
    job.expect(&mut running, &with_wrong(&corrected));
    running.stop();
    assert_nothing_twice(&job.read(Output::Factors));
    assert_eq!(job.progress()["records"], bars.len() + 4);
}

#[test]
fn pipeline_started_twice_runs_once() {
    let Some(broker) = broker::shared("pipeline_started_twice_runs_once") else { return };
    let job = Job::new(&broker, "p", &Settings { partitions: 2, ..Settings::default() });
    let bars = sp500(SYMBOLS, DAYS);
    let (first, second) = bars.split_at(bars.len() / 2);
    job.produce(first);
    let mut old = job.start(&[]);
    job.expect(&mut old, &job.backfill(first));
    let mut new = job.start(&["--workers", "2"]);
    new.wait_ready();
    job.produce(second);
    assert_eq!(old.wait().code(), Some(1), "{}", old.log());
    let log = old.log();
    let error = log.lines().find(|line| line.starts_with("error: ")).unwrap_or_default();
    assert!(error.contains("another") || error.contains("newer"), "{log}");
    job.expect(&mut new, &job.backfill(&bars));
    new.stop();
    assert_nothing_twice(&job.read(Output::Factors));
    assert_eq!(job.progress()["records"], bars.len());
}
