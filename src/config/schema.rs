//! JSON Schema of pipeline files, from the types that read them. Editors complete by it.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::pipeline::PipelineFile;
use crate::model::{Action, Severity};

/// A kind of check, as the schema needs to know it.
#[derive(Clone, Debug)]
pub struct CheckSchema {
    /// Name.
    pub name: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// Its options.
    pub options: Schema,
}

/// The schema of pipeline files, given the kinds of check that exist.
pub fn schema(checks: impl FnOnce(&mut SchemaGenerator) -> Vec<CheckSchema>) -> Value {
    let mut generator = SchemaGenerator::default();
    let checks = checks(&mut generator);
    let any = any_check(&checks, &mut generator);
    let mut schema = generator.into_root_schema_for::<PipelineFile>();
    schema.insert("title".to_owned(), "Weir pipeline".into());
    let mut schema = schema.to_value();
    if let Some(definitions) = schema.get_mut("$defs").and_then(Value::as_object_mut) {
        definitions.insert("Check".to_owned(), any);
        // The source of all is the code; a stable order keeps differences small.
        let mut sorted: Vec<_> = std::mem::take(definitions).into_iter().collect();
        sorted.sort_by(|a, b| a.0.cmp(&b.0));
        definitions.extend(sorted);
    }
    schema
}

impl schemars::JsonSchema for super::check::Check {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Check".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        // Replaced by the real kinds of check.
        json_schema!({ "type": ["string", "object"] })
    }
}

/// One check: its name alone, or its name with options.
fn any_check(checks: &[CheckSchema], generator: &mut SchemaGenerator) -> Value {
    let common = [
        ("action", generator.subschema_for::<Action>().to_value()),
        ("severity", generator.subschema_for::<Severity>().to_value()),
        ("as", json!({ "type": "string", "description": "Unique name in the pipeline." })),
    ];
    let names: Vec<_> = checks
        .iter()
        .map(|check| json!({ "const": check.name, "description": check.summary }))
        .collect();
    let maps = checks.iter().map(|check| {
        let options = with_common(check.options.clone().to_value(), &common);
        json!({
            "type": "object",
            "description": check.summary,
            "properties": { check.name: options },
            "required": [check.name],
            "additionalProperties": false,
        })
    });
    let all: Vec<_> = std::iter::once(json!({ "oneOf": names })).chain(maps).collect();
    json!({ "description": "What must hold for a row.", "anyOf": all })
}

/// Adds the options that all checks have to every map of a check's own options.
fn with_common(mut options: Value, common: &[(&str, Value)]) -> Value {
    let Some(object) = options.as_object_mut() else {
        return options;
    };
    object.remove("$schema");
    object.remove("title");
    for key in ["anyOf", "oneOf"] {
        if let Some(Value::Array(branches)) = object.get_mut(key) {
            for branch in branches {
                *branch = with_common(branch.take(), common);
            }
        }
    }
    if object.get("type").is_some_and(|kind| kind == "object") {
        let properties = object.entry("properties").or_insert_with(|| json!({}));
        if let Some(properties) = properties.as_object_mut() {
            properties.extend(common.iter().map(|(name, s)| ((*name).to_owned(), s.clone())));
        }
    }
    options
}
