//! From the formulas of a pipeline to its graph: the only way in.

use rustc_hash::FxHashMap;

use super::ast::Place;
use super::check::{Checked, check};
use super::lexer::lex;
use super::lower::{Builder, Full};
use super::parser::parse;
use super::scope::Scope;
use super::{FormulaError, Graph, Rules, Signature};

/// How deep calls, parentheses and minus signs may nest: the parser recurses, and a thread's stack
/// has an end. Published formulas nest 12 levels deep.
pub const MAX_DEPTH: usize = 256;
/// How many bytes a formula may have; the longest published one has 751. Keeps what is
/// quadratic, like the texts of the parts of a sum, small.
pub const MAX_LENGTH: usize = 64 * 1024;
/// How many bars a window may have: ten years of minutes. A node keeps as many rows.
pub const MAX_WINDOW: u32 = 1_000_000;
/// How many series a function may take: fits solve that many equations per value.
pub const MAX_SERIES: usize = 8;
/// How many nodes the graph of a pipeline may have; all published libraries together have about
/// 2,000.
pub const MAX_NODES: usize = 100_000;
/// How many bytes the canonical texts of all nodes may have together, as they are all kept. A sum
/// of n terms has texts of n^2 / 2 terms, so that this bounds sums at some thousand terms.
pub(super) const MAX_TEXT: usize = 64 << 20;
/// How many errors of one formula are worth reading.
const MAX_ERRORS: usize = 20;

