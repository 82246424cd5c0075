//! The way of the data: a plan turned into stages, each in its own folder with a contract in its
//! `mod.rs` and its members as single files.

pub mod alerts;
pub mod decode;
pub mod quality;
pub mod sinks;
pub mod upsert;
