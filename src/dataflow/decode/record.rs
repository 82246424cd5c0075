//! One self-describing record (a map from names to values) read into a row, for formats that
//! serde can stream.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::layout::{FIELDS, KeyOnly, Layout, SYMBOL, Scratch, TIME, UNKNOWN, time_from_millis};
use super::names::{self, Names};
use crate::model::{Reason, Time, TimeError, text_fault};

/// Reads one record into the scratch row.
pub(super) struct RecordSeed<'a> {
    pub(super) layout: &'a mut Layout,
    pub(super) scratch: &'a mut Scratch,
    pub(super) names: &'a Names,
    pub(super) key_only: KeyOnly,
}

impl<'de> DeserializeSeed<'de> for RecordSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for RecordSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let RecordSeed { layout, scratch, names, key_only: KeyOnly(key_only) } = self;
        for place in 0.. {
            let Some(slot) =
                map.next_key_seed(NameSeed { layout: &mut *layout, scratch, place, key_only })?
            else {
                break;
            };
            let Some(seen) = scratch.seen.get_mut(usize::from(slot)) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            if *seen == scratch.record {
                let message = format!("field `{}` is there twice", layout.name(slot));
                return Err(scratch.fail(Reason::DuplicateField, message));
            }
            *seen = scratch.record;
            scratch.seen_count += 1;
            if key_only && slot >= FIELDS && !layout.is_revision(slot) {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            map.next_value_seed(ValueSeed { layout: &*layout, scratch, names, slot })?;
        }
        Ok(())
    }
}

/// Reads the name of a field and gives its number.
struct NameSeed<'a> {
    layout: &'a mut Layout,
    scratch: &'a mut Scratch,
    place: usize,
    key_only: bool,
}

impl<'de> DeserializeSeed<'de> for NameSeed<'_> {
    type Value = u16;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<u16, D::Error> {
        reader.deserialize_str(self)
    }
}

impl Visitor<'_> for NameSeed<'_> {
    type Value = u16;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<u16, E> {
        let slot = self.layout.find(name, self.place);
        if slot == UNKNOWN && self.layout.reject_unknown && !self.key_only {
            let shown: String = name.chars().take(64).collect();
            let message = format!("field `{shown}` is not declared");
            return Err(self.scratch.fail(Reason::UnknownField, message));
        }
        Ok(slot)
    }
}

/// Reads the value of a declared field.
struct ValueSeed<'a> {
    layout: &'a Layout,
    scratch: &'a mut Scratch,
    names: &'a Names,
    slot: u16,
}

impl ValueSeed<'_> {
    fn wrong<E: Error>(self, found: &str) -> E {
        let expected = match self.slot {
            SYMBOL => "text",
            TIME => "RFC 3339 text, a date or integer milliseconds",
            slot if self.layout.is_revision(slot) => "an integer",
            slot if self.layout.is_text(slot) => "text",
            _ => "a number",
        };
        let name = self.layout.name(self.slot);
        let message = format!("field `{name}` is {found}, must be {expected}");
        self.scratch.fail(Reason::WrongType, message)
    }

    fn integer<E: Error>(self, value: i64) -> Result<(), E> {
        match self.slot {
            SYMBOL => return Err(self.wrong(&format!("the number {value}"))),
            slot if self.layout.is_text(slot) => {
                return Err(self.wrong(&format!("the number {value}")));
            }
            TIME => match time_from_millis(value) {
                Some(time) => self.scratch.time = time,
                None => return Err(self.unreadable_time(&value.to_string())),
            },
            slot if self.layout.is_revision(slot) => self.scratch.revision = Some(value),
            _ => self.number(value as f64),
        }
        Ok(())
    }

    fn number(self, value: f64) {
        let field = usize::from(self.slot).wrapping_sub(usize::from(FIELDS));
        if let Some(place) = self.scratch.values.get_mut(field) {
            *place = value;
        }
    }

    fn unreadable_time<E: Error>(self, number: &str) -> E {
        let name = self.layout.name(self.slot);
        let message = format!(
            "field `{name}` is the number {number}, which is not milliseconds since 1970 \
             (between the years 1973 and 2262)"
        );
        self.scratch.fail(Reason::UnreadableTime, message)
    }

    /// The name of a group; an empty one is none.
    fn text<E: Error>(self, text: &str) -> Result<(), E> {
        if text.is_empty() {
            return self.missing("empty");
        }
        if let Some(number) = self.names.find_text(text) {
            self.number(number);
            return Ok(());
        }
        if let Some(fault) = text_fault(text) {
            let message = format!("field `{}` {fault}", self.layout.name(self.slot));
            return Err(self.scratch.fail(Reason::WrongType, message));
        }
        let field = usize::from(self.slot).wrapping_sub(usize::from(FIELDS));
        self.scratch.new_texts.push((field, text.to_owned()));
        Ok(())
    }

    /// A value that says that there is none.
    fn missing<E: Error>(self, what: &str) -> Result<(), E> {
        let field = usize::from(self.slot).wrapping_sub(usize::from(FIELDS));
        if self.layout.nullable.get(field) == Some(&true) {
            self.number(f64::NAN);
            return Ok(());
        }
        let message = format!("field `{}` is {what}", self.layout.name(self.slot));
        Err(self.scratch.fail(Reason::MissingField, message))
    }

    fn symbol<E: Error>(self, text: &str) -> Result<(), E> {
        self.scratch.symbol = self.names.find(text);
        if self.scratch.symbol.is_none() {
            if let Some(fault) = names::fault(text) {
                let message = format!("field `{}` {fault}", self.layout.name(SYMBOL));
                return Err(self.scratch.fail(Reason::WrongType, message));
            }
            self.scratch.new_symbol.push_str(text);
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for ValueSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the value of a field")
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        match self.slot {
            TIME => Err(self.unreadable_time(&value.to_string())),
            slot if self.layout.is_number(slot) => {
                self.number(value);
                Ok(())
            }
            _ => Err(self.wrong(&format!("the number {value}"))),
        }
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        match i64::try_from(value) {
            Ok(value) => self.integer(value),
            Err(_) => self.visit_f64(value as f64),
        }
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.integer(value)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        match self.slot {
            SYMBOL => self.symbol(text),
            TIME => match Time::parse(text) {
                Ok(time) if time != Time::MIN && time != Time::MAX => {
                    self.scratch.time = time;
                    Ok(())
                }
                _ => {
                    let name = self.layout.name(TIME);
                    let fault = TimeError(text.chars().take(64).collect());
                    let message = format!("field `{name}`: {fault}");
                    Err(self.scratch.fail(Reason::UnreadableTime, message))
                }
            },
            slot if self.layout.is_text(slot) => self.text(text),
            _ => {
                let shown: String = text.chars().take(32).collect();
                Err(self.wrong(&format!("the text {shown:?}")))
            }
        }
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.missing("null")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        Err(self.wrong(&value.to_string()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        Err(self.wrong("a list"))
    }

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        Err(self.wrong("an object"))
    }
}
