//! Text fields as groups: a live run and a backfill are what `weir compute` gives, and what a plain
//! recomputation gives, in whatever order texts are met and whatever numbers they get.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Float64Type, TimestampNanosecondType};
use arrow_array::{Array, RecordBatch};
use arrow_schema::DataType;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use weir::model::Time;

use super::bars::{Dice, SECTORS};
use super::layouts::of_columns;
use super::outputs::{Factors, compacted, of_backfill};
use super::producer::Producer;
use super::running::{Running, WEIR};
use crate::broker::{self, eventually};

const DAY: i64 = 86_400_000_000_000;

/// Bits of every factor by time and symbol; all missing values are the same.
pub(super) type Cells = BTreeMap<(Time, String), Vec<(String, u64)>>;

pub(super) fn weir(arguments: &[&str]) {
    let done = Command::new(WEIR).args(arguments).output().expect("the program starts");
    assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
}

pub(super) fn path(path: &Path) -> &str {
    path.to_str().expect("folders for tests have plain names")
}

fn table(file: &Path) -> Vec<RecordBatch> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(file).unwrap()).unwrap();
    reader.build().unwrap().map(Result::unwrap).collect()
}

fn time(column: &dyn Array, row: usize) -> Time {
    Time::from_nanos(match column.data_type() {
        DataType::Date32 => i64::from(column.as_primitive::<Date32Type>().value(row)) * DAY,
        _ => column.as_primitive::<TimestampNanosecondType>().value(row),
    })
}

/// What a file of factors holds: times, symbols, then a column for each.
pub(super) fn cells(file: &Path) -> Cells {
    let mut cells = Cells::new();
    for batch in table(file) {
        let schema = batch.schema();
        let symbols = batch.column(1).as_string::<i32>();
        for row in 0..batch.num_rows() {
            let factors = schema.fields().iter().zip(batch.columns()).skip(2);
            let values = factors.map(|(field, column)| {
                let column = column.as_primitive::<Float64Type>();
                let value = if column.is_null(row) { f64::NAN } else { column.value(row) };
                (field.name().clone(), bits(value))
            });
            let key = (time(batch.column(0).as_ref(), row), symbols.value(row).to_owned());
            cells.insert(key, values.collect());
        }
    }
    cells
}

fn bits(value: f64) -> u64 {
    if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() }
}

/// The factors of a backfill.
pub(super) fn backfill(pipeline: &Path, bars: &Path, workers: &str) -> Cells {
    let output = bars.with_extension(format!("out{workers}"));
    let input = format!("bars={}", path(bars));
    weir(&[
        "backfill",
        path(pipeline),
        "--input",
        &input,
        "--output",
        path(&output),
        "--workers",
        workers,
    ]);
    cells(&output.join("factors.parquet"))
}

/// The rows of a backfill and those of `weir compute`, which has one for every symbol at all times.
pub(super) fn assert_computed(found: &Cells, computed: &Cells) {
    for (key, values) in found {
        assert_eq!(Some(values), computed.get(key), "{key:?}: backfill | compute");
    }
}

const DAYS: usize = 285;
const NUMBERS: [&str; 7] = ["open", "high", "low", "close", "volume", "vwap", "cap"];
const GROUPS: [&str; 3] = ["sector", "industry", "subindustry"];

/// A bar with the groups of its symbol.
#[derive(Clone, Debug)]
struct Real {
    time: Time,
    symbol: String,
    numbers: [f64; 7],
    /// Empty for none.
    groups: [String; 3],
}

