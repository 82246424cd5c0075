//! Small members for tests of the plan, so that they need no stage.

use std::sync::Arc;

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use crate::formula::{Exactness, Family, Parameter, Reference, Signature};
use crate::model::{Action, RowBatch, Severity};
use crate::plan::{
    Catalog, CheckContext, CheckMember, Condition, ConditionMember, Layout, OptionError, RowRule,
    Rule, Situation,
};

/// The fake members.
pub(crate) fn catalog() -> Catalog {
    Catalog {
        functions: FUNCTIONS,
        checks: &[&Positive, &OhlcOrder],
        conditions: &[&Silent],
        layouts: &[&ROW, &FRAME],
    }
}

const fn layout(name: &'static str, whole_times: bool) -> Layout {
    let columns = &["cells"];
    Layout { name, summary: "a fake", whole_times, content_type: "text/plain", columns }
}

pub(crate) const ROW: Layout = layout("row", false);
pub(crate) const FRAME: Layout = layout("frame", true);

const X: Parameter = Parameter::Series("x");
const N: Parameter = Parameter::Window("n", 1);

const fn function(
    name: &'static str,
    family: Family,
    parameters: &'static [Parameter],
) -> Signature {
    let exactness = Exactness::Never;
    Signature {
        name,
        family,
        parameters,
        summary: "a fake",
        exactness,
        compares: false,
        reference: Reference::NONE,
    }
}

static FUNCTIONS: &[&Signature] = &[
    &function("-", Family::Elementwise, &[X, X]),
    &function("/", Family::Elementwise, &[X, X]),
    &function("delay", Family::TimeSeries, &[X, N]),
    &function("ts_mean", Family::TimeSeries, &[X, N]),
    &function("rank", Family::CrossSection, &[X]),
];

#[derive(Debug)]
struct Nothing;

impl RowRule for Nothing {
    fn test(&self, _: &RowBatch, _: &mut dyn FnMut(usize, String)) {}
}

fn field(value: &Value, path: &[&str], context: CheckContext<'_>) -> Result<(), OptionError> {
    let path = path.iter().map(|step| (*step).to_owned()).collect();
    match value.as_str() {
        Some(name) if context.fields.iter().any(|field| field.name == name) => Ok(()),
        Some(name) => {
            Err(OptionError { path, message: format!("`{name}` is not a field of the source") })
        }
        None => Err(OptionError { path, message: "expected the name of a field".to_owned() }),
    }
}

#[derive(Debug)]
struct Positive;

impl CheckMember for Positive {
    fn name(&self) -> &'static str {
        "positive"
    }

    fn summary(&self) -> &'static str {
        "Fields are above 0."
    }

    fn example(&self) -> &'static str {
        "positive: [close]"
    }

    fn defaults(&self) -> (Action, Severity) {
        (Action::Quarantine, Severity::Error)
    }

    fn actions(&self) -> &'static [Action] {
        &[Action::Flag, Action::Quarantine]
    }

    fn schema(&self, _: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [
            { "type": "array", "items": { "type": "string" } },
            { "type": "object", "properties": { "fields": { "type": "array" } } },
        ]})
    }

    fn build(&self, options: &Value, context: CheckContext<'_>) -> Result<Rule, OptionError> {
        let fields = options.get("fields").unwrap_or(options).as_array();
        let Some(fields) = fields else {
            let message = "`positive` needs a list of fields".to_owned();
            return Err(OptionError { path: Vec::new(), message });
        };
        for (index, value) in fields.iter().enumerate() {
            field(value, &["fields", &index.to_string()], context)?;
        }
        Ok(Rule::Row(Arc::new(Nothing)))
    }
}

#[derive(Debug)]
struct OhlcOrder;

impl CheckMember for OhlcOrder {
    fn name(&self) -> &'static str {
        "ohlc_order"
    }

    fn summary(&self) -> &'static str {
        "Prices of a bar are in order."
    }

    fn example(&self) -> &'static str {
        "ohlc_order"
    }

    fn defaults(&self) -> (Action, Severity) {
        (Action::Flag, Severity::Error)
    }

    fn actions(&self) -> &'static [Action] {
        &[Action::Flag]
    }

    fn schema(&self, _: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object" })
    }

    fn build(&self, _: &Value, _: CheckContext<'_>) -> Result<Rule, OptionError> {
        Ok(Rule::Row(Arc::new(Nothing)))
    }
}

#[derive(Debug)]
struct Silent;

impl Condition for Silent {
    fn holds(&self, _: &dyn Situation) -> Option<(i64, String)> {
        None
    }

    fn window_ms(&self) -> i64 {
        0
    }
}

impl ConditionMember for Silent {
    fn name(&self) -> &'static str {
        "silent"
    }

    fn form(&self) -> &'static str {
        "silent(SOURCE) > SPAN"
    }

    fn summary(&self) -> &'static str {
        "The source has no records."
    }

    fn example(&self) -> &'static str {
        "silent(bars) > 60s"
    }

    fn build(
        &self,
        argument: &str,
        rest: &str,
        sources: &[&str],
        _: &[&str],
    ) -> Result<Arc<dyn Condition>, OptionError> {
        let path = |step: &str| vec![step.to_owned()];
        if !sources.contains(&argument) {
            let message = format!("there is no source `{argument}`");
            return Err(OptionError { path: path("argument"), message });
        }
        if !rest.starts_with('>') {
            let message = format!("expected `> SPAN`, found `{rest}`");
            return Err(OptionError { path: path("rest"), message });
        }
        Ok(Arc::new(Silent))
    }
}
