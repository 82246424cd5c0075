//! `weir run`: a pipeline, live.

use std::path::PathBuf;
use std::sync::Arc;

use super::load::load;
use super::{Format, Outcome, Terminal};
use crate::api;
use crate::dataflow::Limits as EpochLimits;
use crate::model::{Reason, Severity, Span};
use crate::plan::Plan;
use crate::runtime::{self, LiveOptions, Stop, clock};
use crate::telemetry::{
    Condition, Health, KnownSeries, Limits, LogFormat, LogOptions, LogTarget, Metrics,
};

/// Run a pipeline live, until it is told to stop (SIGTERM or Ctrl-C; again to stop at once).
#[derive(Debug, clap::Args)]
pub(super) struct Run {
    /// The pipeline file.
    pipeline: PathBuf,
    /// Worker threads.
    #[arg(long, default_value_t = 1)]
    workers: usize,
    /// Where to serve probes and metrics; port 0 takes any free one.
    #[arg(long, default_value_t = api::DEFAULT_LISTEN.to_string(), value_name = "ADDRESS")]
    listen: String,
    /// How logs are written.
    #[arg(long, value_enum, default_value_t)]
    log_format: Format,
    /// What is logged: a level, or `info,weir::dataflow=debug`; WEIR_LOG otherwise.
    #[arg(long)]
    log: Option<String>,
    /// Compute and write everything anew, from where the input began: after a change of the
    /// pipeline.
    #[arg(long)]
    restate: bool,
    /// Shortest time an epoch with records stays open.
    #[arg(long, default_value = "5ms")]
    epoch_interval: Span,
    /// Most records of an epoch, per worker.
    #[arg(long, default_value_t = EpochLimits::default().records)]
    epoch_records: usize,
    /// How long a worker may take for a step before the process counts as dead.
    #[arg(long, default_value = "60s")]
    step_timeout: Span,
}

impl Run {
    pub(super) fn execute(&self, terminal: &mut Terminal) -> anyhow::Result<Outcome> {
        let log = LogOptions {
            format: match self.log_format {
                Format::Text => LogFormat::Text,
                Format::Json => LogFormat::Json,
            },
            filter: self.log.clone(),
            target: LogTarget::Stderr,
        };
        log.init()?;
        let plan = match load(&self.pipeline, Format::Text, terminal)? {
            Ok(plan) => plan,
            Err(outcome) => return Ok(outcome),
        };
        let metrics = Arc::new(metrics(&plan)?);
        let health = Health::new(self.step_timeout.to_std());
        health.signal(Condition::PipelineValid, "pipeline").good();
        let address = api::parse_listen(&self.listen)?;
        let state = api::State {
            pipeline: plan.name.clone(),
            health: health.clone(),
            metrics: Arc::clone(&metrics),
            clock: Arc::new(clock::now_ms),
        };
        let server = api::serve(address, state)?;
        tracing::info!(
            pipeline = %plan.name, version = %plan.version, address = %server.address(),
            "running"
        );
        let stop = Stop::new();
        runtime::stop_on_signals(&stop)?;
        let options = LiveOptions {
            workers: self.workers.max(1),
            limits: EpochLimits {
                interval: self.epoch_interval.to_std(),
                records: self.epoch_records.max(1),
                ..EpochLimits::default()
            },
            restate: self.restate,
            embedded: false,
            metrics,
            health,
            stop,
        };
        let ended = runtime::run(&plan, &options);
        server.stop();
        match ended {
            Ok(()) => {
                tracing::info!("stopped, everything that was read is committed");
                Ok(Outcome::Good)
            }
            Err(error) => {
                terminal.error(&format!("error: {error}"));
                Ok(Outcome::Bad)
            }
        }
    }
}

/// The metrics of a plan, with the series that it lets us know.
fn metrics(plan: &Plan) -> anyhow::Result<Metrics> {
    let metrics = Metrics::new(&plan.name, Limits::read())?;
    let reasons = Reason::ALL.map(Reason::code);
    let checks: Vec<(&str, &str)> =
        plan.checks.iter().map(|check| (check.name.as_str(), check.severity.name())).collect();
    let severities = [Severity::Info, Severity::Warning, Severity::Error, Severity::Critical];
    let outputs: Vec<&str> = plan.outputs.iter().map(|output| output.kind.name()).collect();
    metrics.expect(KnownSeries {
        reasons: &reasons,
        checks: &checks,
        severities: &severities.map(Severity::name),
        outputs: &outputs,
    });
    Ok(metrics)
}
