//! The shipped factor sets on real bars against values that another program computed in extended
//! precision: every cell of every formula.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, TimestampNanosecondType};
use arrow_array::{Array, RecordBatch};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use weir::dataflow::factors::{Emit, Panel, functions};
use weir::formula::FieldKind;
use weir::model::{RowBatch, SymbolId, Symbols, Time};
use weir::plan::{FactorSet, compile_factors};

/// The folder of the values; another one of the same form can be given.
fn folder() -> PathBuf {
    std::env::var_os("WEIR_GOLDEN").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/golden"),
        PathBuf::from,
    )
}

/// All of a Parquet file.
pub(crate) fn read_table(path: &Path) -> Vec<RecordBatch> {
    let file = File::open(path).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    reader.build().unwrap().map(Result::unwrap).collect()
}

/// A column of text.
pub(crate) fn texts(batch: &RecordBatch, column: &str) -> Vec<Option<String>> {
    let column = batch.column_by_name(column).unwrap();
    match column.data_type() {
        arrow_schema::DataType::Dictionary(..) => {
            let dictionary = column.as_any_dictionary();
            let values = dictionary.values().as_string::<i32>();
            let keys = dictionary.normalized_keys();
            let text = |(row, key): (usize, usize)| {
                (!column.is_null(row)).then(|| values.value(key).to_owned())
            };
            keys.into_iter().enumerate().map(text).collect()
        }
        _ => column.as_string::<i32>().iter().map(|t| t.map(str::to_owned)).collect(),
    }
}

/// The column `date`.
pub(crate) fn times(batch: &RecordBatch) -> Vec<Time> {
    let column = batch.column_by_name("date").unwrap();
    let column = arrow_cast_nanos(column.as_ref());
    column.into_iter().map(Time::from_nanos).collect()
}

fn arrow_cast_nanos(column: &dyn Array) -> Vec<i64> {
    use arrow_array::types::{Date32Type, TimestampMicrosecondType, TimestampMillisecondType};
    use arrow_schema::{DataType, TimeUnit};
    match column.data_type() {
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            column.as_primitive::<TimestampNanosecondType>().values().to_vec()
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let values = column.as_primitive::<TimestampMicrosecondType>().values();
            values.iter().map(|t| t * 1_000).collect()
        }
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            let values = column.as_primitive::<TimestampMillisecondType>().values();
            values.iter().map(|t| t * 1_000_000).collect()
        }
        DataType::Date32 => {
            let values = column.as_primitive::<Date32Type>().values();
            values.iter().map(|t| i64::from(*t) * 86_400_000_000_000).collect()
        }
        other => panic!("{other}"),
    }
}

/// Names and kinds of the fields of the panel's file.
fn fields(batch: &RecordBatch) -> Vec<(String, FieldKind)> {
    let kind = |field: &arrow_schema::FieldRef| match field.data_type() {
        arrow_schema::DataType::Float64 => FieldKind::Number,
        _ => FieldKind::Group,
    };
    let schema = batch.schema();
    let all = schema.fields().iter().map(|field| (field.name().clone(), kind(field)));
    all.filter(|(name, _)| name != "symbol" && name != "date").collect()
}

/// All rows of the file, in batches for the panel.
fn bars(path: &Path, symbols: &Symbols) -> (Vec<(String, FieldKind)>, Vec<RowBatch>) {
    let batches = read_table(path);
    let fields = fields(&batches[0]);
    let mut labels: BTreeMap<String, f64> = BTreeMap::new();
    let mut all = Vec::new();
    for batch in &batches {
        let mut rows = RowBatch::new(0, fields.len());
        let names = texts(batch, "symbol");
        rows.symbols = names.iter().map(|name| symbols.intern(name.as_ref().unwrap())).collect();
        rows.times = times(batch);
        rows.deleted = vec![false; rows.times.len()];
        for ((name, kind), column) in fields.iter().zip(&mut rows.columns) {
            *column = match kind {
                FieldKind::Number => {
                    let values = batch.column_by_name(name).unwrap().as_primitive::<Float64Type>();
                    values.iter().map(|v| v.unwrap_or(f64::NAN)).collect()
                }
                FieldKind::Group => {
                    let mut label = |text: String| {
                        let next = labels.len() as f64;
                        *labels.entry(text).or_insert(next)
                    };
                    let cells = texts(batch, name).into_iter();
                    cells.map(|text| text.map_or(f64::NAN, &mut label)).collect()
                }
            };
        }
        all.push(rows);
    }
    (fields, all)
}

