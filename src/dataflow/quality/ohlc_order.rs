//! `ohlc_order`: the high is the highest and the low the lowest price of a bar.

use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;

use super::options::{self, Field, Options, ROW_ACTIONS};
use crate::model::{Action, RowBatch, Severity};
use crate::plan::{CheckContext, CheckMember, OptionError, RowRule, Rule};

/// high >= open, low, close and low <= open, close, each within the tolerance. A comparison with
/// a missing value passes.
#[derive(Debug)]
pub(super) struct OhlcOrder;

/// Which fields make up the bar.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct OhlcOptions {
    /// Field of the first price.
    open: String,
    /// Field of the highest price.
    high: String,
    /// Field of the lowest price.
    low: String,
    /// Field of the last price.
    close: String,
    /// How far prices may be out of order, in units of price.
    #[schemars(range(min = 0.0))]
    tolerance: f64,
}

impl Default for OhlcOptions {
    fn default() -> OhlcOptions {
        OhlcOptions {
            open: "open".to_owned(),
            high: "high".to_owned(),
            low: "low".to_owned(),
            close: "close".to_owned(),
            tolerance: 0.0,
        }
    }
}

#[derive(Debug)]
struct OhlcRule {
    open: Field,
    high: Field,
    low: Field,
    close: Field,
    tolerance: f64,
}

impl CheckMember for OhlcOrder {
    fn name(&self) -> &'static str {
        "ohlc_order"
    }

    fn summary(&self) -> &'static str {
        "high is the highest and low the lowest of open, high, low, close (missing values pass)"
    }

    fn example(&self) -> &'static str {
        "ohlc_order: { tolerance: 0.0001 }"
    }

    fn defaults(&self) -> (Action, Severity) {
        (Action::Quarantine, Severity::Error)
    }

    fn actions(&self) -> &'static [Action] {
        ROW_ACTIONS
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        options::schema::<OhlcOptions>(generator, true, None)
    }

    fn build(
        &self,
        given: &serde_json::Value,
        context: CheckContext<'_>,
    ) -> Result<Rule, OptionError> {
        let options = Options::new(given, None, context.fields);
        let OhlcOptions { open, high, low, close, tolerance } = options.read()?;
        if tolerance < 0.0 {
            let message = format!("a tolerance of {tolerance} must not be negative");
            return Err(options.error("tolerance", message));
        }
        Ok(Rule::Row(Arc::new(OhlcRule {
            open: options.number("open", &open)?,
            high: options.number("high", &high)?,
            low: options.number("low", &low)?,
            close: options.number("close", &close)?,
            tolerance,
        })))
    }
}

impl RowRule for OhlcRule {
    fn test(&self, rows: &RowBatch, fail: &mut dyn FnMut(usize, String)) {
        let OhlcRule { open, high, low, close, tolerance } = self;
        let column = |field: &Field| rows.columns.get(field.index).map_or(&[][..], Vec::as_slice);
        let bars = column(open).iter().zip(column(high)).zip(column(low)).zip(column(close));
        for (row, (((o, h), l), c)) in bars.enumerate() {
            // Comparisons with NaN are false: the usual good row costs these and nothing else.
            let top = h + tolerance;
            let bottom = l - tolerance;
            if !(top < *o || top < *l || top < *c || bottom > *o || bottom > *c) {
                continue;
            }
            let pairs = [
                (top < *o, high, h, "below", open, o),
                (top < *l, high, h, "below", low, l),
                (top < *c, high, h, "below", close, c),
                (bottom > *o, low, l, "above", open, o),
                (bottom > *c, low, l, "above", close, c),
            ];
            for (wrong, one, a, is, other, b) in pairs {
                if wrong {
                    fail(row, format!("{} = {a} is {is} {} = {b}", one.name, other.name));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{found, rows};

    #[test]
    fn every_pair_out_of_order_is_named() {
        let nan = f64::NAN;
        let rows = rows(&[
            [10.0, 12.0, 9.0, 11.0, 0.0],
            [10.0, 9.5, 9.0, 9.2, 0.0],
            [10.0, 12.0, 10.5, 10.2, 0.0],
            [10.0, 9.0, 12.0, 11.0, 0.0],
            [nan, 12.0, 9.0, 13.0, 0.0],
            [10.0, nan, 11.0, 12.0, 0.0],
            [nan, nan, nan, nan, nan],
            [5.0, 5.0, 5.0, 5.0, 5.0],
        ]);
        let found = found("ohlc_order", "null", &rows);
        let texts = |at: usize| -> Vec<&str> {
            found.iter().filter(|(row, _)| *row == at).map(|(_, text)| text.as_str()).collect()
        };
        assert_eq!(texts(1), ["high = 9.5 is below open = 10"]);
        assert_eq!(texts(2), ["low = 10.5 is above open = 10", "low = 10.5 is above close = 10.2"]);
        assert_eq!(texts(3).len(), 5);
        assert_eq!(texts(4), ["high = 12 is below close = 13"]);
        assert_eq!(texts(5), ["low = 11 is above open = 10"]);
        assert!(texts(0).is_empty() && texts(6).is_empty() && texts(7).is_empty());
    }

    #[test]
    fn fields_and_tolerance_can_be_named() {
        let rows = rows(&[[10.0, 9.5, 9.0, 9.2, 12.0]]);
        assert_eq!(found("ohlc_order", r#"{"tolerance": 0.5}"#, &rows), []);
        assert_eq!(found("ohlc_order", r#"{"tolerance": 0.4}"#, &rows).len(), 1);
        assert_eq!(found("ohlc_order", r#"{"high": "volume"}"#, &rows), []);
    }
}
