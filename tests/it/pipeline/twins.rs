//! Random streams of versions through a whole backfill, against a plain recomputation: which rows
//! hold, what is found in them, and factors of whole numbers, which leave no room for rounding.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use weir::dataflow;
use weir::plan::{Plan, load_text};
use weir::runtime::{BackfillOptions, backfill};
use weir::telemetry::{Limits, Metrics};

use super::bars::{Dice, instant};
use super::outputs::{Factors, Outputs, of_backfill};

const PIPELINE: &str = "
pipeline: twins
kafka: { brokers: 'nowhere:9092' }
sources:
  bars:
    topic: bars
    key: [symbol, time]
    revision: version
    fields: { close: f64, volume: f64? }
    corrections: 1000 bars
checks:
  - positive: close
  - not_null: { of: volume, action: flag }
  - return_jump: { above: 0.4, action: flag }
factors:
  gain: close / delay(close, 2) - 1
  top: ts_max(close, 3)
  total: ts_sum(volume, 4)
  place: rank(close)
  lean: demean(volume)
  turn: rank(-delta(close, 1))
outputs: { factors: factors, findings: findings, quarantine: quarantine }
";

/// A version of a row as it comes; missing volumes are none.
#[derive(Clone, Copy, Debug)]
struct Version {
    symbol: usize,
    day: usize,
    revision: i64,
    close: i64,
    volume: Option<i64>,
}

fn day(day: usize) -> String {
    format!("2020-03-{:02}", day + 1)
}

fn stream(dice: &mut Dice) -> Vec<Version> {
    let (symbols, days) = (1 + dice.below(7), 1 + dice.below(20));
    let count = dice.below(2 * symbols * days) + 1;
    let version = |_| Version {
        symbol: dice.below(symbols),
        day: dice.below(days),
        revision: dice.below(4) as i64,
        close: dice.below(12) as i64 * 10 - 5,
        volume: (dice.below(8) > 0).then(|| dice.below(1_000) as i64),
    };
    (0..count).map(version).collect()
}

fn csv(versions: &[Version]) -> String {
    let mut text = "symbol,time,version,close,volume\n".to_owned();
    for v in versions {
        let volume = v.volume.map(|volume| volume.to_string()).unwrap_or_default();
        writeln!(text, "S{},{},{},{},{volume}", v.symbol, day(v.day), v.revision, v.close).unwrap();
    }
    text
}

/// Rows that hold, by day and symbol: close and volume.
type Rows = BTreeMap<(usize, usize), (f64, Option<f64>)>;
type KeptOut = BTreeMap<(usize, usize), bool>;

/// The newest version that passes holds, the newest that fails is kept out if it is newer; given
/// with whether it has a volume.
fn accept(versions: &[Version]) -> (Rows, KeptOut) {
    let mut newest: BTreeMap<(usize, usize), Vec<Version>> = BTreeMap::new();
    for version in versions {
        newest.entry((version.day, version.symbol)).or_default().push(*version);
    }
    let (mut rows, mut kept_out) = (Rows::new(), KeptOut::new());
    for (at, mut versions) in newest {
        versions.sort_by_key(|version| version.revision);
        let passing = versions.iter().rposition(|version| version.close > 0);
        if let Some(passing) = passing {
            let Version { close, volume, .. } = versions[passing];
            rows.insert(at, (close as f64, volume.map(|volume| volume as f64)));
        }
        let failing = versions.iter().rposition(|version| version.close <= 0);
        if let Some(failing) = failing.filter(|failing| Some(*failing) > passing) {
            kept_out.insert(at, versions[failing].volume.is_some());
        }
    }
    (rows, kept_out)
}

/// Average-tie ranks of the values that are there, divided by their number.
fn rank(values: &[Option<f64>]) -> Vec<Option<f64>> {
    let there: Vec<f64> = values.iter().flatten().copied().collect();
    let place = |value: f64| {
        let below = there.iter().filter(|other| **other < value).count() as f64;
        let equal = there.iter().filter(|other| **other == value).count() as f64;
        (below + (equal + 1.0) / 2.0) / there.len() as f64
    };
    values.iter().map(|value| value.map(place)).collect()
}

