//! dataflow.

pub mod decode;
pub mod quality;
pub mod upsert;
