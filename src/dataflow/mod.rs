//! dataflow.

pub mod kafka;
pub mod sinks;
pub mod sources;
