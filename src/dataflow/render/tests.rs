//! The whole dataflow on several workers against the same on one: every epoch gives out the same
//! rows with the same bits, whichever way the panel is spread.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::sync::Mutex;

use super::*;
use crate::dataflow::operators::{Emit, Epoch, Next};
use crate::model::{AlertChange, DeadLetter, LateRange, Quarantined, RowBatch, SymbolId, Texts};
use crate::plan::load_text;
use crate::telemetry::Limits;

const PARTITIONS: usize = 3;
const SYMBOLS: usize = 13;
const CORRECTIONS: usize = 6;

const TIME_SERIES: &str = "
  gain: close / delay(close, 2) - 1
  top: ts_max(close, 3)
  slow: ema(close, 4)
  total: ts_sum(volume, 4)";
const ACROSS: &str = "
  place: rank(close)
  lean: demean(volume)
  turn: rank(-delta(close, 1))";
const TWICE: &str = "
  crowd: ts_corr(rank(close), rank(volume), 4)
  again: rank(ts_mean(rank(close), 3))";

fn plan(factors: &[&str], layout: &str) -> Arc<Plan> {
    let text = format!(
        "pipeline: workers\nkafka: {{ brokers: 'nowhere:9092' }}\nsources:\n  bars:\n    \
         topic: bars\n    key: [symbol, time]\n    fields: {{ close: f64, volume: f64? }}\n    \
         lateness: 1s\n    corrections: {CORRECTIONS} bars\nchecks:\n  - positive: close\n  \
         - return_jump: {{ above: 0.4, action: flag }}\nfactors:{}\n\
         outputs: {{ factors: {{ topic: factors, layout: {layout} }} }}\n",
        factors.concat()
    );
    let catalog = crate::dataflow::catalog();
    let plan = load_text("workers", &text, Path::new("."), &|_| None, &catalog);
    Arc::new(plan.unwrap_or_else(|errors| panic!("{errors:?}")))
}

/// A generator of numbers, the same on every machine.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        ((self.0 >> 33) % limit as u64) as usize
    }
}

/// A record: symbol, second, and the row unless it is deleted.
type Record = (usize, usize, Option<(f64, f64)>);

/// Random epochs: times in order, corrections, deletions, rows that are late, times that are seen
/// late or emptied.
fn epochs_of_records(dice: &mut Dice, count: usize) -> Vec<Vec<Record>> {
    let mut now = 40;
    let mut symbols = 4;
    let mut epochs = Vec::new();
    for _ in 0..count {
        let mut records = Vec::new();
        if dice.below(3) != 0 {
            now += 3;
            symbols = (symbols + dice.below(3)).min(SYMBOLS);
            for symbol in 0..symbols {
                if dice.below(12) != 0 {
                    records.push((symbol, now, Some(row(dice))));
                }
            }
        }
        match dice.below(5) {
            0 => {
                let emptied = now - 3 * dice.below(CORRECTIONS);
                records.extend((0..symbols).map(|symbol| (symbol, emptied, None)));
            }
            1 => {}
            _ => {
                for _ in 0..1 + dice.below(4) {
                    let there = dice.below(3) != 0;
                    let time = now - dice.below(3 * CORRECTIONS + 8);
                    records.push((dice.below(symbols), time, there.then(|| row(dice))));
                }
            }
        }
        epochs.push(records);
    }
    epochs
}

fn row(dice: &mut Dice) -> (f64, f64) {
    let volume = if dice.below(9) == 0 { f64::NAN } else { dice.below(50) as f64 };
    // Sometimes one that fails a check.
    (dice.below(60) as f64 / 7.0 - 0.1, volume)
}

fn time(second: usize) -> Time {
    Time::from_millis(second as i64 * 1_000)
}

/// What a worker's part of the source sends, epoch by epoch.
#[derive(Clone, Default)]
struct Play {
    epochs: VecDeque<(Vec<Load>, Vec<Report>)>,
    epoch: Epoch,
}

impl Driver for Play {
    type A = Load;
    type B = Report;
    type C = ();

    fn epoch(&mut self) -> Epoch {
        self.epoch
    }

    fn work(&mut self, out: &mut Emit<Load, Report, ()>) -> Next {
        let Some((loads, reports)) = self.epochs.pop_front() else { return Next::Ended };
        out.a.extend(loads);
        out.b.extend(reports);
        self.epoch += 1;
        Next::Again
    }
}

