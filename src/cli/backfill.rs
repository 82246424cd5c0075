//! `weir backfill`: a whole pipeline over files.

use std::path::PathBuf;
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressStyle};

use super::load::load;
use super::{Format, Outcome, Terminal};
use crate::runtime::{BackfillOptions, backfill};
use crate::telemetry::{Limits, Metrics};

/// Run a pipeline over files, as fast as it goes; writes one Parquet file per output.
#[derive(Debug, clap::Args)]
pub(super) struct Backfill {
    /// The pipeline file.
    pipeline: PathBuf,
    /// Rows of a source: SOURCE=FILE, CSV, Parquet or Arrow; may be given again for further files.
    #[arg(long, value_name = "SOURCE=FILE", required = true)]
    input: Vec<String>,
    /// Folder of the output files; made if it is not there.
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
    /// Worker threads.
    #[arg(long, default_value_t = 1)]
    workers: usize,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Backfill {
    pub(super) fn execute(&self, terminal: &mut Terminal) -> anyhow::Result<Outcome> {
        let plan = match load(&self.pipeline, self.format, terminal)? {
            Ok(plan) => plan,
            Err(outcome) => return Ok(outcome),
        };
        let mut input = Vec::new();
        for text in &self.input {
            match text.split_once('=') {
                Some((source, file)) if source == plan.source.name => input.push(file.into()),
                Some((source, _)) => {
                    let name = &plan.source.name;
                    terminal.error(&format!(
                        "error: the pipeline has no source `{source}`, only `{name}`"
                    ));
                    return Ok(Outcome::Usage);
                }
                None => {
                    let name = &plan.source.name;
                    terminal.error(&format!("error: write --input {name}={text}"));
                    return Ok(Outcome::Usage);
                }
            }
        }
        let options =
            BackfillOptions { input, output: self.output.clone(), workers: self.workers.max(1) };
        let metrics = Arc::new(Metrics::new(&plan.name, Limits::default())?);
        let bar = bar(terminal.interactive());
        let moving = bar.clone();
        let written = backfill(
            &plan,
            &options,
            metrics,
            Box::new(move |done, all| {
                moving.set_length(all);
                moving.set_position(done);
            }),
        )?;
        bar.finish_and_clear();
        match self.format {
            Format::Json => terminal.json(&written)?,
            Format::Text => {
                for file in written {
                    terminal.line(&format!("{:>10} rows  {}", file.rows, file.path.display()));
                }
            }
        }
        Ok(Outcome::Good)
    }
}

fn bar(shown: bool) -> ProgressBar {
    if !shown {
        return ProgressBar::hidden();
    }
    let style =
        ProgressStyle::with_template("{bar:32} {human_pos}/{human_len} rows  {per_sec}  {eta}");
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
