//! Decoding: records as they came become rows in columns; what cannot be read becomes a dead
//! letter. One format is one file here and one line in [`FORMATS`].
//!
//! The contract: every record of a [`RawBatch`] ends either as exactly one row or as exactly one
//! dead letter, in the order of the batch; nothing panics on any bytes; the outcome is a function
//! of the record and the source's declaration only.

mod json;
mod layout;
mod names;
mod record;

use std::fmt::Debug;

use crate::model::{DeadLetter, RawBatch, RowBatch, Symbols, Texts};
use crate::plan::SourcePlan;

/// What became of the records of one batch.
#[derive(Clone, Debug, Default)]
pub struct Decoded {
    /// The rows, not yet checked: `violations` are 0, `failures` and `originals` are empty.
    pub rows: RowBatch,
    /// For each row the number of its record in the raw batch, ascending.
    pub raw_index: Vec<u32>,
    /// The records that cannot be read, in the order of the batch.
    pub dead: Vec<DeadLetter>,
}

/// Reads records of one source. A worker has its own.
pub trait Decoder: Debug + Send {
    /// Reads every record of `batch`.
    fn decode(&mut self, batch: &RawBatch) -> Decoded;
}

/// A format that sources may be in.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// Name in pipelines.
    pub name: &'static str,
    /// One sentence: what a record looks like.
    pub summary: &'static str,
    /// A decoder for one worker; it gives numbers to symbols and texts from the shared tables.
    pub build: fn(&SourcePlan, Symbols, Texts) -> Box<dyn Decoder>,
}

/// All formats.
pub const FORMATS: &[Format] = &[json::FORMAT];

/// The format of a name.
pub fn format(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.name == name)
}
