//! The outputs as written in a pipeline file.

use std::fmt;

use schemars::JsonSchema;
use serde::de::{self, Deserialize, Deserializer, MapAccess, value};

use super::spanned::{Field, Spanned};

/// Topics of the outputs; one that is not named is not written.
#[derive(Clone, Debug, Default, serde::Deserialize, JsonSchema)]
#[serde(expecting = "a map from outputs to topics", deny_unknown_fields)]
pub struct Outputs {
    /// Factor values.
    #[serde(default)]
    #[schemars(extend("examples" = [{ "topic": "market.factors", "layout": "frame" }]))]
    pub factors: Field<FactorsOutput>,
    /// What checks found.
    #[serde(default)]
    #[schemars(extend("examples" = ["market.findings"]))]
    pub findings: Field<String>,
    /// Alerts that fire or end.
    #[serde(default)]
    #[schemars(extend("examples" = ["market.alerts"]))]
    pub alerts: Field<String>,
    /// Readable rows that failed a check, or came too late.
    #[serde(default)]
    #[schemars(extend("examples" = ["market.bars.quarantine"]))]
    pub quarantine: Field<String>,
    /// Records that could not be read.
    #[serde(default)]
    #[schemars(extend("examples" = ["market.bars.dead-letters"]))]
    pub dead_letters: Field<String>,
}

/// Topic of the factors, and how they are laid out.
#[derive(Clone, Debug)]
pub struct FactorsOutput {
    /// The topic.
    pub topic: Field<String>,
    /// The layout.
    pub layout: Field<LayoutName>,
}

/// How factors are laid out in records: the name as written.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(transparent)]
pub struct LayoutName(pub String);

/// Topic and layout of the factors.
#[derive(serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FactorsMap {
    /// The topic.
    topic: Field<String>,
    /// How factors are laid out in records.
    #[serde(default)]
    layout: Field<LayoutName>,
}

/// The two ways to write the output of factors.
enum Written {
    Topic(String),
    Map(FactorsMap),
}

impl<'de> Deserialize<'de> for FactorsOutput {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Spanned { place, value } = Spanned::deserialize(deserializer)?;
        Ok(match value {
            Written::Map(FactorsMap { topic, layout }) => FactorsOutput { topic, layout },
            Written::Topic(topic) => FactorsOutput {
                topic: Field { place: Some(place), value: Some(topic) },
                layout: Field::default(),
            },
        })
    }
}

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Written;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a topic, or a map with the keys topic and layout")
            }

            fn visit_str<E: de::Error>(self, topic: &str) -> Result<Written, E> {
                Ok(Written::Topic(topic.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Written, A::Error> {
                FactorsMap::deserialize(value::MapAccessDeserializer::new(map)).map(Written::Map)
            }
        }
        deserializer.deserialize_struct("FactorsOutput", &["topic", "layout"], Visitor)
    }
}

impl JsonSchema for FactorsOutput {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "FactorsOutput".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let map = FactorsMap::json_schema(generator);
        schemars::json_schema!({ "anyOf": [{ "type": "string" }, map] })
    }
}
