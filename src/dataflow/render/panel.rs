//! The factors: a panel on every worker, driven by accepted rows and event time, in bounded steps.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::{Arc, PoisonError};

use serde::{Deserialize, Serialize};

use super::rows::event_time;
use super::{Context, Profile, RenderError};
use crate::dataflow::event_time::EventTime;
use crate::dataflow::factors::{Emit, Panel, Rows, Stats};
use crate::dataflow::operators::{Epoch, Epochal, Fork, Input, Work};
use crate::dataflow::signal::Signal;
use crate::model::{AcceptedBatch, FactorBatch, OutputKind, SymbolId, Time};
use crate::plan::{Placement, Plan};
use crate::telemetry::Metrics;

/// Rows of the panel that one activation may compute, so that the worker's other operators, the
/// source first, have their turn during a long catch-up.
const FUEL: usize = 32;

/// What a panel is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum News {
    /// Rows that it computes with.
    Rows(AcceptedBatch),
    /// Rows of symbols that another worker computes.
    Elsewhere(Presence),
}

/// Which rows came and went on a worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Presence {
    worker: usize,
    symbols: Vec<SymbolId>,
    times: Vec<Time>,
    deleted: Vec<bool>,
}

impl Presence {
    /// Of these changes.
    pub(super) fn of(worker: usize, changes: &AcceptedBatch) -> Presence {
        Presence {
            worker,
            symbols: changes.symbols.clone(),
            times: changes.times.clone(),
            deleted: changes.deleted.clone(),
        }
    }
}

/// Rows with what the panel looks at, and nothing else.
pub(super) fn bare(mut changes: AcceptedBatch) -> AcceptedBatch {
    changes.coordinates = Vec::new();
    changes.moved = Vec::new();
    changes
}

/// Whether the records of factors hold whole times.
pub(super) fn whole_times(plan: &Plan) -> bool {
    let layout = plan.output(OutputKind::Factors).and_then(|output| output.layout);
    layout.is_some_and(|layout| layout.whole_times)
}

/// Numbers of symbols on a worker that has every n-th of them: its panel has no gaps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lanes {
    worker: usize,
    workers: usize,
}

impl Lanes {
    pub(super) fn new(worker: usize, workers: usize) -> Lanes {
        Lanes { worker, workers: workers.max(1) }
    }

    /// The number here.
    pub(super) fn local(self, symbol: SymbolId) -> SymbolId {
        SymbolId((symbol.index() / self.workers) as u32)
    }

    /// The number everywhere.
    pub(super) fn global(self, symbol: SymbolId) -> SymbolId {
        SymbolId((symbol.index() * self.workers + self.worker) as u32)
    }
}

/// The panel of a worker.
pub(super) struct Compute {
    panel: Panel,
    event_time: EventTime,
    worker: usize,
    /// The symbols of this worker; all if none.
    lanes: Option<Lanes>,
    /// Whether what comes out is a part that is joined, and counted, later.
    joined: bool,
    /// The newest closed time that was reported.
    reported: Option<Time>,
    counted: Stats,
    /// Bytes that the join keeps on this worker.
    held: Rc<Cell<usize>>,
    batches: Vec<FactorBatch>,
    label: String,
    profile: Option<Arc<Profile>>,
    metrics: Arc<Metrics>,
}

impl Compute {
    pub(super) fn new(
        context: &Context,
        (worker, workers): (usize, usize),
        placement: &Placement,
        joined: bool,
    ) -> Result<Compute, RenderError> {
        let plan = &context.plan;
        let emit = if whole_times(plan) && !joined { Emit::Rows } else { Emit::Cells };
        let (fields, corrections) = (plan.source.fields.len(), plan.source.corrections);
        let panel = match placement {
            Placement::ByFactor(shares) => {
                let share = shares.get(worker).map_or(&[][..], Vec::as_slice);
                Panel::new(&plan.factors.part(share), fields, corrections, emit)
            }
            Placement::OneWorker | Placement::BySymbol => {
                Panel::new(&plan.factors, fields, corrections, emit)
            }
        };
        let mut panel = panel.map_err(|error| RenderError(error.to_string()))?;
        if let Some(profile) = &context.profile {
            panel.measure(profile.skip);
        }
        let by_symbol = *placement == Placement::BySymbol;
        Ok(Compute {
            panel,
            event_time: event_time(context),
            worker,
            lanes: by_symbol.then(|| Lanes::new(worker, workers)),
            joined,
            reported: None,
            counted: Stats::default(),
            held: Rc::default(),
            batches: Vec::new(),
            label: worker.to_string(),
            profile: context.profile.clone(),
            metrics: Arc::clone(&context.metrics),
        })
    }

