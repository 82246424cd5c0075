//! kill -9 at random moments: nothing is lost, nothing is there twice, and the digest is that of a
//! run that nobody disturbed.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::bars::{Bar, CLOSE, Dice, sp500};
use super::harness::{Job, Output, Producer, Settings};
use super::outputs::{Outputs, assert_nothing_twice, header};
use crate::broker;

const SYMBOLS: usize = 24;
const DAYS: usize = 110;
const ROUNDS: usize = 20;

/// What was produced: how many records, and the rows that hold at the end, with those kept out.
struct Produced {
    records: usize,
    dead: usize,
    rows: Vec<Bar>,
}

/// Produces day by day, with corrections, deletions, duplicates, rows that fail a check and
/// records that cannot be read in between, until all is out.
fn produce(producer: &Producer, dice: &mut Dice, pause: Duration) -> Produced {
    let bars = sp500(SYMBOLS, DAYS);
    let mut last: Vec<Option<Bar>> = Vec::new();
    let mut kept_out: Vec<Option<Bar>> = vec![None; bars.len()];
    let (mut records, mut dead) = (0, 0);
    for (number, bar) in bars.iter().enumerate() {
        producer.bar(bar);
        last.push(Some(bar.clone()));
        records += 1;
        let place = number - dice.below(10 * SYMBOLS).min(number);
        match dice.below(30) {
            0 => {
                producer.delete(&bars[place]);
                (last[place], kept_out[place]) = (None, None);
            }
            1 | 2 => {
                let better = bars[place].scaled(1.0 + dice.below(30) as f64 / 1000.0);
                producer.bar(&better);
                (last[place], kept_out[place]) = (Some(better), None);
            }
            3 => {
                let wrong = bars[place].with(CLOSE, "-2");
                producer.bar(&wrong);
                kept_out[place] = Some(wrong);
            }
            4 => {
                producer.send(producer.partition(&bar.symbol), Some(b"k"), Some(b"{\"symbol\":"));
                dead += 1;
            }
            _ => records -= 1,
        }
        records += 1;
        if number % SYMBOLS == 0 {
            producer.finish();
            std::thread::sleep(pause);
        }
    }
    // The last day is complete when all have a bar for it.
    for place in (DAYS - 1) * SYMBOLS..bars.len() {
        producer.bar(&bars[place]);
        (last[place], kept_out[place]) = (Some(bars[place].clone()), None);
        records += 1;
    }
    producer.finish();
    let rows = last.into_iter().chain(kept_out).flatten().collect();
    Produced { records, dead, rows }
}

#[test]
fn pipeline_survives_being_killed() {
    let name = "pipeline_survives_being_killed";
    let Some(broker) = broker::shared(name) else { return };
    let mut dice = Dice::new(Dice::seed(name));
    let alerts = "[{name: dirty, when: violations(positive) > 2 in 5h, severity: critical}]";
    let settings = Settings { partitions: 3, alerts, ..Settings::default() };
    let job = Job::new(&broker, "killed", &settings);
    let workers = |dice: &mut Dice| ["1", "2", "4"][dice.below(3)];

    let mut dice_of_input = Dice::new(dice.next());
    let producer = job.producer();
    let done = AtomicBool::new(false);
    let (produced, resumed) = std::thread::scope(|scope| {
        let input = scope.spawn(|| {
            let produced = produce(&producer, &mut dice_of_input, Duration::from_millis(300));
            done.store(true, Ordering::Relaxed);
            produced
        });
        let mut resumed = 0;
        for _ in 0..ROUNDS {
            let running = job.start(&["--workers", workers(&mut dice), "--epoch-records", "50"]);
            std::thread::sleep(Duration::from_millis(400 + dice.below(2_400) as u64));
            resumed += usize::from(running.log().contains("replay finished"));
            running.kill();
        }
        (input.join().expect("the input is produced"), resumed)
    });
    assert!(resumed > ROUNDS / 4, "only {resumed} of {ROUNDS} runs came to new input");

    let expected = job.backfill(&produced.rows);
    assert!(!expected.quarantine.is_empty() && !expected.findings.is_empty());
    let mut running = job.start(&["--workers", workers(&mut dice)]);
    running.wait_read(produced.records);
    job.expect(&mut running, &expected);
    running.stop();
    for output in [Output::Factors, Output::Findings] {
        assert_nothing_twice(&job.read(output));
    }
    let letters = job.read(Output::DeadLetters);
    let places: BTreeSet<_> = letters
        .iter()
        .map(|letter| (header(letter, "weir.partition"), header(letter, "weir.offset")))
        .collect();
    assert_eq!((letters.len(), places.len()), (produced.dead, produced.dead));

    // Of the same name, which the labels of alerts have, and the digest.
    let settings = Settings { pipeline: Some(job.name.clone()), ..settings };
    let calm = Job::reading(&broker, "calm", &job.input, &settings);
    let mut running = calm.start(&["--workers", workers(&mut dice)]);
    running.wait_read(produced.records);
    calm.expect(&mut running, &expected);
    running.stop();
    let (killed, calm) = (job.progress(), calm.progress());
    assert_eq!(killed["records"], produced.records);
    for field in ["records", "offsets", "start", "closed_through", "late", "digest"] {
        assert_eq!(killed[field], calm[field], "{field}");
    }
}

