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

/// Bytes that our headers may add to a record of the input.
const HEADER_ROOM: u64 = 65_536;
/// How large a record a topic takes.
const LARGEST: &str = "max.message.bytes";

/// Whether an output takes records of the input as they came, however large.
fn keeps_originals(kind: OutputKind) -> bool {
    matches!(kind, OutputKind::DeadLetters | OutputKind::Quarantine)
}

/// How large a record of the input may be with our headers, if the brokers tell.
fn largest_original(admin: &Admin, targets: &Targets) -> Result<Option<u64>, DeliveryError> {
    let largest = setting(admin, &targets.input, LARGEST)?;
    Ok(largest.and_then(|text| text.parse::<u64>().ok()).map(|bytes| bytes + HEADER_ROOM))
}

/// Says when records that fit into the input do not fit into an output that is to keep them.
fn warn_of_limit(admin: &Admin, topic: &str, needed: u64) -> Result<(), DeliveryError> {
    let limit = setting(admin, topic, LARGEST)?.and_then(|text| text.parse::<u64>().ok());
    if let Some(limit) = limit.filter(|limit| limit + HEADER_ROOM < needed) {
        tracing::warn!(
            topic,
            limit,
            needed,
            "records of the input can be larger than this topic takes, and would stop the \
             pipeline: raise its max.message.bytes"
        );
    }
    Ok(())
}

/// A setting of a topic; none if the brokers do not tell us: not everyone may ask.
fn setting(admin: &Admin, topic: &str, key: &str) -> Result<Option<String>, DeliveryError> {
    match admin.topic_setting(topic, key) {
        Ok(value) => Ok(value),
        Err(error) if error.fault == Fault::Transient => Err(delivery(error)),
        Err(error) => {
            tracing::warn!(topic, key, %error, "cannot check a setting of a topic");
            Ok(None)
        }
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
    let largest = match targets.outputs.iter().any(|(kind, _)| keeps_originals(*kind)) {
        true => largest_original(&admin, targets)?,
        false => None,
    };
    for (kind, topic) in &targets.outputs {
        let mut settings = settings_of(*kind).to_vec();
        let needed = largest.filter(|_| keeps_originals(*kind));
        let text = needed.map(|bytes| bytes.to_string());
        settings.extend(text.as_deref().map(|text| (LARGEST, text)));
        ensure(&admin, kind.name(), topic, None, &settings, create)?;
        if let Some(needed) = needed {
            warn_of_limit(&admin, topic, needed)?;
        }
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
    match setting(&admin, topic, "cleanup.policy")? {
        Some(policy) if policy != "compact" => Err(DeliveryError::Fatal(format!(
            "progress topic {topic} has cleanup.policy={policy}, must be compact: otherwise the \
             broker removes where the pipeline stopped"
        ))),
        _ => Ok(()),
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
