//! One self-describing record (a map from names to values) read into a row, for formats that
//! serde can stream.

use std::fmt;

use rustc_hash::FxHashMap;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::names::{self, Names};
use crate::model::{Reason, SymbolId, Time};
use crate::plan::{SourcePlan, UnknownFields};

const SYMBOL: u16 = 0;
const TIME: u16 = 1;
const FIELDS: u16 = 2;
const UNKNOWN: u16 = u16::MAX;
/// How many places of a record are remembered: records may be longer.
const MAX_LEARNED: usize = 256;

/// Names of a source's fields: symbol, time, the numeric fields, and last the revision field.
#[derive(Debug)]
pub(super) struct Layout {
    names: Vec<Box<str>>,
    nullable: Vec<bool>,
    has_revision: bool,
    slots: FxHashMap<Box<str>, u16>,
    reject_unknown: bool,
    /// Which field stood at each place of earlier records: most producers always write the same
    /// order, so that one comparison finds the field.
    order: Vec<u16>,
}

/// Only symbol, time and revision count, the rest is left unread: for keys.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeyOnly(pub(super) bool);

/// The row that is being read.
#[derive(Debug)]
pub(super) struct Scratch {
    /// The symbol's number if this worker knows it, otherwise its text is in `new_symbol`.
    pub(super) symbol: Option<SymbolId>,
    pub(super) new_symbol: String,
    pub(super) time: Time,
    pub(super) revision: Option<i64>,
    pub(super) values: Vec<f64>,
    /// For each field the record that had it last, by `record`.
    seen: Vec<u64>,
    seen_count: usize,
    record: u64,
    problem: Option<(Reason, String)>,
}

/// Milliseconds since the Unix epoch as a time, from 1973-03-03 on. What is smaller is most likely
/// seconds or a date in digits; what is larger, micro- or nanoseconds.
pub(super) fn time_from_millis(millis: i64) -> Option<Time> {
    const FIRST: i64 = 100_000_000_000;
    const LAST: i64 = i64::MAX / 1_000_000;
    (FIRST..=LAST).contains(&millis).then(|| Time::from_millis(millis))
}

impl Layout {
    pub(super) fn new(source: &SourcePlan) -> Layout {
        let mut names: Vec<Box<str>> =
            vec![source.symbol_field.as_str().into(), source.time_field.as_str().into()];
        names.extend(source.fields.iter().map(|field| Box::from(field.name.as_str())));
        names.extend(source.revision_field.as_deref().map(Box::from));
        let slots = names.iter().cloned().zip(0..).collect();
        Layout {
            nullable: source.fields.iter().map(|field| field.nullable).collect(),
            has_revision: source.revision_field.is_some(),
            slots,
            reject_unknown: source.unknown_fields == UnknownFields::Reject,
            order: (0..names.len()).map(|slot| slot as u16).collect(),
            names,
        }
    }

    pub(super) fn revision_field(&self) -> Option<&str> {
        self.names.last().filter(|_| self.has_revision).map(|name| &**name)
    }

    fn name(&self, slot: u16) -> &str {
        self.names.get(usize::from(slot)).map_or("?", |name| name)
    }

    fn is_revision(&self, slot: u16) -> bool {
        self.has_revision && usize::from(slot) + 1 == self.names.len()
    }

    fn find(&mut self, name: &str, place: usize) -> u16 {
        if let Some(&guess) = self.order.get(place)
            && self.names.get(usize::from(guess)).is_some_and(|known| **known == *name)
        {
            return guess;
        }
        let Some(&slot) = self.slots.get(name) else { return UNKNOWN };
        if place < MAX_LEARNED {
            if self.order.len() <= place {
                self.order.resize(place + 1, UNKNOWN);
            }
            if let Some(known) = self.order.get_mut(place) {
                *known = slot;
            }
        }
        slot
    }
}

impl Scratch {
    pub(super) fn new(layout: &Layout) -> Scratch {
        Scratch {
            symbol: None,
            new_symbol: String::new(),
            time: Time::MIN,
            revision: None,
            values: vec![f64::NAN; layout.nullable.len()],
            seen: vec![0; layout.names.len()],
            seen_count: 0,
            record: 0,
            problem: None,
        }
    }

    /// Before each record. Fields need no clearing: whether they are there is in `seen`.
    pub(super) fn begin(&mut self) {
        self.symbol = None;
        self.new_symbol.clear();
        self.revision = None;
        self.seen_count = 0;
        self.record += 1;
        self.problem = None;
    }

    /// What was wrong, after the reader gave up with `error`.
    pub(super) fn fault(&mut self, error: &serde_json::Error) -> (Reason, String) {
        let place = format!("at line {} column {}", error.line(), error.column());
        if let Some((reason, message)) = self.problem.take() {
            return (reason, format!("{message}, {place}"));
        }
        let text = error.to_string();
        if text.starts_with("number out of range") {
            let message = format!("a number is too large for a 64-bit float, {place}");
            return (Reason::NumberOutOfRange, message);
        }
        let reason = if error.is_data() { Reason::WrongType } else { Reason::Malformed };
        (reason, text)
    }

    /// After the last field: every field that is absent must be one that may be.
    pub(super) fn complete(
        &mut self,
        layout: &Layout,
        key_only: KeyOnly,
    ) -> Result<(), (Reason, String)> {
        if self.seen_count == self.seen.len() {
            return Ok(());
        }
        let mut missing = String::new();
        for (slot, seen) in (0_u16..).zip(&self.seen) {
            if *seen == self.record {
                continue;
            }
            let field = usize::from(slot).wrapping_sub(usize::from(FIELDS));
            if let Some(value) = self.values.get_mut(field) {
                *value = f64::NAN;
            }
            let may_be_absent = if slot < FIELDS {
                false
            } else {
                key_only.0 || layout.nullable.get(field).copied().unwrap_or(false)
            };
            if !may_be_absent {
                missing.push_str(if missing.is_empty() { "" } else { ", " });
                missing.push_str(&format!("`{}`", layout.name(slot)));
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        Err((Reason::MissingField, format!("without {missing}")))
    }

    fn fail<E: Error>(&mut self, reason: Reason, message: String) -> E {
        self.problem = Some((reason, message));
        E::custom("")
    }
}

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
            _ => "a number",
        };
        let name = self.layout.name(self.slot);
        let message = format!("field `{name}` is {found}, must be {expected}");
        self.scratch.fail(Reason::WrongType, message)
    }

    fn integer<E: Error>(self, value: i64) -> Result<(), E> {
        match self.slot {
            SYMBOL => return Err(self.wrong(&format!("the number {value}"))),
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
            slot if slot >= FIELDS && !self.layout.is_revision(slot) => {
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
                    let fault = crate::model::TimeError(text.chars().take(64).collect());
                    let message = format!("field `{name}`: {fault}");
                    Err(self.scratch.fail(Reason::UnreadableTime, message))
                }
            },
            _ => {
                let shown: String = text.chars().take(32).collect();
                Err(self.wrong(&format!("the text {shown:?}")))
            }
        }
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        let field = usize::from(self.slot).wrapping_sub(usize::from(FIELDS));
        if self.layout.nullable.get(field) == Some(&true) {
            self.number(f64::NAN);
            return Ok(());
        }
        let message = format!("field `{}` is null", self.layout.name(self.slot));
        Err(self.scratch.fail(Reason::MissingField, message))
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
