//! `docs/functions.md` is written from what the functions say of themselves, and what they say
//! holds: examples compile. `WEIR_UPDATE=1` writes it anew. What `docs/formulas.md` shows is tried.

use std::fmt::Write as _;
use std::path::Path;

use weir::dataflow::catalog;
use weir::formula::{self, DERIVED, Family, FieldKind, FormulaSet};
use weir::plan::{FactorError, FactorPlan, FactorSet};

use crate::pipelines::{all_hold, holds};

const FILE: &str = "docs/functions.md";

const HEAD: &str = "# Functions of formulas\n\nWritten from what the operators say of themselves; \
    `weir functions NAME` prints the same. How formulas are\nwritten: [formulas.md](formulas.md). \
    `x[i]` is the value of x i bars before the current one, x[0] the\ncurrent one; `y'` is the \
    result of the bar before; sums over i are over a window, i = 0 to n - 1. Cost is\nthat of one \
    value.\n";

fn reference() -> String {
    let mut text = HEAD.to_owned();
    for family in Family::ALL {
        write!(text, "\n## {}\n", sentence(family.describe())).unwrap();
        for function in catalog().functions.iter().filter(|one| one.family == family) {
            let all = function.describe();
            write!(text, "\n### `{}`\n\n{}.\n\n", all.call, sentence(all.summary)).unwrap();
            for (title, said) in all.items() {
                let said = match title {
                    "formula" | "example" => format!("`{said}`"),
                    _ => said,
                };
                writeln!(text, "- {title}: {said}").unwrap();
            }
        }
    }
    text.push_str("\n## Derived, where there is no field of the name\n\n");
    for (call, meaning) in DERIVED {
        writeln!(text, "- `{call}` stands for `{meaning}`").unwrap();
    }
    text.push_str("- `nan` is a missing value\n");
    text
}

fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first: String = chars.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{first}{}", chars.as_str())
}

#[test]
fn the_reference_of_functions_is_fresh() {
    all_hold(vec![holds(Path::new(FILE), &reference())]);
}

#[test]
fn every_function_is_described_where_it_is_defined() {
    for function in catalog().functions {
        let said = function.reference;
        for text in [said.formula, said.missing, said.source, said.example] {
            assert!(text.len() > 1, "`{}` lacks a part of its reference", function.name);
            assert!(!text.ends_with('.'), "`{}`: {text}", function.name);
        }
    }
}

/// Fields that examples may use.
const FIELDS: [&str; 7] = ["open", "high", "low", "close", "volume", "amount", "index_close"];
const GROUPS: [&str; 2] = ["sector", "industry"];

#[test]
fn examples_compile_and_use_the_function() {
    let numbers = FIELDS.iter().map(|name| (*name, FieldKind::Number));
    let groups = GROUPS.iter().map(|name| (*name, FieldKind::Group));
    let fields: Vec<_> = numbers.chain(groups).collect();
    for function in catalog().functions {
        let example = function.reference.example;
        let set = FormulaSet { formulas: vec![("f", example)], ..FormulaSet::default() };
        let graph = formula::compile_sets(&[set], &fields, catalog().functions);
        let graph = graph.unwrap_or_else(|errors| panic!("{example}: {errors:?}"));
        let used = graph.nodes.iter().any(|node| match &node.kind {
            formula::NodeKind::Call { function: called, .. } => called.name == function.name,
            _ => false,
        });
        assert!(used, "{example} does not use `{}`", function.name);
    }
}

const PAGE: &str = "docs/formulas.md";

/// The blocks of a page that are marked with `language`.
fn blocks<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    let mark = format!("```{language}\n");
    let parts = page.split(mark.as_str()).skip(1);
    parts.map(|part| part.split("```").next().expect("a block has an end")).collect()
}

fn columns() -> Vec<(&'static str, bool)> {
    let numbers = FIELDS.iter().map(|name| (*name, false));
    numbers.chain(GROUPS.iter().map(|name| (*name, true))).collect()
}

fn computed(set: FactorSet) -> Result<FactorPlan, FactorError> {
    FactorPlan::new(&[set], &columns(), catalog().functions)
}

#[test]
fn what_the_page_of_formulas_shows_holds() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let formulas = blocks(&page, "formula");
    assert_eq!(formulas.len(), 2);
    for formula in formulas.iter().flat_map(|block| block.lines()) {
        let set = FactorSet::written(&format!("x = {formula}")).unwrap();
        computed(set).unwrap_or_else(|error| panic!("{formula}: {error:?}"));
    }
    let files: Vec<_> = blocks(&page, "yaml");
    let (sets, uses): (Vec<&str>, Vec<&str>) =
        files.into_iter().partition(|text| text.starts_with("factor_set"));
    let mut set = FactorSet::read("trend.yaml", sets[0]).unwrap();
    assert_eq!((sets.len(), uses.len()), (1, 1));
    computed(set.clone()).unwrap();
    for (name, value) in [("fast", 6.0), ("slow", 13.0)] {
        set.set_parameter(name, value).unwrap();
    }
    let plan = computed(set).unwrap();
    let slopes = plan.graph.nodes.iter().filter(|node| node.text == "ts_slope(close, 26)");
    assert_eq!(slopes.count(), 1, "2 * slow");
    // The pipeline beside it names the set and what is in it.
    assert!(uses[0].contains("trend.yaml: { only: [macd, slope], parameters: { slow: 30 } }"));
}

#[test]
fn the_error_on_the_page_of_formulas_is_what_is_printed() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let shown = blocks(&page, "console");
    let (command, expected) = shown[0].split_once('\n').unwrap();
    let formula = command.split('\'').nth(1).expect("a formula in quotes");
    let error = computed(FactorSet::written(formula).unwrap()).unwrap_err();
    let FactorError::Formulas(all) = error else { panic!("{error:?}") };
    let printed: Vec<_> = all.iter().map(ToString::to_string).collect();
    assert_eq!(printed.join("\n").trim_end(), expected.trim_end());
}
