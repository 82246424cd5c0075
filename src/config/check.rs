//! A check as written in a pipeline file: a name, or a name with options.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess};

use super::spanned::Spanned;
use super::value::Value;

/// `name`, `{name: [fields]}` or `{name: {options}}`.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// Name of the kind of check.
    pub name: Spanned<String>,
    /// Its options, if any are given.
    pub options: Option<Spanned<Value>>,
}

/// The two ways to write a check.
enum Written {
    Name(String),
    Options(Spanned<String>, Spanned<Value>),
}

impl<'de> Deserialize<'de> for Check {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Check, D::Error> {
        let Spanned { place, value } = Spanned::deserialize(deserializer)?;
        Ok(match value {
            Written::Name(value) => Check { name: Spanned { place, value }, options: None },
            Written::Options(name, options) => Check { name, options: Some(options) },
        })
    }
}

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Written, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Written;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a check, or a map from its name to its options")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Written, E> {
                Ok(Written::Name(name.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Written, A::Error> {
                let Some((name, options)) = map.next_entry::<Spanned<String>, _>()? else {
                    return Err(de::Error::custom("a check has a name"));
                };
                match map.next_key::<String>()? {
                    Some(other) => Err(de::Error::custom(format!(
                        "`{other}` stands beside the check `{}`; options go one level deeper, a \
                         second check into an element of its own",
                        name.value
                    ))),
                    None => Ok(Written::Options(name, options)),
                }
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}
