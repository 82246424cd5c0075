//! Turns a plan into running operators.

pub mod alerts;
pub mod operators;
pub mod sinks;
mod outputs;
mod pace;
mod signal;

pub use outputs::{Fact, Outputs};
pub use pace::{End, Limits, Now, Pace, Phase};
pub use signal::{Clock, Load, Report, Signal};