impl Real {
    fn json(&self) -> String {
        let Real { time, symbol, .. } = self;
        let mut text = format!(r#"{{"symbol":"{symbol}","time":"{time}""#);
        for (name, value) in NUMBERS.iter().zip(self.numbers) {
            write!(text, r#","{name}":{value}"#).unwrap();
        }
        for (name, group) in GROUPS.iter().zip(&self.groups) {
            write!(text, ",\"{name}\":{group:?}").unwrap();
        }
        text + "}"
    }
}

/// Real bars of four sectors over more days than any alpha looks back: in some the groups are
/// missing, in the second half some are others. Some symbols come later than the first day.
fn real_bars(dice: &mut Dice) -> Vec<Real> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/golden/panel.parquet");
    let mut bars: Vec<Real> = Vec::new();
    for batch in table(&file) {
        let column = |name: &str| batch.column_by_name(name).unwrap();
        let numbers = NUMBERS.map(|name| column(name).as_primitive::<Float64Type>());
        let [symbols, sectors, industries, subindustries] =
            ["symbol", "sector", "industry", "subindustry"].map(|n| column(n).as_string::<i32>());
        for row in 0..batch.num_rows() {
            bars.push(Real {
                time: time(column("date").as_ref(), row),
                symbol: symbols.value(row).to_owned(),
                numbers: numbers.map(|column| column.value(row)),
                groups: [sectors, industries, subindustries].map(|g| g.value(row).to_owned()),
            });
        }
    }
    bars.retain(|bar| "Energy, Utilities, Materials, Consumer Staples".contains(&bar.groups[0]));
    let days: BTreeSet<Time> = bars.iter().map(|bar| bar.time).collect();
    let [first, half, last] = [0, DAYS / 2, DAYS - 1].map(|day| *days.iter().nth(day).unwrap());
    bars.retain(|bar| bar.time <= last);
    bars.sort_by_key(|bar| bar.time);
    let early: BTreeSet<&str> =
        bars.iter().filter(|bar| bar.time == first).map(|bar| bar.symbol.as_str()).collect();
    let all: BTreeSet<&str> = bars.iter().map(|bar| bar.symbol.as_str()).collect();
    assert!(early.len() < all.len() && early.len() > 10, "{} of {}", early.len(), all.len());
    for bar in &mut bars {
        for group in &mut bar.groups {
            match dice.below(40) {
                0 => group.clear(),
                1..10 if bar.time > half => SECTORS[dice.below(3)].clone_into(group),
                _ => {}
            }
        }
    }
    bars
}

fn real_csv(bars: &[Real]) -> String {
    let mut text = format!("symbol,time,{},{}\n", NUMBERS.join(","), GROUPS.join(","));
    for Real { time, symbol, numbers, groups } in bars {
        let (numbers, groups) = (numbers.map(|n| n.to_string()).join(","), groups.join("\",\""));
        writeln!(text, "{symbol},{time},{numbers},\"{groups}\"").unwrap();
    }
    text
}

/// The alphas that use groups or the market capitalisation.
const GROUPED: [usize; 19] =
    [48, 56, 58, 59, 63, 67, 69, 70, 76, 79, 80, 82, 87, 89, 90, 91, 93, 97, 100];

#[test]
fn all_of_alpha101_in_a_pipeline_is_what_compute_gives() {
    let mut dice = Dice::new(Dice::seed("all_of_alpha101_in_a_pipeline_is_what_compute_gives"));
    let folder = tempfile::tempdir().unwrap();
    let bars = folder.path().join("bars.csv");
    fs::write(&bars, real_csv(&real_bars(&mut dice))).unwrap();
    let output = folder.path().join("computed.parquet");
    let compute = |universe: &str| {
        let files = ["--input", path(&bars), "--output", path(&output)];
        let factors = ["alpha101", "-e", "risen = rank(close > open)"];
        weir(&[&["compute", "--universe", universe][..], &factors, &files].concat());
        cells(&output)
    };
    let (computed, of_all) = (compute("seen"), compute("all"));
    let pipeline = folder.path().join("alpha101.yaml");
    let text = fs::read_to_string("pipelines/alpha101.yaml").unwrap();
    fs::write(&pipeline, text + "\nfactors: { risen: rank(close > open) }\n").unwrap();
    for workers in ["1", "2"] {
        let found = backfill(&pipeline, &bars, workers);
        assert!(found.len() > 9_000, "{}", found.len());
        assert_computed(&found, &computed);
        let elsewhere = found.iter().filter(|(key, row)| of_all.get(*key) != Some(*row)).count();
        assert!(elsewhere > 0, "symbols that come later do not show");
        for number in GROUPED {
            let of_number = |row: &Vec<(String, u64)>| row[number - 1].clone();
            let there: BTreeSet<u64> =
                found.values().map(of_number).map(|(_, bits)| bits).collect();
            assert!(there.len() > 1, "alpha{number:03} has {} different values", there.len());
        }
    }
}

#[test]
fn pipeline_runs_all_of_alpha101() {
    let name = "pipeline_runs_all_of_alpha101";
    let Some(broker) = broker::shared(name) else { return };
    let mut dice = Dice::new(Dice::seed(name));
    let folder = tempfile::tempdir().unwrap();
    let (file, csv) = (folder.path().join("alpha101.yaml"), folder.path().join("bars.csv"));
    let input = broker.topic("bars", 2, &[]);
    let outputs = broker.name("out");
    let text = fs::read_to_string("pipelines/alpha101.yaml").unwrap();
    let text = text.replace("topic: market.bars", &format!("topic: {input}"));
    let text = text.replace("market.alpha101", &outputs).replace("localhost:9092", &broker.address);
    let text = text.replace("pipeline: alpha101", &format!("pipeline: {}", broker.name("p")));
    fs::write(&file, text).unwrap();
    let start = |log: &str| Running::start(&file, folder.path().join(log), &["--workers", "2"]);

    // Some bars of the last days come in wrong groups first.
    let right = real_bars(&mut dice);
    let mut first = right.clone();
    let late = right.len() - 500;
    let wrong: Vec<usize> = (late..right.len()).filter(|_| dice.below(8) == 0).collect();
    for place in &wrong {
        first[*place].groups = SECTORS.map(str::to_owned)[1..4].to_vec().try_into().unwrap();
    }
    let producer = Producer::new(&broker, &input, 2);
    let send = |bar: &Real| {
        let (key, value) = (format!("{}|{}", bar.symbol, bar.time), bar.json());
        let partition = producer.partition(&bar.symbol);
        producer.send(partition, Some(key.as_bytes()), Some(value.as_bytes()));
    };
    let expected = |bars: &[Real]| {
        fs::write(&csv, real_csv(bars)).unwrap();
        backfill(&file, &csv, "1");
        of_backfill(&csv.with_extension("out1")).factors
    };
    let holds = |running: &mut Running, expected: &Factors| {
        eventually("the factors are those of a backfill", || {
            running.assert_runs();
            let found = broker.read(&outputs);
            let found: Factors = compacted(&found).into_values().flat_map(of_columns).collect();
            (found == *expected).then_some(())
        });
    };
    first.iter().for_each(&send);
    producer.finish();
    let mut running = start("1.log");
    running.wait_read(right.len());
    let before = expected(&first);
    holds(&mut running, &before);
    running.stop();

    // The restart numbers the texts anew, and must come to the digest of what was committed.
    let mut running = start("2.log");
    running.wait_ready();
    wrong.iter().for_each(|place| send(&right[*place]));
    producer.finish();
    let after = expected(&right);
    assert_ne!(before, after);
    holds(&mut running, &after);
    running.stop();
}

const PIPELINE: &str = "
pipeline: groups
kafka: { brokers: 'nowhere:9092' }
sources:
  bars:
    topic: bars
    key: [symbol, time]
    revision: version
    fields: { close: f64, sector: 'string?', venue: string }
    corrections: 1000 bars
factors:
";

const FACTORS: [(&str, &str); 5] = [
    ("mean", "group_mean(close, sector)"),
    ("lean", "group_neutralize(close, venue)"),
    ("place", "group_rank(close, sector)"),
    ("far", "group_zscore(close, venue)"),
    ("path", "ts_sum(group_neutralize(close, sector), 3)"),
];

/// A version of a row; a later one of the same symbol and day corrects it.
#[derive(Clone, Copy, Debug)]
struct Version {
    symbol: usize,
    day: usize,
    number: usize,
    close: i64,
    sector: &'static str,
    venue: &'static str,
}

fn stream(dice: &mut Dice) -> Vec<Version> {
    let (symbols, days) = (1 + dice.below(12), 1 + dice.below(9));
    let count = 1 + dice.below(3 * symbols * days);
    let version = |number| Version {
        symbol: dice.below(symbols),
        day: dice.below(days),
        number,
        close: dice.below(20) as i64,
        sector: SECTORS[dice.below(SECTORS.len())],
        venue: SECTORS[dice.below(2)],
    };
    (0..count).map(version).collect()
}

fn csv(versions: &[Version]) -> String {
    let mut text = "venue,symbol,time,version,close,sector\n".to_owned();
    for v in versions {
        let (day, sector) = (v.day + 1, v.sector.replace('"', "\"\""));
        let Version { symbol, number, close, venue, .. } = v;
        writeln!(text, "{venue},S{symbol},2020-03-0{day},{number},{close},\"{sector}\"").unwrap();
    }
    text
}

/// The factors of a row that have no rounding to argue about: mean, lean and place.
fn plain(row: &Version, day: &[Version]) -> [f64; 3] {
    let closes = |of: fn(&Version) -> &'static str| -> Vec<f64> {
        let group = day.iter().filter(|other| of(other) == of(row) && !of(row).is_empty());
        group.map(|other| other.close as f64).collect()
    };
    let mean = |closes: &[f64]| closes.iter().sum::<f64>() / closes.len() as f64;
    let (sector, venue) = (closes(|row| row.sector), closes(|row| row.venue));
    let close = row.close as f64;
    if sector.is_empty() {
        return [f64::NAN, close - mean(&venue), f64::NAN];
    }
    let below = sector.iter().filter(|other| **other < close).count() as f64;
    let equal = sector.iter().filter(|other| **other == close).count() as f64;
    [mean(&sector), close - mean(&venue), (below + (equal + 1.0) / 2.0) / sector.len() as f64]
}

