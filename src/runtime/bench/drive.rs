//! Bar by bar: the next one goes in when the results of the one before are out, and the time
//! between is what is measured.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::market::Market;
use crate::dataflow::operators::{Driver, Emit, Epoch, Next, Wake};
use crate::dataflow::{Clock, Fact, Load, Outputs, Report, Signal};
use crate::model::{
    AlertChange, Column, DeadLetter, FactorBatch, Finding, Position, Quarantined, RowBatch,
};

/// How long a source without work sleeps if nobody wakes it.
const PATIENCE: Duration = Duration::from_millis(50);

/// What one epoch brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A bar before measuring begins.
    Warm,
    /// A measured bar.
    Bar,
    /// A measured correction, by its number.
    Correction(u64),
}

/// What the sources and the outputs of all workers share.
#[derive(Debug)]
pub(super) struct Course {
    steps: Vec<Step>,
    horizon: i64,
    progress: Mutex<Progress>,
}

#[derive(Debug, Default)]
struct Progress {
    through: Epoch,
    started: Option<Instant>,
    /// Nanoseconds by epoch.
    taken: Vec<u64>,
    /// What came out since the watch was started: looked at when it has stopped.
    results: Vec<(Step, Vec<FactorBatch>)>,
    /// Numbers of factors that were given out in measured bars, missing ones not counted.
    values: u64,
    /// Rows of factors that corrections gave out again.
    revised: u64,
    wakes: Vec<Wake>,
}

impl Course {
    pub(super) fn new(steps: Vec<Step>, horizon: usize) -> Course {
        let horizon = i64::try_from(horizon).unwrap_or(i64::MAX);
        Course { steps, horizon, progress: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn step(&self, epoch: Epoch) -> Option<Step> {
        self.steps.get(usize::try_from(epoch).ok()?).copied()
    }

    /// Nanoseconds of the steps of a kind.
    pub(super) fn nanos(&self, of: fn(Step) -> bool) -> Vec<u64> {
        let progress = self.lock();
        let both = self.steps.iter().zip(&progress.taken);
        both.filter(|(step, _)| of(**step)).map(|(_, nanos)| *nanos).collect()
    }

    /// Values given out in measured bars, and rows given out again by corrections.
    pub(super) fn counts(&self) -> (u64, u64) {
        let progress = self.lock();
        (progress.values, progress.revised)
    }
}

impl Progress {
    fn count(&mut self) {
        for (step, batches) in std::mem::take(&mut self.results) {
            let new = batches.iter().filter(|batch| batch.diff > 0);
            match step {
                Step::Bar => {
                    let there = |c: &Column| c.iter().map(|v| u64::from(!v.is_nan())).sum::<u64>();
                    self.values += new.flat_map(|batch| &batch.columns).map(there).sum::<u64>();
                }
                Step::Correction(_) => {
                    self.revised += new.map(|batch| batch.symbols.len() as u64).sum::<u64>();
                }
                Step::Warm => {}
            }
        }
    }
}

/// One worker's part of the market.
pub(super) struct Feed {
    course: Arc<Course>,
    market: Market,
    partition: i32,
    offset: i64,
    epoch: Epoch,
    /// The next rows, made before their time comes.
    next: Option<RowBatch>,
    ending: bool,
}

impl Feed {
    pub(super) fn new(course: Arc<Course>, market: Market, worker: usize, wake: Wake) -> Feed {
        course.lock().wakes.push(wake);
        let partition = i32::try_from(worker).unwrap_or(i32::MAX);
        Feed { course, market, partition, offset: 0, epoch: 0, next: None, ending: false }
    }

    fn make(&mut self, step: Step) -> RowBatch {
        let first = self.partition == 0;
        let (partition, offset, horizon) = (self.partition, self.offset, self.course.horizon);
        let rows = match step {
            Step::Warm | Step::Bar => Some(self.market.next(partition, offset)),
            Step::Correction(number) if first => {
                self.market.correction(partition, offset, horizon, number)
            }
            Step::Correction(_) => None,
        };
        rows.unwrap_or_else(|| RowBatch::new(partition, 0))
    }

    fn send(&mut self, rows: RowBatch, out: &mut Emit<Load, Report, ()>) {
        self.offset += rows.len() as i64;
        let now_ms = self.market.bars() * super::market::BAR_MS;
        let next = self.offset;
        let arrivals_ms = vec![(now_ms, rows.len() as u32)];
        out.b.push(Report::Position(Position { partition: self.partition, next, arrivals_ms }));
        if self.partition == 0 {
            out.b.push(Report::Clock(Clock { now_ms, settled: true, resumed: false }));
        }
        if !rows.is_empty() {
            out.a.push(Load::Rows(rows));
            // The last part of a bar starts the watch: nothing closes before it is there. Workers
            // that bring nothing do not: what they are waited for counts.
            self.course.lock().started = Some(Instant::now());
        }
    }
}

impl Driver for Feed {
    type A = Load;
    type B = Report;
    type C = ();

    fn epoch(&mut self) -> Epoch {
        self.epoch
    }

    fn work(&mut self, out: &mut Emit<Load, Report, ()>) -> Next {
        if self.ending {
            return Next::Ended;
        }
        let step = self.course.step(self.epoch);
        if let (Some(step), None) = (step, &self.next) {
            self.next = Some(self.make(step));
        }
        if self.course.lock().through < self.epoch {
            return Next::Within(PATIENCE);
        }
        match self.next.take() {
            Some(rows) => self.send(rows, out),
            None => {
                out.b.push(Report::Signal(Signal::End));
                self.ending = true;
            }
        }
        self.epoch += 1;
        Next::Again
    }
}

/// Counts what comes out.
pub(super) struct Count(pub(super) Arc<Course>);

impl Outputs for Count {
    fn factors(&mut self, epoch: Epoch, batches: Vec<FactorBatch>) {
        if let Some(step) = self.0.step(epoch) {
            self.0.lock().results.push((step, batches));
        }
    }

    fn findings(&mut self, _: Epoch, _: Vec<(Finding, i64)>) {}

    fn alerts(&mut self, _: Epoch, _: Vec<AlertChange>) {}

    fn quarantine(&mut self, _: Epoch, _: Vec<(Quarantined, i64)>) {}

    fn dead_letters(&mut self, _: Epoch, _: Vec<DeadLetter>) {}

    fn progress(&mut self, _: Epoch, _: Fact) {}

    fn through(&mut self, first_open: Option<Epoch>) {
        let mut progress = self.0.lock();
        let Some(first_open) = first_open else { return };
        if let Some(started) = progress.started.filter(|_| first_open > progress.through) {
            progress.taken.push(started.elapsed().as_nanos() as u64);
            progress.through = first_open;
            progress.count();
            progress.wakes.iter().for_each(Wake::wake);
        }
    }
}
