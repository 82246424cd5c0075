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

/// Room for our headers beside a record that is passed on.
const HEADER_ROOM: u64 = 65_536;

/// The largest record that topic `input` takes with our headers added; none if nobody tells.
fn room_for(admin: &Admin, input: &str) -> Option<u64> {
    let largest = admin.topic_setting(input, MAX_BYTES).ok().flatten()?;
    Some(largest.parse::<u64>().ok()?.saturating_add(HEADER_ROOM))
}

const MAX_BYTES: &str = "max.message.bytes";

/// Checks, and creates what is missing if `create`.
pub(super) fn check(
    kafka: &KafkaPlan,
    targets: &Targets,
    create: bool,
    patience: Duration,
) -> Result<(), DeliveryError> {
    let admin = Admin::new(kafka, patience).map_err(delivery)?;
    for (kind, topic) in &targets.outputs {
        let mut settings = settings_of(*kind).to_vec();
        // Outputs that pass on records of the input must take whatever the input took: one that
        // is refused would stop the pipeline.
        let passes_on = matches!(kind, OutputKind::Quarantine | OutputKind::DeadLetters);
        let room = if passes_on { room_for(&admin, &targets.input) } else { None };
        let bytes = room.map(|room| room.to_string());
        settings.extend(bytes.as_deref().map(|bytes| (MAX_BYTES, bytes)));
        ensure(&admin, kind.name(), topic, None, &settings, create)?;
        let takes = room.and_then(|_| admin.topic_setting(topic, MAX_BYTES).ok().flatten());
        if let (Some(room), Some(takes)) = (room, takes.and_then(|t| t.parse::<u64>().ok()))
            && takes < room
        {
            tracing::warn!(
                topic,
                "takes records of {takes} bytes, but the input's may have {room} with our \
                 headers: raise its {MAX_BYTES}, or a large record will stop the pipeline"
            );
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
