//! Whatever is given to the compiler, the outcome is a graph or errors with places: nothing
//! crashes, nothing grows without a limit.

use proptest::prelude::*;

use super::fixture::{FIELDS, FUNCTIONS};
use super::{
    FieldKind, FormulaError, FormulaSet, Graph, MAX_LENGTH, MAX_NODES, NodeKind, compile_sets,
};

fn compiled(sets: &[FormulaSet<'_>]) -> Result<Graph, Vec<FormulaError>> {
    let numbers = FIELDS.iter().map(|name| (*name, FieldKind::Number));
    let fields: Vec<_> = numbers.chain([("sector", FieldKind::Group)]).collect();
    compile_sets(sets, &fields, FUNCTIONS)
}

fn pairs(all: &[(String, String)]) -> Vec<(&str, &str)> {
    all.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect()
}

/// A set whose sub-formula number i is `text(i)`, by the name `d` and its number, and whose only
/// formula is the last of them.
fn chain(levels: usize, text: impl Fn(usize) -> String) -> Result<Graph, Vec<FormulaError>> {
    let mut lets = vec![("d0".to_owned(), "close".to_owned())];
    lets.extend((1..=levels).map(|at| (format!("d{at}"), text(at))));
    let last = format!("d{levels}");
    let formulas = vec![("f", last.as_str())];
    compiled(&[FormulaSet { lets: pairs(&lets), formulas, ..FormulaSet::default() }])
}

/// What must hold of any outcome.
fn sane(sets: &[FormulaSet<'_>]) {
    let texts: Vec<&str> =
        sets.iter().flat_map(|s| s.lets.iter().chain(&s.formulas)).map(|(_, text)| *text).collect();
    match compiled(sets) {
        Ok(graph) => {
            assert!(graph.nodes.len() <= MAX_NODES);
            let mut used = vec![false; graph.nodes.len()];
            graph.outputs.iter().for_each(|(_, root)| used[*root] = true);
            for (id, node) in graph.nodes.iter().enumerate().rev() {
                assert!(used[id], "{} is of no use", node.text);
                if let NodeKind::Call { args, .. } = &node.kind {
                    args.iter().for_each(|arg| used[*arg] = true);
                    assert!(args.iter().all(|arg| *arg < id));
                }
            }
            let mut names: Vec<_> = graph.nodes.iter().map(|node| &node.text).collect();
            names.sort();
            names.dedup();
            assert_eq!(names.len(), graph.nodes.len());
        }
        Err(errors) => {
            assert!(!errors.is_empty());
            for error in errors {
                let text = texts[error.factor];
                assert!(error.start <= error.end && error.end <= text.len());
                assert!(error.underline(text).contains('^'));
            }
        }
    }
}

#[test]
fn sub_formulas_that_are_used_twice_stay_one_node_each() {
    let doubled = |at: usize| format!("ts_mean(d{} + d{}, 2)", at - 1, at - 1);
    let graph = chain(60, doubled).unwrap();
    // The field, and a sum and a mean per level.
    assert_eq!(graph.nodes.len(), 1 + 2 * 60);
    assert_eq!(graph.look_back(), 60);
    let longest = graph.nodes.iter().map(|node| node.text.len()).max();
    assert!(longest <= Some(MAX_LENGTH), "{longest:?}");
    let texts = |graph: &Graph| graph.nodes.iter().map(|n| n.text.clone()).collect::<Vec<_>>();
    assert_eq!(texts(&graph), texts(&chain(60, doubled).unwrap()));
    // What is hashed and not written out is still told apart.
    let other = chain(60, |at| match at {
        1 => "ts_mean(d0 + open, 2)".to_owned(),
        at => doubled(at),
    });
    let other = other.unwrap();
    assert_eq!(other.nodes.len(), 2 + 2 * 60);
    assert_ne!(graph.nodes.last().unwrap().text, other.nodes.last().unwrap().text);
}

#[test]
fn a_wrong_sub_formula_is_one_error_however_often_it_is_used() {
    let set = FormulaSet {
        lets: vec![("d", "clsoe"), ("e", "d / 2")],
        formulas: vec![("f", "rank(-d) < e"), ("g", "clsoe")],
        ..FormulaSet::default()
    };
    let places: Vec<_> = compiled(&[set]).unwrap_err().iter().map(|error| error.factor).collect();
    assert_eq!(places, [0, 3]);
}

#[test]
fn endless_chains_meet_a_limit() {
    let errors = chain(20_000, |at| format!("d{} * 0.5", at - 1)).unwrap_err();
    assert!(errors[0].message.contains("too large"), "{errors:?}");
    let lets: Vec<_> =
        (0..=MAX_NODES).map(|at| (format!("d{at}"), format!("close + {at}"))).collect();
    let errors = compiled(&[FormulaSet { lets: pairs(&lets), ..FormulaSet::default() }]);
    assert!(errors.unwrap_err()[0].message.contains("too large"));
}

#[test]
fn thousands_of_formulas_share_what_is_equal() {
    let formulas: Vec<_> = (1..=5_000)
        .map(|n| (format!("f{n}"), format!("ts_mean(close, {n}) / ts_mean(close, {})", n % 7 + 1)))
        .collect();
    let set = FormulaSet { formulas: pairs(&formulas), ..FormulaSet::default() };
    let graph = compiled(&[set]).unwrap();
    assert_eq!(graph.outputs.len(), 5_000);
    assert_eq!(graph.nodes.len(), 1 + 5_000 + 5_000);
}

#[test]
fn a_million_characters_are_refused() {
    for text in ["(", ")", "close+", "-", "rank(", "1", "x", "$", "收", "\n", "close ", "f(,"] {
        let text = text.repeat(1_000_000 / text.len());
        let errors = compiled(&[FormulaSet { formulas: vec![("f", &text)], ..Default::default() }]);
        assert_eq!(errors.unwrap_err().len(), 1);
        assert!(super::names(&text).0.is_empty());
    }
}

#[test]
fn windows_have_an_end_however_they_are_written() {
    for window in ["1000000000", "1e300", "n * n", "10 * n", "-n", "n - n", "n / 0", "0 / 0", "d"] {
        for function in ["ts_mean(close, W)", "delay(close, W)", "ts_quantile(close, W, 0.5)"] {
            let text = function.replace('W', window);
            let set = FormulaSet {
                parameters: vec![("n", 1_000_000.0)],
                lets: vec![("d", "n + n")],
                formulas: vec![("f", &text)],
                ..FormulaSet::default()
            };
            let errors = compiled(&[set]).unwrap_err();
            assert!(errors[0].message.starts_with("window `n`"), "{text}: {errors:?}");
        }
    }
}

fn token() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "close", "volume", "sector", "rank", "ts_mean", "ts_corr", "delay", "if", "nan", "returns",
        "adv", "n", "k", "d0", "d1", "d2", "f0", "(", "(", ")", ")", ",", "+", "-", "*", "/", "<",
        "==", "1", "2.5", "1e-3", "0", " ",
    ])
}

