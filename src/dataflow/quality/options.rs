//! Options of checks: their short forms, and errors that name the place.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::model::Action;
use crate::plan::{FieldPlan, OptionError};

/// Both actions, for checks of single rows.
pub(super) const ROW_ACTIONS: &[Action] = &[Action::Flag, Action::Quarantine];

/// A field name, or a list of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FieldNames(pub(super) Vec<String>);

impl JsonSchema for FieldNames {
    fn schema_name() -> Cow<'static, str> {
        "FieldNames".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A field of the source, or a list of them.",
            "anyOf": [
                { "type": "string" },
                { "type": "array", "items": { "type": "string" }, "minItems": 1 }
            ]
        })
    }
}

impl<'de> Deserialize<'de> for FieldNames {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<FieldNames, D::Error> {
        struct Names;

        impl<'de> Visitor<'de> for Names {
            type Value = FieldNames;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a field name or a list of field names")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<FieldNames, E> {
                Ok(FieldNames(vec![name.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<FieldNames, A::Error> {
                let mut names = Vec::new();
                while let Some(name) = list.next_element()? {
                    names.push(name);
                }
                Ok(FieldNames(names))
            }
        }

        reader.deserialize_any(Names)
    }
}

/// Options as a pipeline gives them, brought to their long form.
#[derive(Debug)]
pub(super) struct Options<'a> {
    given: Cow<'a, Value>,
    /// The option that a short form stands for.
    short: Option<&'static str>,
    fields: &'a [FieldPlan],
}

impl<'a> Options<'a> {
    /// `short` is the option that a list or a bare text stands for, if there is such a form.
    pub(super) fn new(
        given: &'a Value,
        short: Option<&'static str>,
        fields: &'a [FieldPlan],
    ) -> Options<'a> {
        let long = |map| Options { given: Cow::Owned(Value::Object(map)), short: None, fields };
        match (given, short) {
            (Value::Null, _) => long(Map::new()),
            (Value::Array(_) | Value::String(_), Some(option)) => {
                Options { short, ..long(Map::from_iter([(option.to_owned(), given.clone())])) }
            }
            _ => Options { given: Cow::Borrowed(given), short: None, fields },
        }
    }

    /// Reads them; an error names the option.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, OptionError> {
        read(&self.given).map_err(|message| {
            let place = self.culprit::<T>(&message);
            // What serde adds about the place counts characters of a text that nobody wrote.
            OptionError { path: self.path(&place), message }
        })
    }

    /// The option, or the place in its list, without which reading fails in another way or not
    /// at all. Readers stop at the first fault, so that is where the fault is.
    fn culprit<T: DeserializeOwned>(&self, message: &str) -> Vec<String> {
        let Some(options) = self.given.as_object() else { return Vec::new() };
        if message.starts_with("missing field") {
            return Vec::new();
        }
        let other = |options: Map<String, Value>| {
            read::<T>(&Value::Object(options)).err().as_deref() != Some(message)
        };
        for (name, value) in options {
            let mut without = options.clone();
            without.remove(name);
            if !other(without) {
                continue;
            }
            for place in 0..value.as_array().map_or(0, Vec::len) {
                let mut shorter = options.clone();
                if let Some(list) = shorter.get_mut(name).and_then(Value::as_array_mut) {
                    list.remove(place);
                }
                if other(shorter) {
                    return vec![name.clone(), place.to_string()];
                }
            }
            return vec![name.clone()];
        }
        Vec::new()
    }

    /// The path as the pipeline has it: without the option that a short form leaves out.
    fn path(&self, place: &[String]) -> Vec<String> {
        let skip =
            usize::from(self.short.is_some() && place.first().map(String::as_str) == self.short);
        place[skip.min(place.len())..].to_vec()
    }

    /// An error about an option.
    pub(super) fn error(&self, option: &str, message: String) -> OptionError {
        OptionError { path: self.path(&[option.to_owned()]), message }
    }

    /// The fields of numbers that option `option` names, in its order.
    pub(super) fn numbers(
        &self,
        option: &str,
        names: &FieldNames,
    ) -> Result<Vec<Field>, OptionError> {
        self.named(option, names, |name| self.find_number(name))
    }

    /// The fields that option `option` names, in its order, whatever they hold.
    pub(super) fn fields(
        &self,
        option: &str,
        names: &FieldNames,
    ) -> Result<Vec<Field>, OptionError> {
        self.named(option, names, |name| self.find(name))
    }

