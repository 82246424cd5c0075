//! The stages of the dataflow; each is a folder with its contract in `mod.rs`.

pub mod factors;
