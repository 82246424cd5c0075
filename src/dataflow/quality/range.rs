//! `range`: values lie between bounds.

use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;

use super::options::{self, Field, FieldNames, Options, ROW_ACTIONS};
use crate::model::{Action, RowBatch, Severity};
use crate::plan::{CheckContext, CheckMember, OptionError, RowRule, Rule};

/// Every one of the fields is at least `min` and at most `max`. A missing value passes.
#[derive(Debug)]
pub(super) struct Range;

/// Bounds for fields, both included; at least one must be given.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RangeOptions {
    /// The fields.
    of: FieldNames,
    /// The least good value.
    min: Option<f64>,
    /// The greatest good value.
    max: Option<f64>,
}

#[derive(Debug)]
struct RangeRule {
    fields: Vec<Field>,
    min: f64,
    max: f64,
}

impl CheckMember for Range {
    fn name(&self) -> &'static str {
        "range"
    }

    fn summary(&self) -> &'static str {
        "every one of the fields is between min and max, both included (a missing value passes)"
    }

    fn example(&self) -> &'static str {
        "range: { of: volume, min: 0 }"
    }

    fn defaults(&self) -> (Action, Severity) {
        (Action::Quarantine, Severity::Error)
    }

    fn actions(&self) -> &'static [Action] {
        ROW_ACTIONS
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        options::schema::<RangeOptions>(generator, false, None)
    }

    fn build(
        &self,
        given: &serde_json::Value,
        context: CheckContext<'_>,
    ) -> Result<Rule, OptionError> {
        let options = Options::new(given, None, context.fields);
        let RangeOptions { of, min, max } = options.read()?;
        if min.is_none() && max.is_none() {
            let message = "a range needs `min`, `max` or both".to_owned();
            return Err(OptionError { path: Vec::new(), message });
        }
        let (min, max) = (min.unwrap_or(f64::NEG_INFINITY), max.unwrap_or(f64::INFINITY));
        if max < min {
            return Err(options.error("max", format!("max = {max} is below min = {min}")));
        }
        Ok(Rule::Row(Arc::new(RangeRule { fields: options.numbers("of", &of)?, min, max })))
    }
}

impl RowRule for RangeRule {
    fn test(&self, rows: &RowBatch, fail: &mut dyn FnMut(usize, String)) {
        let RangeRule { fields, min, max } = self;
        for Field { index, name } in fields {
            let Some(column) = rows.columns.get(*index) else { continue };
            for (row, value) in column.iter().enumerate() {
                if value < min {
                    fail(row, format!("{name} = {value}, must be at least {min}"));
                } else if value > max {
                    fail(row, format!("{name} = {value}, must be at most {max}"));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{found, rows};

    #[test]
    fn the_bounds_are_good_values() {
        let rows = rows(&[
            [0.0, 10.0, f64::NAN, 5.0, -1.0],
            [-1e-9, 10.5, f64::INFINITY, f64::NEG_INFINITY, 0.0],
        ]);
        let both = found("range", r#"{"of": ["open", "high"], "min": 0, "max": 10}"#, &rows);
        assert_eq!(
            both,
            [
                (1, "open = -0.000000001, must be at least 0".into()),
                (1, "high = 10.5, must be at most 10".into())
            ]
        );
        let at_most = found("range", r#"{"of": ["low", "close"], "max": 1e9}"#, &rows);
        assert_eq!(at_most, [(1, "low = inf, must be at most 1000000000".into())]);
        assert_eq!(found("range", r#"{"of": "volume", "min": 0}"#, &rows).len(), 1);
    }
}