/// Deals records out to the workers, partition by partition; the last epoch ends the input.
fn deal(
    epochs: &[Vec<Record>],
    signals: &BTreeMap<usize, Vec<Signal>>,
    workers: usize,
) -> Vec<Play> {
    let mut plays = vec![Play::default(); workers];
    let mut next = [0; PARTITIONS];
    for number in 0..=epochs.len() {
        let records = epochs.get(number).map_or(&[][..], Vec::as_slice);
        let mut batches: Vec<RowBatch> =
            (0..PARTITIONS).map(|partition| RowBatch::new(partition as i32, 2)).collect();
        for (symbol, second, row) in records {
            let partition = symbol % PARTITIONS;
            let batch = &mut batches[partition];
            batch.offsets.push(next[partition]);
            next[partition] += 1;
            batch.arrivals_ms.push(0);
            batch.revisions.push(0);
            batch.symbols.push(SymbolId(*symbol as u32));
            batch.times.push(time(*second));
            batch.deleted.push(row.is_none());
            batch.violations.push(0);
            let (close, volume) = row.unwrap_or((f64::NAN, f64::NAN));
            batch.columns[0].push(close);
            batch.columns[1].push(volume);
        }
        for (worker, play) in plays.iter_mut().enumerate() {
            let mut reports = Vec::new();
            if worker == 0 {
                let signals = signals.get(&number).into_iter().flatten();
                reports.extend(signals.cloned().map(Report::Signal));
                if number == epochs.len() {
                    reports.push(Report::Signal(Signal::End));
                }
            }
            let mine = batches.iter().filter(|b| b.partition as usize % workers == worker);
            let loads = mine.filter(|b| !b.is_empty()).cloned().map(Load::Rows).collect();
            play.epochs.push_back((loads, reports));
        }
    }
    plays
}

/// Rows of factors that came (+1) or went (-1).
type Rows = BTreeSet<(Time, i8, SymbolId, Vec<u64>)>;

/// What came out in one epoch.
#[derive(Debug, Default, PartialEq)]
struct Out {
    factors: Rows,
    kept_out: BTreeSet<(SymbolId, Time, i64)>,
    closed: Vec<Time>,
    late: BTreeSet<LateRange>,
}

#[derive(Default)]
struct Seen {
    epochs: BTreeMap<Epoch, Out>,
    /// Batches by epoch, time and sign.
    batches: BTreeMap<(Epoch, Time, i8), usize>,
    /// Workers that gave out factors.
    workers: BTreeSet<usize>,
}

struct Collect(usize, Arc<Mutex<Seen>>);

impl Collect {
    fn with(&self, epoch: Epoch, take: impl FnOnce(&mut Out)) {
        take(self.1.lock().unwrap().epochs.entry(epoch).or_default());
    }
}

impl Outputs for Collect {
    fn factors(&mut self, epoch: Epoch, batches: Vec<FactorBatch>) {
        for batch in batches {
            assert!(batch.symbols.is_sorted() && !batch.symbols.is_empty());
            for (row, symbol) in batch.symbols.iter().enumerate() {
                let bits = batch.columns.iter().map(|column| column[row].to_bits()).collect();
                let key = (batch.time, batch.diff, *symbol, bits);
                self.with(epoch, |out| assert!(out.factors.insert(key), "a row came twice"));
            }
            let mut seen = self.1.lock().unwrap();
            *seen.batches.entry((epoch, batch.time, batch.diff)).or_default() += 1;
            seen.workers.insert(self.0);
        }
    }

    fn quarantine(&mut self, epoch: Epoch, changes: Vec<(Quarantined, i64)>) {
        let keys = changes.into_iter().map(|(row, diff)| (row.symbol, row.time, diff));
        self.with(epoch, |out| out.kept_out.extend(keys));
    }

    fn progress(&mut self, epoch: Epoch, fact: Fact) {
        self.with(epoch, |out| match fact {
            Fact::ClosedThrough(time) => out.closed.push(time),
            Fact::Late(ranges) => out.late.extend(ranges),
            Fact::Position(_) | Fact::Clock(_) => {}
        });
    }

    fn findings(&mut self, _: Epoch, _: Vec<(Finding, i64)>) {}
    fn alerts(&mut self, _: Epoch, _: Vec<AlertChange>) {}
    fn dead_letters(&mut self, _: Epoch, _: Vec<DeadLetter>) {}
    fn through(&mut self, _: Option<Epoch>) {}
}

fn run(plan: &Arc<Plan>, recorded: Recorded, plays: Vec<Play>) -> (Seen, Arc<Metrics>) {
    let metrics = Arc::new(Metrics::new("workers", Limits::default()).unwrap());
    let symbols = Symbols::default();
    for symbol in 0..SYMBOLS {
        symbols.intern(&format!("S{symbol}"));
    }
    let (plan, workers) = (Arc::clone(plan), plays.len());
    let context = Context {
        plan,
        symbols,
        texts: Texts::default(),
        recorded,
        metrics: Arc::clone(&metrics),
        profile: None,
    };
    let seen = Arc::new(Mutex::new(Seen::default()));
    let outputs = Arc::clone(&seen);
    let guards = timely::execute(timely::Config::process(workers), move |worker| {
        let index = worker.index();
        let play = plays[index].clone();
        let outputs = Box::new(Collect(index, Arc::clone(&outputs)));
        let watch = worker.dataflow(|scope| render(scope, &context, |_| play, outputs).unwrap());
        while watch.first_open().is_some() {
            worker.step_or_park(None);
        }
    });
    guards.unwrap().join().into_iter().for_each(|ended| ended.unwrap());
    (Arc::into_inner(seen).unwrap().into_inner().unwrap(), metrics)
}

