//! Factor sets: the shipped ones by name, a user's own by the path of a file, single formulas from
//! a command line.

use std::path::Path;

use super::profile::rules;
use super::{FieldPlan, MissingField};
use crate::config::{
    self, Diagnostic, Diagnostics, Document, Entries, Field, Place, Profile, suggestion,
};
use crate::formula::{self, FieldKind, FormulaSet, Graph, Rules, Signature};

/// The sets that come with the program: name and file.
const SHIPPED: [(&str, &str); 6] = [
    ("alpha101", include_str!("../../pipelines/factors/alpha101.yaml")),
    ("alpha158", include_str!("../../pipelines/factors/alpha158.yaml")),
    ("alpha360", include_str!("../../pipelines/factors/alpha360.yaml")),
    ("cn", include_str!("../../pipelines/factors/cn.yaml")),
    ("gtja191", include_str!("../../pipelines/factors/gtja191.yaml")),
    ("ta", include_str!("../../pipelines/factors/ta.yaml")),
];

/// Formulas that share their rules.
#[derive(Clone, Debug)]
pub struct FactorSet {
    /// Name of the set.
    pub name: String,
    /// Its rules.
    pub rules: Rules,
    pub(super) parameters: Vec<(String, f64)>,
    /// What its formulas call a field, and what the input calls it.
    pub(super) renames: Vec<(String, String)>,
    pub(super) lets: Vec<Formula>,
    pub(super) formulas: Vec<Formula>,
    document: Document,
}

/// A formula and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Formula {
    pub(super) name: String,
    pub(super) text: String,
    place: Place,
}

/// Why factors cannot be computed from the columns of an input.
#[derive(Debug, thiserror::Error)]
pub enum FactorError {
    /// Formulas need fields that the input does not have.
    #[error("the input lacks fields that formulas need")]
    Missing(Vec<MissingField>),
    /// Something is wrong with formulas.
    #[error("something is wrong with the formulas")]
    Formulas(Vec<Diagnostic>),
    /// Two factors have the same name.
    #[error("factor `{0}` is there twice, with two formulas: leave one out, or rename your own")]
    Twice(String),
}

/// Factor sets, compiled for the columns of an input.
#[derive(Debug)]
pub struct FactorPlan {
    /// All factors in one graph over `fields`.
    pub graph: Graph,
    /// The columns that are read.
    pub fields: Vec<FieldPlan>,
    /// Series that the formulas use and that are derived from columns: name and meaning.
    pub derived: Vec<(&'static str, &'static str)>,
}

impl FactorPlan {
    /// Compiles `sets` for an input with these columns: name, and whether it holds text.
    ///
    /// # Errors
    /// Columns that are missing, and all that is wrong with the formulas.
    pub fn new(
        sets: &[FactorSet],
        columns: &[(&str, bool)],
        functions: &[&'static Signature],
    ) -> Result<FactorPlan, FactorError> {
        let known: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
        let (mut used, mut missing) = (Vec::<String>::new(), Vec::<MissingField>::new());
        for set in sets {
            let (own, lacking) = set.fields(&known);
            let new: Vec<String> = own.into_iter().filter(|name| !used.contains(name)).collect();
            used.extend(new);
            for lack in lacking {
                match missing.iter_mut().find(|m| m.field == lack.field) {
                    Some(m) => m.formulas.extend(lack.formulas),
                    None => missing.push(lack),
                }
            }
        }
        if !missing.is_empty() {
            return Err(FactorError::Missing(missing));
        }
        let text = |name: &str| columns.iter().any(|(known, text)| *known == name && *text);
        let kind = |name: &str| if text(name) { FieldKind::Group } else { FieldKind::Number };
        let fields: Vec<(&str, FieldKind)> =
            used.iter().map(|name| (name.as_str(), kind(name))).collect();
        let mut graph = compile_factors(sets, &fields, functions).map_err(FactorError::Formulas)?;
        graph.join_outputs().map_err(|mut names| FactorError::Twice(names.swap_remove(0)))?;
        let mentions = |name: &str| {
            let all = sets.iter().flat_map(|set| set.lets.iter().chain(&set.formulas));
            let mut named = all.map(|formula| formula::names(&formula.text));
            named.any(|(values, functions)| values.contains(&name) || functions.contains(&name))
        };
        let derived = formula::DERIVED
            .into_iter()
            .filter(|(name, _)| {
                let name = name.trim_end_matches("(n)");
                !known.contains(&name) && mentions(name)
            })
            .collect();
        let plan = |(name, kind): &(&str, FieldKind)| FieldPlan {
            name: (*name).to_owned(),
            nullable: true,
            text: *kind == FieldKind::Group,
        };
        Ok(FactorPlan { graph, fields: fields.iter().map(plan).collect(), derived })
    }
}

/// Names of the shipped sets.
pub fn shipped() -> impl Iterator<Item = &'static str> {
    SHIPPED.iter().map(|(name, _)| *name)
}