    /// Where the join says how many bytes it keeps.
    pub(super) fn held(&self) -> Rc<Cell<usize>> {
        Rc::clone(&self.held)
    }

    fn take(&mut self, changes: &AcceptedBatch) {
        let AcceptedBatch { symbols, times, deleted, columns, .. } = changes;
        let local = self.lanes.map(|lanes| symbols.iter().map(|s| lanes.local(*s)).collect());
        let symbols = local.as_ref().unwrap_or(symbols);
        let late = self.panel.apply(Rows { symbols, times, deleted, columns });
        // Admission keeps to the horizon that the panel was given, so this is a fault of ours.
        if late > 0 {
            tracing::error!(late, "the panel refused rows that were admitted");
        }
    }

    fn hear(&mut self, others: &Presence) {
        if others.worker == self.worker {
            return;
        }
        for ((symbol, time), deleted) in
            others.symbols.iter().zip(&others.times).zip(&others.deleted)
        {
            if let Err(error) = self.panel.announce(*symbol, *time, !deleted) {
                tracing::error!(%error, "the panel refused a row that was admitted elsewhere");
            }
        }
    }

    fn count(&mut self) {
        let (now, before) = (self.panel.stats(), self.counted);
        self.metrics.factor_cells.inc_by(now.cells - before.cells);
        if !self.joined {
            self.metrics.revisions.inc_by(now.revisions - before.revisions);
        }
        let bytes = self.panel.state_bytes() + self.held.get();
        self.metrics.panel_state.with([&self.label]).set(bytes as f64);
        self.counted = now;
    }

    fn give(&mut self, out: &mut Vec<(usize, FactorBatch)>) {
        let mut rows = 0;
        for mut batch in self.batches.drain(..) {
            if let Some(lanes) = self.lanes {
                batch.symbols.iter_mut().for_each(|symbol| *symbol = lanes.global(*symbol));
            }
            if batch.diff > 0 {
                rows += batch.symbols.len();
            }
            out.push((self.worker, batch));
        }
        if !self.joined {
            self.metrics.factor_rows.inc_by(rows as u64);
        }
    }

    /// All panels close the same times, so one speaks for them.
    fn report(&mut self, out: &mut Vec<Time>) {
        if self.worker != 0 {
            return;
        }
        let closed = self.panel.closed_through();
        if closed != self.reported {
            self.reported = closed;
            out.extend(closed);
        }
        if let Some(time) = closed {
            self.metrics.closed_through.with([]).set(seconds(time));
        }
        let watermark = self.event_time.watermark();
        if watermark > Time::MIN && watermark < Time::MAX {
            self.metrics.watermark.with([]).set(seconds(watermark));
        }
    }
}

impl Drop for Compute {
    fn drop(&mut self) {
        if let Some(profile) = &self.profile {
            let did = (self.panel.costs(), self.panel.stats());
            profile.panels.lock().unwrap_or_else(PoisonError::into_inner).push(did);
        }
    }
}

impl Epochal for Compute {
    type Left = News;
    type Right = Signal;
    type A = (usize, FactorBatch);
    type B = Time;
    type C = ();

    fn epoch(
        &mut self,
        _: Epoch,
        input: Input<News, Signal>,
        out: &mut Fork<(usize, FactorBatch), Time, ()>,
    ) -> Work {
        for news in &input.left {
            match news {
                News::Rows(changes) => self.take(changes),
                News::Elsewhere(others) => self.hear(others),
            }
        }
        self.event_time.apply(&input.right);
        let replaying = self.event_time.replaying();
        self.panel.keep_from(self.event_time.horizon());
        let watermark = self.event_time.watermark();
        let more = self.panel.work(watermark, !replaying, FUEL, &mut self.batches);
        self.give(&mut out.a);
        self.count();
        if more {
            return Work::More;
        }
        self.report(&mut out.b);
        Work::Done
    }
}

fn seconds(time: Time) -> f64 {
    time.nanos() as f64 / 1e9
}
