//! Alert rules, judged once per epoch when findings, arrivals and the clock of it are known.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Context;
use crate::dataflow::alerts::{AlertState, Step};
use crate::dataflow::operators::{Epoch, Epochal, Fork, Input, Work};
use crate::dataflow::signal::Clock;
use crate::model::{AlertChange, Finding};
use crate::plan::Plan;
use crate::telemetry::Metrics;

/// What alert rules look at beside findings.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) enum Pulse {
    /// Broker timestamp of the newest of some records, milliseconds.
    Arrival(i64),
    /// The clock of the epoch.
    Clock(Clock),
}

/// All alert rules of the plan.
pub(super) struct Evaluate {
    state: AlertState,
    plan: Arc<Plan>,
    metrics: Arc<Metrics>,
    /// Collected while the clock is not settled: in the middle of a replay nothing can be said.
    waiting: Vec<(Finding, i64)>,
    newest_arrival_ms: Option<i64>,
}

impl Evaluate {
    pub(super) fn new(context: &Context) -> Evaluate {
        let rules = context.plan.alerts.iter().map(|rule| Arc::clone(&rule.condition)).collect();
        Evaluate {
            state: AlertState::new(rules, context.recorded.started_ms),
            plan: Arc::clone(&context.plan),
            metrics: Arc::clone(&context.metrics),
            waiting: Vec::new(),
            newest_arrival_ms: None,
        }
    }

    fn count(&self, changes: &[AlertChange]) {
        for change in changes {
            let transition = change.ended.map_or("firing", |reason| reason.name());
            self.metrics.alert_transitions.with([transition]).inc();
            if let Some(rule) = self.plan.alerts.get(usize::from(change.alert.rule)) {
                let active = self.metrics.alerts_active.with([rule.severity.name()]);
                active.add(change.diff() as f64);
            }
        }
    }
}

impl Epochal for Evaluate {
    type Left = (Finding, i64);
    type Right = Pulse;
    type A = AlertChange;
    type B = ();
    type C = ();

    fn epoch(
        &mut self,
        _: Epoch,
        input: Input<(Finding, i64), Pulse>,
        out: &mut Fork<AlertChange, (), ()>,
    ) -> Work {
        self.waiting.extend(input.left);
        let mut settled = None;
        for pulse in input.right {
            match pulse {
                Pulse::Arrival(arrival_ms) => {
                    self.newest_arrival_ms = self.newest_arrival_ms.max(Some(arrival_ms));
                }
                Pulse::Clock(clock) if clock.settled => settled = Some(clock.now_ms),
                Pulse::Clock(_) => {}
            }
        }
        if let Some(now_ms) = settled {
            let findings = std::mem::take(&mut self.waiting);
            let newest_arrival_ms = self.newest_arrival_ms.take();
            let changes = self.state.step(Step { findings: &findings, newest_arrival_ms, now_ms });
            self.count(&changes);
            out.a.extend(changes);
        }
        Work::Done
    }
}