impl FactorSet {
    /// A shipped set by its name, or a file by its path.
    ///
    /// # Errors
    /// Everything that is wrong with the file; that there is neither such a set nor such a file.
    pub fn load(name: &str) -> Result<FactorSet, Vec<Diagnostic>> {
        if let Some((name, text)) = SHIPPED.iter().find(|(known, _)| *known == name) {
            return FactorSet::read(&format!("{name}.yaml"), text);
        }
        let path = Path::new(name);
        let is_path = name.contains(['/', '\\', '.']);
        let failed = |message: String, hint: Option<String>| {
            Err(vec![Diagnostic::of_file(name, message, hint)])
        };
        if !is_path && !path.exists() {
            let names: Vec<_> = shipped().collect();
            let near = suggestion(name, "shipped sets", &names);
            return failed("is no shipped factor set, and no file".to_owned(), near);
        }
        match std::fs::read(path).map(String::from_utf8) {
            Ok(Ok(text)) => FactorSet::read(name, &text),
            Ok(Err(_)) => failed("is not UTF-8 text".to_owned(), None),
            Err(error) => failed(format!("cannot read the file: {error}"), None),
        }
    }

    /// Reads the text of a file; `path` is what messages call it.
    ///
    /// # Errors
    /// Everything that is wrong with it, except for what only the fields of an input show.
    pub fn read(path: &str, text: &str) -> Result<FactorSet, Vec<Diagnostic>> {
        let document = Document::new(path, text);
        let diagnostics = Diagnostics::new(&document);
        let set = config::read_factors(&diagnostics).and_then(|file| {
            let (top, file) = (Place { end: file.place.start, ..file.place }, file.value);
            for (missing, name) in [
                (file.factor_set.place.is_none(), "factor_set"),
                (file.formulas.place.is_none(), "formulas"),
            ] {
                if missing {
                    diagnostics.report(top, format!("`{name}` is missing"), None);
                }
            }
            let lets = formulas(&file.lets, &diagnostics);
            Some(FactorSet {
                name: file.factor_set.get()?.clone(),
                rules: rules(file.profile.or(Profile::default()), file.rules.get()),
                parameters: parameters(&file.parameters, &lets, &diagnostics),
                renames: Vec::new(),
                lets,
                formulas: formulas(&file.formulas, &diagnostics),
                document: document.clone(),
            })
        });
        match set {
            Some(set) if diagnostics.is_empty() => Ok(set),
            _ => Err(diagnostics.into_sorted()),
        }
    }

