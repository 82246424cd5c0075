//! Turns a plan into running operators.

pub mod operators;
mod pace;

pub use pace::{End, Limits, Now, Pace, Phase};
