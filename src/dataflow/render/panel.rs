//! The factors: the panel, driven by accepted rows and event time, in bounded steps.

use std::sync::{Arc, PoisonError};

use super::rows::event_time;
use super::{Context, Profile, RenderError};
use crate::dataflow::event_time::EventTime;
use crate::dataflow::factors::{Emit, Panel, Stats};
use crate::dataflow::operators::{Epoch, Epochal, Fork, Input, Work};
use crate::dataflow::signal::Signal;
use crate::model::{AcceptedBatch, FactorBatch, OutputKind, Time};
use crate::telemetry::Metrics;

/// Rows of the panel that one activation may compute, so that the worker's other operators, the
/// source first, have their turn during a long catch-up.
const FUEL: usize = 32;

/// The panel of the plan.
pub(super) struct Compute {
    panel: Panel,
    event_time: EventTime,
    /// The newest closed time that was reported.
    reported: Option<Time>,
    counted: Stats,
    worker: String,
    profile: Option<Arc<Profile>>,
    metrics: Arc<Metrics>,
}

impl Compute {
    pub(super) fn new(context: &Context, worker: usize) -> Result<Compute, RenderError> {
        let plan = &context.plan;
        let layout = plan.output(OutputKind::Factors).and_then(|output| output.layout);
        let whole_times = layout.is_some_and(|layout| layout.whole_times);
        let emit = if whole_times { Emit::Rows } else { Emit::Cells };
        let (fields, corrections) = (plan.source.fields.len(), plan.source.corrections);
        let mut panel = Panel::new(&plan.factors, fields, corrections, emit)
            .map_err(|error| RenderError(error.to_string()))?;
        if let Some(profile) = &context.profile {
            panel.measure(profile.skip);
        }
        Ok(Compute {
            panel,
            event_time: event_time(context),
            reported: None,
            counted: Stats::default(),
            worker: worker.to_string(),
            profile: context.profile.clone(),
            metrics: Arc::clone(&context.metrics),
        })
    }

    fn take(&mut self, changes: &AcceptedBatch) {
        let mut fields = Vec::with_capacity(changes.columns.len());
        for row in 0..changes.len() {
            fields.clear();
            fields.extend(changes.columns.iter().map(|column| column[row]));
            let fields = (!changes.deleted[row]).then_some(fields.as_slice());
            // Admission keeps to the horizon that the panel was given, so this is a fault of ours.
            if let Err(error) = self.panel.set(changes.symbols[row], changes.times[row], fields) {
                tracing::error!(%error, "the panel refused a row that was admitted");
            }
        }
    }

    fn count(&mut self) {
        let (now, before) = (self.panel.stats(), self.counted);
        self.metrics.factor_cells.inc_by(now.cells - before.cells);
        self.metrics.revisions.inc_by(now.revisions - before.revisions);
        self.metrics.panel_state.with([&self.worker]).set(self.panel.state_bytes() as f64);
        self.counted = now;
    }
}

impl Drop for Compute {
    fn drop(&mut self) {
        if let Some(profile) = &self.profile {
            profile.panels.lock().unwrap_or_else(PoisonError::into_inner).push(self.panel.costs());
        }
    }
}

impl Epochal for Compute {
    type Left = AcceptedBatch;
    type Right = Signal;
    type A = FactorBatch;
    type B = Time;
    type C = ();

    fn epoch(
        &mut self,
        _: Epoch,
        input: Input<AcceptedBatch, Signal>,
        out: &mut Fork<FactorBatch, Time, ()>,
    ) -> Work {
        input.left.iter().for_each(|changes| self.take(changes));
        self.event_time.apply(&input.right);
        let replaying = self.event_time.replaying();
        self.panel.keep_from(self.event_time.horizon());
        let more = self.panel.work(self.event_time.watermark(), !replaying, FUEL, &mut out.a);
        let rows: usize =
            out.a.iter().filter(|batch| batch.diff > 0).map(|batch| batch.symbols.len()).sum();
        self.metrics.factor_rows.inc_by(rows as u64);
        self.count();
        if more {
            return Work::More;
        }
        let closed = self.panel.closed_through();
        if closed != self.reported {
            self.reported = closed;
            out.b.extend(closed);
        }
        if let Some(time) = closed {
            self.metrics.closed_through.with([]).set(seconds(time));
        }
        if self.event_time.watermark() > Time::MIN && self.event_time.watermark() < Time::MAX {
            self.metrics.watermark.with([]).set(seconds(self.event_time.watermark()));
        }
        Work::Done
    }
}

fn seconds(time: Time) -> f64 {
    time.nanos() as f64 / 1e9
}
