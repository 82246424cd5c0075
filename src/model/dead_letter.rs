//! Records that could not be read, kept with where they came from and why.

use serde::{Deserialize, Serialize};

use super::{Coordinates, RawRecord};

/// Why a record cannot be read: a stable code that tools may match on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Reason {
    /// The value is empty (not a tombstone, which has no value at all).
    EmptyPayload,
    /// The value is longer than the source accepts.
    TooLarge,
    /// The bytes are not UTF-8.
    NotUtf8,
    /// The text is not the format it should be, for instance truncated JSON.
    Malformed,
    /// A field that must be there is not.
    MissingField,
    /// A field has another type than declared.
    WrongType,
    /// A number does not fit into a 64-bit float.
    NumberOutOfRange,
    /// A field is not declared and the source rejects such.
    UnknownField,
    /// A field is there twice.
    DuplicateField,
    /// The time cannot be read.
    UnreadableTime,
    /// A tombstone whose key does not name a row.
    UnreadableKey,
}

/// A record that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DeadLetter {
    /// Where it stands in the input.
    pub coordinates: Coordinates,
    /// The record as it came.
    pub original: RawRecord,
    /// Stable code.
    pub reason: Reason,
    /// For people: what was found, and where in the value.
    pub message: String,
}

impl Reason {
    /// All reasons, for tables and metrics.
    pub const ALL: [Reason; 11] = [
        Reason::EmptyPayload,
        Reason::TooLarge,
        Reason::NotUtf8,
        Reason::Malformed,
        Reason::MissingField,
        Reason::WrongType,
        Reason::NumberOutOfRange,
        Reason::UnknownField,
        Reason::DuplicateField,
        Reason::UnreadableTime,
        Reason::UnreadableKey,
    ];

    /// The code as it stands in headers and metric labels.
    pub const fn code(self) -> &'static str {
        match self {
            Reason::EmptyPayload => "empty_payload",
            Reason::TooLarge => "too_large",
            Reason::NotUtf8 => "not_utf8",
            Reason::Malformed => "malformed",
            Reason::MissingField => "missing_field",
            Reason::WrongType => "wrong_type",
            Reason::NumberOutOfRange => "number_out_of_range",
            Reason::UnknownField => "unknown_field",
            Reason::DuplicateField => "duplicate_field",
            Reason::UnreadableTime => "unreadable_time",
            Reason::UnreadableKey => "unreadable_key",
        }
    }
}
