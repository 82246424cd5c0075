//! Bars in whatever order, split in whatever way, give what a backfill of the same rows gives.

use std::collections::BTreeSet;

use super::bars::{Bar, Dice, sp500};
use super::harness::{FACTORS, Job, Output, Settings, TIME_SERIES};
use super::outputs::{assert_nothing_twice, of_frames};
use crate::broker::{self, Broker, eventually};

const SYMBOLS: usize = 40;
const DAYS: usize = 45;

/// Runs the bars through a pipeline and compares with the backfill. In the order in which bars
/// come here, no result is ever revised.
fn equals_the_backfill(
    broker: &Broker,
    what: &str,
    settings: &Settings,
    bars: &[Bar],
    how: &[&str],
) {
    let job = Job::new(broker, what, settings);
    let mut sorted = bars.to_vec();
    sorted.sort_by(|a, b| (&a.day, &a.symbol).cmp(&(&b.day, &b.symbol)));
    let expected = job.backfill(&sorted);
    assert_eq!(expected.factors.len(), bars.len());
    job.produce(bars);
    let mut running = job.start(how);
    running.wait_read(bars.len());
    job.expect(&mut running, &expected);
    running.stop();
    let written = job.read(Output::Factors);
    assert_nothing_twice(&written);
    assert_eq!(written.len(), bars.len(), "{what}: a result was revised");
    assert_eq!(job.progress()["records"], bars.len());
}

/// Bars out of order by less than `days`, the lateness of the pipeline.
fn shuffled(dice: &mut Dice, mut bars: Vec<Bar>, days: usize) -> Vec<Bar> {
    let all: BTreeSet<String> = bars.iter().map(|bar| bar.day.clone()).collect();
    let place = |day: &String| all.iter().position(|other| other == day).unwrap();
    bars.sort_by_cached_key(|bar| (place(&bar.day) * 1000 + dice.below(days * 1000), dice.next()));
    bars
}

#[test]
fn pipeline_in_order() {
    let Some(broker) = broker::shared("pipeline_in_order") else { return };
    let bars = sp500(SYMBOLS, DAYS);
    for (partitions, workers, records, factors) in [
        (1, "1", "100000", FACTORS),
        (2, "2", "37", FACTORS),
        (5, "4", "500", FACTORS),
        (2, "2", "211", TIME_SERIES),
        (5, "4", "37", TIME_SERIES),
    ] {
        let settings = Settings { partitions, factors, ..Settings::default() };
        let how = ["--workers", workers, "--epoch-records", records];
        let what = format!("p{partitions}w{workers}e{records}");
        equals_the_backfill(&broker, &what, &settings, &bars, &how);
    }
}

#[test]
fn pipeline_shuffled_within_the_lateness() {
    let name = "pipeline_shuffled_within_the_lateness";
    let Some(broker) = broker::shared(name) else { return };
    let mut dice = Dice::new(Dice::seed(name));
    // Ten days span at least seven of trading.
    let bars = shuffled(&mut dice, sp500(SYMBOLS, DAYS), 6);
    for (partitions, workers, interval, factors) in [
        (1, "2", "1ms", FACTORS),
        (2, "1", "50ms", FACTORS),
        (5, "4", "5ms", FACTORS),
        (3, "2", "5ms", TIME_SERIES),
    ] {
        let settings = Settings { partitions, lateness: "15d", factors, ..Settings::default() };
        let how = ["--workers", workers, "--epoch-interval", interval, "--epoch-records", "211"];
        equals_the_backfill(&broker, &format!("p{partitions}w{workers}"), &settings, &bars, &how);
    }
}

#[test]
fn pipeline_writes_frames() {
    let Some(broker) = broker::shared("pipeline_writes_frames") else { return };
    for (what, factors) in [("across", FACTORS), ("apart", TIME_SERIES)] {
        let settings = Settings { layout: "frame", partitions: 2, factors, ..Settings::default() };
        writes_frames(&Job::new(&broker, what, &settings));
    }
}

fn writes_frames(job: &Job<'_>) {
    let mut bars = sp500(SYMBOLS, DAYS);
    job.produce(&bars);
    let mut running = job.start(&["--workers", "2"]);
    let mut equals = |bars: &[Bar]| {
        let expected = job.backfill(bars).factors;
        eventually("the frames hold what a backfill does", || {
            running.assert_runs();
            (of_frames(&job.read(Output::Factors)) == expected).then_some(())
        });
    };
    equals(&bars);
    assert_eq!(job.read(Output::Factors).len(), DAYS, "a frame was revised");
    // A correction, and the deletion of a row.
    let place = (DAYS - 8) * SYMBOLS + 5;
    bars[place] = bars[place].scaled(1.02);
    job.produce(&bars[place..=place]);
    equals(&bars);
    let producer = job.producer();
    producer.delete(&bars.remove((DAYS - 3) * SYMBOLS + 9));
    producer.finish();
    equals(&bars);
    running.stop();
}
