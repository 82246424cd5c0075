//! `not_null`: values are there.

use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;

use super::options::{self, Field, FieldNames, Options, ROW_ACTIONS};
use crate::model::{Action, RowBatch, Severity};
use crate::plan::{CheckContext, CheckMember, OptionError, RowRule, Rule};

/// None of the fields is missing. For nullable fields: a record without a field that is not
/// nullable cannot be read in the first place. NaN in a file is a missing value too.
#[derive(Debug)]
pub(super) struct NotNull;

/// Fields that must be there.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NotNullOptions {
    /// The fields; all if left out.
    of: Option<FieldNames>,
}

#[derive(Debug)]
struct NotNullRule(Vec<Field>);

impl CheckMember for NotNull {
    fn name(&self) -> &'static str {
        "not_null"
    }

    fn summary(&self) -> &'static str {
        "none of the fields is missing"
    }

    fn example(&self) -> &'static str {
        "not_null: { of: volume, action: flag, severity: info, as: volume_present }"
    }

    fn defaults(&self) -> (Action, Severity) {
        (Action::Quarantine, Severity::Error)
    }

    fn actions(&self) -> &'static [Action] {
        ROW_ACTIONS
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        let list = generator.subschema_for::<FieldNames>();
        options::schema::<NotNullOptions>(generator, true, Some(list))
    }

    fn build(
        &self,
        given: &serde_json::Value,
        context: CheckContext<'_>,
    ) -> Result<Rule, OptionError> {
        let options = Options::new(given, Some("of"), context.fields);
        let fields = match options.read::<NotNullOptions>()?.of {
            Some(names) => options.fields("of", &names)?,
            None => options.all(),
        };
        Ok(Rule::Row(Arc::new(NotNullRule(fields))))
    }
}

impl RowRule for NotNullRule {
    fn test(&self, rows: &RowBatch, fail: &mut dyn FnMut(usize, String)) {
        for Field { index, name } in &self.0 {
            let Some(column) = rows.columns.get(*index) else { continue };
            for (row, (value, deleted)) in column.iter().zip(&rows.deleted).enumerate() {
                if value.is_nan() && !deleted {
                    fail(row, format!("{name} is missing"));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{found, rows};

    #[test]
    fn missing_values_fail_but_not_those_of_deletions() {
        let good = [1.0, 1.0, 1.0, 1.0, f64::INFINITY];
        let mut rows = rows(&[good, [f64::NAN; 5], [1.0, 1.0, 1.0, 1.0, f64::NAN]]);
        rows.deleted[1] = true;
        assert_eq!(found("not_null", "null", &rows), [(2, "volume is missing".into())]);
        assert_eq!(found("not_null", r#"["open"]"#, &rows), []);
        rows.deleted[1] = false;
        assert_eq!(found("not_null", r#"["open"]"#, &rows), [(1, "open is missing".into())]);
    }
}
