//! What names mean, and the nearest valid one for those that mean nothing.

use rustc_hash::FxHashMap;

use super::ast::Place;
use super::error::quoted;
use super::{FieldKind, FormulaError, Rules, Signature};

/// Everything that a name in a formula may stand for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope<'a> {
    /// Fields of the source.
    pub(super) fields: &'a [&'a str],
    /// What each holds.
    pub(super) kinds: &'a [FieldKind],
    /// Functions and signs.
    pub(super) functions: &'a [&'static Signature],
    /// All formulas of the pipeline; their names serve better messages.
    pub(super) factors: &'a [(&'a str, &'a str)],
    /// Sub-formulas that came before, by name: their numbers.
    pub(super) lets: &'a FxHashMap<&'a str, usize>,
    /// The values of those that are one number.
    pub(super) let_values: &'a [Option<f64>],
    /// Constants of the set.
    pub(super) parameters: &'a [(&'a str, f64)],
    /// What the set calls a field, and what the source calls it.
    pub(super) renames: &'a [(&'a str, &'a str)],
    /// Rules of the set.
    pub(super) rules: Rules,
}

/// A series that follows from others, where it is no field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Derived {
    /// `close / delay(close, 1) - 1`.
    Returns,
    /// `amount / volume`.
    Vwap,
    /// `vwap * volume`.
    Amount,
}

/// What other languages call it, in lower case, and what it is called here.
const ALIASES: [(&str, &str); 30] = [
    ("adv", "ts_mean"),
    ("avg", "ts_mean"),
    ("mean", "ts_mean"),
    ("ma", "ts_mean"),
    ("rolling_mean", "ts_mean"),
    ("sum", "ts_sum"),
    ("std", "ts_std"),
    ("stdev", "ts_std"),
    ("stddev", "ts_std"),
    ("ts_stddev", "ts_std"),
    ("std_dev", "ts_std"),
    ("ts_std_dev", "ts_std"),
    ("corr", "ts_corr"),
    ("correl", "ts_corr"),
    ("correlation", "ts_corr"),
    ("cov", "ts_cov"),
    ("covariance", "ts_cov"),
    ("ref", "delay"),
    ("lag", "delay"),
    ("shift", "delay"),
    ("ts_delay", "delay"),
    ("diff", "delta"),
    ("ts_delta", "delta"),
    ("cs_rank", "rank"),
    ("indneutralize", "group_neutralize"),
    ("iif", "if"),
    ("where", "if"),
    ("ifelse", "if"),
    ("ln", "log"),
    ("power", "pow"),
];

