//! Turns a plan into running operators.

pub mod alerts;
pub mod decode;
pub mod operators;
mod pace;
pub mod quality;
mod signal;
pub mod sinks;
pub mod upsert;

pub use pace::{End, Limits, Now, Pace, Phase};
pub use signal::{Clock, Load, Report, Signal};
