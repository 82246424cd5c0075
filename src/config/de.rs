//! Reads types out of the tree with serde, so that the types of the file are ordinary structs.
//! Whatever can be left out is reported and left out, so that several errors come at once.

use std::fmt;

use serde::de::{self, DeserializeSeed, IntoDeserializer, Unexpected, Visitor};

use super::advice::{advice, expectation};
use super::diagnostic::{Diagnostics, suggestion};
use super::document::Place;
use super::node::{Kind, Meaning, Node, Scalar};
use super::spanned::{FIELD, SPANNED};

/// Why a value cannot be read.
#[derive(Debug)]
pub(super) struct Error {
    message: String,
    hint: Option<String>,
    place: Option<Place>,
    /// It is reported already, or follows from something that is.
    silent: bool,
}

impl Error {
    fn new(message: String, hint: Option<String>) -> Error {
        Error { message, hint, place: None, silent: false }
    }

    /// Says where, unless it is known.
    fn at(mut self, node: &Node) -> Error {
        if self.place.is_some() {
            return self;
        }
        self.place = Some(node.place);
        self
    }

    fn report(self, diagnostics: &Diagnostics<'_>) {
        if !self.silent {
            diagnostics.report(self.place.unwrap_or_default(), self.message, self.hint);
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Error {
        let (message, hint) = advice(&message.to_string());
        Error::new(message, hint)
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn de::Expected) -> Error {
        let found = match found {
            Unexpected::Bool(value) => format!("`{value}`"),
            Unexpected::Unsigned(value) => format!("the number `{value}`"),
            Unexpected::Signed(value) => format!("the number `{value}`"),
            Unexpected::Float(value) => format!("the number `{value}`"),
            Unexpected::Str(value) => format!("the text `{}`", shortened(value)),
            Unexpected::Unit | Unexpected::Option => "nothing".to_owned(),
            Unexpected::Seq => "a list".to_owned(),
            Unexpected::Map => "a map".to_owned(),
            other => other.to_string(),
        };
        let expected = expected.to_string();
        Error::new(format!("expected {}, found {found}", expectation(&expected)), None)
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn de::Expected) -> Error {
        Error::invalid_type(found, expected)
    }

    fn missing_field(field: &'static str) -> Error {
        Error::new(format!("`{field}` is missing"), None)
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Error {
        Error::new(format!("unknown key `{field}`"), suggestion(field, "keys", known))
    }

    fn unknown_variant(found: &str, known: &'static [&'static str]) -> Error {
        let message = format!("`{}` is not one of {}", shortened(found), known.join(", "));
        let hint = super::diagnostic::nearest(found, known.iter().copied());
        Error::new(message, hint.map(|name| format!("did you mean `{name}`?")))
    }
}

/// A text for a message.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((at, _)) => format!("{}...", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Reads a value; none if it cannot be read, which is reported.
pub(super) fn read<'a, T: de::Deserialize<'a>>(
    node: &'a Node,
    diagnostics: &'a Diagnostics<'a>,
) -> Option<T> {
    match T::deserialize(Reader { node, diagnostics, key: false }) {
        Ok(value) => Some(value),
        Err(error) => {
            error.at(node).report(diagnostics);
            None
        }
    }
}

#[derive(Clone, Copy)]
struct Reader<'a> {
    node: &'a Node,
    diagnostics: &'a Diagnostics<'a>,
    /// Keys are text, whatever they look like.
    key: bool,
}

impl<'a> Reader<'a> {
    fn meaning(self, scalar: &'a Scalar) -> Meaning<'a> {
        if self.key { Meaning::Text(&scalar.text) } else { scalar.meaning() }
    }

    /// Fails silently where a reference could not be resolved: that is reported already.
    fn resolved(self) -> Result<(), Error> {
        match &self.node.kind {
            Kind::Scalar(scalar) if scalar.unresolved => {
                Err(Error { silent: true, ..Error::new(String::new(), None) })
            }
            _ => Ok(()),
        }
    }

    fn list(self, items: &'a [Node]) -> List<'a> {
        List { items: items.iter(), diagnostics: self.diagnostics }
    }

    fn map(self, entries: &'a [(Node, Node)], known: Option<&'static [&'static str]>) -> Map<'a> {
        Map { entries: entries.iter(), known, value: None, diagnostics: self.diagnostics }
    }
}

impl<'a> de::Deserializer<'a> for Reader<'a> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Error> {
        self.resolved()?;
        let result = match &self.node.kind {
            Kind::List(items) => visitor.visit_seq(self.list(items)),
            Kind::Map(entries) => visitor.visit_map(self.map(entries, None)),
            Kind::Scalar(scalar) => match self.meaning(scalar) {
                Meaning::Nothing => visitor.visit_unit(),
                Meaning::Truth(value) => visitor.visit_bool(value),
                Meaning::Whole(value) => visitor.visit_i64(value),
                Meaning::Number(value) => visitor.visit_f64(value),
                Meaning::Text(text) => visitor.visit_borrowed_str(text),
            },
        };
        result.map_err(|error: Error| error.at(self.node))
    }

    fn deserialize_str<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Error> {
        let Kind::Scalar(scalar) = &self.node.kind else {
            return self.deserialize_any(visitor);
        };
        self.resolved()?;
        // A variable's value is text wherever text is expected, also when it looks like a number.
        match self.meaning(scalar) {
            Meaning::Truth(_) | Meaning::Whole(_) | Meaning::Number(_) if !scalar.resolved => {
                let message = format!("expected text, found `{}`", scalar.text);
                let hint = format!("write it in quotes: \"{}\"", scalar.text);
                Err(Error::new(message, Some(hint)).at(self.node))
            }
            Meaning::Nothing if !scalar.resolved => self.deserialize_any(visitor),
            _ => {
                visitor.visit_borrowed_str(&scalar.text).map_err(|error: Error| error.at(self.node))
            }
        }
    }

    fn deserialize_string<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_borrowed_str(self.node.key())
    }

    fn deserialize_option<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.node.kind {
            Kind::Scalar(scalar) if self.meaning(scalar) == Meaning::Nothing => {
                visitor.visit_none()
            }
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'a>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        match name {
            SPANNED => visitor.visit_seq(Placed { reader: self, step: 0, recover: false }),
            FIELD => visitor.visit_seq(Placed { reader: self, step: 0, recover: true }),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_struct<V: Visitor<'a>>(
        self,
        _: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let entries = match &self.node.kind {
            Kind::Map(entries) => entries,
            Kind::Scalar(_) => return self.deserialize_any(visitor),
            // Structs would read themselves from a list as well.
            Kind::List(_) => {
                return Err(
                    <Error as de::Error>::invalid_type(Unexpected::Seq, &visitor).at(self.node)
                );
            }
        };
        for (key, _) in entries.iter().filter(|(key, _)| !known.contains(&key.key())) {
            let name = key.key();
            let hint = suggestion(name, "keys", known);
            self.diagnostics.report(key.place, format!("unknown key `{name}`"), hint);
        }
        visitor
            .visit_map(self.map(entries, Some(known)))
            .map_err(|error: Error| error.at(self.node))
    }

    fn deserialize_enum<V: Visitor<'a>>(
        self,
        _: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let result = match &self.node.kind {
            Kind::Scalar(scalar) => {
                self.resolved()?;
                visitor.visit_enum(scalar.text.as_str().into_deserializer())
            }
            _ => Err(Error::new(format!("expected one of {}", known.join(", ")), None)),
        };
        result.map_err(|error: Error| error.at(self.node))
    }

