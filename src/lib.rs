//! Weir: stream processing for market data. Modules stand in reading order, each layer above only
//! uses those before it (the table in ARCHITECTURE.md, held by a test).

pub mod model;
pub mod telemetry;

pub mod config;
pub mod formula;

pub mod plan;

pub mod dataflow;

pub mod runtime;

pub mod api;

pub mod cli;
