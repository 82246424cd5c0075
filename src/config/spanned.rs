//! Values that know their place in the file.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess};

use super::document::Place;

/// Names by which these types ask our deserializer for places.
pub(super) const SPANNED: &str = "$spanned";
pub(super) const FIELD: &str = "$field";

/// A value with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Spanned<T> {
    /// Where it stands.
    pub place: Place,
    /// The value.
    pub value: T,
}

/// A key of a struct: its value may not be given, or be unreadable (which is reported while the
/// rest of the file is read on).
#[derive(Clone, Debug, PartialEq)]
pub struct Field<T> {
    /// Where the value stands, if it is given.
    pub place: Option<Place>,
    /// The value, if it is given and readable.
    pub value: Option<T>,
}

/// A map with keys of the user's choice, in the order of the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Entries<T>(pub Vec<(Spanned<String>, Spanned<T>)>);

/// A list in the order of the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Items<T>(pub Vec<Spanned<T>>);

impl<T> Default for Items<T> {
    fn default() -> Items<T> {
        Items(Vec::new())
    }
}

impl<T> Default for Field<T> {
    fn default() -> Field<T> {
        Field { place: None, value: None }
    }
}

impl<T> Default for Entries<T> {
    fn default() -> Entries<T> {
        Entries(Vec::new())
    }
}

impl<T> Field<T> {
    /// The value, if there is one.
    pub fn get(&self) -> Option<&T> {
        self.value.as_ref()
    }

    /// The value with its place, if there is one.
    pub fn spanned(&self) -> Option<Spanned<&T>> {
        match (&self.value, self.place) {
            (Some(value), Some(place)) => Some(Spanned { place, value }),
            _ => None,
        }
    }
}

impl<T: Copy> Field<T> {
    /// The value, or the given one.
    pub fn or(&self, default: T) -> T {
        self.value.unwrap_or(default)
    }
}

/// Reads `start, end, value`, as our deserializer gives them.
struct Triple<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> de::Visitor<'de> for Triple<T> {
    type Value = (Place, Option<T>);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value with its place")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let start = seq.next_element()?.unwrap_or(0);
        let end = seq.next_element()?.unwrap_or(0);
        Ok((Place { start, end }, seq.next_element()?))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Spanned<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.deserialize_newtype_struct(SPANNED, Triple(PhantomData))? {
            (place, Some(value)) => Ok(Spanned { place, value }),
            _ => Err(de::Error::custom("there is no value here")),
        }
    }
}

/// An element or entry whose bad value is reported and left out.
struct Tried<T>(Option<Spanned<T>>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Tried<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (place, value) = deserializer.deserialize_newtype_struct(FIELD, Triple(PhantomData))?;
        Ok(Tried(value.map(|value| Spanned { place, value })))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Items<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> de::Visitor<'de> for Visitor<T> {
            type Value = Items<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Items<T>, A::Error> {
                let mut items = Vec::new();
                while let Some(Tried(item)) = seq.next_element()? {
                    items.extend(item);
                }
                Ok(Items(items))
            }
        }
        deserializer.deserialize_seq(Visitor(PhantomData))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<T>(PhantomData<T>);
        // An option, so that a key which is not there is no error yet: whoever needs the value
        // says so, after all the rest was read.
        impl<'de, T: Deserialize<'de>> de::Visitor<'de> for Visitor<T> {
            type Value = Field<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_none<E: de::Error>(self) -> Result<Field<T>, E> {
                Ok(Field::default())
            }

            fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<Field<T>, D::Error> {
                let (place, value) =
                    inner.deserialize_newtype_struct(FIELD, Triple(PhantomData))?;
                Ok(Field { place: Some(place), value })
            }
        }
        deserializer.deserialize_option(Visitor(PhantomData))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Entries<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> de::Visitor<'de> for Visitor<T> {
            type Value = Entries<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map from names to values")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<T>, A::Error> {
                let mut entries = Vec::new();
                while let Some((key, Tried(value))) = map.next_entry()? {
                    entries.extend(value.map(|value| (key, value)));
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Visitor(PhantomData))
    }
}

macro_rules! schema_of_inner {
    ($($outer:ident),*) => {$(
        impl<T: JsonSchema> JsonSchema for $outer<T> {
            fn inline_schema() -> bool {
                T::inline_schema()
            }

            fn schema_name() -> Cow<'static, str> {
                T::schema_name()
            }

            fn schema_id() -> Cow<'static, str> {
                T::schema_id()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                T::json_schema(generator)
            }
        }
    )*};
}

schema_of_inner!(Spanned, Field);

impl<T: JsonSchema> JsonSchema for Entries<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Map_of_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let value = generator.subschema_for::<T>();
        schemars::json_schema!({ "type": "object", "additionalProperties": value })
    }
}

impl<T: JsonSchema> JsonSchema for Items<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("List_of_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let value = generator.subschema_for::<T>();
        schemars::json_schema!({ "type": "array", "items": value })
    }
}
