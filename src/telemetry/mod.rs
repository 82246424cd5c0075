//! How the program is seen from outside: the closed list of metrics, health, and logs.

mod family;
mod health;
mod limits;
mod log;
mod metrics;

pub use family::{Counter, Family, Gauge, Histogram, LocalCounter, LocalHistogram};
pub use health::{Check, Condition, Health, Signal, Verdict};
pub use limits::Limits;
pub use log::{LogError, LogFormat, LogOptions, LogTarget};
pub use metrics::{Description, KnownSeries, Metrics, MetricsError};
