//! The outputs of one worker of a live run: encoded where they are, handed to the delivery.

use std::sync::Arc;

use crossbeam_channel::Sender;

use super::books::Message;
use crate::dataflow::operators::Epoch;
use crate::dataflow::sinks::encode::headers::HeaderSet;
use crate::dataflow::sinks::encode::{
    self, Alerts, DeadLetters, EncodeError, Encoder, FactorsContext, FactorsEncoder, Findings,
    Quarantine,
};
use crate::dataflow::{Fact, Outputs};
use crate::model::{
    AlertChange, DeadLetter, FactorBatch, Finding, OutputKind, Quarantined, Record, Symbols,
};
use crate::plan::Plan;
use crate::telemetry::Metrics;

/// See the module.
pub(super) struct Encoding {
    factors: Option<FactorsEncoder>,
    findings: Option<Findings>,
    alerts: Option<Alerts>,
    quarantine: Option<Quarantine>,
    dead_letters: Option<DeadLetters>,
    plan: Arc<Plan>,
    metrics: Arc<Metrics>,
    /// The durable number of epoch 0.
    base: u64,
    outbox: Sender<Message>,
}

impl Encoding {
    /// Encoders for the outputs that the plan writes.
    pub(super) fn new(
        plan: &Arc<Plan>,
        symbols: &Symbols,
        metrics: &Arc<Metrics>,
        base: u64,
        outbox: Sender<Message>,
    ) -> Result<Encoding, EncodeError> {
        let written = |kind| plan.output(kind).is_some();
        let headers = || HeaderSet {
            prefix: plan.delivery.header_prefix,
            topic: plan.source.topic.clone(),
            pipeline: plan.name.clone(),
            version: plan.version.clone(),
        };
        Ok(Encoding {
            factors: factors(plan, symbols)?,
            findings: written(OutputKind::Findings)
                .then(|| Findings::new(&plan.checks, symbols.clone())),
            alerts: written(OutputKind::Alerts).then(|| Alerts::new(&plan.name, &plan.alerts)),
            quarantine: written(OutputKind::Quarantine)
                .then(|| Quarantine::new(headers(), &plan.checks, symbols.clone())),
            dead_letters: written(OutputKind::DeadLetters).then(|| DeadLetters::new(headers())),
            plan: Arc::clone(plan),
            metrics: Arc::clone(metrics),
            base,
            outbox,
        })
    }

    fn encode<E: Encoder + ?Sized>(
        base: u64,
        outbox: &Sender<Message>,
        encoder: Option<&mut E>,
        epoch: Epoch,
        changes: &[E::Change],
    ) {
        let Some(encoder) = encoder else { return };
        let mut records: Vec<Record> = Vec::with_capacity(changes.len());
        let encoded = encoder.encode(changes, base + epoch, &mut |record| records.push(record));
        let message = match encoded {
            Ok(()) => Message::Records(epoch, records),
            Err(error) => Message::Broken(error.to_string()),
        };
        send(outbox, message);
    }
}

fn factors(plan: &Plan, symbols: &Symbols) -> Result<Option<FactorsEncoder>, EncodeError> {
    let layout = plan.output(OutputKind::Factors).and_then(|output| output.layout);
    let Some(layout) = layout else { return Ok(None) };
    let names: Vec<String> = plan.factors.outputs.iter().map(|(name, _)| name.clone()).collect();
    let context = FactorsContext { pipeline: &plan.name, factors: &names, symbols };
    encode::factors(&layout, &context).map(Some)
}

/// A delivery that is gone has ended the run already; there is nobody left to tell.
fn send(outbox: &Sender<Message>, message: Message) {
    if outbox.send(message).is_err() {
        tracing::trace!("put something out after the delivery had ended");
    }
}

impl Outputs for Encoding {
    fn factors(&mut self, epoch: Epoch, batches: Vec<FactorBatch>) {
        Self::encode(self.base, &self.outbox, self.factors.as_deref_mut(), epoch, &batches);
    }

    fn findings(&mut self, epoch: Epoch, changes: Vec<(Finding, i64)>) {
        for (finding, diff) in &changes {
            if let Some(check) = self.plan.checks.get(usize::from(finding.check)) {
                let total = match diff {
                    1.. => self.metrics.findings_opened.with([&check.name]),
                    _ => self.metrics.findings_retracted.with([&check.name]),
                };
                total.inc_by(diff.unsigned_abs());
            }
        }
        Self::encode(self.base, &self.outbox, self.findings.as_mut(), epoch, &changes);
    }

    fn alerts(&mut self, epoch: Epoch, changes: Vec<AlertChange>) {
        Self::encode(self.base, &self.outbox, self.alerts.as_mut(), epoch, &changes);
    }

    fn quarantine(&mut self, epoch: Epoch, changes: Vec<(Quarantined, i64)>) {
        Self::encode(self.base, &self.outbox, self.quarantine.as_mut(), epoch, &changes);
    }

    fn dead_letters(&mut self, epoch: Epoch, letters: Vec<DeadLetter>) {
        Self::encode(self.base, &self.outbox, self.dead_letters.as_mut(), epoch, &letters);
    }

    fn progress(&mut self, epoch: Epoch, fact: Fact) {
        send(&self.outbox, Message::Fact(epoch, fact));
    }

    fn through(&mut self, first_open: Option<Epoch>) {
        send(&self.outbox, Message::Through(first_open));
    }
}
