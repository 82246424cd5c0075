//! The fields that a record of a source has, and the row that is being read.

use rustc_hash::FxHashMap;
use serde::de::Error;

use crate::model::{Reason, SymbolId, Time};
use crate::plan::{SourcePlan, UnknownFields};

pub(super) const SYMBOL: u16 = 0;
pub(super) const TIME: u16 = 1;
pub(super) const FIELDS: u16 = 2;
pub(super) const UNKNOWN: u16 = u16::MAX;
/// How many places of a record are remembered: records may be longer.
const MAX_LEARNED: usize = 256;

/// Names of a source's fields: symbol, time, those that make columns, and last the revision field.
#[derive(Debug)]
pub(super) struct Layout {
    names: Vec<Box<str>>,
    pub(super) nullable: Vec<bool>,
    text: Vec<bool>,
    has_revision: bool,
    slots: FxHashMap<Box<str>, u16>,
    pub(super) reject_unknown: bool,
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
    /// Texts that this worker does not know, with the places in `values` for their numbers: only a
    /// record that is a row makes them known.
    pub(super) new_texts: Vec<(usize, String)>,
    /// For each field the record that had it last, by `record`.
    pub(super) seen: Vec<u64>,
    pub(super) seen_count: usize,
    pub(super) record: u64,
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
            text: source.fields.iter().map(|field| field.text).collect(),
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

    pub(super) fn name(&self, slot: u16) -> &str {
        self.names.get(usize::from(slot)).map_or("?", |name| name)
    }

    pub(super) fn is_revision(&self, slot: u16) -> bool {
        self.has_revision && usize::from(slot) + 1 == self.names.len()
    }

    /// Whether it is a field that holds numbers.
    pub(super) fn is_number(&self, slot: u16) -> bool {
        let field = usize::from(slot).wrapping_sub(usize::from(FIELDS));
        self.text.get(field) == Some(&false)
    }

    /// Whether it is a field that holds text.
    pub(super) fn is_text(&self, slot: u16) -> bool {
        let field = usize::from(slot).wrapping_sub(usize::from(FIELDS));
        self.text.get(field) == Some(&true)
    }

    pub(super) fn find(&mut self, name: &str, place: usize) -> u16 {
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
            new_texts: Vec::new(),
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
        self.new_texts.clear();
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

    pub(super) fn fail<E: Error>(&mut self, reason: Reason, message: String) -> E {
        self.problem = Some((reason, message));
        E::custom("")
    }
}
