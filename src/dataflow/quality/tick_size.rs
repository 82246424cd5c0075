//! `tick_size`: prices lie on the grid that the market trades on.

use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;

use super::options::{self, Field, FieldNames, Options, ROW_ACTIONS};
use crate::model::{Action, RowBatch, Severity};
use crate::plan::{CheckContext, CheckMember, OptionError, RowRule, Rule};

/// Every one of the fields is a multiple of `step`, up to `tolerance` steps. A missing or infinite
/// value passes, and so does one so large that its neighbours in floating point are steps apart.
///
/// Neither 0.01 nor 10.07 exist in binary, so that their quotient is not 1007: price and step are
/// each off by at most half an epsilon, and dividing adds as much. The sum of the three, 1.5
/// epsilon of the quotient, is allowed always; `tolerance` is for what the feed itself adds.
#[derive(Debug)]
pub(super) struct TickSize;

/// What the quotient of two decimals may be off by, in epsilons of the quotient; a bit more than
/// 1.5, because the bound itself is rounded.
const ROUNDING: f64 = 2.0 * f64::EPSILON;

/// The grid of prices.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TickOptions {
    /// The fields.
    of: FieldNames,
    /// Distance of two neighbouring prices.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    step: f64,
    /// How far off the grid a price may be, in steps, below 0.5. Prices that went through 32-bit
    /// floats need about 0.01.
    #[serde(default = "tolerance")]
    #[schemars(range(min = 0.0))]
    tolerance: f64,
}

fn tolerance() -> f64 {
    1e-6
}

#[derive(Debug)]
struct TickRule {
    fields: Vec<Field>,
    step: f64,
    tolerance: f64,
}

impl CheckMember for TickSize {
    fn name(&self) -> &'static str {
        "tick_size"
    }

    fn summary(&self) -> &'static str {
        "every one of the fields is a multiple of `step` (a missing or infinite value passes)"
    }

    fn example(&self) -> &'static str {
        "tick_size: { of: [open, high, low, close], step: 0.01 }"
    }

    fn defaults(&self) -> (Action, Severity) {
        (Action::Flag, Severity::Warning)
    }

    fn actions(&self) -> &'static [Action] {
        ROW_ACTIONS
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        options::schema::<TickOptions>(generator, false, None)
    }

    fn build(
        &self,
        given: &serde_json::Value,
        context: CheckContext<'_>,
    ) -> Result<Rule, OptionError> {
        let options = Options::new(given, None, context.fields);
        let TickOptions { of, step, tolerance } = options.read()?;
        if step <= 0.0 {
            return Err(options.error("step", format!("step = {step} must be above 0")));
        }
        if !(0.0..0.5).contains(&tolerance) {
            let message = format!(
                "tolerance = {tolerance} must be at least 0 and below 0.5; it counts in steps"
            );
            return Err(options.error("tolerance", message));
        }
        let fields = options.numbers("of", &of)?;
        Ok(Rule::Row(Arc::new(TickRule { fields, step, tolerance })))
    }
}

impl RowRule for TickRule {
    fn test(&self, rows: &RowBatch, fail: &mut dyn FnMut(usize, String)) {
        let TickRule { fields, step, tolerance } = self;
        for Field { index, name } in fields {
            let Some(column) = rows.columns.get(*index) else { continue };
            for (row, value) in column.iter().enumerate() {
                let steps = value / step;
                // False where the quotient is missing or infinite.
                if (steps - steps.round()).abs() > tolerance + ROUNDING * steps.abs() {
                    fail(row, format!("{name} = {value} is not a multiple of {step}"));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fields, found, rows};
    use super::TickSize;
    use crate::plan::{CheckContext, CheckMember};

    /// A decimal as a feed writes it, and as it is read.
    fn decimal(units: u64, digits: usize) -> f64 {
        let scale = 10_u64.pow(digits as u32);
        format!("{}.{:0digits$}", units / scale, units % scale).parse().unwrap()
    }

    #[test]
    fn decimals_on_the_grid_pass_and_those_beside_it_fail() {
        for (step, digits, units) in [("0.01", 2, 1), ("0.0001", 4, 1), ("0.05", 2, 5)] {
            let strict = format!(r#"{{"of": "close", "step": {step}, "tolerance": 0}}"#);
            let usual = format!(r#"{{"of": "close", "step": {step}}}"#);
            let mut random = 0x5eed_u64;
            let (mut good, mut bad) = (Vec::new(), Vec::new());
            for count in 0..20_000_u64 {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695);
                // Small prices one by one, then prices of all sizes up to a few billion steps.
                let k = if count < 10_000 { count } else { random >> (31 + count % 24) };
                good.push([0.0, 0.0, 0.0, decimal(k * units, digits), 0.0]);
                let beside = (k * units) * 10 + 1 + count % (10 * units - 1);
                bad.push([0.0, 0.0, 0.0, decimal(beside, digits + 1), 0.0]);
            }
            for options in [&strict, &usual] {
                assert_eq!(found("tick_size", options, &rows(&good)), [], "{options}");
                let all = found("tick_size", options, &rows(&bad));
                assert_eq!(all.len(), bad.len(), "{options}");
            }
        }
    }

    #[test]
    fn says_which_and_knows_signs_and_what_is_no_number() {
        let rows = rows(&[
            [10.07, 10.075, -3.33, -3.333, f64::NAN],
            [f64::INFINITY, -0.0, 1e300, 5e-324, f64::NEG_INFINITY],
        ]);
        let options = r#"{"of": ["open", "high", "low", "close", "volume"], "step": 0.01}"#;
        assert_eq!(
            found("tick_size", options, &rows),
            [
                (0, "high = 10.075 is not a multiple of 0.01".into()),
                (0, "close = -3.333 is not a multiple of 0.01".into()),
            ]
        );
        let whole = r#"{"of": ["open", "low"], "step": 1, "tolerance": 0.1}"#;
        assert_eq!(found("tick_size", whole, &rows).len(), 1, "10.07 is near 10, -3.33 off");
        let float = f64::from(485.26_f32);
        let rows = super::super::testing::rows(&[[float; 5]]);
        let through_floats = |tolerance: &str| {
            let options = format!(r#"{{"of": "open", "step": 0.01, "tolerance": {tolerance}}}"#);
            found("tick_size", &options, &rows).len()
        };
        assert_eq!((through_floats("1e-6"), through_floats("0.01")), (1, 0));
    }

    #[test]
    fn a_grid_must_be_one() {
        let error = |options: &str| {
            let (options, fields) = (serde_json::from_str(options).unwrap(), fields());
            let error = TickSize.build(&options, CheckContext { fields: &fields }).unwrap_err();
            (error.path.join("."), error.message)
        };
        for (options, path, part) in [
            (r#"{"of": "close"}"#, "", "missing field `step`"),
            (r#"{"of": "close", "step": 0}"#, "step", "above 0"),
            (r#"{"of": "close", "step": 1, "tolerance": 0.5}"#, "tolerance", "below 0.5"),
            (r#"{"of": "close", "step": 1, "tolerance": -1}"#, "tolerance", "at least 0"),
        ] {
            let (at, message) = error(options);
            assert_eq!(at, path, "{options}");
            assert!(message.contains(part), "{options}: {message}");
        }
    }
}
