//! Finds the newest committed progress record: everything up to the true end of the topic is
//! looked at, from its end backwards in growing pieces.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::dataflow::kafka::{Context, Fault, classify, close_aside, code_of, config, create};
use crate::dataflow::sinks::{DeliveryError, Progress};
use crate::plan::KafkaPlan;

/// How many offsets the first piece spans; the next ones ten times as many each.
const FIRST_PIECE: i64 = 1_000;
/// How long a scan may see nothing before it counts as stuck.
const STALLED: Duration = Duration::from_secs(20);
/// How long a transaction of someone else in the topic may hide its end.
const OPEN_PATIENCE: Duration = Duration::from_secs(90);

/// The newest committed progress record of `key` in partition 0 of `topic`. To be called after
/// fencing, so that nothing is added for `key` meanwhile.
pub(super) fn newest(
    kafka: &KafkaPlan,
    topic: &str,
    key: &str,
    patience: Duration,
) -> Result<Option<Progress>, DeliveryError> {
    let failed = |error: KafkaError| failure(topic, &error);
    // What readers of committed records see as the end may lie before the newest record, behind
    // an open transaction: only this one knows the true end.
    let uncommitted = consumer(kafka, key, "read_uncommitted")?;
    let (low, high) = uncommitted.fetch_watermarks(topic, 0, patience).map_err(failed)?;
    close_aside(uncommitted, Duration::ZERO);
    if low >= high {
        if low > 0 {
            tracing::warn!(topic, "the progress topic was emptied; starting as for the first time");
        }
        return Ok(None);
    }
    let committed = consumer(kafka, key, "read_committed")?;
    let waiting = Instant::now();
    while committed.fetch_watermarks(topic, 0, patience).map_err(failed)?.1 < high {
        if waiting.elapsed() > OPEN_PATIENCE {
            return Err(DeliveryError::Restart(format!(
                "an open transaction of another producer hides the end of progress topic {topic}"
            )));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut piece = FIRST_PIECE;
    let found = loop {
        let from = low.max(high.saturating_sub(piece));
        let found = last_of(&committed, topic, key, from)?;
        if found.is_some() || from == low {
            break found;
        }
        piece = piece.saturating_mul(10);
    };
    close_aside(committed, Duration::ZERO);
    let Some((offset, value)) = found else { return Ok(None) };
    Progress::decode(&value).map(Some).map_err(|error| {
        DeliveryError::Fatal(format!(
            "progress record of {key} at offset {offset} of topic {topic}: {error}"
        ))
    })
}

fn consumer(
    kafka: &KafkaPlan,
    key: &str,
    isolation: &str,
) -> Result<BaseConsumer<Context>, DeliveryError> {
    let client_id = format!("{key}-progress");
    let fixed = [
        ("isolation.level", isolation),
        // Needed to assign; nothing is committed to it.
        ("group.id", client_id.as_str()),
        ("enable.auto.commit", "false"),
        ("enable.auto.offset.store", "false"),
        ("auto.offset.reset", "error"),
        ("enable.partition.eof", "true"),
        ("allow.auto.create.topics", "false"),
        ("fetch.wait.max.ms", "50"),
    ];
    let settings = config(kafka, &client_id, &[], &fixed);
    create(&settings, Context::new(&client_id)).map_err(DeliveryError::Fatal)
}

/// The last record of `key` from offset `from` to the end that readers of committed records see.
/// A tombstone takes back what was before it.
fn last_of(
    consumer: &BaseConsumer<Context>,
    topic: &str,
    key: &str,
    from: i64,
) -> Result<Option<(i64, Vec<u8>)>, DeliveryError> {
    let mut assignment = TopicPartitionList::with_capacity(1);
    assignment
        .add_partition_offset(topic, 0, Offset::Offset(from))
        .and_then(|()| consumer.assign(&assignment))
        .map_err(|error| failure(topic, &error))?;
    let mut found = None;
    let mut seen = Instant::now();
    loop {
        match consumer.poll(Duration::from_millis(100)) {
            // The end is decided by the newest answer of the broker, and all before it was seen.
            Some(Err(KafkaError::PartitionEOF(_))) => return Ok(found),
            Some(Ok(message)) => {
                seen = Instant::now();
                if message.key() == Some(key.as_bytes()) {
                    found = message.payload().map(|value| (message.offset(), value.to_vec()));
                }
            }
            Some(Err(error)) if code_of(&error).map(classify) == Some(Fault::Transient) => {}
            Some(Err(error)) => return Err(failure(topic, &error)),
            None => {}
        }
        if seen.elapsed() > STALLED {
            return Err(DeliveryError::Restart(format!(
                "reading progress topic {topic} does not get on"
            )));
        }
    }
}

fn failure(topic: &str, error: &KafkaError) -> DeliveryError {
    let text = format!("cannot read progress topic {topic}: {error}");
    match code_of(error).map_or(Fault::Other, classify) {
        Fault::Authorisation | Fault::Unreadable => DeliveryError::Fatal(text),
        _ => DeliveryError::Restart(text),
    }
}
