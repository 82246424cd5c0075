//! Runs plans: live from Kafka to Kafka, or over files.

mod backfill;
mod bench;
mod books;
pub mod clock;
mod compute;
mod delivery;
mod encoding;
mod live;
mod restate;
mod signals;
mod stop;
mod workers;

pub use backfill::{BackfillError, BackfillOptions, Written, backfill};
pub use bench::{BenchOptions, Figures, OperatorCost, Spread, bench};
pub use compute::{
    Compute, ComputeError, ComputeOptions, ComputeProgress, State, StateError, Universe,
};
pub use live::{LiveError, LiveOptions, run};
pub use signals::stop_on_signals;
pub use stop::Stop;
