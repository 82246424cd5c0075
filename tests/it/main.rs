//! Tests against a real Apache Kafka broker, started by `./test`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test program: whatever is unexpected fails the test"
)]

mod broker;
mod kafka_mock;
mod kafka_sink;
mod kafka_source;
