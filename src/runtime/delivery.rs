//! The delivery thread: commits what the workers put out, one transaction at a time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::books::{Batch, Books, Diverged, Message};
use super::clock;
use crate::dataflow::sinks::{DeliveryError, Transport};
use crate::dataflow::{End, Pace};
use crate::model::OutputKind;
use crate::telemetry::{Metrics, Signal};

/// Waiting time between two attempts at the same batch, doubled up to the last value.
const RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
/// Shortest time between two commits that only say how far the input is read. Rows of a bar that
/// is not complete give no results yet; a commit for them would only keep the results waiting.
const SILENT: Duration = Duration::from_millis(200);
/// How long a run that was told to stop repeats a commit: less than supervisors wait.
const LAST_TRIES: Duration = Duration::from_secs(15);

/// Why a delivery ended before its input did.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    /// Begin again from the progress record.
    #[error("{0}")]
    Restart(String),
    /// Someone must repair something first.
    #[error("{0}")]
    Fatal(String),
    /// The replay came to another result.
    #[error(transparent)]
    Diverged(#[from] Diverged),
}

/// What the delivery works with.
pub(super) struct Delivery {
    /// Writes the commits; resumed.
    pub(super) transport: Box<dyn Transport>,
    /// What the workers put out.
    pub(super) inbox: Receiver<Message>,
    /// The books of the run.
    pub(super) books: Books,
    /// The pace of the run.
    pub(super) pace: Arc<Pace>,
    /// Shortest time between the beginnings of two commits.
    pub(super) interval: Duration,
    /// Counts what is committed.
    pub(super) metrics: Arc<Metrics>,
    /// Whether replay is done.
    pub(super) replayed: Signal,
    /// Whether transactions work.
    pub(super) working: Signal,
}

impl Delivery {
    /// Delivers until the input has ended and everything is committed, or the run is aborted.
    pub(super) fn run(mut self) -> Result<(), Ended> {
        let mut last_commit: Option<Instant> = None;
        loop {
            if self.pace.end() == End::Abort {
                return Ok(());
            }
            let counted = self.books.complete();
            self.receive(last_commit)?;
            self.metrics.epochs.inc_by(self.books.complete() - counted);
            if let Some(cause) = self.books.broken() {
                return Err(Ended::Fatal(cause.to_owned()));
            }
            if self.books.replaying() {
                let through = self.books.replay()?;
                self.pace.delivered(through);
                if self.books.replaying() {
                    continue;
                }
                tracing::info!("replay finished, the outputs are as they were committed");
                self.metrics.replaying.set(0.0);
            }
            self.replayed.good();
            let silent = self.books.silent();
            let interval = if silent { SILENT.max(self.interval) } else { self.interval };
            if last_commit.is_some_and(|last| last.elapsed() < interval) && !self.books.ended() {
                if silent {
                    self.pace.delivered(self.books.complete());
                }
                continue;
            }
            let began = Instant::now();
            let before = self.books.complete();
            match self.books.batch() {
                Some(batch) => {
                    last_commit = Some(began);
                    self.commit(&batch)?;
                    self.pace.delivered(batch.through);
                }
                None => self.pace.delivered(before),
            }
            self.metrics.epochs_in_flight.set(self.pace.in_flight() as f64);
            if self.books.finished() {
                return Ok(());
            }
        }
    }

    /// Takes in what has come, waiting until the next commit may begin or something comes.
    fn receive(&mut self, last_commit: Option<Instant>) -> Result<(), Ended> {
        let since = last_commit.map_or(self.interval, |last| last.elapsed());
        let wait = match self.interval.saturating_sub(since) {
            Duration::ZERO => Duration::from_millis(100),
            slot => slot,
        };
        match self.inbox.recv_timeout(wait) {
            Ok(message) => {
                self.books.take(message);
                while let Ok(message) = self.inbox.try_recv() {
                    self.books.take(message);
                }
                Ok(())
            }
            Err(RecvTimeoutError::Timeout) => Ok(()),
            // Workers that end as they should have said so before they drop their end.
            Err(RecvTimeoutError::Disconnected) if self.books.ended() => Ok(()),
            Err(RecvTimeoutError::Disconnected) => {
                Err(Ended::Restart("the workers stopped".to_owned()))
            }
        }
    }

    fn commit(&mut self, batch: &Batch) -> Result<(), Ended> {
        let mut pause = RETRY.0;
        let mut stopping: Option<Instant> = None;
        loop {
            let began = Instant::now();
            match self.transport.commit(&batch.records, &batch.progress) {
                Ok(_) => {
                    self.working.good();
                    self.count(batch, began.elapsed());
                    return Ok(());
                }
                Err(DeliveryError::Retry(cause)) => {
                    self.metrics.transactions.with(["aborted"]).inc();
                    self.working.bad(cause.clone());
                    if self.pace.end() == End::Drain
                        && stopping.get_or_insert(began).elapsed() > LAST_TRIES
                    {
                        return Err(Ended::Restart(cause));
                    }
                    tracing::warn!(%cause, "a commit failed and will be repeated");
                }
                Err(DeliveryError::Restart(cause)) => {
                    self.metrics.transactions.with(["unknown"]).inc();
                    self.working.bad(cause.clone());
                    return Err(Ended::Restart(cause));
                }
                Err(DeliveryError::Fatal(cause)) => {
                    self.metrics.transactions.with(["aborted"]).inc();
                    self.working.bad(cause.clone());
                    return Err(Ended::Fatal(cause));
                }
            }
            if self.pace.end() == End::Abort {
                return Err(Ended::Restart("stopped while repeating a commit".to_owned()));
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(RETRY.1);
        }
    }

    fn count(&self, batch: &Batch, took: Duration) {
        let metrics = &self.metrics;
        metrics.transactions.with(["committed"]).inc();
        metrics.commit_duration.observe(took.as_secs_f64());
        let now_ms = clock::now_ms();
        metrics.last_commit.with([]).set(now_ms as f64 / 1_000.0);
        let latency = metrics.record_latency.local();
        for (arrival_ms, records) in &batch.arrivals_ms {
            let seconds = (now_ms - arrival_ms).max(0) as f64 / 1_000.0;
            for _ in 0..*records {
                latency.observe(seconds);
            }
        }
        latency.flush();
        for kind in OutputKind::ALL {
            let of_kind = batch.records.iter().flatten().filter(|record| record.output == kind);
            let (records, bytes) = of_kind.fold((0_u64, 0_u64), |(records, bytes), record| {
                let len = |part: &Option<Vec<u8>>| part.as_ref().map_or(0, Vec::len) as u64;
                (records + 1, bytes + len(&record.key) + len(&record.value))
            });
            if records > 0 {
                metrics.output_records.with([kind.name()]).inc_by(records);
                metrics.output_bytes.with([kind.name()]).inc_by(bytes);
            }
        }
    }
}
