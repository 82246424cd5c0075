//! All operators and all shipped formulas in one graph.

use weir::dataflow::factors::functions;
use weir::formula::{FieldKind, Graph, Parameter, Signature};
use weir::plan::{FactorSet, compile_factors, shipped};

/// Fields of the bars: numbers, then groups.
pub(super) const NUMBERS: [&str; 13] = [
    "open",
    "high",
    "low",
    "close",
    "volume",
    "amount",
    "vwap",
    "cap",
    "index_open",
    "index_close",
    "mkt",
    "smb",
    "hml",
];
pub(super) const GROUPS: [&str; 3] = ["sector", "industry", "subindustry"];
pub(super) const FIELDS: usize = NUMBERS.len() + GROUPS.len();

/// A window longer than those that kernels add up directly.
const LONG: u32 = 70;

/// When sessions begin, in minutes: among the bars that come in disorder.
const DAY_BEGINS: u16 = 9 * 60 + 10;

/// The rules under which operators are tried: a name, how they are written, whether only operators
/// that compare values are of interest.
const RULES: [(&str, &str, bool); 3] = [
    ("full", "profile: worldquant", false),
    ("some", "profile: qlib", false),
    ("raw", "profile: worldquant\nrules: { ties: raw }", true),
];

/// A call of an operator, with windows longer than the least by `more` and arguments that carry
/// rounding error, or do not.
fn call(function: &Signature, more: u32, rough: bool) -> String {
    let series = if rough {
        ["close / open", "high - low", "volume / close"]
    } else {
        ["close", "volume", "open"]
    };
    let mut args = Vec::new();
    for (at, parameter) in function.parameters.iter().enumerate() {
        match parameter {
            Parameter::Series(_) => args.push(format!("({})", series[at % series.len()])),
            Parameter::Rest(_) => args.extend(["mkt", "smb * hml"].map(str::to_owned)),
            Parameter::Window(_, least) => args.push((least + more).to_string()),
            Parameter::Constant(_) => args.push("1".to_owned()),
            Parameter::Fraction(_) => args.push("0.3".to_owned()),
            Parameter::Group(_) => args.push("industry".to_owned()),
        }
    }
    let is_word = function.name.starts_with(|c: char| c.is_ascii_alphabetic());
    match args.as_slice() {
        [one] if function.name == "neg" => format!("-{one}"),
        [one, other] if !is_word => format!("{one} {} {other}", function.name),
        _ => format!("{}({})", function.name, args.join(", ")),
    }
}

/// Every operator under all rules, in sets of their own.
fn operators() -> Vec<FactorSet> {
    let set = |(name, rules, comparing): (&str, &str, bool)| {
        let mut text = format!("factor_set: {name}\n{rules}\nformulas:\n");
        let all = functions().iter().enumerate();
        for (number, function) in all.filter(|(_, function)| function.compares || !comparing) {
            let windows = function.parameters.iter().any(|p| matches!(p, Parameter::Window(..)));
            let longer: &[u32] = if windows { &[0, 4, LONG] } else { &[0] };
            for (at, more) in longer.iter().enumerate() {
                for rough in [false, true] {
                    let formula = call(function, *more, rough);
                    text.push_str(&format!(
                        "  {name}_{number}_{at}_{}: '{formula}'\n",
                        u8::from(rough)
                    ));
                }
            }
        }
        let set = FactorSet::read(name, &text);
        let mut set = set.unwrap_or_else(|all| panic!("{all:?}\n{text}"));
        set.rules.mode.day_begins = DAY_BEGINS;
        set
    };
    RULES.map(set).into()
}

/// The graph of some sets over the fields of the bars.
pub(super) fn graph(sets: &[FactorSet]) -> Graph {
    let numbers = NUMBERS.map(|name| (name, FieldKind::Number));
    let groups = GROUPS.map(|name| (name, FieldKind::Group));
    let fields: Vec<_> = numbers.into_iter().chain(groups).collect();
    compile_factors(sets, &fields, functions()).unwrap_or_else(|all| {
        panic!("{}", all.iter().map(|d| format!("{d}\n")).collect::<String>())
    })
}

/// All operators and all formulas of all shipped sets.
pub(super) fn everything() -> Graph {
    let own = shipped().map(|name| FactorSet::load(name).unwrap());
    let graph = graph(&own.chain(operators()).collect::<Vec<_>>());
    for function in functions() {
        let used = graph.nodes.iter().any(|node| {
            matches!(&node.kind, weir::formula::NodeKind::Call { function: used, .. }
                if used.name == function.name)
        });
        assert!(used, "no formula calls {}", function.name);
    }
    graph
}