/// Late or not is decided by what had closed when a row came, and differs from run to run. What is
/// decided is kept: each restart compares its digest with the one that was committed.
#[test]
fn pipeline_remembers_what_was_late() {
    let name = "pipeline_remembers_what_was_late";
    let Some(broker) = broker::shared(name) else { return };
    let mut dice = Dice::new(Dice::seed(name));
    let settings = Settings { partitions: 2, corrections: 5, ..Settings::default() };
    let job = Job::new(&broker, "p", &settings);
    let bars = sp500(SYMBOLS, DAYS);
    let producer = job.producer();
    let mut corrected: Vec<Option<Bar>> = vec![None; bars.len()];
    let mut records = 0;
    for round in 0..8 {
        let mut running = job.start(&["--workers", ["1", "2", "4"][dice.below(3)]]);
        let days = DAYS / 8 * SYMBOLS;
        let last = if round == 7 { bars.len() } else { (round + 1) * days };
        for place in round * days..last {
            producer.bar(&bars[place]);
            records += 1;
            let back = place.saturating_sub((3 + dice.below(5)) * SYMBOLS + dice.below(SYMBOLS));
            if dice.below(8) == 0 && place > 10 * SYMBOLS && corrected[back].is_none() {
                let better = bars[back].scaled(1.0 + dice.below(30) as f64 / 1000.0);
                producer.bar(&better);
                corrected[back] = Some(better);
                records += 1;
            }
            if place % SYMBOLS == 0 {
                producer.finish();
                std::thread::sleep(Duration::from_millis(60));
            }
        }
        producer.finish();
        if round < 7 {
            running.assert_runs();
            running.kill();
            continue;
        }
        running.wait_read(records);
        let late = job.outputs().quarantine;
        let all = corrected.iter().flatten().count();
        assert!(!late.is_empty() && late.len() < all, "{} of {all} were late", late.len());
        assert!(late.values().all(|reason| reason == "late"));
        let holds = |(bar, corrected): (&Bar, &Option<Bar>)| match corrected {
            Some(better) if !late.contains_key(&bar.output_key()) => better.clone(),
            _ => bar.clone(),
        };
        let rows: Vec<Bar> = bars.iter().zip(&corrected).map(holds).collect();
        let expected = Outputs { quarantine: late.clone(), ..job.backfill(&rows) };
        job.expect(&mut running, &expected);
        assert_eq!(running.metric("weir_rows", &["outcome=\"late\""]), late.len() as f64);
        running.stop();
    }
    // And once more from the beginning.
    let mut running = job.start(&["--workers", "2"]);
    running.wait_ready();
    running.stop();
    assert_nothing_twice(&job.read(Output::Factors));
    assert_eq!(job.progress()["records"], records);
}
