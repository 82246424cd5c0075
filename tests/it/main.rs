//! All integration tests in one program, so that the library is linked once. Those that need a
//! broker talk to the one that `./test` starts.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    reason = "a test program: whatever is unexpected fails the test"
)]

mod broker;
mod compute;
mod compute_state;
mod explain;
mod factors;
mod kafka_mock;
mod kafka_sink;
mod kafka_source;
mod kunquant;
mod layering;
mod licences;
mod members;
mod monitoring;
mod panel_golden;
mod pipeline;
mod pipelines;
mod reference;
mod reference_functions;
mod rows;
mod source;
mod ta;
mod tidy;
