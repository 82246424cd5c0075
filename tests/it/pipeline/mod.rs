//! The real program from end to end: pipelines over a real broker, compared with backfills.

mod bad_input;
mod bars;
mod broker_away;
mod corrections;
mod groups;
mod harness;
mod http;
mod kill;
mod layouts;
mod life;
mod order;
mod outputs;
mod producer;
mod running;
mod sessions;
mod twins;
