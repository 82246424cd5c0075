//! `finite`: numbers are numbers.

use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;

use super::options::{self, Field, FieldNames, Options, ROW_ACTIONS};
use crate::model::{Action, RowBatch, Severity};
use crate::plan::{CheckContext, CheckMember, OptionError, RowRule, Rule};

/// None of the fields is infinite. JSON cannot say infinity, files can. A missing value passes
/// (`not_null` catches those); NaN in a file is a missing value.
#[derive(Debug)]
pub(super) struct Finite;

/// Fields that must not be infinite.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FiniteOptions {
    /// The fields; all that hold numbers if left out.
    of: Option<FieldNames>,
}

#[derive(Debug)]
struct FiniteRule(Vec<Field>);

impl CheckMember for Finite {
    fn name(&self) -> &'static str {
        "finite"
    }

    fn summary(&self) -> &'static str {
        "none of the fields is infinite (a missing value passes)"
    }

    fn example(&self) -> &'static str {
        "finite"
    }

    fn defaults(&self) -> (Action, Severity) {
        (Action::Quarantine, Severity::Error)
    }

    fn actions(&self) -> &'static [Action] {
        ROW_ACTIONS
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        let list = generator.subschema_for::<FieldNames>();
        options::schema::<FiniteOptions>(generator, true, Some(list))
    }

    fn build(
        &self,
        given: &serde_json::Value,
        context: CheckContext<'_>,
    ) -> Result<Rule, OptionError> {
        let options = Options::new(given, Some("of"), context.fields);
        let fields = match options.read::<FiniteOptions>()?.of {
            Some(names) => options.numbers("of", &names)?,
            None => options.all_numbers(),
        };
        Ok(Rule::Row(Arc::new(FiniteRule(fields))))
    }
}

impl RowRule for FiniteRule {
    fn test(&self, rows: &RowBatch, fail: &mut dyn FnMut(usize, String)) {
        for Field { index, name } in &self.0 {
            let Some(column) = rows.columns.get(*index) else { continue };
            for (row, value) in column.iter().enumerate() {
                if value.is_infinite() {
                    fail(row, format!("{name} = {value}, must be finite"));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{found, rows};

    #[test]
    fn infinities_fail_and_missing_passes() {
        let rows = rows(&[
            [1.0, f64::NAN, f64::MAX, f64::MIN, 0.0],
            [f64::INFINITY, 1.0, 1.0, 1.0, f64::NEG_INFINITY],
        ]);
        let all = found("finite", "null", &rows);
        assert_eq!(
            all,
            [(1, "open = inf, must be finite".into()), (1, "volume = -inf, must be finite".into())]
        );
        assert_eq!(found("finite", r#"["volume", "volume"]"#, &rows).len(), 1);
    }
}