fn factors(rows: &Rows) -> Factors {
    // The times of the panel are those that have a row.
    let days: Vec<usize> =
        rows.keys().map(|(day, _)| *day).collect::<BTreeSet<_>>().into_iter().collect();
    let symbols: Vec<usize> =
        rows.keys().map(|(_, symbol)| *symbol).collect::<BTreeSet<_>>().into_iter().collect();
    let mut factors = Factors::new();
    for at in 0..days.len() {
        let row = |back: usize, symbol: usize| {
            at.checked_sub(back).and_then(|at| rows.get(&(days[at], symbol)))
        };
        let close = |back, symbol| row(back, symbol).map(|row| row.0);
        let volume = |back, symbol| row(back, symbol).and_then(|row| row.1);
        let closes: Vec<Option<f64>> = symbols.iter().map(|s| close(0, *s)).collect();
        let place = rank(&closes);
        let delta = |s: &usize| Some(-(close(0, *s)? - close(1, *s)?));
        let turn = rank(&symbols.iter().map(delta).collect::<Vec<_>>());
        let volumes: Vec<f64> = symbols.iter().filter_map(|s| volume(0, *s)).collect();
        let mean = volumes.iter().sum::<f64>() / volumes.len() as f64;
        for (n, symbol) in symbols.iter().enumerate() {
            if row(0, *symbol).is_none() {
                continue;
            }
            let window = |n: usize, of: &dyn Fn(usize) -> Option<f64>| {
                (0..n).rev().map(of).collect::<Option<Vec<f64>>>()
            };
            let top = window(3, &|back| close(back, *symbol));
            let total = window(4, &|back| volume(back, *symbol));
            let gain = || Some(close(0, *symbol)? / close(2, *symbol)? - 1.0);
            let values = [
                ("gain", gain()),
                ("top", top.map(|values| values.into_iter().fold(f64::MIN, f64::max))),
                ("total", total.map(|values| values.into_iter().sum())),
                ("place", place[n]),
                ("lean", volume(0, *symbol).map(|volume| volume - mean)),
                ("turn", turn[n]),
            ];
            let values = values.map(|(name, value)| (name.to_owned(), value.map(f64::to_bits)));
            let key = format!("S{symbol}|{}", instant(&day(days[at])));
            factors.insert(key, values.into_iter().collect());
        }
    }
    factors
}

/// Check, symbol and time of everything found.
fn findings(rows: &Rows, kept_out: &KeptOut) -> BTreeSet<String> {
    let key = |check: &str, (at, symbol): (usize, usize)| {
        format!("{check}|S{symbol}|{}", instant(&day(at)))
    };
    let mut found: BTreeSet<String> = kept_out.keys().map(|at| key("positive", *at)).collect();
    let without = kept_out.iter().filter(|(_, has_volume)| !**has_volume);
    found.extend(without.map(|(at, _)| key("not_null", *at)));
    for ((at, symbol), (close, volume)) in rows {
        if volume.is_none() {
            found.insert(key("not_null", (*at, *symbol)));
        }
        let before = rows.iter().rev().find(|((day, of), _)| of == symbol && day < at);
        if before.is_some_and(|(_, (before, _))| (close / before - 1.0).abs() > 0.4) {
            found.insert(key("return_jump", (*at, *symbol)));
        }
    }
    found
}

fn run(plan: &Arc<Plan>, folder: &Path, workers: usize) -> Outputs {
    let output = folder.join(format!("out{workers}"));
    let input = vec![folder.join("bars.csv")];
    let metrics = Metrics::new("twins", Limits::default()).expect("there are no limits");
    let options = BackfillOptions { input, output: output.clone(), workers };
    backfill(plan, &options, Arc::new(metrics), Box::new(|_, _| {})).expect("it runs");
    of_backfill(&output)
}

#[test]
fn a_backfill_equals_a_plain_recomputation() {
    let seed = Dice::seed("a_backfill_equals_a_plain_recomputation");
    let folder = tempfile::tempdir().expect("a folder can be made");
    let variables = |_: &str| None;
    let plan = load_text("twins", PIPELINE, folder.path(), &variables, &dataflow::catalog());
    let plan = Arc::new(plan.unwrap_or_else(|errors| panic!("{errors:?}")));
    for round in 0..40 {
        let versions = stream(&mut Dice::new(seed.wrapping_add(round)));
        std::fs::write(folder.path().join("bars.csv"), csv(&versions)).expect("it can be written");
        let (rows, kept_out) = accept(&versions);
        let found = run(&plan, folder.path(), 1);
        for workers in [2, 4] {
            let spread = run(&plan, folder.path(), workers);
            assert_eq!(found, spread, "round {round}: one worker | {workers}");
        }
        let expected = Outputs { factors: factors(&rows), ..found.clone() };
        assert!(found == expected, "round {round}\n{}", found.difference(&expected));
        let keys: BTreeSet<String> = found.findings.into_keys().collect();
        assert_eq!(keys, findings(&rows, &kept_out), "round {round}");
        let places: BTreeSet<String> = found.quarantine.into_keys().collect();
        let key = |(at, symbol): &(usize, usize)| format!("S{symbol}|{}", instant(&day(*at)));
        assert_eq!(places, kept_out.keys().map(key).collect(), "round {round}");
    }
}
