//! What holds for every member of the slices that CONTRIBUTING.md names, whatever it does. A new
//! member is tested here without a line being added.

use std::collections::BTreeMap;
use std::path::Path;

use weir::dataflow::catalog;
use weir::dataflow::factors::{Emit, Panel};
use weir::dataflow::sinks::encode::{self, FactorsContext, FactorsEncoder};
use weir::formula::{Parameter, compile};
use weir::model::{Digest, FactorBatch, RowBatch, SymbolId, Symbols, Time};
use weir::plan::{self, Layout, Plan, Rule, SeriesRow};

/// xorshift: the same numbers in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % end
    }
}

fn complain(title: &str, faults: &[String]) {
    assert!(faults.is_empty(), "{title}\n{}", faults.join("\n"));
}

#[test]
fn members_have_names_and_sentences_of_their_own() {
    let catalog = catalog();
    let checks = catalog.checks.iter().map(|check| ("check", check.name(), check.summary()));
    let conditions = catalog.conditions.iter().map(|one| ("condition", one.name(), one.summary()));
    let layouts = catalog.layouts.iter().map(|layout| ("layout", layout.name, layout.summary));
    let functions = catalog.functions.iter().map(|one| ("function", one.name, one.summary));
    let mut faults = Vec::new();
    let mut names: Vec<(&str, &str)> = Vec::new();
    for (kind, name, summary) in checks.chain(conditions).chain(layouts).chain(functions) {
        let is_word =
            name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if kind != "function" && !is_word {
            faults.push(format!("{kind} `{name}`: names have small letters, digits and `_`"));
        }
        if summary.is_empty() || summary.ends_with('.') || summary.contains('\n') {
            faults
                .push(format!("{kind} `{name}`: not one sentence without a full stop: {summary}"));
        }
        if names.contains(&(kind, name)) {
            faults.push(format!("{kind} `{name}` is there twice"));
        }
        names.push((kind, name));
    }
    complain("members:", &faults);
}

/// Numbers that break careless arithmetic.
const ODD: [f64; 12] = [
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::MAX,
    f64::MIN,
    f64::MIN_POSITIVE,
    5e-324,
    -5e-324,
    0.0,
    -0.0,
    1.0,
    -1.0,
];

const FIELDS: [&str; 5] = ["open", "high", "low", "close", "volume"];

