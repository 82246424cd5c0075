//! Builds the dataflow of a plan: the only place that sees all stages.
//!
//! ```text
//!  source ──records──▶ ingest ──rows──▶ admit ══by symbol══▶ upsert ──accepted──┬──▶ series
//!    │                 (decode,           │                   │  │              │      │
//!    │                  check)            │late     kept out  │  │row findings  │      │
//!    │                  │    │            └──▶ quarantine ◀───┘  └──▶ findings ◀┼──────┘
//!    │      dead letters│    │marks                                     │       │
//!    │                  ▼    │                                          │       ╘══▶ panel
//!    ├──signals──────────────┴══▶ admit, upsert, series, panel, join    │             ║
//!    │                                                                  ▼             ║parts
//!    └──clock, arrivals ══════════════════════════════════════════▶  alerts           ▼
//!                                                                               join by time
//!                                                                                     │factors
//!  dead letters, quarantine, findings, alerts, factors, positions ◀───────────────────┘
//!     └──▶ outputs of each worker
//! ```
//!
//! `══` crosses workers, `──` stays. Every stage but ingest waits until an epoch is complete.
//!
//! Where formulas compare symbols, every worker gets all accepted rows and its panel computes a
//! share of the factors. Where they do not, it has a share of the symbols, the rows stay where they
//! are, and panels only hear of the others which rows there are. Parts of times are joined where a
//! record needs all of a time: always in the first case, in the second for layouts of whole times.

mod alerts;
mod ingest;
mod join;
mod panel;
mod rows;
mod series;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use timely::dataflow::operators::Concat;
use timely::dataflow::operators::vec::Map;

use super::factors::{Cost, Stats};
use super::operators::{
    Changes, Driver, Flow, Scoped, Wake, Watch, broadcast, by, changes, collection, count_by,
    each_epoch, epochs, fork, source, to_first,
};
use super::outputs::{Fact, Outputs};
use super::signal::{Load, Report, Signal};
use crate::model::{
    AcceptedBatch, FactorBatch, Finding, LateRanges, RowBatch, Symbols, Texts, Time,
};
use crate::plan::{Placement, Plan, place};
use crate::telemetry::Metrics;
use alerts::Pulse;
use panel::{News, Presence};

/// What an earlier run left behind: what a replay must repeat. Empty at a first start.
#[derive(Clone, Debug, Default)]
pub struct Recorded {
    /// Records that were judged late.
    pub late: LateRanges,
    /// The next offset of each partition.
    pub offsets: BTreeMap<i32, i64>,
    /// When the source was first looked at, milliseconds.
    pub started_ms: i64,
}

/// What every stage may use.
#[derive(Clone, Debug)]
pub struct Context {
    /// The plan.
    pub plan: Arc<Plan>,
    /// Symbols of the run.
    pub symbols: Symbols,
    /// Texts of the run.
    pub texts: Texts,
    /// What an earlier run left behind.
    pub recorded: Recorded,
    /// Counts what happens.
    pub metrics: Arc<Metrics>,
    /// Where panels tell what their operators cost, if somebody asks.
    pub profile: Option<Arc<Profile>>,
}

/// What operators cost.
#[derive(Debug, Default)]
pub struct Profile {
    /// Closed times that are not measured, at the start.
    pub skip: usize,
    /// The costs of each panel and what it did in all, told when the run ends.
    pub panels: Mutex<Vec<(BTreeMap<String, Cost>, Stats)>>,
}

/// A plan that cannot be turned into a dataflow; the text says why.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct RenderError(pub String);

/// Builds the dataflow in `scope`. `start` builds the driver of this worker's part of the source
/// from the handle that wakes it. The watch says which epochs are through on all workers.
pub fn render<'s, D>(
    scope: Scoped<'s>,
    context: &Context,
    start: impl FnOnce(Wake) -> D,
    outputs: Box<dyn Outputs>,
) -> Result<Watch, RenderError>
where
    D: Driver<A = Load, B = Report, C = ()>,
{
    // What can fail comes before the first operator: one that is begun must be finished.
    let ingest = ingest::Ingest::new(context)?;
    let placed = Placed::new(context, scope)?;
    let exit = Exit { watch: Watch::new(), outputs: Rc::new(RefCell::new(outputs)) };

    let (loads, reports, _) = source(scope, "source", start);
    let (news, progress, pulses) = fork(reports, "reports", sort_report);
    let (ingested, dead_letters, marks) = fork(loads, "ingest", ingest.into_logic());
    let signals = broadcast(news.concat(marks));

    let (admitted, late, late_ranges) =
        epochs(ingested, signals.clone(), "admit", rows::Admit::new(context));
    let (accepted, kept_out, row_findings) =
        epochs(by_symbol(admitted), signals.clone(), "upsert", rows::Hold::new(context));
    let (series_findings, _, _) =
        epochs(accepted.clone(), signals.clone(), "series", series::Judge::new(context));
    let (results, closed) = placed.factors(context, accepted, signals);

    let findings = collection(row_findings.concat(series_findings), "findings");
    let quarantine = collection(kept_out.concat(late), "quarantine");
    let (alerts, _, _) = epochs(
        to_first(changes(findings.clone(), "findings by epoch")),
        to_first(pulses),
        "alerts",
        alerts::Evaluate::new(context),
    );

    watch_open(findings.clone(), context, &exit);
    let findings = changes(findings, "findings changed");
    exit.batches(findings, "findings out", |outputs, epoch, c| outputs.findings(epoch, c));
    let quarantine = changes(quarantine, "quarantine changed");
    exit.batches(quarantine, "quarantine out", |outputs, epoch, c| outputs.quarantine(epoch, c));
    exit.batches(results, "factors out", |outputs, epoch, b| outputs.factors(epoch, b));
    exit.batches(alerts, "alerts out", |outputs, epoch, c| outputs.alerts(epoch, c));
    exit.batches(dead_letters, "dead letters out", |o, epoch, l| o.dead_letters(epoch, l));
    let facts =
        progress.concat(closed.map(Fact::ClosedThrough)).concat(late_ranges.map(Fact::Late));
    exit.batches(facts, "progress out", |outputs, epoch, facts| {
        facts.into_iter().for_each(|fact| outputs.progress(epoch, fact));
    });
    Ok(exit.watch)
}

