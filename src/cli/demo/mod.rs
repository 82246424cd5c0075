//! `weir demo`: real bars with labelled faults go through a real pipeline, and every fault is
//! accounted for at the end.
//!
//! [`Demo`] runs it. The rest is pure: [`Scenario`] says what to send and when, [`DemoState`] takes in what was sent
//! and what was read back, [`view`] and [`plain`] show it, [`Ledger`] decides what became of each
//! fault.

mod board;
mod command;
mod faults;
mod ledger;
mod log;
mod meters;
mod pipeline;
pub mod plain;
mod sample;
mod scenario;
mod screen;
mod state;
mod table;
#[cfg(test)]
mod testing;
mod text;
pub mod view;

pub use command::Demo;
pub use faults::{Expect, Fault, Mark};
pub use ledger::{Ledger, Verdict};
pub use log::{Entry, Tone};
pub use pipeline::pipeline;
pub use sample::{Bar, Day, sample};
pub use scenario::{Act, Fate, Message, Pace, Scenario, Step, Totals};
pub use state::{Alarm, DemoState, Event};
pub use table::table;

use crate::model::OutputKind;

/// A record of one of the pipeline's outputs, as a consumer reads it back.
#[derive(Clone, Debug)]
pub struct OutputRecord {
    /// Which output.
    pub output: OutputKind,
    /// Key, empty if there is none.
    pub key: Vec<u8>,
    /// Value; none is a tombstone.
    pub value: Option<Vec<u8>>,
    /// Headers in order.
    pub headers: Vec<(String, Vec<u8>)>,
}

impl OutputRecord {
    /// The key as text.
    pub fn key_text(&self) -> String {
        String::from_utf8_lossy(&self.key).into_owned()
    }

    /// The value as JSON, null for a tombstone or anything else.
    pub fn json(&self) -> serde_json::Value {
        let value = self.value.as_deref().map(serde_json::from_slice);
        value.and_then(Result::ok).unwrap_or(serde_json::Value::Null)
    }
}
