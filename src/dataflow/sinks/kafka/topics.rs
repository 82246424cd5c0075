//! Are all topics there that delivery needs, and fit for it? Creates them where that is wanted.

use std::time::Duration;

use super::{MAX_RECORD_BYTES, Targets};
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

const MAX_BYTES: &str = "max.message.bytes";

/// The topics of a transport, and a connection to look at them.
pub(super) struct Topics<'a> {
    admin: Admin,
    targets: &'a Targets,
}

impl Topics<'_> {
    pub(super) fn new<'a>(
        kafka: &KafkaPlan,
        targets: &'a Targets,
        patience: Duration,
    ) -> Result<Topics<'a>, DeliveryError> {
        Ok(Topics { admin: Admin::new(kafka, patience).map_err(delivery)?, targets })
    }

    /// Looks whether all are there, and creates what is missing if `create`. With `sizes`, outputs
    /// that pass on records of the input are compared with it, because one record that is refused
    /// would stop the pipeline, and topics of records that hold all symbols are created with room:
    /// a hundred factors of a thousand symbols are more than the usual 1 MiB.
    pub(super) fn ensure_all(&self, create: bool, sizes: bool) -> Result<(), DeliveryError> {
        for (kind, topic) in &self.targets.outputs {
            let passes_on = matches!(kind, OutputKind::Quarantine | OutputKind::DeadLetters);
            let room = if passes_on && sizes { self.room_for_input() } else { None };
            let bytes = room.map(|room| room.to_string());
            let whole_times = *kind == OutputKind::Factors && self.targets.whole_times && sizes;
            let largest = if whole_times { Some(MAX_RECORD_BYTES) } else { bytes.as_deref() };
            let mut settings = settings_of(*kind).to_vec();
            settings.extend(largest.map(|bytes| (MAX_BYTES, bytes)));
            self.ensure(kind.name(), topic, None, &settings, create)?;
            let takes = room.and_then(|_| self.largest(topic));
            if let (Some(room), Some(takes)) = (room, takes)
                && takes < room
            {
                tracing::warn!(
                    topic,
                    "takes records of {takes} bytes, but the input's may have {room} with our \
                     headers: raise its {MAX_BYTES}, or a large record will stop the pipeline"
                );
            }
        }
        self.ensure("progress", &self.targets.progress, Some(1), &PROGRESS_SETTINGS, create)
    }

    /// Looks whether the progress topic keeps what is written to it.
    pub(super) fn check_progress(&self) -> Result<(), DeliveryError> {
        let topic = &self.targets.progress;
        let partitions = self.admin.partitions(topic).map_err(delivery)?.unwrap_or_default();
        if partitions.len() != 1 {
            return Err(DeliveryError::Fatal(format!(
                "progress topic {topic} has {} partitions, must have 1: make it anew, or name \
                 another",
                partitions.len()
            )));
        }
        match self.admin.topic_setting(topic, "cleanup.policy") {
            Ok(Some(policy)) if policy != "compact" => Err(DeliveryError::Fatal(format!(
                "progress topic {topic} has cleanup.policy={policy}, must be compact: otherwise \
                 the broker removes where the pipeline stopped"
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

    /// The largest record a topic takes; none if nobody tells.
    fn largest(&self, topic: &str) -> Option<u64> {
        self.admin.topic_setting(topic, MAX_BYTES).ok().flatten()?.parse().ok()
    }

    /// What a record of the input may need with our headers added.
    fn room_for_input(&self) -> Option<u64> {
        Some(self.largest(&self.targets.input)?.saturating_add(HEADER_ROOM))
    }

    fn ensure(
        &self,
        output: &str,
        topic: &str,
        partitions: Option<i32>,
        settings: &[(&str, &str)],
        create: bool,
    ) -> Result<(), DeliveryError> {
        if self.admin.partitions(topic).map_err(delivery)?.is_some() {
            return Ok(());
        }
        if !create {
            return Err(DeliveryError::Fatal(format!(
                "topic {topic} of output {output} does not exist: create it, or set \
                 `create_topics: true` under `delivery`"
            )));
        }
        self.admin.create_topic(topic, partitions, settings).map_err(delivery)?;
        tracing::info!(topic, output, "created topic");
        // The broker that answers may not know of it at once.
        for _ in 0..100 {
            if self.admin.partitions(topic).map_err(delivery)?.is_some() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err(DeliveryError::Restart(format!("topic {topic} was created but is not there yet")))
    }
}

fn delivery(error: AdminError) -> DeliveryError {
    match error.fault {
        Fault::Transient => DeliveryError::Restart(error.message),
        _ => DeliveryError::Fatal(error.message),
    }
}
