//! What a pipeline put out, in a form that a live run and a backfill share.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, TimestampNanosecondType};
use arrow_array::{Array, RecordBatch};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use weir::model::Time;

use crate::broker::Read;

/// Bits of every factor by row; none for a missing or infinite value, which JSON cannot tell apart.
pub(super) type Factors = BTreeMap<String, BTreeMap<String, Option<u64>>>;

/// What holds at the end of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Outputs {
    pub(super) factors: Factors,
    /// Key and detail of each finding.
    pub(super) findings: BTreeMap<String, String>,
    /// Key of each quarantined row and why it is there.
    pub(super) quarantine: BTreeMap<String, String>,
}

impl Outputs {
    /// The first differences, for people.
    pub(super) fn difference(&self, other: &Outputs) -> String {
        let mut lines = different(&self.factors, &other.factors);
        lines.extend(different(&self.findings, &other.findings));
        lines.extend(different(&self.quarantine, &other.quarantine));
        let more = lines.len().saturating_sub(20);
        lines.truncate(20);
        format!("{}\nand {more} more", lines.join("\n"))
    }

    /// Keys of rows of factors that are not the same in both.
    pub(super) fn changed_factors(&self, other: &Outputs) -> BTreeSet<String> {
        let keys = self.factors.keys().chain(other.factors.keys());
        keys.filter(|key| self.factors.get(*key) != other.factors.get(*key)).cloned().collect()
    }
}

fn different<V: PartialEq + std::fmt::Debug>(
    one: &BTreeMap<String, V>,
    other: &BTreeMap<String, V>,
) -> Vec<String> {
    let keys: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    keys.into_iter()
        .filter(|key| one.get(*key) != other.get(*key))
        .map(|key| format!("{key}: {:?} | {:?}", one.get(key), other.get(key)))
        .collect()
}

/// The last value of each key, those that are gone left out.
pub(super) fn compacted(records: &[Read]) -> BTreeMap<String, &Read> {
    let mut last = BTreeMap::new();
    for record in records {
        match &record.value {
            Some(_) => last.insert(record.key_text(), record),
            None => last.remove(&record.key_text()),
        };
    }
    last
}

pub(super) fn json(record: &Read) -> Value {
    serde_json::from_slice(record.value.as_deref().unwrap()).unwrap()
}

pub(super) fn header(record: &Read, name: &str) -> String {
    let found = record.headers.iter().find(|(header, _)| header == name);
    found.map(|(_, value)| String::from_utf8(value.clone()).unwrap()).unwrap_or_default()
}

/// The factors of a row of a live run.
pub(super) fn factors_of(record: &Read) -> BTreeMap<String, Option<u64>> {
    let Value::Object(map) = json(record) else { panic!("{record:?} is no object") };
    let factors = map.into_iter().skip(3);
    factors.map(|(name, value)| (name, value.as_f64().map(f64::to_bits))).collect()
}

/// The factors of all frames of a live run.
pub(super) fn of_frames(records: &[Read]) -> Factors {
    let mut factors = Factors::new();
    for (time, record) in compacted(records) {
        let value = record.value.as_deref().unwrap();
        for batch in arrow_ipc::reader::StreamReader::try_new(value, None).unwrap() {
            let batch = batch.unwrap();
            assert_eq!(batch.schema().metadata()["time"], time);
            let symbols = texts(&batch, "symbol");
            for (row, symbol) in symbols.iter().enumerate() {
                factors.insert(format!("{symbol}|{time}"), numbers(&batch, row, 1));
            }
        }
    }
    factors
}

/// The numbers of a row, from column `first` on.
fn numbers(batch: &RecordBatch, row: usize, first: usize) -> BTreeMap<String, Option<u64>> {
    let schema = batch.schema();
    let columns = schema.fields().iter().zip(batch.columns()).skip(first);
    let number = |column: &dyn Array| {
        let column = column.as_primitive::<Float64Type>();
        column.is_valid(row).then(|| column.value(row)).filter(|value| value.is_finite())
    };
    columns.map(|(field, c)| (field.name().clone(), number(c).map(f64::to_bits))).collect()
}

pub(super) fn revision(record: &Read) -> u64 {
    json(record)["revision"].as_u64().unwrap()
}

/// Every version of a key is written once, and they grow.
pub(super) fn assert_nothing_twice(records: &[Read]) {
    let mut newest: BTreeMap<String, u64> = BTreeMap::new();
    for record in records.iter().filter(|record| record.value.is_some()) {
        let (key, revision) = (record.key_text(), revision(record));
        let older = newest.insert(key.clone(), revision);
        assert!(older.is_none_or(|older| older < revision), "{key}: {older:?} then {revision}");
    }
}

/// Reads what a backfill wrote.
pub(super) fn of_backfill(folder: &Path) -> Outputs {
    let mut outputs = Outputs::default();
    for batch in table(&folder.join("factors.parquet")) {
        let (times, symbols) = (times(&batch), texts(&batch, "symbol"));
        for row in 0..batch.num_rows() {
            let values = numbers(&batch, row, 2);
            outputs.factors.insert(format!("{}|{}", symbols[row], times[row]), values);
        }
    }
    for batch in table(&folder.join("findings.parquet")) {
        let (times, symbols) = (times(&batch), texts(&batch, "symbol"));
        let (checks, details) = (texts(&batch, "check"), texts(&batch, "detail"));
        for row in 0..batch.num_rows() {
            let key = format!("{}|{}|{}", checks[row], symbols[row], times[row]);
            outputs.findings.insert(key, details[row].clone());
        }
    }
    for batch in table(&folder.join("quarantine.parquet")) {
        let (times, symbols) = (times(&batch), texts(&batch, "symbol"));
        let reasons = texts(&batch, "reason");
        for row in 0..batch.num_rows() {
            let key = format!("{}|{}", symbols[row], times[row]);
            outputs.quarantine.insert(key, reasons[row].clone());
        }
    }
    outputs
}

fn table(path: &Path) -> Vec<RecordBatch> {
    let file = std::fs::File::open(path).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    reader.map(Result::unwrap).collect()
}

fn times(batch: &RecordBatch) -> Vec<String> {
    let column = batch.column_by_name("time").unwrap().as_primitive::<TimestampNanosecondType>();
    column.values().iter().map(|nanos| Time::from_nanos(*nanos).to_string()).collect()
}

fn texts(batch: &RecordBatch, name: &str) -> Vec<String> {
    let column = batch.column_by_name(name).unwrap().as_string::<i32>();
    column.iter().map(|text| text.unwrap_or_default().to_owned()).collect()
}
