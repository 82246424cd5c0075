//! `return_jump`: a value does not move too far from one row of a symbol to the next.

use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;

use super::options::{self, Field, Options};
use crate::model::{Action, Severity};
use crate::plan::{CheckContext, CheckMember, OptionError, Rule, SeriesRow, SeriesRule};

/// |value / value in the row before - 1| is at most `above`. The row before is the one of the
/// next older time of the symbol among the accepted rows. Where one of the two values is missing,
/// infinite or zero there is no return and the row passes.
#[derive(Debug)]
pub(super) struct ReturnJump;

/// How far a value may move from one row to the next.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct JumpOptions {
    /// The field; close if left out.
    #[serde(default = "close")]
    of: String,
    /// The greatest good return, up or down: 0.5 is 50 %.
    #[schemars(range(min = 0.0))]
    above: f64,
}

fn close() -> String {
    "close".to_owned()
}

#[derive(Debug)]
struct JumpRule {
    field: Field,
    above: f64,
}

impl CheckMember for ReturnJump {
    fn name(&self) -> &'static str {
        "return_jump"
    }

    fn summary(&self) -> &'static str {
        "the change from the symbol's row before is at most `above` (missing values pass)"
    }

    fn example(&self) -> &'static str {
        "return_jump: { of: close, above: 0.5 }"
    }

    fn defaults(&self) -> (Action, Severity) {
        (Action::Flag, Severity::Warning)
    }

    fn actions(&self) -> &'static [Action] {
        &[Action::Flag]
    }

    fn refusal(&self, action: Action) -> Option<&'static str> {
        (action == Action::Quarantine).then_some(
            "it compares a row with the one before it, which may still come or change; kept out, \
             the row would also be missing for the judgement of the next one",
        )
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        options::schema::<JumpOptions>(generator, false, None)
    }

    fn build(
        &self,
        given: &serde_json::Value,
        context: CheckContext<'_>,
    ) -> Result<Rule, OptionError> {
        let options = Options::new(given, None, context.fields);
        let JumpOptions { of, above } = options.read()?;
        if above <= 0.0 {
            return Err(options.error("above", format!("above = {above} must be above 0")));
        }
        Ok(Rule::Series(Arc::new(JumpRule { field: options.number("of", &of)?, above })))
    }
}

impl SeriesRule for JumpRule {
    fn test(&self, previous: SeriesRow<'_>, row: SeriesRow<'_>) -> Option<String> {
        let JumpRule { field, above } = self;
        let (old, new) = (*previous.fields.get(field.index)?, *row.fields.get(field.index)?);
        if !old.is_finite() || !new.is_finite() || old == 0.0 || new == 0.0 {
            return None;
        }
        let jump = new / old - 1.0;
        (jump.abs() > *above).then(|| {
            let most = percent(*above, 15);
            // As many digits as it takes to see that it is more.
            let seen = (4..=17).map(|digits| percent(jump, digits)).find(|p| p.abs() > most);
            let (jump, most) = (shown(seen.unwrap_or(jump * 100.0)), shown(most));
            let most = most.trim_start_matches('+');
            format!("{} = {new} after {old}, a return of {jump} %, at most {most} %", field.name)
        })
    }
}

/// A fraction in percent, rounded to so many significant digits.
fn percent(fraction: f64, digits: usize) -> f64 {
    let percent = fraction * 100.0;
    format!("{percent:.*e}", digits.saturating_sub(1)).parse().unwrap_or(percent)
}

/// A number with its sign, in a length that people read.
fn shown(percent: f64) -> String {
    match percent.abs() {
        1e-4..1e7 => format!("{percent:+}"),
        _ => format!("{percent:+e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{ODD, rule};
    use crate::model::Time;
    use crate::plan::{Rule, SeriesRow};

    fn test(options: &str, old: f64, new: f64) -> Option<String> {
        let Rule::Series(rule) = rule("return_jump", options) else { panic!("not a series rule") };
        let row = |fields| SeriesRow { time: Time::from_nanos(0), fields };
        rule.test(row(&[0.0, 0.0, 0.0, old, 0.0]), row(&[0.0, 0.0, 0.0, new, 0.0]))
    }

    #[test]
    fn moves_up_and_down_count_and_the_bound_is_good() {
        let half = r#"{"above": 0.5}"#;
        assert_eq!(test(half, 100.0, 150.0), None);
        assert_eq!(test(half, 100.0, 50.0), None);
        let text = "close = 160 after 100, a return of +60 %, at most 50 %";
        assert_eq!(test(half, 100.0, 160.0).as_deref(), Some(text));
        assert!(test(half, 100.0, 40.0).is_some());
        assert!(test(half, f64::MIN_POSITIVE, f64::MAX).is_some(), "infinite return");
        assert_eq!(test(r#"{"above": 0.5, "of": "open"}"#, 100.0, 900.0), None);
    }

    #[test]
    fn returns_are_short_and_visibly_more_than_the_bound() {
        let says = |above: &str, old, new| {
            let text = test(&format!("{{\"above\": {above}}}"), old, new).unwrap();
            text.split_once("a return of ").unwrap().1.to_owned()
        };
        for (above, old, new, text) in [
            ("0.5", 48.3, 485.25, "+904.7 %, at most 50 %"),
            ("0.5", 100.0, 1.0 / 3.0, "-99.67 %, at most 50 %"),
            ("0.5", 100.0, 150.000_01, "+50.00001 %, at most 50 %"),
            ("0.07", 1.0, 0.9, "-10 %, at most 7 %"),
            ("0.123456789", 1.0, 1.2, "+20 %, at most 12.3456789 %"),
            ("1e-9", 1.0, 1.000_000_002, "+2e-7 %, at most 1e-7 %"),
            ("0.5", 1.0, 1e300, "+1e302 %, at most 50 %"),
            ("0.5", f64::MIN_POSITIVE, -f64::MAX, "-inf %, at most 50 %"),
        ] {
            assert_eq!(says(above, old, new), text);
        }
    }

    #[test]
    fn without_two_numbers_there_is_no_return() {
        for odd in ODD.into_iter().filter(|value| !value.is_finite() || *value == 0.0) {
            assert_eq!(test(r#"{"above": 0.5}"#, odd, 1.0), None);
            assert_eq!(test(r#"{"above": 0.5}"#, 1.0, odd), None);
        }
        for old in ODD {
            for new in ODD {
                test(r#"{"above": 0.5}"#, old, new);
            }
        }
    }
}
