//! `weir explain`: what would run, and what it would cost.

use std::path::PathBuf;

use super::load::load;
use super::{Format, Outcome, Terminal};
use crate::dataflow::factors;
use crate::plan;

/// Graphs of more nodes are only outlined, unless they are asked for: nobody reads thousands.
const LISTED: usize = 300;

/// Show the graph, the stages and the estimated state of a pipeline.
#[derive(Debug, clap::Args)]
pub(super) struct Explain {
    /// The pipeline file.
    pipeline: PathBuf,
    /// Number of symbols to estimate for.
    #[arg(long, default_value_t = 5_000)]
    symbols: usize,
    /// Show every node of the graph and whole formulas, also of a large graph.
    #[arg(long)]
    nodes: bool,
    /// Print the factor graph in Graphviz's language instead.
    #[arg(long, conflicts_with = "output")]
    dot: bool,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t)]
    output: Format,
}

impl Explain {
    pub(super) fn execute(&self, terminal: &mut Terminal) -> anyhow::Result<Outcome> {
        let plan = match load(&self.pipeline, self.output, terminal)? {
            Ok(plan) => plan,
            Err(outcome) => return Ok(outcome),
        };
        let (fields, corrections) = (plan.source.fields.len(), plan.source.corrections);
        let kept = factors::kept(&plan.factors, fields, corrections, self.symbols)?;
        let explanation = plan::explain(&plan, self.symbols, &kept);
        match (self.dot, self.output) {
            (true, _) => terminal.line(explanation.dot().trim_end()),
            (false, Format::Json) => terminal.json(&explanation)?,
            (false, Format::Text) if self.nodes || explanation.nodes.len() <= LISTED => {
                terminal.line(explanation.to_string().trim_end());
            }
            (false, Format::Text) => {
                terminal.line(explanation.outline().to_string().trim_end());
                terminal.line("\nnote: --nodes shows all nodes and whole formulas");
            }
        }
        Ok(Outcome::Good)
    }
}