/// Values by factor, then by time and symbol.
type Values = BTreeMap<String, BTreeMap<(Time, SymbolId), f64>>;

fn ours(set: FactorSet, panel: &Path, wanted: &BTreeSet<Time>, symbols: &Symbols) -> Values {
    let (fields, rows) = bars(panel, symbols);
    let fields: Vec<(&str, FieldKind)> = fields.iter().map(|(n, k)| (n.as_str(), *k)).collect();
    let graph = compile_factors(&[set], &fields, functions()).unwrap_or_else(|all| {
        panic!("{}", all.iter().map(|d| format!("{d}\n")).collect::<String>())
    });
    let mut panel = Panel::new(&graph, fields.len(), 0, Emit::Nothing).unwrap();
    // The other program counts all symbols of the file at all times.
    for batch in &rows {
        panel.declare(batch.symbols.iter().copied());
    }
    for batch in &rows {
        assert_eq!(panel.apply(batch), 0);
    }
    let mut values = Values::new();
    loop {
        let before = panel.closed_through();
        panel.work(Time::MAX, false, 1, &mut Vec::new());
        let Some((time, rows)) = panel.newest().filter(|_| panel.closed_through() != before) else {
            return values;
        };
        if !wanted.contains(&time) {
            continue;
        }
        for ((name, _), row) in graph.outputs.iter().zip(rows) {
            let column = values.entry(name.clone()).or_default();
            column.extend(row.iter().enumerate().map(|(s, v)| ((time, SymbolId(s as u32)), *v)));
        }
    }
}

/// Compares all cells of a set on the bars of the file `panel` with those of the file of its name in
/// the same folder.
pub(super) fn check_set(folder: &Path, panel: &str, name: &str, least: usize) {
    let values = folder.join(format!("{name}.parquet"));
    check_values(name, &folder.join(panel), &values, &[], least);
}

/// Compares all cells of a set on the bars of the file `panel` with those of the file `values`, which
/// may lack some factors.
pub(super) fn check_values(set: &str, panel: &Path, values: &Path, lacking: &[&str], least: usize) {
    let set = FactorSet::load(set).unwrap();
    let names = set.names().filter(|name| !lacking.contains(name));
    let names: Vec<String> = names.map(str::to_owned).collect();
    let golden = read_table(values);
    let symbols = Symbols::default();
    let wanted: BTreeSet<Time> = golden.iter().flat_map(times).collect();
    let ours = ours(set, panel, &wanted, &symbols);
    let (mut compared, mut wrong) = (0, BTreeMap::<&str, Vec<String>>::new());
    for batch in &golden {
        let (times, keys) = (times(batch), texts(batch, "symbol"));
        for factor in &names {
            let want = batch.column_by_name(factor).unwrap().as_primitive::<Float64Type>();
            for row in 0..batch.num_rows() {
                let key = keys[row].as_ref().unwrap();
                let symbol = symbols.find(key).unwrap();
                let a = ours[factor][&(times[row], symbol)];
                let b = if want.is_null(row) { f64::NAN } else { want.value(row) };
                compared += 1;
                let equal = (a.is_nan() && b.is_nan())
                    || a == b
                    || (a - b).abs() <= 1e-9 * b.abs().max(1.0);
                if !equal {
                    let cell = format!("{factor} {key} {}: {a:e}, golden {b:e}", times[row]);
                    wrong.entry(factor).or_default().push(cell);
                }
            }
        }
    }
    let mut text = String::new();
    for (factor, cells) in &wrong {
        text.push_str(&format!(
            "{factor}: {} cells, {}\n",
            cells.len(),
            cells[..cells.len().min(2)].join("; ")
        ));
    }
    assert!(
        wrong.is_empty(),
        "{} of {} formulas, {compared} cells:\n{text}",
        wrong.len(),
        names.len()
    );
    assert!(compared >= least, "{compared} cells");
}

fn check(name: &str, least: usize) {
    check_set(&folder(), "panel.parquet", name, least);
}

#[test]
fn alpha101_equals_the_golden_values() {
    check("alpha101", 11 * 150 * 101);
}

#[test]
fn alpha158_equals_the_golden_values() {
    check("alpha158", 11 * 150 * 158);
}

#[test]
fn gtja191_equals_the_golden_values() {
    check("gtja191", 11 * 150 * 191);
}