fn silent() -> Vec<Signal> {
    (0..PARTITIONS as i32).map(Signal::Partition).collect()
}

fn pipelines() -> Vec<Arc<Plan>> {
    let all = [TIME_SERIES, ACROSS, TWICE];
    let mut plans = Vec::new();
    for layout in ["row", "frame"] {
        plans.extend([&all[..1], &all[1..], &all[..2], &all].map(|part| plan(part, layout)));
    }
    plans
}

#[test]
fn every_number_of_workers_gives_out_the_same() {
    for (number, plan) in pipelines().iter().enumerate() {
        let mut dice = Dice(100 + number as u64);
        let records = epochs_of_records(&mut dice, 40);
        let signals = BTreeMap::from([(0, silent())]);
        let go = |workers| run(plan, Recorded::default(), deal(&records, &signals, workers));
        let (one, counted) = go(1);
        let all = || one.epochs.values();
        assert!(all().any(|out| out.factors.iter().any(|(_, diff, ..)| *diff < 0)), "no revision");
        assert!(all().any(|out| !out.late.is_empty()), "nothing late");
        for workers in [2, 3, 4, 7] {
            let (found, metrics) = go(workers);
            for (epoch, expected) in &one.epochs {
                let found = &found.epochs[epoch];
                assert_eq!(found, expected, "pipeline {number}, {workers} workers, epoch {epoch}");
            }
            assert_eq!(found.epochs.len(), one.epochs.len());
            let by_symbol = match place(&plan.factors, workers) {
                Placement::BySymbol => true,
                Placement::ByFactor(_) => false,
                Placement::OneWorker => panic!("pipeline {number} tests nothing"),
            };
            assert_eq!(by_symbol, number % 4 == 0);
            assert!(found.workers.len() > 1, "all came from one worker");
            if !by_symbol || panel::whole_times(plan) {
                assert_eq!(found.batches, one.batches, "pipeline {number}, {workers} workers");
            }
            let rows = [&counted, &metrics].map(|m| (m.factor_rows.get(), m.revisions.get()));
            assert_eq!(rows[0], rows[1], "what is counted is counted once");
        }
    }
}

/// What holds after some epochs.
fn sum<'a>(epochs: impl Iterator<Item = &'a Out>) -> BTreeMap<(Time, SymbolId), Vec<u64>> {
    let mut rows = BTreeMap::new();
    for out in epochs {
        // Old rows come before new ones.
        for (time, diff, symbol, bits) in &out.factors {
            let key = (*time, *symbol);
            if *diff < 0 {
                assert_eq!(rows.remove(&key).as_ref(), Some(bits), "took back what did not hold");
            } else {
                assert_eq!(rows.insert(key, bits.clone()), None, "gave out what held");
            }
        }
    }
    rows
}

#[test]
fn a_replay_with_another_number_of_workers_goes_on_as_if_nothing_had_been() {
    for (number, plan) in pipelines().iter().enumerate() {
        let mut dice = Dice(200 + number as u64);
        let records = epochs_of_records(&mut dice, 30);
        let signals = BTreeMap::from([(0, silent())]);
        let (whole, _) = run(plan, Recorded::default(), deal(&records, &signals, 2));
        let cut = 10 + dice.below(15);
        let before = || whole.epochs.range(..cut as Epoch).map(|(_, out)| out);
        let mut recorded = Recorded::default();
        recorded.late.extend(before().flat_map(|out| out.late.iter().copied()));
        for (symbol, ..) in records[..cut].iter().flatten() {
            *recorded.offsets.entry((symbol % PARTITIONS) as i32).or_insert(0) += 1;
        }
        let closed_through = before().filter_map(|out| out.closed.last()).max().copied();
        // The replay comes in larger steps, and resumes in an epoch of its own.
        let mut again: Vec<Vec<Record>> =
            records[..cut].chunks(3).map(|epochs| epochs.concat()).collect();
        let resumed = again.len();
        again.push(Vec::new());
        again.extend_from_slice(&records[cut..]);
        let begin = [vec![Signal::Replay], silent()].concat();
        let signals =
            BTreeMap::from([(0, begin), (resumed, vec![Signal::Resume { closed_through }])]);
        for workers in [1, 2, 4] {
            let what = format!("pipeline {number}, {workers} workers, cut at {cut}");
            let (found, _) = run(plan, recorded.clone(), deal(&again, &signals, workers));
            let replayed = found.epochs.range(..=resumed as Epoch).map(|(_, out)| out);
            assert_eq!(sum(replayed), sum(before()), "{what}");
            for epoch in cut..=records.len() {
                let now = &found.epochs.get(&((epoch + resumed + 1 - cut) as Epoch));
                let then = &whole.epochs.get(&(epoch as Epoch));
                assert_eq!(now.map(|out| &out.factors), then.map(|out| &out.factors), "{what}");
                assert_eq!(now.map(|out| &out.closed), then.map(|out| &out.closed), "{what}");
            }
        }
    }
}
