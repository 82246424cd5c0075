//! Corrections, deletions, duplicates and late rows: what holds afterwards is what a clean run on
//! the final data gives, and on the way only results are written that change.

use std::collections::BTreeSet;

use super::bars::{Bar, CLOSE, Dice, SECTORS, instant, sp500};
use super::harness::{FACTORS, Job, Output, Producer, Running, Settings, TIME_SERIES};
use super::outputs::{Outputs, assert_nothing_twice, compacted, factors_of, header, json};
use crate::broker;

const SYMBOLS: usize = 30;
const DAYS: usize = 45;

/// A run that is told of one change after the other.
struct Run<'b> {
    job: Job<'b>,
    running: Running,
    producer: Producer,
    /// The rows that should hold, by place in the first delivery.
    bars: Vec<Option<Bar>>,
    now: Outputs,
    produced: usize,
    /// Records of factors looked at.
    seen: usize,
}

impl<'b> Run<'b> {
    fn new(job: Job<'b>, bars: &[Bar], arguments: &[&str]) -> Run<'b> {
        job.produce(bars);
        let now = job.backfill(bars);
        let mut running = job.start(arguments);
        running.wait_read(bars.len());
        job.expect(&mut running, &now);
        let seen = job.read(Output::Factors).len();
        assert_eq!(seen, bars.len(), "no result is revised before there is a correction");
        let producer = job.producer();
        let bars: Vec<Option<Bar>> = bars.iter().cloned().map(Some).collect();
        Run { job, running, producer, produced: bars.len(), bars, now, seen }
    }

    fn bar(&self, place: usize) -> Bar {
        self.bars[place].clone().expect("it was not deleted")
    }

    /// Says that a row is otherwise, or is not.
    fn set(&mut self, place: usize, bar: Option<Bar>) {
        match &bar {
            Some(bar) => self.producer.bar(bar),
            None => self.producer.delete(&self.bar(place)),
        }
        self.bars[place] = bar;
        self.produced += 1;
    }

    /// Waits until everything said is seen, and compares what was written with what changed.
    /// `kept_out` are rows that fail a check, beside those that hold.
    fn settle(&mut self, kept_out: &[Bar]) -> BTreeSet<String> {
        let changed = self.wait(kept_out);
        let records = self.job.read(Output::Factors);
        let written: BTreeSet<String> =
            records[self.seen..].iter().map(|record| record.key_text()).collect();
        assert_eq!(written, changed, "written | changed");
        assert_eq!(records.len() - self.seen, changed.len(), "each of them once");
        self.seen = records.len();
        changed
    }

    /// The same for many changes at once, which may be seen in several steps: between them results
    /// change that are as before at the end.
    fn settle_in_steps(&mut self) {
        let changed = self.wait(&[]);
        let records = self.job.read(Output::Factors);
        let written: BTreeSet<String> =
            records[self.seen..].iter().map(|record| record.key_text()).collect();
        assert!(written.is_superset(&changed));
        self.seen = records.len();
    }

    /// Waits until everything said is seen, and gives the rows of factors that changed.
    fn wait(&mut self, kept_out: &[Bar]) -> BTreeSet<String> {
        self.producer.finish();
        let rows: Vec<Bar> = self.bars.iter().flatten().chain(kept_out).cloned().collect();
        let mut expected = self.job.backfill(&rows);
        // A backfill of rows in order has no late ones.
        let late = self.now.quarantine.iter().filter(|(_, reason)| *reason == "late");
        expected.quarantine.extend(late.map(|(key, reason)| (key.clone(), reason.clone())));
        self.running.wait_read(self.produced);
        self.job.expect(&mut self.running, &expected);
        let changed = self.now.changed_factors(&expected);
        self.now = expected;
        changed
    }

    fn place(&self, symbol: usize, day: usize) -> usize {
        day * SYMBOLS + symbol
    }
}

fn settings() -> Settings {
    let alerts = "[{name: jumps, when: violations(return_jump) > 0 in 1h, severity: warning}]";
    Settings { partitions: 2, alerts, ..Settings::default() }
}

#[test]
fn pipeline_revises_exactly_what_changed() {
    let name = "pipeline_revises_exactly_what_changed";
    let Some(broker) = broker::shared(name) else { return };
    let bars = sp500(SYMBOLS, DAYS);
    let job = Job::new(&broker, "p", &settings());
    let mut run = Run::new(job, &bars, &["--workers", "2"]);

    // One price: the symbol's own windows, and the ranks of others where it overtakes them.
    let place = run.place(7, 30);
    run.set(place, Some(run.bar(place).scaled(1.04)));
    let changed = run.settle(&[]);
    let days: BTreeSet<&str> = changed.iter().map(|key| key.split('|').nth(1).unwrap()).collect();
    let last = instant(&run.bar(run.place(7, 30 + 9)).day);
    assert!(days.first().is_some_and(|day| *day == instant(&run.bar(place).day)), "{days:?}");
    assert!(days.last().is_some_and(|day| **day <= *last), "{days:?}");

    // The same bar again, twenty times, and many others: nothing but the row that says when.
    for place in run.place(0, 28)..run.place(0, 34) {
        run.set(place, Some(run.bar(place)));
    }
    let place = run.place(11, 44);
    run.set(place, Some(run.bar(place).scaled(0.99)));
    run.settle(&[]);

    // Another sector: the ranks and means of both, here and as long as windows look back.
    let place = run.place(12, 38);
    let (old, day) = (run.bar(place).sector, run.bar(place).day);
    let sector = SECTORS.iter().find(|sector| **sector != old && !sector.is_empty());
    let sector = *sector.expect("there are several");
    run.set(place, Some(run.bar(place).moved(sector)));
    let changed = run.settle(&[]);
    assert!(changed.contains(&run.bar(place).output_key()));
    let last = instant(&run.bar(run.place(12, 38 + 2)).day);
    let near = |key: &str| {
        key.split('|')
            .nth(1)
            .is_some_and(|at| (instant(&day)..=last.clone()).contains(&at.to_owned()))
    };
    assert!(changed.iter().all(|key| near(key)), "{changed:?}");
    let of_sector = |place: usize| [&*old, sector].contains(&&*run.bar(place).sector);
    let of_day = |symbol: usize| run.bar(run.place(symbol, 38)).symbol;
    let members: BTreeSet<String> =
        (0..SYMBOLS).filter(|symbol| of_sector(run.place(*symbol, 38))).map(of_day).collect();
    let touched = changed.iter().map(|key| key.split('|').next().unwrap().to_owned());
    assert!(touched.collect::<BTreeSet<_>>().is_subset(&members), "{changed:?}");

    // A deletion, and the row given back.
    let place = run.place(3, 35);
    let given_back = run.bar(place);
    run.set(place, None);
    let changed = run.settle(&[]);
    assert!(changed.contains(&given_back.output_key()));
    assert!(!run.now.factors.contains_key(&given_back.output_key()));
    run.set(place, Some(given_back));
    assert_eq!(run.settle(&[]), changed, "the same results go and come");

    // A whole day goes, as if it had never been there, and comes back.
    let day: Vec<usize> = (0..SYMBOLS).map(|symbol| run.place(symbol, 36)).collect();
    let bars_of_day: Vec<Bar> = day.iter().map(|place| run.bar(*place)).collect();
    day.iter().for_each(|place| run.set(*place, None));
    run.settle_in_steps();
    for (place, bar) in day.iter().zip(bars_of_day) {
        run.set(*place, Some(bar));
    }
    run.settle_in_steps();
    run.running.stop();
}

#[test]
fn pipeline_takes_back_what_was_put_right() {
    let name = "pipeline_takes_back_what_was_put_right";
    let Some(broker) = broker::shared(name) else { return };
    let bars = sp500(SYMBOLS, DAYS);
    let mut run = Run::new(Job::new(&broker, "p", &settings()), &bars, &["--workers", "2"]);

    // A correction that fails a check leaves the row as it was, and is kept out.
    let place = run.place(5, 40);
    let good = run.bar(place);
    let wrong = good.with(CLOSE, "-1");
    run.set(place, Some(wrong.clone()));
    run.bars[place] = Some(good.clone());
    assert_eq!(run.settle(&[wrong]), BTreeSet::new());
    let key = good.output_key();
    assert_eq!(run.now.quarantine[&key], "positive,ohlc_order");
    assert_eq!(run.now.findings.len(), 2);
    // A better one releases it.
    run.set(place, Some(good.scaled(1.001)));
    run.settle(&[]);
    assert_eq!((run.now.quarantine.len(), run.now.findings.len()), (0, 0));

    // A price that jumps there and back is flagged twice, and used; the alert is withdrawn when
    // it is put right.
    let place = run.place(9, 42);
    let good = run.bar(place);
    run.set(place, Some(good.scaled(10.0)));
    run.settle(&[]);
    assert_eq!(run.now.findings.len(), 2);
    run.set(place, Some(good));
    run.settle(&[]);
    assert_eq!(run.now.findings.len(), 0);

    // A row older than what may change.
    let place = run.place(2, 10);
    let (late, before) = (run.bar(place).scaled(1.1), run.bar(place));
    run.now.quarantine.insert(late.output_key(), "late".to_owned());
    run.set(place, Some(late.clone()));
    run.bars[place] = Some(before);
    assert_eq!(run.settle(&[]), BTreeSet::new());
    let Run { job, mut running, produced, .. } = run;
    assert_eq!(running.metric("weir_rows", &["outcome=\"late\""]), 1.0);
    running.stop();

    let kept_out = job.read(Output::Quarantine);
    let record = compacted(&kept_out)[&late.output_key()];
    assert_eq!(record.value.as_deref(), Some(late.json().as_bytes()));
    assert_eq!(header(record, "weir.stage"), "late");
    assert_nothing_twice(&job.read(Output::Factors));
    assert_nothing_twice(&job.read(Output::Findings));
    let alerts: Vec<_> = job.read(Output::Alerts).iter().map(json).collect();
    let said = |alert: &serde_json::Value| {
        let data = &alert["data"];
        (data["state"].as_str().map(str::to_owned), data["reason"].as_str().map(str::to_owned))
    };
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(
        alerts.iter().map(said).collect::<Vec<_>>(),
        [(text("firing"), None), (text("resolved"), text("retracted"))]
    );
    assert_eq!(job.progress()["records"], produced);
}

#[test]
fn pipeline_ends_where_the_final_data_ends() {
    let name = "pipeline_ends_where_the_final_data_ends";
    let Some(broker) = broker::shared(name) else { return };
    let mut dice = Dice::new(Dice::seed(name));
    let bars = sp500(SYMBOLS, DAYS);
    for (partitions, workers, factors) in
        [(1, "1", FACTORS), (2, "2", FACTORS), (3, "4", FACTORS), (4, "4", TIME_SERIES)]
    {
        let job = Job::new(
            &broker,
            &format!("p{partitions}"),
            &Settings { partitions, corrections: 60, factors, ..settings() },
        );
        let producer = job.producer();
        let mut last: Vec<Option<Bar>> = Vec::new();
        let mut produced = 0;
        let mut running = job.start(&["--workers", workers, "--epoch-records", "97"]);
        for (number, bar) in bars.iter().enumerate() {
            producer.bar(bar);
            last.push(Some(bar.clone()));
            produced += 1;
            for _ in 0..dice.below(5) / 3 {
                let place = dice.below(number + 1);
                let known = &bars[place];
                let bar = match dice.below(5) {
                    0 => None,
                    1 => last[place].clone(),
                    2 => Some(known.moved(SECTORS[dice.below(SECTORS.len())])),
                    _ => Some(known.scaled(1.0 + dice.below(40) as f64 / 1000.0)),
                };
                match &bar {
                    Some(bar) => producer.bar(bar),
                    None => producer.delete(known),
                }
                last[place] = bar;
                produced += 1;
            }
        }
        // The last day is complete when all have a bar for it.
        for place in (DAYS - 1) * SYMBOLS..DAYS * SYMBOLS {
            producer.bar(&bars[place]);
            last[place] = Some(bars[place].clone());
            produced += 1;
        }
        producer.finish();
        let rows: Vec<Bar> = last.into_iter().flatten().collect();
        let expected = job.backfill(&rows);
        running.wait_read(produced);
        job.expect(&mut running, &expected);
        running.stop();
        let written = job.read(Output::Factors);
        assert_nothing_twice(&written);
        let now = compacted(&written);
        assert!(now.values().all(|record| !factors_of(record).is_empty()));
        assert_eq!(job.progress()["records"], produced);
    }
}
