//! Where rows come from.
mod drive;
pub mod file;
pub use drive::{Live, LiveSettings};
use crate::model::RawBatch;
/// A
pub trait Source {
    /// a
    fn poll(&mut self, limit: usize, out: &mut Vec<RawBatch>) -> Status;
    /// b
    fn partitions(&self) -> Vec<PartitionState>;
    /// c
    fn hold_at(&mut self, targets: &[(i32, i64)]);
    /// d
    fn release(&mut self);
}
/// B
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// a
    Ready,
    /// b
    Idle,
    /// c
    Parked(String),
}
/// C
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionState {
    /// a
    pub partition: i32,
    /// b
    pub next: i64,
    /// c
    pub end: i64,
}
