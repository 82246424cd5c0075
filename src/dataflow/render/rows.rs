//! Which rows hold: the late ones are sorted out where they were read, versions are kept by symbol.

use std::sync::Arc;

use super::Context;
use super::ingest::Ingested;
use crate::dataflow::event_time::EventTime;
use crate::dataflow::operators::{Epoch, Epochal, Fork, Input, Work};
use crate::dataflow::quality::Checks;
use crate::dataflow::signal::Signal;
use crate::dataflow::upsert::{Admission, Counters, Upsert};
use crate::model::{AcceptedBatch, Finding, LateRange, Quarantined, RowBatch};
use crate::plan::Rule;
use crate::telemetry::Metrics;

/// Takes late rows out.
pub(super) struct Admit {
    admission: Admission,
    event_time: EventTime,
    counted: u64,
    metrics: Arc<Metrics>,
}

impl Admit {
    pub(super) fn new(context: &Context) -> Admit {
        let recorded = &context.recorded;
        Admit {
            admission: Admission::replaying(recorded.late.clone(), recorded.offsets.clone()),
            event_time: event_time(context),
            counted: 0,
            metrics: Arc::clone(&context.metrics),
        }
    }
}

impl Epochal for Admit {
    type Left = Ingested;
    type Right = Signal;
    type A = RowBatch;
    type B = (Quarantined, i64);
    type C = Vec<LateRange>;

    fn epoch(
        &mut self,
        _: Epoch,
        input: Input<Ingested, Signal>,
        out: &mut Fork<RowBatch, (Quarantined, i64), Vec<LateRange>>,
    ) -> Work {
        let horizon = self.event_time.horizon();
        for Ingested { mut rows, mut raw_index, raw } in input.left {
            let late = self.admission.admit(&mut rows, &mut raw_index, &raw, horizon);
            out.b.extend(late.into_iter().map(|row| (row, 1)));
            if !rows.is_empty() {
                out.a.push(rows);
            }
        }
        let ranges = self.admission.take_ranges();
        if !ranges.is_empty() {
            out.c.push(ranges);
        }
        let late = self.admission.late();
        if late > self.counted {
            self.metrics.rows.with(["late"]).add((late - self.counted) as f64);
            self.counted = late;
        }
        self.event_time.apply(&input.right);
        Work::Done
    }
}

/// Keeps the versions of the rows of this worker's symbols.
pub(super) struct Hold {
    upsert: Upsert,
    event_time: EventTime,
    counted: Counters,
    metrics: Arc<Metrics>,
}

impl Hold {
    pub(super) fn new(context: &Context) -> Hold {
        let plan = &context.plan;
        // More checks than bits were refused when the checks were built.
        let kept_out = Checks::new(&plan.checks).map_or(0, |checks| checks.kept_out());
        let series = plan.checks.iter().any(|check| matches!(check.rule, Rule::Series(_)));
        Hold {
            upsert: Upsert::new(plan.source.fields.len(), kept_out, series),
            event_time: event_time(context),
            counted: Counters::default(),
            metrics: Arc::clone(&context.metrics),
        }
    }

    /// The gauges are shared by the workers, so each adds what changed on its side.
    fn count(&mut self) {
        let (now, before) = (self.upsert.counters(), self.counted);
        for (outcome, now, before) in [
            ("accepted", now.accepted, before.accepted),
            ("superseded", now.superseded, before.superseded),
            ("quarantined", now.quarantined, before.quarantined),
        ] {
            if now != before {
                self.metrics.rows.with([outcome]).add(now as f64 - before as f64);
            }
        }
        self.counted = now;
    }
}

impl Epochal for Hold {
    type Left = RowBatch;
    type Right = Signal;
    type A = AcceptedBatch;
    type B = (Quarantined, i64);
    type C = (Finding, i64);

    fn epoch(
        &mut self,
        _: Epoch,
        input: Input<RowBatch, Signal>,
        out: &mut Fork<AcceptedBatch, (Quarantined, i64), (Finding, i64)>,
    ) -> Work {
        if !input.left.is_empty() {
            input.left.iter().for_each(|rows| self.upsert.apply(rows));
            let changes = self.upsert.finish();
            if !changes.accepted.is_empty() || !changes.accepted.moved.is_empty() {
                out.a.push(changes.accepted);
            }
            out.b.extend(changes.quarantine);
            out.c.extend(changes.findings);
            self.count();
        }
        self.event_time.apply(&input.right);
        self.upsert.evict(self.event_time.horizon());
        Work::Done
    }
}

/// Event time as a stage of this plan keeps it.
pub(super) fn event_time(context: &Context) -> EventTime {
    let source = &context.plan.source;
    EventTime::new(source.lateness, source.corrections)
}
