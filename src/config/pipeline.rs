//! A pipeline file as written: its keys and their types. What the names in it mean is the plan's
//! matter.

use schemars::JsonSchema;
use serde::Deserialize;

use super::check::Check;
use super::outputs::Outputs;
use super::secret::Secret;
use super::source::Source;
use super::spanned::{Entries, Field, Items};
use super::units::Length;
use super::uses::Use;
use crate::model::Severity;

/// A pipeline: bars come in from a topic; factors, findings and alerts go out, in one transaction.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(expecting = "a map with the keys of a pipeline", deny_unknown_fields)]
pub struct PipelineFile {
    /// Name of the pipeline: small letters, digits, `-` and `_`.
    #[schemars(regex(pattern = r"^[a-z][a-z0-9_-]*$"))]
    #[schemars(extend("examples" = ["equities-daily"]))]
    pub pipeline: Field<String>,
    /// How to reach Kafka.
    pub kafka: Field<Kafka>,
    /// Where rows come from: one source.
    #[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
    pub sources: Field<Entries<Source>>,
    /// What must hold for a row.
    #[serde(default)]
    pub checks: Field<Items<Check>>,
    /// Factor sets: shipped ones by name, your own by the path of a file. All their factors, or a
    /// choice: `{alpha101: {only: [alpha001]}}`.
    #[serde(default, rename = "use")]
    #[schemars(extend("examples" = [[{ "alpha101": { "only": ["alpha101"] } }]]))]
    pub uses: Field<Items<Use>>,
    /// Formulas over the fields of the source, by the name of the factor.
    #[serde(default)]
    #[schemars(extend("examples" = [{ "momentum_5": "close / delay(close, 5) - 1" }]))]
    pub factors: Field<Entries<String>>,
    /// Conditions that call for people.
    #[serde(default)]
    pub alerts: Field<Items<Alert>>,
    /// Topics of the outputs; one that is not named is not written.
    #[serde(default)]
    pub outputs: Field<Outputs>,
    /// How outputs are committed.
    #[serde(default)]
    pub delivery: Field<Delivery>,
}

/// How to reach Kafka.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(expecting = "a map with the key brokers", deny_unknown_fields)]
pub struct Kafka {
    /// Addresses of brokers to begin with: `host:port,...`.
    #[schemars(extend("examples" = ["${KAFKA_BROKERS:-localhost:9092}"]))]
    pub brokers: Field<String>,
    /// Further settings by their librdkafka names. Write secrets as `file:PATH` or `${VAR}`.
    #[serde(default)]
    #[schemars(extend("examples" = [{ "sasl.username": "weir", "sasl.password": "${KAFKA_PASSWORD}" }]))]
    pub settings: Field<Entries<Secret>>,
}

/// A condition that calls for people while it holds.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(expecting = "a map with the keys name and when", deny_unknown_fields)]
pub struct Alert {
    /// Unique name.
    #[schemars(extend("examples" = ["feed_silent"]))]
    pub name: Field<String>,
    /// The condition: `silent(bars) > 60s`, `violations(ohlc_order) > 5 in 10m`.
    #[schemars(extend("examples" = ["silent(bars) > 60s"]))]
    pub when: Field<String>,
    /// How bad it is.
    #[serde(default)]
    #[schemars(extend("examples" = ["critical"], "default" = "warning"))]
    pub severity: Field<Severity>,
    /// Further labels of the alert.
    #[serde(default)]
    #[schemars(extend("examples" = [{ "team": "market-data" }]))]
    pub labels: Field<Entries<String>>,
}

/// How outputs are committed.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(expecting = "a map of delivery settings", deny_unknown_fields)]
pub struct Delivery {
    /// Shortest time between two commits.
    #[serde(default)]
    #[schemars(extend("examples" = ["100ms"], "default" = "20ms"))]
    pub commit_interval: Field<Length>,
    /// Compacted topic of progress records; weir.progress.PIPELINE by default.
    #[serde(default)]
    #[schemars(extend("examples" = ["market.progress"]))]
    pub progress_topic: Field<String>,
    /// transactional.id of the producer; weir-PIPELINE-0 by default.
    #[serde(default)]
    #[schemars(extend("examples" = ["equities-a"]))]
    pub transactional_id: Field<String>,
    /// Whether missing output topics are created.
    #[serde(default)]
    #[schemars(extend("examples" = [false], "default" = true))]
    pub create_topics: Field<bool>,
    /// Names of the headers of dead letters and quarantined records: ours (`weir.`), or those that
    /// tools for Kafka Connect read (`__connect.errors.`).
    #[serde(default)]
    #[schemars(extend("examples" = ["connect"], "default" = "weir"))]
    pub header_prefix: Field<HeaderPrefix>,
}

/// Whose header names dead letters carry.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum HeaderPrefix {
    /// `weir.`
    Weir,
    /// `__connect.errors.`
    Connect,
}
