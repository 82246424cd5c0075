//! A pipeline resolved: every name looked up, every formula compiled, ready to run.

mod bare;
mod catalog;
mod explain;
#[cfg(test)]
mod fakes;
mod library;
mod needs;
mod notes;
mod placement;
mod profile;
mod resolve;
mod rules;
mod schema;

use std::fmt;
use std::sync::Arc;

use crate::formula::Graph;
use crate::model::{Action, OutputKind, Severity, Span};

pub use crate::config::suggestion;
pub use catalog::{Catalog, CheckContext, CheckMember, ConditionMember, Layout, OptionError};
pub use explain::{
    AlertExplanation, CheckExplanation, DeliveryExplanation, Explanation, FactorExplanation, Kept,
    Kind, NodeExplanation, Outline, OutputExplanation, PlacementExplanation, SourceExplanation,
    Stage, StateEstimate, explain,
};
pub use library::{FactorError, FactorPlan, FactorSet, compile_factors, factors_schema, shipped};
pub use needs::MissingField;
pub use notes::notes;
pub use placement::{Estimate, Placement, place};
pub use resolve::{Variables, load, load_text};
pub use rules::{Condition, RowRule, Rule, SeriesRow, SeriesRule, Situation};
pub use schema::schema;

/// A pipeline, ready to run. Cheap to share: workers hold it in an [`Arc`].
#[derive(Debug)]
pub struct Plan {
    /// Name of the pipeline.
    pub name: String,
    /// Hash of everything that decides results: names what a progress record belongs to.
    pub version: String,
    /// How to reach Kafka.
    pub kafka: KafkaPlan,
    /// The source of rows.
    pub source: SourcePlan,
    /// Checks in the order of the file; a check's number is its place here.
    pub checks: Vec<CheckPlan>,
    /// All factors in one graph over the source's fields.
    pub factors: Graph,
    /// Alert rules in the order of the file.
    pub alerts: Vec<AlertPlan>,
    /// Outputs that are written, in the order of [`OutputKind::ALL`].
    pub outputs: Vec<OutputPlan>,
    /// How outputs are delivered.
    pub delivery: DeliveryPlan,
}

/// How to reach Kafka.
#[derive(Clone)]
pub struct KafkaPlan {
    /// `host:port,...`.
    pub brokers: String,
    /// Further librdkafka settings; values may be secret and are never printed.
    pub settings: Vec<(String, String)>,
}

/// A source of rows.
#[derive(Clone, Debug)]
pub struct SourcePlan {
    /// Name in the pipeline.
    pub name: String,
    /// Topic.
    pub topic: String,
    /// How records are encoded: the name of a decoder.
    pub format: &'static str,
    /// Name of the field that holds the symbol.
    pub symbol_field: String,
    /// Name of the field that holds the event time.
    pub time_field: String,
    /// Name of the field that orders versions of a row, if the feed has one.
    pub revision_field: Option<String>,
    /// Fields in the order of the file.
    pub fields: Vec<FieldPlan>,
    /// What to do with a field that is not declared.
    pub unknown_fields: UnknownFields,
    /// How long a time stays open after the newest time seen.
    pub lateness: Span,
    /// How many closed bars may still change.
    pub corrections: usize,
    /// How long a partition may be silent before it no longer holds back the watermark.
    pub idle_timeout: Span,
    /// Values longer than this are dead letters.
    pub max_record_bytes: usize,
    /// Where to begin when there is no progress record.
    pub start: Start,
}

/// A field of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldPlan {
    /// Name.
    pub name: String,
    /// Whether it may be absent or null.
    pub nullable: bool,
    /// Whether it holds text, which only makes groups: in rows, a small number per distinct text.
    pub text: bool,
}

/// What to do with a field that is not declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownFields {
    /// Leave it.
    Ignore,
    /// Make the record a dead letter.
    Reject,
}

/// Where to begin without a progress record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At the oldest record.
    Earliest,
    /// At the end of the topic at the time of the first start.
    Latest,
}

/// One check of the pipeline.
#[derive(Clone, Debug)]
pub struct CheckPlan {
    /// Name, unique in the pipeline; the member's name unless the file gives one.
    pub name: String,
    /// What happens to a row that fails.
    pub action: Action,
    /// How bad a failure is.
    pub severity: Severity,
    /// The rule itself.
    pub rule: Rule,
}

/// One alert rule.
#[derive(Clone, Debug)]
pub struct AlertPlan {
    /// Name, unique in the pipeline.
    pub name: String,
    /// The condition as written.
    pub when: String,
    /// The condition.
    pub condition: Arc<dyn Condition>,
    /// How bad it is.
    pub severity: Severity,
    /// Further labels, sorted by name.
    pub labels: Vec<(String, String)>,
    /// Identity: hash of the label set (alertname, pipeline, severity and `labels`), as 16 hex
    /// digits.
    pub fingerprint: String,
}

/// One output.
#[derive(Clone, Debug)]
pub struct OutputPlan {
    /// Which.
    pub kind: OutputKind,
    /// Topic.
    pub topic: String,
    /// How factors are laid out; none for all other outputs.
    pub layout: Option<Layout>,
}

/// How outputs are delivered.
#[derive(Clone, Debug)]
pub struct DeliveryPlan {
    /// Shortest time between two commits.
    pub commit_interval: Span,
    /// Topic of progress records.
    pub progress_topic: String,
    /// `transactional.id` of the producer.
    pub transactional_id: String,
    /// Whether missing output topics are created.
    pub create_topics: bool,
    /// Header names of dead letters: ours, or those of Kafka Connect.
    pub header_prefix: HeaderPrefix,
}

/// Names of the headers that say where a dead letter or quarantined record came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderPrefix {
    /// `weir.`
    Weir,
    /// `__connect.errors.`, which Kafka Connect's tools read.
    Connect,
}

impl fmt::Debug for KafkaPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.settings.iter().map(|(name, _)| name).collect();
        f.debug_struct("KafkaPlan")
            .field("brokers", &self.brokers)
            .field("settings", &names)
            .finish()
    }
}

impl Plan {
    /// The output of a kind, if it is written.
    pub fn output(&self, kind: OutputKind) -> Option<&OutputPlan> {
        self.outputs.iter().find(|output| output.kind == kind)
    }
}
