//! JSON Schema of pipeline files, from the types that read them. Editors complete by it.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

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

/// The schema of pipeline files, given the layouts (name and summary, the default first) and the
/// kinds of check that exist.
pub fn schema(
    layouts: &[(&str, &str)],
    checks: impl FnOnce(&mut SchemaGenerator) -> Vec<CheckSchema>,
) -> Value {
    let mut generator = SchemaGenerator::default();
    let checks = checks(&mut generator);
    let common = json!({
        "action": generator.subschema_for::<Action>(),
        "severity": generator.subschema_for::<Severity>(),
        "as": { "type": "string", "description": "Unique name of the check in the pipeline." },
    });
    let mut schema = generator.into_root_schema_for::<PipelineFile>();
    schema.insert("title".to_owned(), "Weir pipeline".into());
    let mut schema = schema.to_value();
    if let Some(definitions) = schema.get_mut("$defs").and_then(Value::as_object_mut) {
        let mut any: Vec<Value> = vec![names(&checks)];
        for check in &checks {
            let mut options = check.options.clone().to_value();
            add_common(&mut options, &common, definitions);
            any.push(json!({
                "type": "object",
                "description": check.summary,
                "properties": { check.name: options },
                "required": [check.name],
                "additionalProperties": false,
            }));
        }
        let any = json!({ "description": "What must hold for a row.", "anyOf": any });
        definitions.insert("Check".to_owned(), any);
        definitions.insert("Layout".to_owned(), layout(layouts));
        // By name, whatever the order in which types were met.
        let mut sorted: Vec<_> = std::mem::take(definitions).into_iter().collect();
        sorted.sort_by(|a, b| a.0.cmp(&b.0));
        definitions.extend(sorted);
    }
    schema
}

/// The name of a layout.
fn layout(layouts: &[(&str, &str)]) -> Value {
    let one = |(name, summary): &(&str, &str)| json!({ "const": name, "description": summary });
    json!({
        "description": "How factors are laid out in records.",
        "default": layouts.first().map(|(name, _)| name),
        "oneOf": layouts.iter().map(one).collect::<Vec<_>>(),
    })
}

/// A check by its name alone.
fn names(checks: &[CheckSchema]) -> Value {
    let name = |check: &CheckSchema| json!({ "const": check.name, "description": check.summary });
    json!({ "oneOf": checks.iter().map(name).collect::<Vec<_>>() })
}

/// Adds the options that all checks have to every map that a check's own options may be.
fn add_common(schema: &mut Value, common: &Value, definitions: &mut Map<String, Value>) {
    let Some(object) = schema.as_object_mut() else { return };
    for key in ["anyOf", "oneOf"] {
        for branch in object.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten() {
            add_common(branch, common, definitions);
        }
    }
    let name = object.get("$ref").and_then(Value::as_str).and_then(|r| r.rsplit('/').next());
    if let Some((name, mut target)) = name.and_then(|name| definitions.remove_entry(name)) {
        add_common(&mut target, common, definitions);
        definitions.insert(name, target);
    }
    if object.get("type").is_some_and(|kind| kind == "object") {
        let properties = object.entry("properties").or_insert_with(|| json!({}));
        if let (Some(properties), Some(common)) = (properties.as_object_mut(), common.as_object()) {
            properties.extend(common.clone());
        }
    }
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

impl schemars::JsonSchema for super::outputs::LayoutName {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Layout".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        // Replaced by the real layouts.
        json_schema!({ "type": "string" })
    }
}
