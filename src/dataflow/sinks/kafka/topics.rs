//! Are all topics there that delivery needs, and fit for it? Creates them where that is wanted.

use std::time::Duration;

use super::Targets;
use crate::dataflow::kafka::Fault;
use crate::dataflow::kafka::admin::{Admin, AdminError};
use crate::dataflow::sinks::DeliveryError;
use crate::model::OutputKind;
use crate::plan::KafkaPlan;

/// One record per commit: small segments, so that compaction keeps it short.
const PROGRESS_SETTINGS: [(&str, &str); 4] = [
    ("cleanup.policy", "compact"),
    ("segment.bytes", "16777216"),
    ("min.cleanable.dirty.ratio", "0.1"),
    ("delete.retention.ms", "600000"),
];

/// Outputs with one current value per key are compacted, dead letters are a log.
fn settings_of(kind: OutputKind) -> &'static [(&'static str, &'static str)] {
    match kind {
        OutputKind::DeadLetters => &[("cleanup.policy", "delete")],
        OutputKind::Factors
        | OutputKind::Findings
        | OutputKind::Alerts
        | OutputKind::Quarantine => &[("cleanup.policy", "compact")],
    }
}

/// Checks, and creates what is missing if `create`.
pub(super) fn check(
    kafka: &KafkaPlan,
    targets: &Targets,
    create: bool,
    patience: Duration,
) -> Result<(), DeliveryError> {
    let admin = Admin::new(kafka, patience).map_err(delivery)?;
    for (kind, topic) in &targets.outputs {
        ensure(&admin, kind.name(), topic, None, settings_of(*kind), create)?;
    }
    let topic = &targets.progress;
    ensure(&admin, "progress", topic, Some(1), &PROGRESS_SETTINGS, create)?;
    let partitions = admin.partitions(topic).map_err(delivery)?.unwrap_or_default();
    if partitions.len() != 1 {
        return Err(DeliveryError::Fatal(format!(
            "progress topic {topic} has {} partitions, must have 1: make it anew, or name another",
            partitions.len()
        )));
    }
    match admin.topic_setting(topic, "cleanup.policy") {
        Ok(Some(policy)) if policy != "compact" => Err(DeliveryError::Fatal(format!(
            "progress topic {topic} has cleanup.policy={policy}, must be compact: otherwise the \
             broker removes where the pipeline stopped"
        ))),
        Ok(_) => Ok(()),
        // Not everyone may ask for settings.
        Err(error) if error.fault == Fault::Authorisation => {
            tracing::warn!(topic, %error, "cannot check that the progress topic is compacted");
            Ok(())
        }
        Err(error) => Err(delivery(error)),
    }
}

fn ensure(
    admin: &Admin,
    output: &str,
    topic: &str,
    partitions: Option<i32>,
    settings: &[(&str, &str)],
    create: bool,
) -> Result<(), DeliveryError> {
    if admin.partitions(topic).map_err(delivery)?.is_some() {
        return Ok(());
    }
    if !create {
        return Err(DeliveryError::Fatal(format!(
            "topic {topic} of output {output} does not exist: create it, or set `create_topics: \
             true` under `delivery`"
        )));
    }
    admin.create_topic(topic, partitions, settings).map_err(delivery)?;
    tracing::info!(topic, output, "created topic");
    // The broker that answers may not know of it at once.
    for _ in 0..100 {
        if admin.partitions(topic).map_err(delivery)?.is_some() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Err(DeliveryError::Restart(format!("topic {topic} was created but is not there yet")))
}

fn delivery(error: AdminError) -> DeliveryError {
    match error.fault {
        Fault::Transient => DeliveryError::Restart(error.message),
        _ => DeliveryError::Fatal(error.message),
    }
}
