//! Values whose shape is somebody else's matter, such as the options of a check.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, value};

use super::document::Place;
use super::spanned::{Entries, Items, Spanned};

/// Any value, with the places of all its parts.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Another number; finite.
    Float(f64),
    /// Text.
    Text(String),
    /// A list.
    List(Items<Value>),
    /// A map.
    Map(Entries<Value>),
}

impl Value {
    /// The same as JSON.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Int(value) => (*value).into(),
            Value::Float(value) => (*value).into(),
            Value::Text(value) => value.as_str().into(),
            Value::List(Items(items)) => items.iter().map(|item| item.value.to_json()).collect(),
            Value::Map(Entries(entries)) => serde_json::Value::Object(
                entries.iter().map(|(k, v)| (k.value.clone(), v.value.to_json())).collect(),
            ),
        }
    }

    /// What it is, for messages.
    pub fn describe(&self) -> String {
        match self {
            Value::Null => "nothing".to_owned(),
            Value::Bool(value) => format!("`{value}`"),
            Value::Int(value) => format!("the number `{value}`"),
            Value::Float(value) => format!("the number `{value}`"),
            Value::Text(value) => format!("the text `{value}`"),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a map".to_owned(),
        }
    }
}

impl Spanned<Value> {
    /// The place of the part that a path of keys and list places leads to; as deep as it can be
    /// followed.
    pub fn place_of(&self, path: &[String]) -> Place {
        let Some((step, rest)) = path.split_first() else {
            return self.place;
        };
        let next = match &self.value {
            Value::Map(Entries(entries)) => {
                entries.iter().find(|(key, _)| key.value == *step).map(|(_, value)| value)
            }
            Value::List(Items(items)) => match step.parse::<usize>() {
                Ok(index) => items.get(index),
                // The name of the only option, which a list stands for.
                Err(_) => return self.place_of(rest),
            },
            _ => None,
        };
        next.map_or(self.place, |next| next.place_of(rest))
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(Visitor)
    }
}

struct Visitor;

impl<'de> de::Visitor<'de> for Visitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Value, A::Error> {
        Items::deserialize(value::SeqAccessDeserializer::new(seq)).map(Value::List)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Value, A::Error> {
        Entries::deserialize(value::MapAccessDeserializer::new(map)).map(Value::Map)
    }
}
