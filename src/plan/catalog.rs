//! What members exist, as the plan needs to know them. The stages fill it, so that plan depends on
//! none of them.

use std::fmt::Debug;
use std::sync::Arc;

use super::{Condition, FieldPlan, Rule};
use crate::formula::Signature;
use crate::model::{Action, Severity};

/// All members of all stages.
#[derive(Clone, Copy, Debug)]
pub struct Catalog {
    /// Functions of the formula language.
    pub functions: &'static [&'static Signature],
    /// Checks.
    pub checks: &'static [&'static dyn CheckMember],
    /// Alert conditions.
    pub conditions: &'static [&'static dyn ConditionMember],
    /// Layouts of the factors. Pipelines that name none get the first.
    pub layouts: &'static [&'static Layout],
}

/// A way to lay out the factors in records, as files under `dataflow/sinks/encode` provide it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Name in pipelines.
    pub name: &'static str,
    /// One sentence: what a record holds, its key, and how it is written.
    pub summary: &'static str,
    /// Whether a record holds all symbols of a time: a change of one row must then come as all
    /// rows of its time.
    pub whole_times: bool,
    /// Media type of the values.
    pub content_type: &'static str,
    /// Names in a record that no factor may have.
    pub columns: &'static [&'static str],
}

/// What a check is built from.
#[derive(Clone, Copy, Debug)]
pub struct CheckContext<'a> {
    /// Fields of the source.
    pub fields: &'a [FieldPlan],
}

/// A kind of check, as files under `dataflow/quality` provide it.
pub trait CheckMember: Debug + Sync {
    /// Name in pipelines.
    fn name(&self) -> &'static str;
    /// One sentence: what holds for a good row.
    fn summary(&self) -> &'static str;
    /// How it may stand in the list of checks of a pipeline, for daily bars (`open`, `high`, `low`,
    /// `close`, `volume`, of which the last may be missing).
    fn example(&self) -> &'static str;
    /// Action and severity where the pipeline names none.
    fn defaults(&self) -> (Action, Severity);
    /// Actions that make sense for it.
    fn actions(&self) -> &'static [Action];
    /// Why an action that is not among them makes no sense, for the error message.
    fn refusal(&self, action: Action) -> Option<&'static str> {
        let _ = action;
        None
    }
    /// JSON Schema of its options (`action`, `severity` and `name` are common to all and not
    /// part of it), from the same type that reads them.
    fn schema(&self, generator: &mut schemars::SchemaGenerator) -> schemars::Schema;
    /// Reads the options and builds the rule; an error says what is wrong with which option.
    fn build(
        &self,
        options: &serde_json::Value,
        context: CheckContext<'_>,
    ) -> Result<Rule, OptionError>;
}

/// A kind of alert condition, as files under `dataflow/alerts` provide it: `name(argument)
/// comparison ...`.
pub trait ConditionMember: Debug + Sync {
    /// Name in conditions: `silent`.
    fn name(&self) -> &'static str;
    /// The whole form for messages and docs: `silent(SOURCE) > SPAN`.
    fn form(&self) -> &'static str;
    /// One sentence: when it holds.
    fn summary(&self) -> &'static str;
    /// A whole condition, for a pipeline with the source `bars` and the check `ohlc_order`.
    fn example(&self) -> &'static str;
    /// Builds the condition from the text between the parentheses and the text after them.
    /// `sources` and `checks` are the names of the pipeline; a check's number is its place.
    fn build(
        &self,
        argument: &str,
        rest: &str,
        sources: &[&str],
        checks: &[&str],
    ) -> Result<Arc<dyn Condition>, OptionError>;
}

/// What is wrong with the options of a member.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct OptionError {
    /// Path of keys and list places from the options to what is wrong; empty for the whole.
    pub path: Vec<String>,
    /// What is wrong and what would be right.
    pub message: String,
}