    /// A set of one formula, written `name = formula`, under the default rules.
    ///
    /// # Errors
    /// There is no name before an equals sign.
    pub fn written(text: &str) -> Result<FactorSet, Vec<Diagnostic>> {
        let document = Document::new("-e", text);
        let parts = text.split_once('=').filter(|(name, formula)| {
            let name = name.trim();
            !formula.starts_with('=') && !name.is_empty() && is_identifier(name)
        });
        let Some((name, formula)) = parts else {
            let hint = "write: -e 'momentum = close / delay(close, 5) - 1'".to_owned();
            let message = format!("`{text}` does not begin with a name and an equals sign");
            return Err(vec![Diagnostic::of_file("-e", message, Some(hint))]);
        };
        let start = name.len() + 1 + (formula.len() - formula.trim_start().len());
        let place = Place { start, end: start + formula.trim().len() };
        let (name, text) = (name.trim().to_owned(), formula.trim().to_owned());
        let formulas = vec![Formula { name, text, place }];
        let (name, rules) = ("-e".to_owned(), Rules::default());
        let (parameters, renames, lets) = (Vec::new(), Vec::new(), Vec::new());
        Ok(FactorSet { name, rules, parameters, renames, lets, formulas, document })
    }

    /// Names of its factors, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.formulas.iter().map(|formula| formula.name.as_str())
    }

    /// Names and values of its parameters, in order.
    pub fn parameters(&self) -> &[(String, f64)] {
        &self.parameters
    }

    /// Gives a parameter another value.
    ///
    /// # Errors
    /// The set has no such parameter.
    pub fn set_parameter(&mut self, name: &str, value: f64) -> Result<(), String> {
        let own = &mut self.parameters;
        if let Some((_, known)) = own.iter_mut().find(|(known, _)| known == name) {
            *known = value;
            return Ok(());
        }
        let names: Vec<_> = own.iter().map(|(known, _)| known.as_str()).collect();
        let near = suggestion(name, "parameters", &names);
        let near = near.map_or(String::new(), |near| format!("; {near}"));
        Err(format!("`{name}` is no parameter of {}{near}", self.name))
    }

    /// Keeps only some factors: those of `only`, unless it is empty, without those of `except`.
    ///
    /// # Errors
    /// A name that is no factor of the set.
    pub fn keep(&mut self, only: &[String], except: &[String]) -> Result<(), String> {
        for name in only.iter().chain(except) {
            if !self.names().any(|known| known == name) {
                let names: Vec<_> = self.names().collect();
                let near = suggestion(name, "factors", &names);
                let near = near.map_or(String::new(), |near| format!("; {near}"));
                return Err(format!("`{name}` is no factor of {}{near}", self.name));
            }
        }
        self.formulas.retain(|formula| {
            (only.is_empty() || only.contains(&formula.name)) && !except.contains(&formula.name)
        });
        // Sub-formulas that nothing uses any more may need fields that nobody has.
        let mut used = self.used_lets().into_iter();
        self.lets.retain(|_| used.next().unwrap_or(true));
        Ok(())
    }

    /// As the compiler takes it.
    pub(super) fn formula_set(&self) -> FormulaSet<'_> {
        fn pairs(all: &[Formula]) -> Vec<(&str, &str)> {
            all.iter().map(|f| (f.name.as_str(), f.text.as_str())).collect()
        }
        FormulaSet {
            rules: self.rules,
            renames: self.renames.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect(),
            parameters: self.parameters.iter().map(|(name, v)| (name.as_str(), *v)).collect(),
            lets: pairs(&self.lets),
            formulas: pairs(&self.formulas),
        }
    }

    /// Where the formula (sub-formulas first) with this number stands.
    fn formula(&self, number: usize) -> Option<&Formula> {
        match number.checked_sub(self.lets.len()) {
            Some(at) => self.formulas.get(at),
            None => self.lets.get(number),
        }
    }
}

