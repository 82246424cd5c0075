//! `positive`: prices are above zero.

use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;

use super::options::{self, Field, FieldNames, Options, ROW_ACTIONS};
use crate::model::{Action, RowBatch, Severity};
use crate::plan::{CheckContext, CheckMember, OptionError, RowRule, Rule};

/// Every one of the fields is above 0. A missing value passes; infinity is above 0.
#[derive(Debug)]
pub(super) struct Positive;

/// Fields that must be above zero.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PositiveOptions {
    /// The fields; those of open, high, low, close and vwap that the source has if left out.
    of: Option<FieldNames>,
}

#[derive(Debug)]
struct PositiveRule(Vec<Field>);

impl CheckMember for Positive {
    fn name(&self) -> &'static str {
        "positive"
    }

    fn summary(&self) -> &'static str {
        "every one of the fields is above 0 (a missing value passes)"
    }

    fn example(&self) -> &'static str {
        "positive: [open, high, low, close]"
    }

    fn defaults(&self) -> (Action, Severity) {
        (Action::Quarantine, Severity::Error)
    }

    fn actions(&self) -> &'static [Action] {
        ROW_ACTIONS
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        let list = generator.subschema_for::<FieldNames>();
        options::schema::<PositiveOptions>(generator, true, Some(list))
    }

    fn build(
        &self,
        given: &serde_json::Value,
        context: CheckContext<'_>,
    ) -> Result<Rule, OptionError> {
        let options = Options::new(given, Some("of"), context.fields);
        let fields = match options.read::<PositiveOptions>()?.of {
            Some(names) => options.numbers("of", &names)?,
            None => options.usual("of", &["open", "high", "low", "close", "vwap"])?,
        };
        Ok(Rule::Row(Arc::new(PositiveRule(fields))))
    }
}

impl RowRule for PositiveRule {
    fn test(&self, rows: &RowBatch, fail: &mut dyn FnMut(usize, String)) {
        for Field { index, name } in &self.0 {
            let Some(column) = rows.columns.get(*index) else { continue };
            for (row, value) in column.iter().enumerate() {
                // False for a missing value, and so for every field of a deletion.
                if *value <= 0.0 {
                    fail(row, format!("{name} = {value}, must be above 0"));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{found, rows};

    #[test]
    fn zero_and_less_fail_and_missing_passes() {
        let rows = rows(&[
            [1.0, 1.0, 1.0, 1.0, 0.0],
            [1.0, -3.0, 1.0, -0.0, 1.0],
            [f64::NAN, f64::INFINITY, 5e-324, 1.0, f64::NAN],
        ]);
        let usual = found("positive", "null", &rows);
        assert_eq!(
            usual,
            [(1, "high = -3, must be above 0".into()), (1, "close = -0, must be above 0".into())]
        );
        assert_eq!(found("positive", r#"["volume"]"#, &rows).len(), 1);
        assert_eq!(found("positive", r#"{"of": "open"}"#, &rows), []);
    }
}
