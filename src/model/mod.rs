//! The data that flows: times, symbols, batches of rows, findings, alerts, results, encoded records.

mod accepted;
mod alert;
mod dead_letter;
mod digest;
mod finding;
mod late;
mod position;
mod quarantined;
mod raw;
mod record;
mod result;
mod rows;
mod span;
mod symbol;
mod texts;
mod time;

pub use accepted::AcceptedBatch;
pub use alert::{Alert, AlertChange, EndReason};
pub use dead_letter::{DeadLetter, Reason};
pub use digest::Digest;
pub use finding::{Action, Finding, Severity};
pub use late::{LateRange, LateRanges};
pub use position::{Mark, Position};
pub use quarantined::{Because, Quarantined};
pub use raw::{RawBatch, RawRecord, RawView};
pub use record::{OutputKind, Record};
pub use result::{Column, FactorBatch};
pub use rows::{Coordinates, RowBatch};
pub use span::{Span, SpanError};
pub use symbol::{SymbolId, Symbols};
pub use texts::{MAX_TEXT_BYTES, Texts, text_fault};
pub use time::{Time, TimeError};
