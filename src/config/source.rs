//! A source as written in a pipeline file.

use schemars::JsonSchema;
use serde::Deserialize;

use super::spanned::{Entries, Field, Items};
use super::units::{Bars, Bytes, FieldType, Length, TimeOfDay};

/// A topic with one row per symbol and time.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(expecting = "a map with the keys of a source", deny_unknown_fields)]
pub struct Source {
    /// The topic.
    #[schemars(extend("examples" = ["market.bars"]))]
    pub topic: Field<String>,
    /// How records are encoded.
    #[serde(default)]
    #[schemars(extend("examples" = ["json"], "default" = "json"))]
    pub format: Field<Format>,
    /// What names a row: the field of the symbol and the field of the event time.
    #[schemars(extend("examples" = [["symbol", "time"]], "minItems" = 2, "maxItems" = 2))]
    pub key: Field<Items<String>>,
    /// Whole-number field that orders versions of a row; without it the newest record wins.
    #[serde(default)]
    #[schemars(extend("examples" = ["version"]))]
    pub revision: Field<String>,
    /// Fields and their types: numbers, or names of groups.
    #[schemars(extend(
        "examples" = [{ "close": "f64", "vwap": "f64?", "sector": "string?" }],
        "minProperties" = 1
    ))]
    pub fields: Field<Entries<FieldType>>,
    /// How long a bar time stays open after its watermark.
    #[serde(default)]
    #[schemars(extend("examples" = ["5s"], "default" = "0s"))]
    pub lateness: Field<Length>,
    /// How many closed bars may still change; a row for an older one goes to the quarantine.
    #[serde(default)]
    #[schemars(extend("examples" = ["30 bars"], "default" = "20 bars"))]
    pub corrections: Field<Bars>,
    /// When a session, a trading day of 24 hours, begins, in UTC: what `session_first` and
    /// `session_last` go by. Best an hour at which the market is closed all year round.
    #[serde(default)]
    #[schemars(extend("examples" = ["22:00"], "default" = "00:00"))]
    pub day_begins: Field<TimeOfDay>,
    /// How long a partition may be silent before it no longer holds back the others.
    #[serde(default)]
    #[schemars(extend("examples" = ["10s"], "default" = "30s"))]
    pub idle_timeout: Field<Length>,
    /// What to do with a field that is not declared.
    #[serde(default)]
    #[schemars(extend("examples" = ["reject"], "default" = "ignore"))]
    pub unknown_fields: Field<UnknownFields>,
    /// Longer values are dead letters.
    #[serde(default)]
    #[schemars(extend("examples" = ["64 KiB"], "default" = "1 MiB"))]
    pub max_record_bytes: Field<Bytes>,
    /// Where to begin when there is no progress record.
    #[serde(default)]
    #[schemars(extend("examples" = ["latest"], "default" = "earliest"))]
    pub start: Field<Start>,
}

/// How records are encoded.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// One JSON object per record.
    Json,
}

/// What to do with a field that is not declared.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum UnknownFields {
    /// Leave it.
    Ignore,
    /// Make the record a dead letter.
    Reject,
}

/// Where to begin when there is no progress record.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Start {
    /// At the oldest record.
    Earliest,
    /// At the end of the topic.
    Latest,
}