/// Compiles all formulas of a pipeline into one graph.
///
/// `factors` are names and formulas, `fields` the names of the source's fields: their places are
/// the numbers in [`NodeKind::Field`](super::NodeKind::Field). `functions` are found by name,
/// operators by their sign (`+ - * / < <= > >= == !=`), the minus before an expression as `neg`.
///
/// # Errors
/// Everything that is wrong with any of the formulas, in their order and from left to right. A
/// formula whose structure cannot be read gives one error about that.
pub fn compile(
    factors: &[(&str, &str)],
    fields: &[&str],
    functions: &[&'static Signature],
) -> Result<Graph, Vec<FormulaError>> {
    let fields: Vec<_> = fields.iter().map(|name| (*name, FieldKind::Number)).collect();
    let set = FormulaSet { formulas: factors.to_vec(), ..FormulaSet::default() };
    compile_sets(&[set], &fields, functions)
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// Numbers.
    Number,
    /// Text, which only makes groups: in the panel, one small number per distinct text.
    Group,
}

/// Formulas that share their rules.
#[derive(Clone, Debug, Default)]
pub struct FormulaSet<'a> {
    /// Their rules.
    pub rules: Rules,
    /// Fields by the names that these formulas have for them, and the names that the source has.
    pub renames: Vec<(&'a str, &'a str)>,
    /// Names and values of constants that the formulas and sub-formulas may use, also as windows.
    pub parameters: Vec<(&'a str, f64)>,
    /// Names and sub-formulas that the formulas of this set, and later sub-formulas, may use.
    pub lets: Vec<(&'a str, &'a str)>,
    /// Names and formulas.
    pub formulas: Vec<(&'a str, &'a str)>,
}

/// Compiles several sets into one graph, in which equal expressions are one node whatever set they
/// come from. `fields` are the names and kinds of the source's fields.
///
/// # Errors
/// As [`compile`]; an error's `factor` counts the sub-formulas of the first set, then its
/// formulas, then those of the next one.
pub fn compile_sets(
    sets: &[FormulaSet<'_>],
    fields: &[(&str, FieldKind)],
    functions: &[&'static Signature],
) -> Result<Graph, Vec<FormulaError>> {
    let (names, kinds): (Vec<&str>, Vec<FieldKind>) = fields.iter().copied().unzip();
    let all: Vec<(&str, &str)> =
        sets.iter().flat_map(|set| set.lets.iter().chain(&set.formulas)).copied().collect();
    let mut builder = Builder::new(&names);
    let (mut errors, mut number) = (Vec::new(), 0);
    for set in sets {
        let (mut lets, mut values) = (FxHashMap::default(), Vec::new());
        builder.forget_lets();
        let count = set.lets.len();
        for (place, (name, text)) in set.lets.iter().chain(&set.formulas).enumerate() {
            let scope = Scope {
                fields: &names,
                kinds: &kinds,
                functions,
                factors: &all,
                lets: &lets,
                let_values: &values,
                parameters: &set.parameters,
                renames: &set.renames,
                rules: set.rules,
            };
            let output = (place >= count).then_some(*name);
            let value = formula(&mut builder, scope, number, output, text);
            let value = value.unwrap_or_else(|mut wrong| {
                wrong.truncate(MAX_ERRORS);
                let here = |error| FormulaError { factor: number, ..error };
                errors.extend(wrong.into_iter().map(here));
                None
            });
            if place < count {
                lets.insert(*name, place);
                values.push(value);
            }
            number += 1;
        }
    }
    if errors.is_empty() { Ok(builder.finish()) } else { Err(errors) }
}

/// Adds a formula to the graph; its value, if it is one number that is known now.
fn formula(
    builder: &mut Builder<'_>,
    scope: Scope<'_>,
    number: usize,
    output: Option<&str>,
    text: &str,
) -> Result<Option<f64>, Vec<FormulaError>> {
    let result = one_formula(builder, scope, number, output, text);
    if result.is_err() && output.is_none() {
        // Later formulas may name it all the same: only this one is wrong.
        builder.broken_let();
    }
    result
}

fn one_formula(
    builder: &mut Builder<'_>,
    scope: Scope<'_>,
    number: usize,
    output: Option<&str>,
    text: &str,
) -> Result<Option<f64>, Vec<FormulaError>> {
    let whole = Place { start: 0, end: text.len() };
    if text.len() > MAX_LENGTH {
        let message = format!("a formula of {} bytes, may have {MAX_LENGTH}", text.len());
        return Err(vec![FormulaError::at(whole, message)]);
    }
    let tokens = lex(text)?;
    if tokens.is_empty() {
        return Err(vec![
            FormulaError::at(whole, "the formula is empty")
                .help("write an expression, like close / delay(close, 5) - 1"),
        ]);
    }
    let tree = parse(text, &tokens, scope.functions).map_err(|error| vec![error])?;
    let Checked { meanings, value } = check(&tree, number, scope)?;
    let added = builder.add(scope, output, &tree, meanings);
    added.map(|()| value).map_err(|Full| {
        let message = "with this formula the pipeline's graph becomes too large";
        let help = format!(
            "at most {MAX_NODES} nodes whose expressions, written out, have {} MiB: chains of \
             thousands of terms or sub-formulas are too long",
            MAX_TEXT >> 20
        );
        vec![FormulaError::at(whole, message).help(help)]
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fixture::{FIELDS, FUNCTIONS};
    use super::*;

    fn one(text: &str) -> Result<Graph, Vec<FormulaError>> {
        compile(&[("f", text)], FIELDS, FUNCTIONS)
    }

    /// What must hold of any outcome for any input.
    fn sane(text: &str) {
        match one(text) {
            Ok(graph) => {
                let (_, root) = &graph.outputs[0];
                assert_eq!(*root, graph.nodes.len() - 1);
                for (id, node) in graph.nodes.iter().enumerate() {
                    if let super::super::NodeKind::Call { args, .. } = &node.kind {
                        assert!(args.iter().all(|arg| *arg < id));
                    }
                }
                let again = one(&graph.nodes[*root].text).expect("canonical text compiles");
                let texts = |graph: &Graph| {
                    let of = |n: &super::super::Node| (n.text.clone(), n.exact, n.look_back);
                    graph.nodes.iter().map(of).collect::<Vec<_>>()
                };
                assert_eq!(texts(&graph), texts(&again));
                let mut unique: Vec<_> = graph.nodes.iter().map(|n| &n.text).collect();
                unique.sort();
                unique.dedup();
                assert_eq!(unique.len(), graph.nodes.len());
            }
            Err(errors) => {
                assert!(!errors.is_empty() && errors.len() <= MAX_ERRORS);
                for error in errors {
                    assert!(error.start <= error.end && error.end <= text.len());
                    assert!(text.is_char_boundary(error.start) && text.is_char_boundary(error.end));
                    assert!(error.underline(text).contains('^'));
                }
            }
        }
    }

    fn token() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec![
            "close", "volume", "rank", "ts_mean", "ts_corr", "delay", "if", "(", ")", ",", "+",
            "-", "*", "/", "<", "<=", "==", "1", "2.5", "1e-3", "0", "clsoe", "?", "，", " ",
            "returns", "f",
        ])
    }

    fn expression() -> impl Strategy<Value = String> {
        let leaf =
            prop::sample::select(vec!["close", "volume", "returns", "nan", "1", "0.5", "1e-12"]);
        leaf.prop_map(str::to_owned).prop_recursive(6, 48, 3, |inner| {
            let sign = prop::sample::select(vec!["+", "-", "*", "/"]);
            let compared = prop::sample::select(vec!["<", "<=", "==", "!="]);
            prop_oneof![
                (inner.clone(), compared, inner.clone())
                    .prop_map(|(a, s, b)| format!("(({a}) {s} {b})")),
                (inner.clone(), sign.clone(), inner.clone())
                    .prop_map(|(a, s, b)| format!("({a}) {s} ({b})")),
                (inner.clone(), sign, inner.clone()).prop_map(|(a, s, b)| format!("{a} {s} {b}")),
                inner.clone().prop_map(|a| format!("-({a})")),
                inner.clone().prop_map(|a| format!("-{a}")),
                inner.clone().prop_map(|a| format!("rank({a})")),
                (inner.clone(), 1..40_u32).prop_map(|(a, n)| format!("ts_mean({a}, {n}.3)")),
                (inner.clone(), inner.clone(), inner)
                    .prop_map(|(a, b, c)| format!("if({a}, {b}, ts_corr({b}, {c}, 2 * 3))")),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            sane(&String::from_utf8_lossy(&bytes));
        }

        #[test]
        fn any_tokens(tokens in prop::collection::vec(token(), 0..60)) {
            sane(&tokens.concat());
            sane(&tokens.join(" "));
        }

        #[test]
        fn good_formulas_compile(text in expression()) {
            prop_assert!(one(&text).is_ok(), "{text}");
            sane(&text);
        }
    }

    #[test]
    fn deep_nesting_is_an_error_not_a_crash() {
        for (open, close) in [("(", ")"), ("rank(", ")"), ("-", ""), ("1 + (", ")")] {
            let nested = |n: usize| format!("{}close{}", open.repeat(n), close.repeat(n));
            assert!(one(&nested(MAX_DEPTH)).is_ok(), "{open}");
            let errors = one(&nested(MAX_DEPTH + 1)).unwrap_err();
            assert!(errors[0].message.contains("nested deeper"), "{open}: {errors:?}");
            sane(&nested(10_000));
        }
        sane(&"(".repeat(MAX_LENGTH));
        sane(&")".repeat(MAX_LENGTH));
    }

    #[test]
    fn long_sums_are_fine_and_endless_ones_an_error() {
        let sum = |n: usize| vec!["close"; n].join("+");
        assert!(one(&sum(2_000)).is_ok());
        let errors = one(&sum(MAX_LENGTH / 6)).unwrap_err();
        assert!(errors[0].message.contains("too large"), "{errors:?}");
        assert!(one(&"x".repeat(MAX_LENGTH + 1)).is_err());
        assert!(one(&"$ ".repeat(MAX_LENGTH / 2)).is_err());
    }

    #[test]
    fn equal_expressions_of_all_formulas_are_one_node() {
        let graph = compile(
            &[
                ("a", "ts_mean(close, 5) / (close)"),
                ("b", "rank(ts_mean(close, 4.5)/close)"),
                ("c", "close / ts_mean(close, 5)"),
            ],
            FIELDS,
            FUNCTIONS,
        )
        .unwrap();
        let texts: Vec<_> = graph.nodes.iter().map(|node| node.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "close",
                "ts_mean(close, 5)",
                "ts_mean(close, 5) / close",
                "rank(ts_mean(close, 5) / close)",
                "close / ts_mean(close, 5)"
            ]
        );
        let outputs: Vec<_> = graph.outputs.iter().map(|(name, id)| (name.as_str(), *id)).collect();
        assert_eq!(outputs, [("a", 2), ("b", 3), ("c", 4)]);
    }

    #[test]
    fn errors_of_all_formulas_come_together_in_order() {
        let errors = compile(
            &[("a", "rnk(clsoe)"), ("b", "close"), ("c", ""), ("d", "a + d + e")],
            FIELDS,
            FUNCTIONS,
        )
        .unwrap_err();
        let found: Vec<_> =
            errors.iter().map(|e| (e.factor, e.start, e.message.as_str())).collect();
        assert_eq!(
            found,
            [
                (0, 0, "unknown function `rnk`"),
                (0, 4, "unknown field `clsoe`"),
                (2, 0, "the formula is empty"),
                (3, 0, "`a` is a factor, not a field"),
                (3, 4, "factor `d` refers to itself"),
                (3, 8, "unknown field `e`"),
            ]
        );
    }

    #[test]
    fn returns_is_derived_unless_it_is_a_field() {
        let derived = compile(&[("f", "returns")], &["close"], FUNCTIONS).unwrap();
        let written = compile(&[("f", "close / delay(close, 1) - 1")], &["close"], FUNCTIONS);
        let texts = |graph: &Graph| graph.nodes.iter().map(|n| n.text.clone()).collect::<Vec<_>>();
        assert_eq!(texts(&derived), texts(&written.unwrap()));
        assert!(!derived.nodes[derived.outputs[0].1].exact);
        let field = compile(&[("f", "returns")], &["close", "returns"], FUNCTIONS).unwrap();
        assert_eq!(texts(&field), ["returns"]);
        assert!(compile(&[("f", "returns")], &["open"], FUNCTIONS).is_err());
    }
}