impl Scope<'_> {
    pub(super) fn field(&self, name: &str) -> Option<usize> {
        let renamed = self.renames.iter().find(|(from, _)| *from == name);
        let name = renamed.map_or(name, |(_, to)| *to);
        self.fields.iter().position(|field| *field == name)
    }

    /// The newest sub-formula of this name.
    pub(super) fn sub_formula(&self, name: &str) -> Option<usize> {
        self.lets.get(name).copied()
    }

    /// The value of a parameter.
    pub(super) fn parameter(&self, name: &str) -> Option<f64> {
        self.parameters.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    /// The value of a name that stands for one number: a parameter, or a sub-formula that is made
    /// from numbers only.
    pub(super) fn value(&self, name: &str) -> Option<f64> {
        match self.sub_formula(name) {
            Some(number) => self.let_values.get(number).copied().flatten(),
            None => self.parameter(name),
        }
    }

    pub(super) fn is_group(&self, field: usize) -> bool {
        self.kinds.get(field) == Some(&FieldKind::Group)
    }

    /// Whether the name means something in a formula, but not a field.
    pub(super) fn is_known(&self, name: &str) -> bool {
        let stands_for_number = name == "nan" || self.value(name).is_some();
        stands_for_number || self.sub_formula(name).is_some() || self.derived(name).is_some()
    }

    /// The derived series of this name and the fields that it is made from, if all are there.
    pub(super) fn derived(&self, name: &str) -> Option<(Derived, &'static [&'static str])> {
        let (derived, fields, functions): (_, &'static [&'static str], &[&str]) = match name {
            "returns" => (Derived::Returns, &["close"], &["delay", "/", "-"]),
            "vwap" => (Derived::Vwap, &["amount", "volume"], &["/"]),
            "amount" => (Derived::Amount, &["vwap", "volume"], &["*"]),
            _ => return None,
        };
        let there = fields.iter().all(|name| self.field(name).is_some())
            && functions.iter().all(|name| self.function(name).is_some());
        there.then_some((derived, fields))
    }

    pub(super) fn function(&self, name: &str) -> Option<&'static Signature> {
        self.functions.iter().find(|function| function.name == name).copied()
    }

    /// `name` stands where a value should, and is no field. `factor` is the formula it stands in.
    pub(super) fn no_such_field(&self, factor: usize, name: &str, place: Place) -> FormulaError {
        if let Some(function) = self.function(name) {
            let message = format!("{} is a function and needs arguments", quoted(name));
            return FormulaError::at(place, message).help(describe(function));
        }
        if let Some(at) = self.factors.iter().position(|(other, _)| *other == name) {
            let message = if at == factor {
                format!("factor {} refers to itself", quoted(name))
            } else {
                format!("{} is a factor, not a field", quoted(name))
            };
            return FormulaError::at(place, message).help(
                "a formula cannot use another factor by name: write its expression here \
                 (equal expressions are computed once)",
            );
        }
        let mut help = match nearest(name, self.fields.iter().copied()) {
            Some(near) => format!("did you mean {}? ", quoted(near)),
            None => String::new(),
        };
        if let Some(near) = nearest(name, self.parameters.iter().map(|(known, _)| *known)) {
            help = format!("did you mean the parameter {}? ", quoted(near));
        }
        match self.fields {
            [] => help.push_str("the source has no fields"),
            fields => help.push_str(&format!("fields: {}", fields.join(", "))),
        }
        FormulaError::at(place, format!("unknown field {}", quoted(name))).help(help)
    }

    /// `name(...)` is called, and is no function; or the sign `name` is not there.
    pub(super) fn no_such_function(&self, name: &str, place: Place) -> FormulaError {
        if !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            return FormulaError::at(place, format!("there is no operator {}", quoted(name)));
        }
        if self.field(name).is_some() {
            let message = format!("{} is a field, not a function", quoted(name));
            return FormulaError::at(place, message)
                .help(format!("write {name} alone, or {name} * (...) to multiply"));
        }
        let named =
            || self.functions.iter().map(|f| f.name).filter(|n| n.starts_with(char::is_alphabetic));
        let lower = if name.len() <= LONGEST { name.to_ascii_lowercase() } else { String::new() };
        let alias = ALIASES.iter().find(|(from, _)| *from == lower).map(|(_, to)| *to);
        let near = alias.filter(|to| self.function(to).is_some());
        let near = near.or_else(|| nearest(name, named())).and_then(|near| self.function(near));
        let help = match near {
            Some(function) => format!("did you mean {}", describe(function)),
            None => {
                let mut all: Vec<_> = named().filter(|n| *n != "neg").collect();
                all.sort_unstable();
                format!("functions: {}", all.join(", "))
            }
        };
        FormulaError::at(place, format!("unknown function {}", quoted(name))).help(help)
    }
}

/// Signature and meaning on one line.
pub(super) fn describe(function: &Signature) -> String {
    format!("{}: {}", function.written(), function.summary)
}

/// Names longer than this resemble nothing; keeps the search short whatever the input.
const LONGEST: usize = 64;

/// The name most like `name`, if any is like it at all; the first of equals.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if name.len() > LONGEST {
        return None;
    }
    let lower = name.to_ascii_lowercase();
    let allowed = (name.len() / 3).max(1);
    known
        .map(|other| (strsim::damerau_levenshtein(&lower, &other.to_ascii_lowercase()), other))
        .filter(|(distance, other)| *distance <= allowed && *distance < other.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, other)| other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_near() {
        let known = ["open", "high", "low", "close", "volume"];
        assert_eq!(nearest("clsoe", known.into_iter()), Some("close"));
        assert_eq!(nearest("CLOSE", known.into_iter()), Some("close"));
        assert_eq!(nearest("volumes", known.into_iter()), Some("volume"));
        assert_eq!(nearest("sector", known.into_iter()), None);
        assert_eq!(nearest(&"x".repeat(10_000), known.into_iter()), None);
    }
}
