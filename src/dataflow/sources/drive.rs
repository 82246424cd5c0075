//! Drives a live source through the epochs of a run: reads within bounds, reports positions, the
//! clock and idle partitions, and keeps a replay apart from new input.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::{PartitionState, Source, Status};
use crate::dataflow::operators::{Driver, Emit, Epoch, Next};
use crate::dataflow::pace::{End, Now, Pace, Phase};
use crate::dataflow::signal::{Clock, Load, Report, Signal};
use crate::model::{Mark, Position, RawBatch, Span, Time};
use crate::telemetry::Metrics;
use crate::telemetry::Signal as Voice;

/// How long a source may sleep when nothing wakes it: the safety net under Kafka's callback.
const SAFETY_NET: Duration = Duration::from_millis(200);
/// Records read in one activation, so that the other operators of the worker have their turn.
const RECORDS_PER_ACTIVATION: usize = 4_096;

/// Time between two shows of our offsets, milliseconds.
const SHOW_MS: i64 = 1_000;

/// What a live source must know beside its pace.
#[derive(Clone, Debug)]
pub struct LiveSettings {
    /// Number of the worker. The first reports the clock.
    pub worker: usize,
    /// How long a partition may be silent before it no longer holds back the watermark.
    pub idle_timeout: Span,
    /// Offsets up to which a replay reads, by partition; empty without a replay.
    pub targets: BTreeMap<i32, i64>,
    /// The clock and the newest closed time of the progress record, for the end of a replay.
    pub recorded: Option<(i64, Option<Time>)>,
}

/// The driver of one worker's part of a live source.
pub struct Live<S> {
    source: S,
    pace: Arc<Pace>,
    settings: LiveSettings,
    metrics: Arc<Metrics>,
    broker: Voice,
    now: Now,
    begun: bool,
    /// The epoch that was reported last and how much was read into it.
    reported: Option<Epoch>,
    read: usize,
    released: bool,
    partitions: BTreeMap<i32, Seen>,
    batches: Vec<RawBatch>,
    /// Why it waits, if it does.
    parked: Option<String>,
    begun_telling: bool,
    /// Offsets to show once their epoch is committed, and when that was last begun.
    shown: Option<(Epoch, Vec<(i32, i64)>)>,
    shown_ms: i64,
    worker: String,
}

/// What was last said about a partition.
#[derive(Clone, Copy, Debug)]
struct Seen {
    next: i64,
    spoke_ms: i64,
    idle: bool,
}

impl<S: Source> Live<S> {
    /// A driver at the beginning of a run.
    pub fn new(
        mut source: S,
        pace: Arc<Pace>,
        settings: LiveSettings,
        metrics: Arc<Metrics>,
        broker: Voice,
    ) -> Live<S> {
        let now = pace.now();
        let worker = settings.worker.to_string();
        metrics.source_partitions.with([&worker]).set(source.partitions().len() as f64);
        let targets: Vec<_> = settings.targets.iter().map(|(p, offset)| (*p, *offset)).collect();
        if now.phase != Phase::Live {
            source.hold_at(&targets);
        }
        Live {
            source,
            pace,
            settings,
            metrics,
            broker,
            now,
            begun: false,
            reported: None,
            read: 0,
            released: now.phase == Phase::Live,
            partitions: BTreeMap::new(),
            batches: Vec::new(),
            parked: None,
            begun_telling: false,
            shown: None,
            shown_ms: 0,
            worker,
        }
    }

    /// Says once what there is: the partitions, and whether a replay comes first.
    fn begin(&mut self, out: &mut Vec<Report>) {
        self.begun = true;
        if self.settings.worker == 0 && self.now.phase != Phase::Live {
            out.push(Report::Signal(Signal::Replay));
        }
        for state in self.source.partitions() {
            out.push(Report::Signal(Signal::Partition(state.partition)));
            // A position that nothing was read at yet is news too: it goes into the record.
            self.partitions
                .insert(state.partition, Seen { next: -1, spoke_ms: self.now.now_ms, idle: false });
        }
        self.pace.begun();
    }

    /// Opens the books of a new epoch.
    fn turn(&mut self, out: &mut Vec<Report>) {
        self.reported = Some(self.now.epoch);
        self.read = 0;
        self.show_offsets();
        if self.now.phase == Phase::Live && !self.released {
            self.source.release();
            self.released = true;
        }
        if self.settings.worker != 0 {
            return;
        }
        let resuming = self.now.phase == Phase::Resuming;
        let mut clock = Clock {
            now_ms: self.now.now_ms,
            settled: self.now.phase != Phase::Replaying,
            resumed: resuming,
        };
        if let (true, Some((now_ms, closed_through))) = (resuming, self.settings.recorded) {
            clock.now_ms = now_ms;
            out.push(Report::Signal(Signal::Resume { closed_through }));
        }
        out.push(Report::Clock(clock));
        if resuming {
            self.pace.announced();
        }
    }

    /// Shows tools outside how far we are, once a second: what was read when the newest epoch that
    /// is now committed ended.
    fn show_offsets(&mut self) {
        let delivered = self.pace.delivered_through();
        if let Some((epoch, offsets)) = self.shown.take_if(|(epoch, _)| *epoch < delivered) {
            tracing::trace!(epoch, "offsets for lag tools");
            self.source.commit(&offsets);
        }
        if self.shown.is_none()
            && self.now.phase == Phase::Live
            && self.now.now_ms - self.shown_ms >= SHOW_MS
        {
            self.shown_ms = self.now.now_ms;
            let offsets = self.partitions.iter().map(|(p, seen)| (*p, seen.next)).collect();
            self.shown = Some((self.now.epoch, offsets));
        }
    }