/// Compiles sets into one graph over the fields of an input.
///
/// # Errors
/// Everything that is wrong with any formula, with its place.
pub fn compile_factors(
    sets: &[FactorSet],
    fields: &[(&str, FieldKind)],
    functions: &[&'static Signature],
) -> Result<Graph, Vec<Diagnostic>> {
    let all: Vec<FormulaSet<'_>> = sets.iter().map(FactorSet::formula_set).collect();
    formula::compile_sets(&all, fields, functions).map_err(|errors| {
        let mut found = Vec::new();
        let mut first = 0;
        for set in sets {
            let diagnostics = Diagnostics::new(&set.document);
            let count = set.lets.len() + set.formulas.len();
            let own = errors.iter().filter(|e| (first..first + count).contains(&e.factor));
            for error in own {
                let Some(formula) = set.formula(error.factor - first) else { continue };
                let (start, end) = (error.start, error.end);
                let place = set.document.inside(formula.place, &formula.text, start, end);
                diagnostics.report(place, error.message.as_str(), error.help.clone());
            }
            first += count;
            found.extend(diagnostics.into_sorted());
        }
        found
    })
}

/// The JSON Schema of the files of factor sets.
pub fn factors_schema() -> serde_json::Value {
    config::factors_schema()
}

fn is_identifier(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn formulas(entries: &Field<Entries<String>>, diagnostics: &Diagnostics<'_>) -> Vec<Formula> {
    let mut all = Vec::new();
    for (name, text) in entries.get().map_or(&[][..], |all| all.0.as_slice()) {
        if !is_identifier(&name.value) {
            let hint = "letters, digits and _, not a digit first".to_owned();
            let message = format!("`{}` is not the name of a factor", name.value);
            diagnostics.report(name.place, message, Some(hint));
        }
        let (name, place) = (name.value.clone(), text.place);
        all.push(Formula { name, text: text.value.clone(), place });
    }
    all
}

/// The parameters of a set; names that formulas could not use are reported.
fn parameters(
    entries: &Field<Entries<f64>>,
    lets: &[Formula],
    diagnostics: &Diagnostics<'_>,
) -> Vec<(String, f64)> {
    let mut all = Vec::new();
    for (name, value) in entries.get().map_or(&[][..], |all| all.0.as_slice()) {
        let text = name.value.as_str();
        if !is_identifier(text) || text == "nan" {
            let hint = "letters, digits and _, not a digit first, and not nan".to_owned();
            let message = format!("`{text}` cannot be the name of a parameter");
            diagnostics.report(name.place, message, Some(hint));
        }
        if lets.iter().any(|known| known.name == text) {
            let message = format!("`{text}` is a parameter and a sub-formula of this set");
            diagnostics.report(name.place, message, Some("give one another name".to_owned()));
        }
        all.push((text.to_owned(), value.value));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_set_reads_under_its_own_name() {
        let counts: Vec<(String, usize)> = shipped()
            .map(|name| FactorSet::load(name).unwrap())
            .map(|set| (set.name.clone(), set.names().count()))
            .collect();
        let expected = [
            ("alpha101", 101),
            ("alpha158", 158),
            ("alpha360", 360),
            ("cn", 60),
            ("gtja191", 191),
            ("ta", 73),
        ];
        assert_eq!(counts, expected.map(|(name, count)| (name.to_owned(), count)));
    }

    #[test]
    fn windows_that_need_one_value_are_written_as_a_number_or_a_word() {
        let read = |profile: &str, periods: &str| {
            let rules = format!("profile: {profile}\nrules: {{ min_periods: {periods} }}\n");
            let text = format!("factor_set: a\n{rules}formulas: {{ x: close }}\n");
            FactorSet::read("a.yaml", &text).map(|set| set.rules.mode.partial)
        };
        for (profile, periods, partial) in [
            ("worldquant", "1", true),
            ("worldquant", "one", true),
            ("worldquant", "'1'", true),
            ("worldquant", "full", false),
            ("qlib", "1", true),
            ("qlib", "full", false),
        ] {
            assert_eq!(read(profile, periods).ok(), Some(partial), "{profile} {periods}");
        }
        for periods in ["2", "0", "1.0", "-1", "all", "true", "[1]"] {
            let errors = read("worldquant", periods).expect_err(periods);
            assert!(errors[0].to_string().contains("one of full, 1, one"), "{}", errors[0]);
        }
    }

    #[test]
    fn a_written_formula_has_a_name() {
        let set = FactorSet::written("mom = close / delay(close, 5) - 1").unwrap();
        assert_eq!(set.names().collect::<Vec<_>>(), ["mom"]);
        for bad in ["close", "= close", "a b = close", "x == y"] {
            assert!(FactorSet::written(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn parameters_are_constants_with_defaults() {
        let text = "factor_set: a\nparameters: { n: 5, k: 2 }\nlet: { half: n / k }\nformulas:\n  x: ts_mean(close, half) / k\n  y: ts_mean(close, n)\n";
        let mut set = FactorSet::read("a.yaml", text).unwrap();
        let texts = |set: FactorSet| -> Vec<String> {
            let functions = crate::plan::fakes::catalog().functions;
            let plan = FactorPlan::new(&[set], &[("close", false)], functions).unwrap();
            plan.graph.outputs.iter().map(|(_, id)| plan.graph.nodes[*id].text.clone()).collect()
        };
        // 5 / 2 is rounded half up.
        assert_eq!(texts(set.clone()), ["ts_mean(close, 3) / 2", "ts_mean(close, 5)"]);
        let mut other = set.clone();
        other.set_parameter("n", 20.0).unwrap();
        assert_eq!(texts(other), ["ts_mean(close, 10) / 2", "ts_mean(close, 20)"]);
        let error = set.set_parameter("m", 1.0).unwrap_err();
        assert!(error.contains("`m` is no parameter of a; did you mean `n`?"), "{error}");
    }

    #[test]
    fn bad_parameters_are_errors_with_a_place() {
        for (parameters, place, message) in [
            ("{ d: 1 }", "2:15", "is a parameter and a sub-formula"),
            ("{ 1d: 1 }", "2:15", "cannot be the name of a parameter"),
            ("{ nan: 1 }", "2:15", "cannot be the name of a parameter"),
            ("{ n: 1e999 }", "2:18", "expected a number"),
            ("{ n: many }", "2:18", "expected"),
        ] {
            let text = format!(
                "factor_set: a\nparameters: {parameters}\nlet: {{ d: close }}\nformulas: {{ x: d }}\n"
            );
            let errors = FactorSet::read("a.yaml", &text).unwrap_err();
            let shown: Vec<_> = errors.iter().map(ToString::to_string).collect();
            assert_eq!(shown.len(), 1, "{shown:?}");
            assert!(shown[0].contains(message), "{}", shown[0]);
            assert!(shown[0].starts_with(&format!("a.yaml:{place}: ")), "{}", shown[0]);
        }
        let text =
            "factor_set: a\nparameters: { n: 0 }\nformulas: { x: \"ts_mean(close, n - 1)\" }\n";
        let set = FactorSet::read("a.yaml", text).unwrap();
        let functions = crate::plan::fakes::catalog().functions;
        let errors = FactorPlan::new(&[set], &[("close", false)], functions);
        let Err(FactorError::Formulas(errors)) = errors else { panic!("{errors:?}") };
        let shown = errors[0].to_string();
        assert!(shown.contains("a.yaml:3:32: error: window `n` of `ts_mean` is -1"), "{shown}");
        assert!(shown.contains("where n = 0"), "{shown}");
    }

    #[test]
    fn what_is_chosen_decides_which_sub_formulas_count() {
        let text = "factor_set: a\nlet:\n  b: cap / 2\n  d: high - low\n  e: d / 2\nformulas:\n  x: e\n  y: b\n";
        let mut set = FactorSet::read("a.yaml", text).unwrap();
        set.keep(&["x".to_owned()], &[]).unwrap();
        let functions = crate::plan::fakes::catalog().functions;
        let plan = FactorPlan::new(&[set], &[("high", false), ("low", false)], functions).unwrap();
        assert_eq!(plan.graph.outputs.len(), 1);
    }

    #[test]
    fn only_and_except_choose() {
        let mut set = FactorSet::load("alpha101").unwrap();
        let names = |all: &[&str]| all.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        assert!(set.keep(&names(&["alpha999"]), &[]).is_err());
        set.keep(&names(&["alpha003", "alpha001"]), &names(&["alpha003"])).unwrap();
        assert_eq!(set.names().collect::<Vec<_>>(), ["alpha001"]);
    }
}
