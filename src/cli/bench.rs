//! `weir bench`: how fast factors are on this machine.

use std::path::Path;
use std::sync::Arc;

use super::load::load;
use super::{Format, Outcome, Terminal};
use crate::dataflow;
use crate::plan::{FactorError, FactorSet, Plan};
use crate::runtime::{BenchOptions, Figures, Spread, bench};

/// Measure how fast factors are on this machine: synthetic bars, one after the other, through the
/// dataflow, without Kafka.
#[derive(Debug, clap::Args)]
pub(super) struct Bench {
    /// Factor sets (alpha101, alpha158, alpha360, gtja191, ta, cn, or the path of a YAML file), or the path
    /// of a pipeline.
    #[arg(required = true)]
    factors: Vec<String>,
    /// How many symbols.
    #[arg(long, default_value_t = 5_120)]
    symbols: usize,
    /// How many bars are measured, after as many as the formulas look back.
    #[arg(long, default_value_t = 100)]
    bars: usize,
    /// Worker threads.
    #[arg(long, default_value_t = 1)]
    workers: usize,
    /// Corrected rows per bar on average, each measured on its own.
    #[arg(long, value_name = "RATE", default_value_t = 0.0)]
    corrections: f64,
    /// How many closed bars may change; a pipeline says so itself.
    #[arg(long, value_name = "BARS", default_value_t = 20)]
    horizon: usize,
    /// How to print the figures.
    #[arg(long, value_enum, default_value_t)]
    output: Format,
}

impl Bench {
    pub(super) fn execute(&self, terminal: &mut Terminal) -> anyhow::Result<Outcome> {
        let (symbols, bars, workers) = (self.symbols, self.bars, self.workers);
        let good = self.corrections >= 0.0 && self.corrections <= 1e6;
        if symbols == 0 || bars == 0 || workers == 0 || !good {
            terminal.error(
                "error: --symbols, --bars and --workers are at least 1, --corrections is a number \
                 from 0 to 1000000",
            );
            return Ok(Outcome::Usage);
        }
        let plan = match self.plan(terminal)? {
            Ok(plan) => plan,
            Err(outcome) => return Ok(outcome),
        };
        let options = BenchOptions { symbols, bars, workers, corrections: self.corrections };
        let figures = bench(&plan, &options).map_err(anyhow::Error::msg)?;
        match self.output {
            Format::Json => terminal.json(&figures)?,
            Format::Text => text(&figures).iter().for_each(|line| terminal.line(line)),
        }
        Ok(Outcome::Good)
    }

    fn plan(&self, terminal: &mut Terminal) -> anyhow::Result<Result<Arc<Plan>, Outcome>> {
        if let [one] = self.factors.as_slice()
            && is_pipeline(Path::new(one))
        {
            return load(Path::new(one), self.output, terminal);
        }
        let mut sets = Vec::new();
        for name in &self.factors {
            match FactorSet::load(name) {
                Ok(set) => sets.push(set),
                Err(all) => {
                    all.iter().for_each(|diagnostic| terminal.error(&format!("{diagnostic}\n")));
                    return Ok(Err(Outcome::Usage));
                }
            }
        }
        match Plan::of_factors(&sets, self.horizon, dataflow::catalog().functions) {
            Ok(plan) => Ok(Ok(Arc::new(plan))),
            Err(FactorError::Formulas(all)) => {
                all.iter().for_each(|diagnostic| terminal.error(&format!("{diagnostic}\n")));
                Ok(Err(Outcome::Usage))
            }
            Err(error) => {
                terminal.error(&format!("error: {error}"));
                Ok(Err(Outcome::Usage))
            }
        }
    }
}

/// Whether a file is there that begins a pipeline, not a factor set.
fn is_pipeline(path: &Path) -> bool {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().any(|line| line.starts_with("pipeline:"))
}

fn text(figures: &Figures) -> Vec<String> {
    let spread = |s: &Spread| format!("{:9.3} {:9.3} {:9.3} {:9.3}", s.min, s.p50, s.p99, s.max);
    let Figures { factors, symbols, bars, workers, horizon, kernels, .. } = figures;
    let mut lines = vec![
        format!(
            "{}: {factors} factors, {symbols} symbols, {bars} bars, {workers} worker{}, \
             {horizon} bars may change, {kernels}",
            figures.name,
            if *workers == 1 { "" } else { "s" },
        ),
        format!("{:24} {:>9} {:>9} {:>9} {:>9}", "milliseconds", "min", "p50", "p99", "max"),
        format!("{:24} {}", "a bar", spread(&figures.ms_per_bar)),
    ];
    if let Some(correction) = &figures.ms_per_correction {
        lines.push(format!("{:24} {}", "a corrected row", spread(correction)));
        let rows = figures.rows_per_correction.unwrap_or_default();
        lines.push(format!("{:24} {rows:9.1}", "rows revised by it"));
        let cells = figures.cells_per_correction.unwrap_or_default();
        let changed = figures.changed_cells_per_correction.unwrap_or_default();
        lines.push(format!("{:24} {cells:9.1}", "cells computed for it"));
        lines.push(format!("{:24} {changed:9.1}", "cells changed by it"));
    }
    lines.push(format!(
        "{:.1} bars/s, {:.0} rows/s, {:.1} million values/s{}",
        figures.bars_per_second,
        figures.rows_per_second,
        figures.values_per_second / 1e6,
        figures.peak_rss_bytes.map_or(String::new(), |b| format!(", {} MB at most", b / 1_000_000)),
    ));
    lines.push(format!("{:24} {:>9} {:>9} {:>9}", "operator", "nodes", "ms a bar", "share"));
    let all: f64 = figures.operators.iter().map(|o| o.ms_per_bar).sum();
    for cost in &figures.operators {
        let share = 100.0 * cost.ms_per_bar / all;
        let (operator, nodes, ms) = (&cost.operator, cost.nodes, cost.ms_per_bar);
        lines.push(format!("{operator:24} {nodes:9} {ms:9.3} {share:8.1}%"));
    }
    lines
}