    /// Reads what is ready, within the bounds of the activation and the epoch.
    fn read(&mut self, out: &mut Emit<Load, Report, ()>) -> Status {
        let left = self.pace.limits().records.saturating_sub(self.read);
        if left == 0 || self.now.phase == Phase::Resuming {
            return Status::Idle;
        }
        let status = self.source.poll(left.min(RECORDS_PER_ACTIVATION), &mut self.batches);
        let mut arrivals: BTreeMap<i32, Vec<(i64, u32)>> = BTreeMap::new();
        let mut records = 0;
        for batch in std::mem::take(&mut self.batches) {
            records += batch.len();
            self.count(&batch);
            count_arrivals(&batch, arrivals.entry(batch.partition).or_default());
            out.a.push(Load::Raw(batch));
        }
        self.read += records;
        self.report_partitions(&mut arrivals, !matches!(status, Status::Parked(_)), &mut out.b);
        if records > 0 {
            self.pace.read(self.read >= self.pace.limits().records);
        }
        status
    }

    /// Reports positions that moved, partitions that fell silent, and those whose replay is done.
    fn report_partitions(
        &mut self,
        arrivals: &mut BTreeMap<i32, Vec<(i64, u32)>>,
        connected: bool,
        out: &mut Vec<Report>,
    ) {
        for state in self.source.partitions() {
            let PartitionState { partition, next, end } = state;
            let now_ms = self.now.now_ms;
            let seen = self.partitions.entry(partition).or_insert(Seen {
                next: -1,
                spoke_ms: now_ms,
                idle: false,
            });
            self.metrics.source_lag.with([&partition.to_string()]).set((end - next).max(0) as f64);
            if seen.next != next {
                *seen = Seen { next, spoke_ms: now_ms, idle: false };
                let arrivals_ms = arrivals.remove(&partition).unwrap_or_default();
                out.push(Report::Position(Position { partition, next, arrivals_ms }));
            } else if !connected || next < end {
                seen.spoke_ms = now_ms;
            } else if !seen.idle
                && now_ms - seen.spoke_ms >= self.settings.idle_timeout.millis()
                && self.now.phase == Phase::Live
            {
                seen.idle = true;
                let mark = Mark { partition, times: Vec::new(), idle: true };
                out.push(Report::Signal(Signal::Mark(mark)));
            }
            let target = self.settings.targets.get(&partition);
            if self.now.phase == Phase::Replaying && target.is_some_and(|target| next >= *target) {
                self.pace.replayed(partition);
            }
        }
    }
}

impl<S> Live<S> {
    /// Tells the outside, when it changes, whether the brokers answer.
    fn connected(&mut self, cause: Option<String>) {
        if self.begun_telling && self.parked == cause {
            return;
        }
        self.begun_telling = true;
        let up = if cause.is_none() { 1.0 } else { 0.0 };
        self.metrics.source_connected.with([&self.worker]).set(up);
        self.metrics.source_parked.with([&self.worker]).set(1.0 - up);
        match &cause {
            None => self.broker.good(),
            Some(cause) => {
                tracing::warn!(%cause, "the source waits");
                self.metrics.source_faults.inc();
                self.broker.bad(cause.clone());
            }
        }
        self.parked = cause;
    }

    fn count(&self, batch: &RawBatch) {
        let partition = batch.partition.to_string();
        self.metrics.source_records.with([&partition]).inc_by(batch.len() as u64);
        self.metrics.source_bytes.with([&partition]).inc_by(batch.byte_len() as u64);
        if let Some(newest) = batch.iter().map(|record| record.arrival_ms).max() {
            self.metrics.source_last_record.with([&partition]).set(newest as f64 / 1_000.0);
        }
    }
}

/// Adds the broker timestamps of a batch as runs.
fn count_arrivals(batch: &RawBatch, runs: &mut Vec<(i64, u32)>) {
    for record in batch.iter() {
        match runs.last_mut() {
            Some((arrival, count)) if *arrival == record.arrival_ms => *count += 1,
            _ => runs.push((record.arrival_ms, 1)),
        }
    }
}

impl<S: Source + 'static> Driver for Live<S> {
    type A = Load;
    type B = Report;
    type C = ();

    fn epoch(&mut self) -> Epoch {
        self.now = self.pace.now();
        self.now.epoch
    }

    fn work(&mut self, out: &mut Emit<Load, Report, ()>) -> Next {
        if self.pace.end() != End::No {
            return Next::Ended;
        }
        if !self.begun {
            self.begin(&mut out.b);
        }
        if self.reported != Some(self.now.epoch) {
            self.turn(&mut out.b);
        }
        match self.read(out) {
            Status::Ready => {
                self.connected(None);
                Next::Again
            }
            Status::Idle => {
                self.connected(None);
                Next::Within(SAFETY_NET)
            }
            Status::Parked(cause) => {
                self.connected(Some(cause));
                Next::Within(SAFETY_NET)
            }
            // What is wrong is looked at, and told, when the run begins again.
            Status::Failed(cause) => {
                self.connected(Some(cause.clone()));
                self.pace.fail(cause);
                Next::Ended
            }
        }
    }
}
