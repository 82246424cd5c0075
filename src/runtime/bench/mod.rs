//! How fast a pipeline's dataflow is on this machine: synthetic bars through the real operators,
//! without Kafka.

mod drive;
mod market;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use serde::Serialize;

use super::workers::{self, Crew, Parts};
use crate::dataflow::factors::{Cost, Level, Stats};
use crate::dataflow::operators::Wake;
use crate::dataflow::render::{Context, Profile, Recorded};
use crate::dataflow::{Limits, Outputs, Pace};
use crate::model::{Symbols, Texts};
use crate::plan::Plan;
use crate::telemetry::{Health, Limits as Alarms, Metrics};
use drive::{Count, Course, Feed, Step};
use market::Market;

/// Bars before measuring begins are as many as the formulas look back, but no more than this.
const MOST_WARM: usize = 600;

/// What to measure.
#[derive(Clone, Copy, Debug)]
pub struct BenchOptions {
    /// Symbols of the market.
    pub symbols: usize,
    /// Measured bars.
    pub bars: usize,
    /// Worker threads.
    pub workers: usize,
    /// Corrected rows per bar, on average; each is measured on its own.
    pub corrections: f64,
}

/// Milliseconds of what was measured again and again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Spread {
    /// The fastest.
    pub min: f64,
    /// Half are faster.
    pub p50: f64,
    /// 99 in 100 are faster.
    pub p99: f64,
    /// The slowest.
    pub max: f64,
}

/// What one operator costs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OperatorCost {
    /// Name of the function; windows of 60 bars and more apart.
    pub operator: String,
    /// How many nodes of the graph are of this kind, over all workers.
    pub nodes: u64,
    /// Milliseconds per closed bar, over all workers.
    pub ms_per_bar: f64,
}

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// What was computed.
    pub name: String,
    /// Factors of a row.
    pub factors: usize,
    /// Symbols.
    pub symbols: usize,
    /// Measured bars.
    pub bars: usize,
    /// Worker threads.
    pub workers: usize,
    /// Closed bars that may change.
    pub horizon: usize,
    /// Instruction set of the kernels.
    pub kernels: &'static str,
    /// From handing a bar to the dataflow until its results are out on all workers.
    pub ms_per_bar: Spread,
    /// Bars a second, one after the other.
    pub bars_per_second: f64,
    /// Rows (symbol, time) a second.
    pub rows_per_second: f64,
    /// Factor values a second, missing ones not counted.
    pub values_per_second: f64,
    /// From handing in one corrected row until all revisions are out; none without corrections.
    pub ms_per_correction: Option<Spread>,
    /// Rows of factors that a correction revises on average.
    pub rows_per_correction: Option<f64>,
    /// Cells (node, time, symbol) that a correction computes on average, over all workers; results on
    /// the way to them that are not kept are not counted.
    pub cells_per_correction: Option<f64>,
    /// How many of these change.
    pub changed_cells_per_correction: Option<f64>,
    /// The most memory that the process had, bytes; none where the system does not say.
    pub peak_rss_bytes: Option<u64>,
    /// Where the time of the panels goes, the dearest first.
    pub operators: Vec<OperatorCost>,
}

/// Runs synthetic bars through the dataflow of `plan`.
///
/// # Errors
/// A dataflow that cannot be built.
pub fn bench(plan: &Arc<Plan>, options: &BenchOptions) -> Result<Figures, String> {
    let metrics = Metrics::new(&plan.name, Alarms::default()).map_err(|error| error.to_string())?;
    let steps = steps(plan, options);
    let skip = steps.iter().take_while(|step| **step == Step::Warm).count();
    let course = Arc::new(Course::new(steps, plan.source.corrections));
    let profile = Arc::new(Profile { skip, ..Profile::default() });
    let context = Context {
        plan: Arc::clone(plan),
        symbols: Symbols::default(),
        texts: Texts::default(),
        recorded: Recorded::default(),
        metrics: Arc::new(metrics),
        profile: Some(Arc::clone(&profile)),
    };
    run(&course, context, options)?;
    Ok(figures(plan, options, &course, &profile))
}

