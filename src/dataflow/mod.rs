//! The way of the data: a plan turned into running operators. Each stage has its folder with a
//! contract in its `mod.rs` and its members as single files; only `render` sees all of them.

pub mod alerts;
pub mod decode;
mod event_time;
pub mod factors;
pub mod kafka;
pub mod operators;
mod outputs;
mod pace;
pub mod quality;
pub mod render;
mod signal;
pub mod sinks;
pub mod sources;
pub mod upsert;

use crate::plan::Catalog;

pub use event_time::EventTime;
pub use outputs::{Fact, Outputs};
pub use pace::{End, Limits, Now, Pace, Phase};
pub use signal::{Clock, Load, Report, Signal};

/// Everything a plan may name: functions, checks, alert conditions, layouts.
pub fn catalog() -> Catalog {
    Catalog {
        functions: factors::functions(),
        checks: quality::MEMBERS,
        conditions: alerts::MEMBERS,
        layouts: sinks::encode::layouts(),
    }
}
