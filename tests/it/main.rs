//! Tests against a real Apache Kafka broker, started by `./test`.
#![allow(missing_docs, reason = "a test program")]

mod broker;
mod kafka_sink;
mod kafka_source;