fn pipeline(folder: &Path) -> PathBuf {
    let factors: String = FACTORS.map(|(name, text)| format!("  {name}: {text}\n")).concat();
    let file = folder.join("groups.yaml");
    fs::write(&file, PIPELINE.to_owned() + &factors).unwrap();
    file
}

#[test]
fn groups_are_those_of_the_rows_that_hold_in_any_order() {
    let seed = Dice::seed("groups_are_those_of_the_rows_that_hold_in_any_order");
    let folder = tempfile::tempdir().unwrap();
    let (pipeline, bars) = (pipeline(folder.path()), folder.path().join("bars.csv"));
    for round in 0..15 {
        let mut dice = Dice::new(seed.wrapping_add(round));
        let mut versions = stream(&mut dice);
        let newest: BTreeMap<(usize, usize), Version> =
            versions.iter().map(|version| ((version.day, version.symbol), *version)).collect();
        let rows: Vec<Version> = newest.into_values().collect();
        fs::write(&bars, csv(&versions)).unwrap();
        let found = backfill(&pipeline, &bars, "1");
        versions.sort_by_cached_key(|_| dice.next());
        fs::write(&bars, csv(&versions)).unwrap();
        assert_eq!(found, backfill(&pipeline, &bars, "2"), "round {round}: one order | another");

        let output = folder.path().join("computed.parquet");
        let formulas = FACTORS.map(|(name, text)| format!("{name} = {text}"));
        let mut arguments = vec!["compute", "--input", path(&bars), "--output", path(&output)];
        formulas.iter().for_each(|formula| arguments.extend(["-e", formula]));
        fs::write(&bars, csv(&rows)).unwrap();
        weir(&arguments);
        assert_computed(&found, &cells(&output));

        assert_eq!(found.len(), rows.len(), "round {round}");
        for row in &rows {
            let day: Vec<Version> = rows.iter().copied().filter(|r| r.day == row.day).collect();
            let time = Time::parse(&format!("2020-03-0{}", row.day + 1)).unwrap();
            let values = &found[&(time, format!("S{}", row.symbol))];
            let found: Vec<u64> = values.iter().take(3).map(|(_, bits)| *bits).collect();
            assert_eq!(found, plain(row, &day).map(bits), "round {round}: {row:?}");
        }
    }
}
