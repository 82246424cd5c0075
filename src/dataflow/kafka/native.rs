//! The three calls of librdkafka that the safe wrapper lacks, or has only in a form that waits.
#![allow(unsafe_code, reason = "foreign calls; each says why it is sound")]

use std::ffi::CStr;
use std::time::Duration;

use rdkafka::bindings;
use rdkafka::client::{Client, ClientContext};
use rdkafka::types::RDKafkaRespErr;

/// The offset after the last record of `partition` that was handed out, markers of transactions
/// included; none before the first. Unlike `Consumer::position` it does not ask librdkafka's main
/// thread for the assignment, so that a worker may call it.
pub(in crate::dataflow) fn position<C: ClientContext>(
    client: &Client<C>,
    topic: &CStr,
    partition: i32,
) -> Option<i64> {
    // SAFETY: the list is created, used and destroyed here; the client outlives the call; the
    // added element stays valid while the list is not changed.
    unsafe {
        let list = bindings::rd_kafka_topic_partition_list_new(1);
        let element = bindings::rd_kafka_topic_partition_list_add(list, topic.as_ptr(), partition);
        let error = bindings::rd_kafka_position(client.native_ptr(), list);
        let offset = (*element).offset;
        let ok = error == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR
            && (*element).err == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR;
        bindings::rd_kafka_topic_partition_list_destroy(list);
        (ok && offset >= 0).then_some(offset)
    }
}

/// The high watermark of `partition` as the last fetch saw it; none before the first.
pub(in crate::dataflow) fn high_watermark<C: ClientContext>(
    client: &Client<C>,
    topic: &CStr,
    partition: i32,
) -> Option<i64> {
    let (mut low, mut high) = (-1, -1);
    // SAFETY: both results are written to live integers; the client outlives the call.
    let error = unsafe {
        bindings::rd_kafka_get_watermark_offsets(
            client.native_ptr(),
            topic.as_ptr(),
            partition,
            &raw mut low,
            &raw mut high,
        )
    };
    (error == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0).then_some(high)
}

/// Sends what is queued at once and waits until nothing is in flight, at most for `patience`:
/// true when nothing is left. It wakes up with the last acknowledgement, where
/// `BaseProducer::flush` sleeps in slices of 100 ms. Delivery reports are not served here.
pub fn flush<C: ClientContext>(client: &Client<C>, patience: Duration) -> bool {
    let milliseconds = i32::try_from(patience.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: the client outlives the call.
    let error = unsafe { bindings::rd_kafka_flush(client.native_ptr(), milliseconds) };
    error == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR
}