    fn deserialize_ignored_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        <V: Visitor<'a>>
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit
        unit_struct seq tuple tuple_struct map
    }
}

/// The elements of a list.
struct List<'a> {
    items: std::slice::Iter<'a, Node>,
    diagnostics: &'a Diagnostics<'a>,
}

impl<'a> de::SeqAccess<'a> for List<'a> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'a>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        let Some(node) = self.items.next() else {
            return Ok(None);
        };
        seed.deserialize(Reader { node, diagnostics: self.diagnostics, key: false })
            .map(Some)
            .map_err(|error: Error| error.at(node))
    }
}

/// The entries of a map; of a struct, only those it knows.
struct Map<'a> {
    entries: std::slice::Iter<'a, (Node, Node)>,
    known: Option<&'static [&'static str]>,
    value: Option<&'a Node>,
    diagnostics: &'a Diagnostics<'a>,
}

impl<'a> de::MapAccess<'a> for Map<'a> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'a>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        let known = self.known;
        let entry = self.entries.find(|(key, _)| known.is_none_or(|all| all.contains(&key.key())));
        let Some((key, value)) = entry else {
            return Ok(None);
        };
        self.value = Some(value);
        seed.deserialize(Reader { node: key, diagnostics: self.diagnostics, key: true })
            .map(Some)
            .map_err(|error: Error| error.at(key))
    }

    fn next_value_seed<V: DeserializeSeed<'a>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let Some(node) = self.value.take() else {
            return Err(de::Error::custom("there is no value here"));
        };
        seed.deserialize(Reader { node, diagnostics: self.diagnostics, key: false })
            .map_err(|error: Error| error.at(node))
    }
}

/// A value behind its place, as `Spanned` and `Field` read them.
struct Placed<'a> {
    reader: Reader<'a>,
    step: u8,
    /// Whether a bad value is reported and left out instead of failing.
    recover: bool,
}

impl<'a> de::SeqAccess<'a> for Placed<'a> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'a>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        let Reader { node, diagnostics, .. } = self.reader;
        self.step += 1;
        let result = match self.step {
            1 => seed.deserialize(node.place.start.into_deserializer()),
            2 => seed.deserialize(node.place.end.into_deserializer()),
            _ => seed.deserialize(self.reader).map_err(|error: Error| error.at(node)),
        };
        match result {
            Err(error) if self.recover => {
                error.report(diagnostics);
                Ok(None)
            }
            result => result.map(Some),
        }
    }
}