fn steps(plan: &Plan, options: &BenchOptions) -> Vec<Step> {
    let warm = plan.factors.look_back().min(MOST_WARM) + 2;
    let mut steps = vec![Step::Warm; warm];
    let (mut due, mut number) = (0.0, 0);
    for _ in 0..options.bars {
        steps.push(Step::Bar);
        due += options.corrections;
        while due >= 1.0 {
            steps.push(Step::Correction(number));
            number += 1;
            due -= 1.0;
        }
    }
    steps
}

fn run(course: &Arc<Course>, context: Context, options: &BenchOptions) -> Result<(), String> {
    let workers = options.workers;
    let (fields, symbols) = (context.plan.source.fields.clone(), context.symbols.clone());
    let pace = Arc::new(Pace::new(Limits::default(), 0, std::collections::BTreeSet::new(), false));
    let health = Health::new(std::time::Duration::from_secs(3_600));
    let crew = Crew { context, pace, health };
    let source = {
        let (course, count) = (Arc::clone(course), options.symbols);
        move |worker: usize, wake: Wake| {
            let market = Market::new(&fields, &symbols, count, (worker, workers));
            Feed::new(Arc::clone(&course), market, worker, wake)
        }
    };
    let course = Arc::clone(course);
    let outputs = move |_: usize| Ok(Box::new(Count(Arc::clone(&course))) as Box<dyn Outputs>);
    workers::run(workers, crew, Parts { source, outputs })
}

fn figures(plan: &Plan, options: &BenchOptions, course: &Course, profile: &Profile) -> Figures {
    let nanos = course.nanos(|step| step == Step::Bar);
    let seconds = nanos.iter().sum::<u64>() as f64 / 1e9;
    let (values, revised) = course.counts();
    let corrections = course.nanos(|step| matches!(step, Step::Correction(_)));
    let panels = profile.panels.lock().unwrap_or_else(PoisonError::into_inner);
    let of_each =
        |all: u64| (!corrections.is_empty()).then(|| all as f64 / corrections.len() as f64);
    let did = |of: fn(&Stats) -> u64| panels.iter().map(|(_, stats)| of(stats)).sum::<u64>();
    Figures {
        name: plan.name.clone(),
        factors: plan.factors.outputs.len(),
        symbols: options.symbols,
        bars: nanos.len(),
        workers: options.workers,
        horizon: plan.source.corrections,
        kernels: Level::best().name(),
        bars_per_second: nanos.len() as f64 / seconds,
        rows_per_second: (nanos.len() * options.symbols) as f64 / seconds,
        values_per_second: values as f64 / seconds,
        ms_per_bar: spread(nanos).unwrap_or_default(),
        rows_per_correction: of_each(revised),
        cells_per_correction: of_each(did(|stats| stats.recomputed)),
        changed_cells_per_correction: of_each(did(|stats| stats.changed)),
        ms_per_correction: spread(corrections),
        peak_rss_bytes: peak_rss(),
        operators: operators(&panels, options.bars),
    }
}

fn spread(mut nanos: Vec<u64>) -> Option<Spread> {
    nanos.sort_unstable();
    let at = |share: f64| nanos.get(((nanos.len() - 1) as f64 * share).round() as usize);
    let ms = |nanos: &u64| *nanos as f64 / 1e6;
    Some(Spread {
        min: nanos.first().map(ms)?,
        p50: at(0.5).map(ms)?,
        p99: at(0.99).map(ms)?,
        max: nanos.last().map(ms)?,
    })
}

fn operators(panels: &[(BTreeMap<String, Cost>, Stats)], bars: usize) -> Vec<OperatorCost> {
    let mut sum = BTreeMap::<&str, Cost>::new();
    for (operator, cost) in panels.iter().flat_map(|(costs, _)| costs) {
        let all = sum.entry(operator).or_default();
        all.nodes += cost.nodes;
        all.nanos += cost.nanos;
    }
    let cost = |(operator, cost): (&str, Cost)| OperatorCost {
        operator: operator.to_owned(),
        nodes: cost.nodes,
        ms_per_bar: cost.nanos as f64 / 1e6 / bars.max(1) as f64,
    };
    let mut all: Vec<OperatorCost> = sum.into_iter().map(cost).collect();
    all.sort_by(|a, b| b.ms_per_bar.total_cmp(&a.ms_per_bar));
    all
}

/// The kernel's high-water mark of this process.
fn peak_rss() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1_024)
}