fn soup() -> impl Strategy<Value = String> {
    prop::collection::vec(token(), 0..24).prop_map(|tokens| tokens.concat())
}

/// Formulas of which many compile, with names of the set.
fn expression() -> impl Strategy<Value = String> {
    let leaf =
        prop::sample::select(vec!["close", "n", "k", "d0", "d1", "d2", "2", "nan", "sector"]);
    leaf.prop_map(str::to_owned).prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} + {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} < {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("ts_mean({a}, {b})")),
            inner.prop_map(|a| format!("rank(-{a})")),
        ]
    })
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![soup(), expression()]
}

proptest! {
    #[test]
    fn any_sets(
        values in prop::collection::vec(prop_oneof![-3.0..30.0_f64, any::<f64>()], 2..3),
        lets in prop::collection::vec(text(), 0..4),
        formulas in prop::collection::vec(text(), 0..4),
        more in prop::collection::vec(expression(), 0..3),
    ) {
        let named = |letter: &str, texts: Vec<String>| -> Vec<(String, String)> {
            texts.into_iter().enumerate().map(|(at, t)| (format!("{letter}{at}"), t)).collect()
        };
        let (lets, formulas, more) = (named("d", lets), named("f", formulas), named("g", more));
        let parameters = vec![("n", values[0]), ("k", values[1])];
        sane(&[
            FormulaSet {
                parameters,
                lets: pairs(&lets),
                formulas: pairs(&formulas),
                ..FormulaSet::default()
            },
            FormulaSet { formulas: pairs(&more), ..FormulaSet::default() },
        ]);
    }
}
