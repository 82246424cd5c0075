//! The worker threads of a run.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use timely::worker::Worker;

use super::clock;
use crate::dataflow::operators::{Driver, Wake, Watch};
use crate::dataflow::render::{Context, render};
use crate::dataflow::{End, Load, Outputs, Pace, Report};
use crate::telemetry::Health;

/// How long a worker without work may sleep: it must notice an abort, and show that it lives.
const SLEEP: Duration = Duration::from_millis(100);

/// What the workers of a run share.
#[derive(Clone, Debug)]
pub(super) struct Crew {
    /// What the dataflow is built from.
    pub(super) context: Context,
    /// The pace of the run.
    pub(super) pace: Arc<Pace>,
    /// Told that workers step.
    pub(super) health: Health,
}

/// Builds what one worker needs, by the number of the worker.
pub(super) struct Parts<S, O> {
    /// Its part of the source, from the handle that wakes it.
    pub(super) source: S,
    /// Where its outputs go.
    pub(super) outputs: O,
}

/// Runs the dataflow on `workers` threads until its input ends or the run is aborted. An error
/// says why it could not be built, or that a thread panicked.
pub(super) fn run<S, D, O>(workers: usize, crew: Crew, parts: Parts<S, O>) -> Result<(), String>
where
    S: Fn(usize, Wake) -> D + Send + Sync + 'static,
    D: Driver<A = Load, B = Report, C = ()>,
    O: Fn(usize) -> Result<Box<dyn Outputs>, String> + Send + Sync + 'static,
{
    let steps: Vec<_> = (0..workers).map(|_| crew.health.worker(clock::now_ms())).collect();
    let config = timely::Config::process(workers);
    let guards = timely::execute(config, move |worker| {
        let index = worker.index();
        let ended = work(worker, &crew, &parts, &steps[index]);
        if ended.is_err() {
            crew.pace.finish(End::Abort);
        }
        // A dataflow that is left standing would be run to its end.
        for dataflow in worker.installed_dataflows() {
            worker.drop_dataflow(dataflow);
        }
        ended
    })?;
    for ended in guards.join() {
        ended.map_err(|panic| format!("a worker panicked: {panic}"))??;
    }
    Ok(())
}

fn work<S, D, O>(
    worker: &mut Worker,
    crew: &Crew,
    parts: &Parts<S, O>,
    last_step: &AtomicI64,
) -> Result<(), String>
where
    S: Fn(usize, Wake) -> D,
    D: Driver<A = Load, B = Report, C = ()>,
    O: Fn(usize) -> Result<Box<dyn Outputs>, String>,
{
    let index = worker.index();
    let outputs = (parts.outputs)(index)?;
    let through = (parts.outputs)(index)?;
    let built = worker.dataflow(|scope| {
        render(scope, &crew.context, |wake| (parts.source)(index, wake), outputs)
    });
    let watch = built.map_err(|error| error.to_string())?;
    let step = crew.context.metrics.worker_last_step.with([&index.to_string()]);
    let mut report = Reporter { watch, first_open: Some(0), outputs: through };
    while crew.pace.end() != End::Abort {
        worker.step_or_park(Some(SLEEP));
        let now_ms = clock::now_ms();
        last_step.store(now_ms, Ordering::Relaxed);
        step.set(now_ms as f64 / 1_000.0);
        if report.tell(index == 0).is_none() {
            break;
        }
    }
    Ok(())
}

/// Tells the outputs which epochs are through. The watch speaks for all workers, so one tells.
struct Reporter {
    watch: Watch,
    first_open: Option<u64>,
    outputs: Box<dyn Outputs>,
}

impl Reporter {
    fn tell(&mut self, speaks: bool) -> Option<u64> {
        let first_open = self.watch.first_open();
        if first_open != self.first_open {
            self.first_open = first_open;
            if speaks {
                self.outputs.through(first_open);
            }
        }
        first_open
    }
}