/// The panel where the plan wants it.
struct Placed {
    placement: Placement,
    compute: panel::Compute,
    /// Whether what the workers compute are parts of times.
    joined: bool,
    worker: usize,
    workers: usize,
}

impl Placed {
    fn new(context: &Context, scope: Scoped<'_>) -> Result<Placed, RenderError> {
        let (worker, workers) = (scope.index(), scope.peers());
        let placement = place(&context.plan.factors, workers);
        let joined = match placement {
            Placement::OneWorker => false,
            Placement::BySymbol => panel::whole_times(&context.plan),
            Placement::ByFactor(_) => true,
        };
        let compute = panel::Compute::new(context, (worker, workers), &placement, joined)?;
        Ok(Placed { placement, compute, joined, worker, workers })
    }

    /// The factors, each time or each row of it on one worker, and the newest closed time.
    fn factors<'s>(
        self,
        context: &Context,
        accepted: Flow<'s, AcceptedBatch>,
        signals: Flow<'s, Signal>,
    ) -> (Flow<'s, FactorBatch>, Flow<'s, Time>) {
        let Placed { placement, compute, joined, worker, workers } = self;
        let rows = accepted.clone().map(|changes| News::Rows(panel::bare(changes)));
        let news = match placement {
            Placement::OneWorker => to_first(rows),
            Placement::ByFactor(_) => broadcast(rows),
            Placement::BySymbol => {
                let elsewhere = accepted.map(move |changes| Presence::of(worker, &changes));
                rows.concat(broadcast(elsewhere).map(News::Elsewhere))
            }
        };
        let held = compute.held();
        let (parts, closed, _) = epochs(news, signals.clone(), "panel", compute);
        if joined {
            let parts = by(parts, |(_, batch)| spread(batch.time));
            let join = join::Join::new(context, workers, &placement, held);
            return (epochs(parts, signals, "join", join).0, closed);
        }
        let results = parts.map(|(_, batch)| batch);
        match placement {
            // The symbols of a worker are encoded there.
            Placement::BySymbol => (results, closed),
            _ => (by(results, |batch| spread(batch.time)), closed),
        }
    }
}

/// A number of a time by which times are dealt out evenly, although they are round numbers.
fn spread(time: Time) -> u64 {
    xxhash_rust::xxh3::xxh3_64(&time.nanos().to_le_bytes())
}

/// Where the streams of a worker leave the dataflow.
struct Exit {
    watch: Watch,
    outputs: Rc<RefCell<Box<dyn Outputs>>>,
}

impl Exit {
    fn batches<D: Clone + 'static>(
        &self,
        stream: Flow<'_, D>,
        name: &str,
        hand: impl Fn(&mut dyn Outputs, u64, Vec<D>) + 'static,
    ) {
        let outputs = Rc::clone(&self.outputs);
        each_epoch(stream, name, &self.watch, move |epoch, items| {
            hand(outputs.borrow_mut().as_mut(), epoch, items);
        });
    }
}

/// Deals out what the source reports: signals, facts for the progress record, pulses for alerts.
fn sort_report(report: Report, out: &mut super::operators::Fork<Signal, Fact, Pulse>) {
    match report {
        Report::Signal(signal) => out.a.push(signal),
        Report::Clock(clock) => {
            out.b.push(Fact::Clock(clock));
            out.c.push(Pulse::Clock(clock));
        }
        Report::Position(position) => {
            let newest = position.arrivals_ms.iter().map(|(arrival_ms, _)| *arrival_ms).max();
            out.c.extend(newest.map(Pulse::Arrival));
            out.b.push(Fact::Position(position));
        }
    }
}

/// Brings the rows of a symbol to the worker that keeps its versions.
fn by_symbol(rows: Flow<'_, RowBatch>) -> Flow<'_, RowBatch> {
    let peers = rows.scope().peers();
    if peers == 1 {
        return rows;
    }
    let dealt = rows.flat_map(move |batch| {
        let mut parts: Vec<RowBatch> =
            (0..peers).map(|_| RowBatch::new(batch.partition, batch.columns.len())).collect();
        for row in 0..batch.len() {
            parts[batch.symbols[row].index() % peers].push_row(&batch, row);
        }
        parts.into_iter().enumerate().filter(|(_, part)| !part.is_empty())
    });
    by(dealt, |(worker, _)| *worker as u64).map(|(_, part)| part)
}

/// Keeps the gauge of open findings.
fn watch_open(findings: Changes<'_, Finding>, context: &Context, exit: &Exit) {
    let (plan, metrics) = (Arc::clone(&context.plan), Arc::clone(&context.metrics));
    let counts = count_by(findings, |finding| finding.check);
    let counts = changes(counts, "findings counted");
    each_epoch(counts, "open findings", &exit.watch, move |_, changes| {
        let mut now: BTreeMap<u16, i64> = BTreeMap::new();
        for ((check, count), diff) in changes {
            let value = now.entry(check).or_default();
            if diff > 0 {
                *value = count;
            }
        }
        for (check, count) in now {
            if let Some(check) = plan.checks.get(usize::from(check)) {
                metrics.findings_open.with([&check.name, check.severity.name()]).set(count as f64);
            }
        }
    });
}