    fn named(
        &self,
        option: &str,
        names: &FieldNames,
        find: impl Fn(&str) -> Result<Field, String>,
    ) -> Result<Vec<Field>, OptionError> {
        if names.0.is_empty() {
            return Err(self.error(option, "names no field; leave it out or name one".to_owned()));
        }
        let is_list = self.given.get(option).is_some_and(Value::is_array);
        let mut fields: Vec<Field> = Vec::new();
        for (place, name) in names.0.iter().enumerate() {
            let field = find(name).map_err(|message| {
                let mut path = vec![option.to_owned()];
                if is_list {
                    path.push(place.to_string());
                }
                OptionError { path: self.path(&path), message }
            })?;
            if fields.iter().all(|known| known.index != field.index) {
                fields.push(field);
            }
        }
        Ok(fields)
    }

    /// The field of numbers that option `option` names.
    pub(super) fn number(&self, option: &str, name: &str) -> Result<Field, OptionError> {
        self.find_number(name).map_err(|message| self.error(option, message))
    }

    /// Those of the usual names that the source declares; where it declares none, an error that
    /// asks to name fields.
    pub(super) fn usual(&self, option: &str, usual: &[&str]) -> Result<Vec<Field>, OptionError> {
        let found = usual.iter().filter_map(|name| self.find_number(name).ok());
        let found: Vec<Field> = found.collect();
        if found.is_empty() {
            let message = format!(
                "the source has none of the usual fields {}: name some with `{option}`",
                usual.join(", ")
            );
            return Err(OptionError { path: Vec::new(), message });
        }
        Ok(found)
    }

    /// All fields of the source.
    pub(super) fn all(&self) -> Vec<Field> {
        let named = self.fields.iter().enumerate();
        named.map(|(index, field)| Field { index, name: field.name.clone() }).collect()
    }

    /// All fields of numbers.
    pub(super) fn all_numbers(&self) -> Vec<Field> {
        let mut all = self.all();
        all.retain(|field| self.fields.get(field.index).is_some_and(|field| !field.text));
        all
    }

    fn find_number(&self, name: &str) -> Result<Field, String> {
        let field = self.find(name)?;
        match self.fields.get(field.index) {
            Some(known) if known.text => {
                Err(format!("`{name}` holds text, this check looks at numbers"))
            }
            _ => Ok(field),
        }
    }

    fn find(&self, name: &str) -> Result<Field, String> {
        if let Some(index) = self.fields.iter().position(|field| field.name == name) {
            return Ok(Field { index, name: name.to_owned() });
        }
        let nearest = self
            .fields
            .iter()
            .map(|field| (strsim::damerau_levenshtein(&field.name, name), field.name.as_str()))
            .min()
            .filter(|(distance, known)| *distance <= 1.max(known.len() / 3));
        let shown: String = name.chars().take(64).collect();
        let hint = match nearest {
            Some((_, known)) => format!("did you mean `{known}`?"),
            None => {
                let known: Vec<&str> = self.fields.iter().map(|f| f.name.as_str()).collect();
                format!("it has {}", known.join(", "))
            }
        };
        Err(format!("`{shown}` is not a field of the source: {hint}"))
    }
}

fn read<T: DeserializeOwned>(options: &Value) -> Result<T, String> {
    T::deserialize(options).map_err(|error| error.to_string())
}

/// A field that a rule looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    /// Its column.
    pub(super) index: usize,
    /// Its name.
    pub(super) name: String,
}