/// A pipeline of daily bars and what `more` says.
fn pipeline(more: &str) -> Plan {
    let text = format!(
        "pipeline: daily\nkafka: {{ brokers: 'localhost:9092' }}\nsources:\n  bars:\n    \
         topic: bars\n    key: [symbol, time]\n    fields: {{ open: f64, high: f64, low: f64, \
         close: f64, volume: f64? }}\n{more}"
    );
    plan::load_text("p.yaml", &text, Path::new("."), &|_| None, &catalog()).unwrap_or_else(|all| {
        panic!("{}", all.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    })
}

fn rows(values: &[[f64; 5]]) -> RowBatch {
    let mut rows = RowBatch::new(0, FIELDS.len());
    for (row, values) in (0..).zip(values) {
        rows.offsets.push(row);
        rows.arrivals_ms.push(0);
        rows.revisions.push(0);
        rows.symbols.push(SymbolId(0));
        rows.times.push(Time::from_millis((row % 7 - 3) * DAY_MS));
        rows.deleted.push(false);
        rows.violations.push(0);
        for (column, value) in rows.columns.iter_mut().zip(values) {
            column.push(*value);
        }
    }
    rows
}

#[test]
fn examples_of_checks_load_and_stand_any_numbers() {
    let mut values = Vec::new();
    for one in ODD {
        for other in ODD {
            values.extend((0..5).map(|at| {
                let mut row = [one; 5];
                row[at..].fill(other);
                row
            }));
        }
    }
    let all = rows(&values);
    for member in catalog().checks {
        let plan = pipeline(&format!("checks:\n  - {}\n", member.example()));
        assert!(member.example().starts_with(member.name()), "{}", member.example());
        match &plan.checks[0].rule {
            Rule::Row(rule) => {
                let mut found = Vec::new();
                rule.test(&all, &mut |row, detail| found.push((row, detail)));
                let mut again = Vec::new();
                for row in 0..all.len() {
                    let mut one = RowBatch::new(0, FIELDS.len());
                    one.push_row(&all, row);
                    rule.test(&one, &mut |_, detail| again.push((row, detail)));
                }
                // Fields are looked at one after the other, so that only the order differs.
                found.sort();
                again.sort();
                assert_eq!(found, again, "{}: a row alone gives another result", member.name());
                let bad = found.iter().find(|(_, text)| text.is_empty() || text.contains('\n'));
                assert_eq!(bad, None, "{}", member.name());
            }
            Rule::Series(rule) => {
                for (before, now) in values.iter().zip(values.iter().rev()) {
                    let row = |fields, ms| SeriesRow { time: Time::from_millis(ms), fields };
                    let text = rule.test(row(before, 0), row(now, DAY_MS));
                    assert!(text.is_none_or(|text| !text.is_empty()), "{}", member.name());
                }
            }
        }
    }
}

#[test]
fn examples_of_conditions_load() {
    for member in catalog().conditions {
        let when = member.example();
        assert!(when.starts_with(&format!("{}(", member.name())), "{when}");
        let plan =
            pipeline(&format!("checks: [ohlc_order]\nalerts: [{{ name: one, when: '{when}' }}]\n"));
        assert!(plan.alerts[0].condition.window_ms() >= 0, "{when}");
    }
}

#[test]
fn functions_compile_as_their_signature_says_and_the_panel_runs_them() {
    let catalog = catalog();
    for function in catalog.functions.iter().filter(|one| one.name.starts_with(char::is_alphabetic))
    {
        let argument = |parameter: &Parameter| match parameter {
            Parameter::Series(_) | Parameter::Rest(_) | Parameter::Group(_) => "close".to_owned(),
            Parameter::Window(_, least) => (least + 1).to_string(),
            Parameter::Constant(_) | Parameter::Fraction(_) => "0.5".to_owned(),
        };
        let arguments: Vec<_> = function.parameters.iter().map(argument).collect();
        // The minus sign has a name that no formula uses.
        let formula = match function.name {
            "neg" => "-close".to_owned(),
            name => format!("{name}({})", arguments.join(", ")),
        };
        let graph = compile(&[("f", &formula)], &FIELDS, catalog.functions)
            .unwrap_or_else(|errors| panic!("{formula}: {errors:?}"));
        let mut panel = Panel::new(&graph, FIELDS.len(), 1, Emit::Cells)
            .unwrap_or_else(|error| panic!("{formula}: {error}"));
        for (day, value) in (0..).zip(ODD) {
            for symbol in 0..3 {
                let row = [value * f64::from(symbol); 5];
                panel.set(SymbolId(symbol), Time::from_millis(day * DAY_MS), Some(&row)).unwrap();
            }
        }
        let mut out = Vec::new();
        while panel.work(Time::MAX, true, 100, &mut out) {}
        assert_eq!(out.len(), ODD.len(), "{formula}");
    }
}

/// Rows of two factors by time and symbol, as bits.
type Truth = BTreeMap<(i64, u32), [u64; 2]>;

const DAY_MS: i64 = 86_400_000;

/// A table that changes at random, row by row: what it was at first and after each step.
fn steps(random: &mut Random) -> Vec<Truth> {
    let values = [0.0, -0.0, 1.5, -2e300, 5e-324, f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
    let mut truth = Truth::new();
    let mut steps = vec![truth.clone()];
    for _ in 0..60 {
        for _ in 0..random.below(4) {
            let key = (random.below(3) as i64 * DAY_MS, random.below(4) as u32);
            if random.below(3) == 0 {
                truth.remove(&key);
            } else {
                let mut value = || values[random.below(values.len() as u64) as usize].to_bits();
                truth.insert(key, [value(), value()]);
            }
        }
        steps.push(truth.clone());
    }
    steps
}

/// What an epoch that leads from one table to the other gives to an encoder.
fn changes(layout: &Layout, before: &Truth, after: &Truth) -> Vec<FactorBatch> {
    let mut batches = Vec::new();
    for time in (0..3).map(|day| day * DAY_MS) {
        let rows = |table: &Truth| -> Truth {
            table.range((time, 0)..(time, u32::MAX)).map(|(key, bits)| (*key, *bits)).collect()
        };
        let (before, after) = (rows(before), rows(after));
        if before == after {
            continue;
        }
        for (table, other, diff) in [(&before, &after, -1), (&after, &before, 1)] {
            let touched = |row: &(&(i64, u32), &[u64; 2])| {
                layout.whole_times || other.get(row.0) != Some(row.1)
            };
            let rows: Vec<_> = table.iter().filter(touched).collect();
            let column = |f: usize| rows.iter().map(|(_, bits)| f64::from_bits(bits[f])).collect();
            if !rows.is_empty() {
                batches.push(FactorBatch {
                    time: Time::from_millis(time),
                    symbols: rows.iter().map(|((_, symbol), _)| SymbolId(*symbol)).collect(),
                    columns: vec![column(0), column(1)],
                    diff,
                });
            }
        }
    }
    batches
}

fn encoder(layout: &Layout) -> FactorsEncoder {
    let symbols = Symbols::default();
    for name in ["B", "A", "D\"", "C"] {
        symbols.intern(name);
    }
    let factors = ["a".to_owned(), "b".to_owned()];
    let context = FactorsContext { pipeline: "p", factors: &factors, symbols: &symbols };
    encode::factors(layout, &context).unwrap()
}

/// What a consumer of the compacted topic holds in the end, and the digest.
fn consume(layout: &Layout, epochs: &[&Truth]) -> (BTreeMap<Vec<u8>, Vec<u8>>, Digest) {
    let mut encoder = encoder(layout);
    let (mut topic, mut digest) = (BTreeMap::new(), Digest::default());
    for pair in epochs.windows(2) {
        let emit = &mut |record: weir::model::Record| {
            digest += record.digest;
            let key = record.key.expect("records of factors have keys");
            match record.value {
                Some(value) => drop(topic.insert(key, value)),
                None => assert!(topic.remove(&key).is_some(), "a tombstone for nothing"),
            }
        };
        encoder.encode(&changes(layout, pair[0], pair[1]), 7, emit).unwrap();
    }
    (topic, digest)
}

#[test]
fn layouts_say_the_same_however_the_epochs_fall() {
    for seed in 1..=20 {
        let steps = steps(&mut Random(seed));
        let end = &steps[steps.len() - 1];
        let mut digests = Vec::new();
        for layout in catalog().layouts {
            let what = format!("layout {}, seed {seed}", layout.name);
            let (expected, digest) = consume(layout, &[&Truth::new(), end]);
            digests.push(digest);
            if layout.whole_times {
                let mut times: Vec<i64> = end.keys().map(|(time, _)| *time).collect();
                times.dedup();
                assert_eq!(expected.len(), times.len(), "{what}: one record per time");
            }
            for size in [1, 7, 60] {
                let mut epochs: Vec<&Truth> = steps.iter().step_by(size).collect();
                epochs.push(end);
                let (topic, sum) = consume(layout, &epochs);
                assert!(topic == expected, "{what}: other records with {size} steps an epoch");
                assert_eq!(sum, digest, "{what}, {size} steps an epoch");
                let mut replayed = Digest::default();
                let mut encoder = encoder(layout);
                for pair in epochs.windows(2) {
                    replayed += encoder.replay(&changes(layout, pair[0], pair[1])).unwrap();
                }
                assert_eq!(replayed, digest, "{what}: replay, {size} steps an epoch");
            }
        }
        assert_ne!(digests[0], Digest::default(), "seed {seed} ends with nothing");
        assert!(digests.iter().all(|digest| *digest == digests[0]), "seed {seed}: {digests:?}");
    }
}

#[test]
fn layouts_are_silent_where_nothing_changed() {
    for layout in catalog().layouts {
        let row = |diff| FactorBatch {
            time: Time::from_millis(0),
            symbols: vec![SymbolId(0)],
            columns: vec![vec![f64::NAN].into(), vec![1.0].into()],
            diff,
        };
        let mut records = 0;
        encoder(layout).encode(&[row(-1), row(1)], 7, &mut |_| records += 1).unwrap();
        assert_eq!(records, 0, "{}", layout.name);
    }
}
