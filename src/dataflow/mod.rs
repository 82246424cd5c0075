//! Turns a plan into running operators.

pub mod alerts;
pub mod decode;
mod event_time;
pub mod kafka;
pub mod operators;
mod outputs;
mod pace;
pub mod quality;
mod signal;
pub mod sinks;
pub mod sources;
pub mod upsert;

pub use outputs::{Fact, Outputs};
pub use pace::{End, Limits, Now, Pace, Phase};
pub use signal::{Clock, Load, Report, Signal};
