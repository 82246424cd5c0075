//! A factor set that a pipeline uses: its name, or its name with a choice of its factors, names of
//! its fields and values of its parameters.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, MapAccess};

use super::spanned::{Entries, Field, Items, Spanned};

/// `name` or `{name: {only: [factors], except: [factors], fields: {close: adj_close}}}`.
#[derive(Clone, Debug, PartialEq)]
pub struct Use {
    /// Name of a shipped set, or the path of a file, from the pipeline file's folder.
    pub name: Spanned<String>,
    /// Which of its factors, if not all, and with what parameters.
    pub choice: Choice,
}

/// Which factors of a set, and with what parameters.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize, JsonSchema)]
#[serde(expecting = "a map with the keys only, except, fields and parameters", deny_unknown_fields)]
pub struct Choice {
    /// Only these factors.
    #[serde(default)]
    pub only: Field<Items<String>>,
    /// Not these factors.
    #[serde(default)]
    pub except: Field<Items<String>>,
    /// What the source calls fields of the set, where it has other names for them.
    #[serde(default)]
    pub fields: Field<Entries<String>>,
    /// Values of parameters of the set, in place of its own.
    #[serde(default)]
    pub parameters: Field<Entries<f64>>,
}

/// The two ways to write it.
enum Written {
    Name(String),
    Choice(Spanned<String>, Box<Choice>),
}

impl<'de> Deserialize<'de> for Use {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Use, D::Error> {
        let Spanned { place, value } = Spanned::deserialize(deserializer)?;
        Ok(match value {
            Written::Name(value) => {
                Use { name: Spanned { place, value }, choice: Choice::default() }
            }
            Written::Choice(name, choice) => Use { name, choice: *choice },
        })
    }
}

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Written, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Written;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a factor set, or a map from its name to a choice")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Written, E> {
                Ok(Written::Name(name.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Written, A::Error> {
                let Some((name, choice)) = map.next_entry::<Spanned<String>, Choice>()? else {
                    return Err(de::Error::custom("a factor set has a name"));
                };
                match map.next_key::<String>()? {
                    Some(other) => Err(de::Error::custom(format!(
                        "`{other}` stands beside the set `{}`; `only`, `except`, `fields` and \
                         `parameters` go one level deeper, a second set into an element of its own",
                        name.value
                    ))),
                    None => Ok(Written::Choice(name, Box::new(choice))),
                }
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Use {
    fn schema_name() -> Cow<'static, str> {
        "Use".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let choice = generator.subschema_for::<Choice>();
        json_schema!({
            "description": "A factor set: its name, or its name with a choice of its factors.",
            "anyOf": [
                { "type": "string" },
                { "type": "object", "minProperties": 1, "maxProperties": 1,
                  "additionalProperties": choice },
            ],
        })
    }
}
