//! Factors in records of whole times, through a real pipeline: what a consumer holds is what a
//! backfill says, after corrections, deletions and a restart.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, RecordBatch};
use arrow_ipc::reader::StreamReader;
use serde_json::Value;

use super::bars::{Bar, sp500};
use super::harness::{Job, Output, Running, Settings};
use super::outputs::{Factors, compacted, json};
use crate::broker::{self, Read};

const SYMBOLS: usize = 8;
const DAYS: usize = 24;

/// Rows of factors by key, from a record of one time.
pub(super) type Rows = BTreeMap<String, BTreeMap<String, Option<u64>>>;

fn of_frame(record: &Read) -> Rows {
    let bytes = record.value.as_deref().expect("it is no tombstone");
    let reader = StreamReader::try_new(bytes, None).expect("an Arrow stream");
    let batches: Vec<RecordBatch> = reader.map(|batch| batch.expect("a batch")).collect();
    let mut rows = Rows::new();
    for batch in batches {
        let symbols = batch.column(0).as_string::<i32>();
        for (row, symbol) in symbols.iter().flatten().enumerate() {
            let fields = batch.schema();
            let values = fields.fields().iter().zip(batch.columns()).skip(1);
            let values = values.map(|(field, column)| {
                let column = column.as_primitive::<Float64Type>();
                let value = column.is_valid(row).then(|| column.value(row));
                (field.name().clone(), value.filter(|v| v.is_finite()).map(f64::to_bits))
            });
            rows.insert(format!("{symbol}|{}", record.key_text()), values.collect());
        }
    }
    rows
}

pub(super) fn of_columns(record: &Read) -> Rows {
    let Value::Object(map) = json(record) else { panic!("{record:?} is no object") };
    let mut rows = Rows::new();
    for (place, symbol) in map["symbols"].as_array().into_iter().flatten().enumerate() {
        let factors = map.iter().skip(3);
        let values =
            factors.map(|(name, list)| (name.clone(), list[place].as_f64().map(f64::to_bits)));
        let key = format!("{}|{}", symbol.as_str().expect("a name"), record.key_text());
        rows.insert(key, values.collect());
    }
    rows
}

fn expect(job: &Job<'_>, running: &mut Running, read: fn(&Read) -> Rows, bars: &[Bar]) {
    let expected = job.backfill(bars).factors;
    let since = Instant::now();
    loop {
        running.assert_runs();
        let records = job.read(Output::Factors);
        let found: Factors = compacted(&records).into_values().flat_map(read).collect();
        if found == expected {
            return;
        }
        let waited = since.elapsed() < Duration::from_secs(60);
        assert!(waited, "found {found:?}, expected {expected:?}\n{}", running.log());
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn pipeline_writes_whole_times() {
    let Some(broker) = broker::shared("pipeline_writes_whole_times") else { return };
    let layouts: [(&str, fn(&Read) -> Rows); 2] = [("frame", of_frame), ("columns", of_columns)];
    for (layout, read) in layouts {
        let settings = Settings { layout, partitions: 2, ..Settings::default() };
        let job = Job::new(&broker, layout, &settings);
        let mut bars = sp500(SYMBOLS, DAYS);
        job.produce(&bars);
        let mut running = job.start(&["--workers", "2"]);
        expect(&job, &mut running, read, &bars);
        assert_eq!(job.read(Output::Factors).len(), DAYS, "{layout}: one record per time");

        // One price changes, one row goes.
        let place = (DAYS - 6) * SYMBOLS + 3;
        bars[place] = bars[place].scaled(1.03);
        let producer = job.producer();
        producer.bar(&bars[place]);
        producer.delete(&bars[place + SYMBOLS + 1]);
        producer.finish();
        bars.remove(place + SYMBOLS + 1);
        expect(&job, &mut running, read, &bars);
        running.stop();

        // The restart compares the digest of what it reads again with that of what was committed.
        let mut running = job.start(&[]);
        let last = bars.len() - 2;
        bars[last] = bars[last].scaled(0.98);
        producer.bar(&bars[last]);
        producer.finish();
        expect(&job, &mut running, read, &bars);
        running.stop();
    }
}
