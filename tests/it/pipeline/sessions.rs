//! Sessions in a pipeline: a backfill on any number of workers is what `weir compute` gives, and what a
//! plain walk over the bars gives.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use weir::model::Time;

use super::bars::Dice;
use super::groups::{assert_computed, backfill, cells, path, weir};

const PIPELINE: &str = "
pipeline: sessions
kafka: { brokers: 'nowhere:9092' }
sources:
  bars:
    topic: bars
    key: [symbol, time]
    fields: { open: 'f64?', close: 'f64?' }
    day_begins: 22:00
factors:
";

const FACTORS: [(&str, &str); 3] = [
    ("today", "session_first(open)"),
    ("before", "session_last(close)"),
    ("gap", "today_ / before_ - 1"),
];

/// A bar: symbol, hour since 2024-01-01, open and close.
type Bar = (usize, i64, Option<i64>, Option<i64>);

fn formula(text: &str) -> String {
    text.replace("today_", "session_first(open)").replace("before_", "session_last(close)")
}

fn time(hour: i64) -> Time {
    Time::from_millis((19_723 * 24 + hour) * 3_600_000)
}

/// Hours of ten days; some bars, and some days of a symbol, are not there, and some fields.
fn bars(dice: &mut Dice) -> Vec<Bar> {
    let mut bars = Vec::new();
    let away: Vec<i64> = (0..8).map(|_| dice.below(10) as i64).collect();
    for hour in 0..240 {
        for (symbol, away) in away.iter().enumerate() {
            let there = dice.below(4) > 0 && (hour + 2) / 24 != *away;
            let mut field = || (dice.below(9) > 0).then(|| 10 + dice.below(50) as i64);
            if there {
                bars.push((symbol, hour, field(), field()));
            }
        }
    }
    bars
}

/// The first open of the session and the last close before it, as of a bar.
fn plain(bars: &[Bar], (symbol, hour, ..): Bar) -> [Option<i64>; 2] {
    let day = |hour: i64| (hour + 2) / 24;
    let own = || bars.iter().filter(|bar| bar.0 == symbol && bar.1 <= hour);
    let first = own().filter(|bar| day(bar.1) == day(hour)).find_map(|bar| bar.2);
    let last = own().rev().filter(|bar| day(bar.1) < day(hour)).find_map(|bar| bar.3);
    [first, last]
}

#[test]
fn sessions_of_a_pipeline_are_those_of_compute_and_of_a_walk() {
    let mut dice = Dice::new(Dice::seed("sessions_of_a_pipeline"));
    let folder = tempfile::tempdir().unwrap();
    let [pipeline, file, output] =
        ["p.yaml", "bars.csv", "computed.parquet"].map(|name| folder.path().join(name));
    let bars = bars(&mut dice);
    let mut csv = "symbol,time,open,close\n".to_owned();
    let shown = |value: Option<i64>| value.map_or(String::new(), |value| value.to_string());
    for (symbol, hour, open, close) in &bars {
        writeln!(csv, "S{symbol},{},{},{}", time(*hour), shown(*open), shown(*close)).unwrap();
    }
    fs::write(&file, csv).unwrap();
    let (mut text, mut written) = (PIPELINE.to_owned(), Vec::new());
    for (name, factor) in FACTORS {
        writeln!(text, "  {name}: {}", formula(factor)).unwrap();
        written.extend(["-e".to_owned(), format!("{name} = {}", formula(factor))]);
    }
    fs::write(&pipeline, text).unwrap();

    let common =
        ["compute", "--day-begins", "22:00", "--input", path(&file), "--output", path(&output)];
    let written: Vec<&str> = written.iter().map(String::as_str).collect();
    weir(&[&common[..], &written].concat());
    let computed = cells(&output);
    for workers in ["1", "2"] {
        let found = backfill(&pipeline, &file, workers);
        assert_eq!(found.len(), bars.len());
        assert_computed(&found, &computed);
        let mut gaps: BTreeMap<u64, usize> = BTreeMap::new();
        for bar in &bars {
            let row = &found[&(time(bar.1), format!("S{}", bar.0))];
            let [first, last] = plain(&bars, *bar).map(|v| v.map_or(f64::NAN, |v| v as f64));
            let expected = [first, last, first / last - 1.0];
            for ((name, bits), want) in row.iter().zip(expected) {
                let value = f64::from_bits(*bits);
                assert!(
                    value == want || value.is_nan() && want.is_nan(),
                    "{name} {bar:?}: {value}, {want}"
                );
            }
            *gaps.entry(row[2].1).or_default() += 1;
        }
        assert!(gaps.len() > 20, "{} different gaps", gaps.len());
    }
}
