//! JSON Schemas of the records, from the types that write them. They stand in `schemas/` for
//! consumers; a test fails when those are stale (`WEIR_UPDATE=1 cargo test` writes them anew).

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, schema_for};
use serde::Serialize;

use super::alerts::AlertEvent;
use super::findings::FindingRecord;

/// Factor values of a symbol at a time. Besides these properties there is one per factor of the
/// pipeline, by its name: a number, or null where the value is missing or infinite.
#[derive(Debug, Serialize, JsonSchema)]
struct FactorsRecord {
    /// Symbol.
    symbol: String,
    /// Event time, RFC 3339.
    #[schemars(extend("format" = "date-time"))]
    time: String,
    /// Number of the commit that wrote this; grows with each version of a key.
    revision: u64,
    #[serde(flatten)]
    factors: BTreeMap<String, Option<f64>>,
}

/// The schemas by file name.
pub fn all() -> [(&'static str, Schema); 3] {
    [
        ("factors-record.schema.json", schema_for!(FactorsRecord)),
        ("finding-record.schema.json", schema_for!(FindingRecord<'static>)),
        ("alert-record.schema.json", schema_for!(AlertEvent<'static>)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_are_fresh() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
        for (name, schema) in all() {
            let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
            if std::env::var_os("WEIR_UPDATE").is_some() {
                std::fs::write(folder.join(name), &text).unwrap();
            }
            let file = std::fs::read_to_string(folder.join(name)).unwrap_or_default();
            assert_eq!(file, text, "schemas/{name} is stale: WEIR_UPDATE=1 cargo test schemas");
        }
    }

    #[test]
    fn factors_are_numbers_or_null() {
        let (_, schema) = &all()[0];
        let factors = serde_json::json!({ "type": ["number", "null"], "format": "double" });
        assert_eq!(schema.get("additionalProperties"), Some(&factors));
    }
}