/// The schema of options that also have short forms: bare (no options) and a list of fields.
pub(super) fn schema<T: JsonSchema>(
    generator: &mut SchemaGenerator,
    bare: bool,
    short: Option<Schema>,
) -> Schema {
    let mut forms: Vec<Schema> = vec![generator.subschema_for::<T>()];
    forms.extend(short);
    if bare {
        forms.push(json_schema!({ "type": "null" }));
    }
    json_schema!({ "anyOf": forms })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataflow::quality::MEMBERS;
    use crate::dataflow::quality::testing::fields;
    use crate::plan::CheckContext;

    #[test]
    fn every_fault_has_its_place() {
        let table = [
            ("positive", r#"["open", "hihg"]"#, "1", "`high`"),
            ("positive", r#"["open", 3]"#, "1", "integer `3`"),
            ("positive", r#"{"of": ["open", "hihg"]}"#, "of.1", "`high`"),
            ("positive", r#"{"of": "hihg"}"#, "of", "`high`"),
            ("positive", r#""hihg""#, "", "`high`"),
            ("positive", r#"{"of": []}"#, "of", "names no field"),
            ("positive", r#"{"off": ["open"]}"#, "off", "unknown field `off`"),
            ("positive", "7", "", "invalid type"),
            ("range", "null", "", "missing field `of`"),
            ("range", r#"{"of": "close"}"#, "", "min"),
            ("range", r#"{"of": "close", "min": "x"}"#, "min", "string \"x\""),
            ("range", r#"{"min": "x", "of": "close"}"#, "min", "string \"x\""),
            ("range", r#"{"of": "close", "min": 3, "max": 2}"#, "max", "below"),
            ("ohlc_order", r#"{"high": "top"}"#, "high", "open, high, low, close"),
            ("ohlc_order", r#"{"tolerance": -1}"#, "tolerance", "not be negative"),
            ("not_null", r#"{"of": {"a": 1}}"#, "of", "a field name or a list"),
            ("future_time", r#"{"beyond": "soon"}"#, "beyond", "not a length of time"),
            ("future_time", r#""soon""#, "", "not a length of time"),
            ("return_jump", "null", "", "missing field `above`"),
            ("return_jump", r#"{"of": "clsoe", "above": 0.5}"#, "of", "`close`"),
            ("return_jump", r#"{"above": 0}"#, "above", "above 0"),
            ("finite", r#"["a_very_different_name"]"#, "0", "it has open"),
        ];
        for (name, options, path, part) in table {
            let member = MEMBERS.iter().find(|member| member.name() == name).unwrap();
            let options = serde_json::from_str(options).unwrap();
            let fields = fields();
            let error = member.build(&options, CheckContext { fields: &fields }).unwrap_err();
            assert_eq!(error.path.join("."), path, "{name} {options}: {error}");
            assert!(error.message.contains(part), "{name} {options}: {error}");
        }
    }

    #[test]
    fn checks_of_numbers_refuse_text() {
        let field = |name: &str, text| FieldPlan { name: name.to_owned(), nullable: true, text };
        let all = [field("open", true), field("high", false), field("sector", true)];
        let build = |name: &str, options: &str| {
            let member = MEMBERS.iter().find(|member| member.name() == name).unwrap();
            member.build(&serde_json::from_str(options).unwrap(), CheckContext { fields: &all })
        };
        for (name, options, path) in [
            ("positive", r#"["high", "sector"]"#, "1"),
            ("finite", r#""sector""#, ""),
            ("range", r#"{"of": ["high", "sector"], "min": 0}"#, "of.1"),
            ("tick_size", r#"{"of": "sector", "step": 1}"#, "of"),
            ("return_jump", r#"{"of": "sector", "above": 1}"#, "of"),
            ("ohlc_order", r#"{"low": "high", "close": "high"}"#, "open"),
        ] {
            let error = build(name, options).unwrap_err();
            assert_eq!(error.path.join("."), path, "{name} {options}: {error}");
            assert!(error.message.contains("holds text"), "{name} {options}: {error}");
        }
        let mut rows = crate::model::RowBatch::new(0, 3);
        rows.deleted = vec![false];
        rows.columns = vec![vec![f64::INFINITY], vec![1.0], vec![f64::NAN]];
        let found = |name: &str| {
            let mut found = Vec::new();
            if let Ok(crate::plan::Rule::Row(rule)) = build(name, "null") {
                rule.test(&rows, &mut |_, detail| found.push(detail));
            }
            found
        };
        assert_eq!(found("not_null"), ["sector is missing"]);
        assert_eq!((found("finite"), found("positive")), (Vec::new(), Vec::new()));
    }

    #[test]
    fn the_schema_knows_the_options() {
        for member in MEMBERS {
            let mut generator = SchemaGenerator::default();
            let schema = member.schema(&mut generator).to_value();
            assert!(schema.to_string().contains("anyOf"), "{}: {schema}", member.name());
            assert!(!member.summary().is_empty());
            assert!(member.actions().contains(&member.defaults().0), "{}", member.name());
            for action in [Action::Flag, Action::Quarantine] {
                let refused = member.refusal(action).is_some();
                assert_eq!(refused, !member.actions().contains(&action), "{}", member.name());
            }
        }
    }
}
