//! `future_time`: event times are not far ahead of their arrival.

use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use super::options::{self, Options, ROW_ACTIONS};
use crate::model::{Action, RowBatch, Severity, Span, Time};
use crate::plan::{CheckContext, CheckMember, OptionError, RowRule, Rule};

/// The event time is at most `beyond` later than the broker's timestamp of the record. A single
/// such row, let through, would close every time up to its own.
#[derive(Debug)]
pub(super) struct FutureTime;

/// How far ahead of its arrival a row may be.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct FutureOptions {
    /// A length of time: `1d` if left out.
    beyond: String,
}

impl Default for FutureOptions {
    fn default() -> FutureOptions {
        FutureOptions { beyond: "1d".to_owned() }
    }
}

#[derive(Debug)]
struct FutureRule(Span);

impl CheckMember for FutureTime {
    fn name(&self) -> &'static str {
        "future_time"
    }

    fn summary(&self) -> &'static str {
        "the event time is not further ahead of the record's arrival than `beyond`"
    }

    fn example(&self) -> &'static str {
        "future_time: { beyond: 1d }"
    }

    fn defaults(&self) -> (Action, Severity) {
        (Action::Quarantine, Severity::Error)
    }

    fn actions(&self) -> &'static [Action] {
        ROW_ACTIONS
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        let short = json_schema!({ "type": "string" });
        options::schema::<FutureOptions>(generator, true, Some(short))
    }

    fn build(
        &self,
        given: &serde_json::Value,
        context: CheckContext<'_>,
    ) -> Result<Rule, OptionError> {
        let options = Options::new(given, Some("beyond"), context.fields);
        let FutureOptions { beyond } = options.read()?;
        let beyond = beyond
            .parse()
            .map_err(|error: crate::model::SpanError| options.error("beyond", error.to_string()))?;
        Ok(Rule::Row(Arc::new(FutureRule(beyond))))
    }
}

impl RowRule for FutureRule {
    fn test(&self, rows: &RowBatch, fail: &mut dyn FnMut(usize, String)) {
        let arrived = rows.times.iter().zip(&rows.arrivals_ms).zip(&rows.deleted).enumerate();
        for (row, ((time, arrival_ms), deleted)) in arrived {
            if *time > Time::from_millis(*arrival_ms).plus(self.0) && !deleted {
                // Without the arrival: the same row delivered again must say the same.
                fail(row, format!("{time} is more than {} after its arrival", self.0));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{found, rows};
    use crate::model::Time;

    #[test]
    fn far_ahead_of_the_arrival_fails() {
        let mut rows = rows(&[[1.0; 5]; 6]);
        let day = 86_400_000_000_000;
        rows.arrivals_ms = vec![0, 0, 0, i64::MIN, i64::MAX, 0];
        rows.times =
            [day, day + 1, -day, i64::MAX, i64::MAX, i64::MAX].map(Time::from_nanos).to_vec();
        rows.deleted[5] = true;
        let found_in = |options| -> Vec<usize> {
            found("future_time", options, &rows).into_iter().map(|(row, _)| row).collect()
        };
        assert_eq!(found_in("null"), [1, 3]);
        assert_eq!(found_in(r#""2d""#), [3]);
        assert_eq!(found_in(r#"{"beyond": "1h"}"#), [0, 1, 3]);
        let (_, text) = &found("future_time", "null", &rows)[0];
        assert_eq!(text, "1970-01-02T00:00:00.000000001Z is more than 1d after its arrival");
    }
}
