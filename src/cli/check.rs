//! `weir check`: is this pipeline right, before it runs?

use std::path::PathBuf;
use std::time::Duration;

use super::load::load;
use super::{Format, Outcome, Terminal};
use crate::dataflow::kafka::Fault;
use crate::dataflow::kafka::admin::Admin;
use crate::plan::{self, Plan};

/// Check a pipeline without running it.
#[derive(Debug, clap::Args)]
pub(super) struct Check {
    /// The pipeline file.
    pipeline: PathBuf,
    /// Also ask the brokers about the topics.
    #[arg(long)]
    connect: bool,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t)]
    output: Format,
}

/// How long a question to the brokers may take.
const PATIENCE: Duration = Duration::from_secs(10);

impl Check {
    pub(super) fn execute(&self, terminal: &mut Terminal) -> anyhow::Result<Outcome> {
        let plan = match load(&self.pipeline, self.output, terminal)? {
            Ok(plan) => plan,
            Err(outcome) => return Ok(outcome),
        };
        let mut notes = plan::notes(&plan);
        let mut outcome = Outcome::Good;
        let mut faults = Vec::new();
        if self.connect {
            (outcome, faults) = ask(&plan, &mut notes);
        }
        match self.output {
            Format::Json => terminal.json(&serde_json::json!({
                "pipeline": plan.name, "version": plan.version, "notes": notes, "errors": faults,
            }))?,
            Format::Text => {
                notes.iter().for_each(|note| terminal.line(&format!("note: {note}")));
                faults.iter().for_each(|fault| terminal.error(&format!("error: {fault}")));
                if outcome == Outcome::Good {
                    let counts = [
                        (plan.factors.outputs.len(), "factors"),
                        (plan.checks.len(), "checks"),
                        (plan.alerts.len(), "alerts"),
                        (plan.outputs.len(), "outputs"),
                    ];
                    let counts: Vec<String> =
                        counts.iter().map(|(count, what)| format!("{count} {what}")).collect();
                    let (path, name) = (self.pipeline.display(), &plan.name);
                    terminal
                        .line(&format!("{path}: pipeline {name} is good: {}", counts.join(", ")));
                }
            }
        }
        Ok(outcome)
    }
}

/// What the brokers say about the topics: faults, and what will be made at the start.
fn ask(plan: &Plan, notes: &mut Vec<String>) -> (Outcome, Vec<String>) {
    let admin = match Admin::new(&plan.kafka, PATIENCE) {
        Ok(admin) => admin,
        Err(error) => return (Outcome::Usage, vec![error.to_string()]),
    };
    let mut faults = Vec::new();
    let topics = std::iter::once(&plan.source.topic).chain(plan.outputs.iter().map(|o| &o.topic));
    for (place, topic) in topics.enumerate() {
        match admin.partitions(topic) {
            Ok(Some(partitions)) => {
                notes.push(format!("topic {topic} has {} partitions", partitions.len()));
            }
            Ok(None) if place > 0 && plan.delivery.create_topics => {
                notes.push(format!("topic {topic} does not exist; the run will create it"));
            }
            Ok(None) => faults.push(format!(
                "topic {topic} does not exist on {}: create it{}",
                plan.kafka.brokers,
                if place > 0 { " or set delivery.create_topics: true" } else { "" }
            )),
            Err(error) if error.fault == Fault::Transient => {
                return (Outcome::Unreachable, vec![error.to_string()]);
            }
            Err(error) => faults.push(error.to_string()),
        }
    }
    (if faults.is_empty() { Outcome::Good } else { Outcome::Bad }, faults)
}
