//! Files written here and read back.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::types::{Decimal256Type, Float16Type, Int8Type, Int32Type};
use arrow_array::{
    ArrayRef, ArrowPrimitiveType, BooleanArray, Date32Array, Decimal128Array, Decimal256Array,
    DictionaryArray, Float16Array, Float32Array, Float64Array, Int8Array, Int32Array, Int64Array,
    LargeStringArray, NullArray, RecordBatch, StringArray, TimestampMicrosecondArray,
    TimestampMillisecondArray, TimestampNanosecondArray, TimestampSecondArray,
};
use arrow_ipc::writer::{FileWriter, StreamWriter};
use parquet::arrow::ArrowWriter;
use proptest::prelude::*;
use tempfile::TempDir;

use super::{MAX_BATCH_ROWS, read};
use crate::model::{RowBatch, Span, Symbols, Time};
use crate::plan::{FieldPlan, SourcePlan, Start, UnknownFields};

pub(super) fn source(fields: &[(&str, bool)], revision: Option<&str>) -> SourcePlan {
    SourcePlan {
        name: "bars".to_owned(),
        topic: "market.bars".to_owned(),
        format: "json",
        symbol_field: "symbol".to_owned(),
        time_field: "time".to_owned(),
        revision_field: revision.map(str::to_owned),
        fields: fields
            .iter()
            .map(|(name, nullable)| FieldPlan {
                name: (*name).to_owned(),
                nullable: *nullable,
                text: false,
            })
            .collect(),
        unknown_fields: UnknownFields::Ignore,
        lateness: Span::default(),
        corrections: 0,
        idle_timeout: Span::default(),
        max_record_bytes: 1 << 20,
        start: Start::Earliest,
    }
}

pub(super) struct Folder(TempDir);

impl Folder {
    pub(super) fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    pub(super) fn csv(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn parquet(&self, name: &str, columns: Vec<(&str, ArrayRef)>) -> PathBuf {
        let path = self.0.path().join(name);
        write_parquet(&path, columns);
        path
    }
}

fn write_parquet(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer =
        ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// All rows as text: symbol, time, offset, revision, values.
fn rows(batches: &[RowBatch], symbols: &Symbols) -> Vec<String> {
    let mut all = Vec::new();
    for batch in batches {
        assert!(batch.len() <= MAX_BATCH_ROWS && !batch.is_empty());
        for row in 0..batch.len() {
            assert_eq!(batch.arrivals_ms[row], batch.times[row].millis());
            assert!(!batch.deleted[row] && batch.violations[row] == 0 && batch.partition == 0);
            let values: Vec<_> = batch.fields(row).iter().map(f64::to_string).collect();
            all.push(format!(
                "{} {} {} {} {}",
                symbols.name(batch.symbols[row]),
                batch.times[row],
                batch.offsets[row],
                batch.revisions[row],
                values.join(" ")
            ));
        }
    }
    all
}

fn read_rows(paths: &[PathBuf], source: &SourcePlan) -> Result<Vec<String>, String> {
    let symbols = Symbols::default();
    read(paths, source, &symbols, &mut |_, _| {})
        .map(|batches| rows(&batches, &symbols))
        .map_err(|error| error.to_string())
}

#[test]
fn csv_rows_come_sorted_by_time_and_in_the_order_of_the_files() {
    let folder = Folder::new();
    let first = folder.csv(
        "a.csv",
        "\u{feff}volume, close,time,symbol,note\n10,1.5,2018-01-03,B,x\n,2.5,2018-01-02,A,y\n\n\
         30,3.5,2018-01-03T00:00:00Z,\"A\",\"z,z\"\n",
    );
    let second = folder.csv("b.csv", "symbol,date,close\nB,2018-01-03,inf\nC,2018-01-01,-1e-3\n");
    let source = source(&[("close", false), ("volume", true)], None);
    assert_eq!(
        read_rows(&[first, second], &source).unwrap(),
        [
            "C 2018-01-01T00:00:00Z 4 0 -0.001 NaN",
            "A 2018-01-02T00:00:00Z 1 0 2.5 NaN",
            "B 2018-01-03T00:00:00Z 0 0 1.5 10",
            "A 2018-01-03T00:00:00Z 2 0 3.5 30",
            "B 2018-01-03T00:00:00Z 3 0 inf NaN",
        ]
    );
}

#[test]
fn csv_mistakes_name_file_line_and_column() {
    let folder = Folder::new();
    for (text, field, expected) in [
        (
            "symbol,time,close\nA,2018-01-02,1\nA,2018-01-03,x1\n",
            false,
            "bad.csv: line 3, column `close`: \"x1\" is not a number",
        ),
        (
            "symbol,time,close\nA,2018-01-02,\n",
            false,
            "line 2, column `close`: missing; declare the field as nullable: `close: f64?`",
        ),
        ("symbol,time,close\nA,2018-01-02,NaN\n", false, "line 2, column `close`: missing"),
        (
            "symbol,time,close\nA,2018-01-02,1e999\n",
            true,
            "line 2, column `close`: \"1e999\" does not fit into a 64-bit float",
        ),
        (
            "symbol,time,close\nA,20180102,1\n",
            false,
            "line 2, column `time`: `20180102` is not a time: write RFC 3339",
        ),
        (
            "symbol,time,close\nA,1514851200000,1\n",
            false,
            "line 2, column `time`: `1514851200000` is not a time",
        ),
        ("symbol,time,close\nA,,1\n", false, "line 2, column `time`: `` is not a time"),
        ("symbol,time,close\n,2018-01-02,1\n", false, "line 2, column `symbol`: is empty"),
        ("symbol,time,close\nA|B,2018-01-02,1\n", false, "column `symbol`: \"A|B\" is no symbol"),
        (
            "symbol,time,close\nA,2018-01-02\n",
            false,
            "bad.csv: line 2 has 2 cells, the header has 3",
        ),
        (
            "symbol,time,Close\nA,2018-01-02,1\n",
            false,
            "column `close` is missing; did you mean `Close`? the file has: symbol, time, Close",
        ),
        (
            "symbol,when,close\n",
            false,
            "column `time` is missing; the file has: symbol, when, close",
        ),
        ("symbol,time,close,close\n", false, "column `close` is there twice"),
        ("", false, "column `symbol` is missing"),
    ] {
        let path = folder.csv("bad.csv", text);
        let error = read_rows(&[path], &source(&[("close", field)], None)).unwrap_err();
        assert!(error.contains(expected), "{text:?}: {error}");
    }
    let path = folder.0.path().join("bad.csv");
    fs::write(&path, b"symbol,time,close\nA,2018-01-02,1\n\xff,2018-01-02,1\n").unwrap();
    let error = read_rows(&[path], &source(&[("close", false)], None)).unwrap_err();
    assert!(error.contains("line 3 is not UTF-8"), "{error}");
}

#[test]
fn files_that_are_not_what_they_say() {
    let folder = Folder::new();
    let source = source(&[("close", false)], None);
    let refused = |name: &str, expected: &str| {
        let path = folder.csv(name, "symbol,time,close\n");
        let error = read_rows(&[path], &source).unwrap_err();
        assert!(error.contains(expected), "{error}");
    };
    refused("bars.json", "bars.json: the name must end in .csv, .parquet, .arrow");
    refused("bars", "the name must end in");
    refused("bars.parquet", "bars.parquet: is not a Parquet file");
    refused("bars.feather", "bars.feather: is not an Arrow file or stream");
    refused("bars.arrows", "bars.arrows: is not an Arrow file or stream");
    let error = read_rows(&[folder.0.path().join("none.csv")], &source).unwrap_err();
    assert!(error.contains("cannot open") && error.contains("none.csv"), "{error}");
}

#[test]
fn unknown_columns_are_left_or_rejected() {
    let folder = Folder::new();
    let path = folder.csv("a.csv", "symbol,time,close,adjusted\nA,2018-01-02,1,2\n");
    let mut source = source(&[("close", false)], None);
    assert_eq!(read_rows(std::slice::from_ref(&path), &source).unwrap().len(), 1);
    source.unknown_fields = UnknownFields::Reject;
    let error = read_rows(&[path], &source).unwrap_err();
    assert!(error.contains("column `adjusted` is not a field of the source"), "{error}");
}

fn dictionary(texts: &[Option<&str>]) -> ArrayRef {
    Arc::new(texts.iter().copied().collect::<DictionaryArray<Int8Type>>())
}

fn strings(texts: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(texts.to_vec()))
}

#[test]
fn parquet_times_of_every_kind_are_the_same_instants() {
    let folder = Folder::new();
    let seconds = 1_514_885_400;
    let text = "2018-01-02T09:30:00Z";
    let columns: Vec<ArrayRef> = vec![
        Arc::new(TimestampSecondArray::from(vec![seconds])),
        Arc::new(TimestampMillisecondArray::from(vec![seconds * 1_000]).with_timezone("UTC")),
        Arc::new(TimestampMicrosecondArray::from(vec![seconds * 1_000_000])),
        Arc::new(
            TimestampNanosecondArray::from(vec![seconds * 1_000_000_000])
                .with_timezone("Asia/Shanghai"),
        ),
        strings(&[text]),
        Arc::new(LargeStringArray::from(vec!["2018-01-02T17:30:00+08:00"])),
        Arc::new(vec![text].into_iter().collect::<DictionaryArray<Int8Type>>()),
    ];
    let source = source(&[("close", false)], None);
    let mut paths = Vec::new();
    for (number, time) in columns.into_iter().enumerate() {
        let close: ArrayRef = Arc::new(Float64Array::from(vec![1.0]));
        let columns = vec![("time", time), ("symbol", strings(&["A"])), ("close", close)];
        paths.push(folder.parquet(&format!("{number}.parquet"), columns));
    }
    let rows = read_rows(&paths, &source).unwrap();
    assert_eq!(rows.len(), paths.len());
    assert!(rows.iter().all(|row| row.starts_with(&format!("A {text} "))), "{rows:?}");

    let date: ArrayRef = Arc::new(Date32Array::from(vec![17_533]));
    let close: ArrayRef = Arc::new(Float64Array::from(vec![1.0]));
    let columns = vec![("date", date), ("symbol", strings(&["A"])), ("close", close)];
    let path = folder.parquet("date.parquet", columns);
    assert_eq!(read_rows(&[path], &source).unwrap(), ["A 2018-01-02T00:00:00Z 0 0 1"]);
}

#[test]
fn parquet_numbers_of_every_kind() {
    let folder = Folder::new();
    let decimals = Decimal128Array::from(vec![Some(-12_345), None]);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("extra", strings(&["x", "y"])),
        ("rev", Arc::new(Int32Array::from(vec![7, -1]))),
        ("f32", Arc::new(Float32Array::from(vec![0.5, f32::NAN]))),
        ("i64", Arc::new(Int64Array::from(vec![Some(1 << 40), None]))),
        ("time", strings(&["2018-01-02", "2018-01-03"])),
        ("dec", Arc::new(decimals.with_precision_and_scale(10, 3).unwrap())),
        ("symbol", strings(&["A", "B"])),
        ("f64", Arc::new(Float64Array::from(vec![-0.0, f64::NEG_INFINITY]))),
    ];
    let path = folder.parquet("a.pq", columns);
    let fields = [("f64", false), ("dec", true), ("i64", true), ("f32", true), ("absent", true)];
    assert_eq!(
        read_rows(&[path], &source(&fields, Some("rev"))).unwrap(),
        [
            "A 2018-01-02T00:00:00Z 0 7 -0 -12.345 1099511627776 0.5 NaN",
            "B 2018-01-03T00:00:00Z 1 -1 -inf NaN NaN NaN NaN",
        ]
    );
}

fn write_arrow(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let file = File::create(path).unwrap();
    if path.extension().is_some_and(|name| name == "arrows") {
        let mut writer = StreamWriter::try_new(file, &batch.schema()).unwrap();
        writer.write(&batch).unwrap();
        writer.finish().unwrap();
    } else {
        let mut writer = FileWriter::try_new(file, &batch.schema()).unwrap();
        writer.write(&batch).unwrap();
        writer.finish().unwrap();
    }
}

#[test]
fn arrow_columns_of_every_kind() {
    type Half = <Float16Type as ArrowPrimitiveType>::Native;
    type Wide = <Decimal256Type as ArrowPrimitiveType>::Native;
    let folder = Folder::new();
    let hundreds = Decimal256Array::from(vec![Some(Wide::from_i128(-12_345)), None]);
    let numbers = Int64Array::from(vec![7, 9]);
    let keyed = DictionaryArray::new(Int8Array::from(vec![Some(1), None]), Arc::new(numbers));
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("f16", Arc::new(Float16Array::from(vec![Half::from_f32(0.5), Half::from_f32(-2.0)]))),
        ("bool", Arc::new(BooleanArray::from(vec![Some(true), Some(false)]))),
        ("null", Arc::new(NullArray::new(2))),
        ("dec", Arc::new(hundreds.with_precision_and_scale(50, 2).unwrap())),
        ("keyed", Arc::new(keyed)),
        ("symbol", Arc::new(Int32Array::from(vec![10_107, 14_593]))),
        ("date", Arc::new(Date32Array::from(vec![17_533, 17_534]))),
    ];
    let fields = ["f16", "bool", "null", "dec", "keyed"].map(|name| (name, true));
    for name in ["t.arrow", "t.feather", "t.arrows"] {
        let path = folder.0.path().join(name);
        write_arrow(&path, columns.clone());
        assert_eq!(
            read_rows(&[path], &source(&fields, None)).unwrap(),
            [
                "10107 2018-01-02T00:00:00Z 0 0 0.5 1 NaN -123.45 9",
                "14593 2018-01-03T00:00:00Z 1 0 -2 0 NaN NaN NaN",
            ]
        );
    }
}

#[test]
fn a_long_batch_of_arrow_comes_in_pieces_with_their_rows() {
    let folder = Folder::new();
    let rows = 2 * super::PIECE_ROWS + 5;
    let columns = |bad: usize| -> Vec<(&str, ArrayRef)> {
        let texts: Vec<String> = (0..rows).map(|row| format!("S{row}")).collect();
        let texts: DictionaryArray<Int32Type> = texts.iter().map(|t| Some(t.as_str())).collect();
        let number = |row| if row == bad { None } else { Some(row as f64) };
        vec![
            ("symbol", Arc::new(texts)),
            ("time", Arc::new(TimestampSecondArray::from(vec![0; rows]))),
            ("x", Arc::new((0..rows).map(number).collect::<Float64Array>())),
        ]
    };
    let path = folder.0.path().join("t.arrow");
    write_arrow(&path, columns(usize::MAX));
    let read = read_rows(std::slice::from_ref(&path), &source(&[("x", false)], None)).unwrap();
    assert_eq!(read.len(), rows);
    for (row, text) in read.iter().enumerate() {
        assert_eq!(*text, format!("S{row} 1970-01-01T00:00:00Z {row} 0 {row}"));
    }
    write_arrow(&path, columns(rows - 1));
    let error = read_rows(&[path], &source(&[("x", false)], None)).unwrap_err();
    assert!(error.contains(&format!("row {rows}, column `x`: missing")), "{error}");
}

#[test]
fn parquet_mistakes_name_file_row_and_column() {
    let folder = Folder::new();
    let good: Vec<(&str, ArrayRef)> = vec![
        ("symbol", strings(&["A", "A"])),
        ("time", strings(&["2018-01-02", "2018-01-03"])),
        ("close", Arc::new(Float64Array::from(vec![1.0, 2.0]))),
        ("rev", Arc::new(Int64Array::from(vec![1, 2]))),
    ];
    let source = source(&[("close", false)], Some("rev"));
    let bad: Vec<(&str, ArrayRef, &str)> = vec![
        (
            "close",
            Arc::new(Float64Array::from(vec![Some(1.0), None])),
            "row 2, column `close`: missing",
        ),
        (
            "close",
            Arc::new(Float64Array::from(vec![f64::NAN, 1.0])),
            "row 1, column `close`: missing",
        ),
        ("close", strings(&["1", "2"]), "column `close` has the type Utf8, must be a number"),
        ("time", strings(&["2018-01-02", "never"]), "row 2, column `time`: `never` is not a time"),
        (
            "time",
            Arc::new(Int64Array::from(vec![20_180_102, 20_180_103])),
            "column `time` has the type Int64, must be a timestamp, a date or text",
        ),
        (
            "time",
            Arc::new(Date32Array::from(vec![0, i32::MAX])),
            "row 2, column `time`: 2147483647 is not between the years",
        ),
        (
            "symbol",
            Arc::new(StringArray::from(vec![None, Some("A")])),
            "row 1, column `symbol`: missing",
        ),
        ("symbol", strings(&["A", ""]), "row 2, column `symbol`: is empty"),
        ("symbol", dictionary(&[None, None]), "row 1, column `symbol`: missing"),
        ("symbol", dictionary(&[Some("A"), None]), "row 2, column `symbol`: missing"),
        ("rev", Arc::new(Int64Array::from(vec![Some(1), None])), "row 2, column `rev`: missing"),
        (
            "rev",
            Arc::new(Float64Array::from(vec![1.0, 2.0])),
            "column `rev` has the type Float64, must be an integer",
        ),
    ];
    for (column, array, expected) in bad {
        let columns = good.iter().map(|(name, other)| {
            (*name, if *name == column { Arc::clone(&array) } else { Arc::clone(other) })
        });
        let path = folder.parquet("bad.parquet", columns.collect());
        let error = read_rows(&[path], &source).unwrap_err();
        assert!(error.contains(expected) && error.contains("bad.parquet: "), "{error}");
    }
    let path = folder.parquet("good.parquet", good);
    assert!(read_rows(&[path], &source).is_ok());
}

#[test]
fn progress_grows_to_the_size_of_all_files() {
    let folder = Folder::new();
    let line = "A,2018-01-02,1\n".repeat(100_000);
    let first = folder.csv("a.csv", &format!("symbol,time,close\n{line}"));
    let close: ArrayRef = Arc::new(Float64Array::from(vec![1.0]));
    let columns =
        vec![("symbol", strings(&["A"])), ("time", strings(&["2018-01-02"])), ("close", close)];
    let second = folder.parquet("b.parquet", columns);
    let total = fs::metadata(&first).unwrap().len() + fs::metadata(&second).unwrap().len();
    let mut seen = Vec::new();
    let mut progress = |done, all| {
        assert_eq!(all, total);
        seen.push(done);
    };
    let source = source(&[("close", false)], None);
    read(&[first, second], &source, &Symbols::default(), &mut progress).unwrap();
    assert!(seen.is_sorted() && seen.len() > 4, "{seen:?}");
    assert_eq!(seen.last(), Some(&total));
}

/// A nullable text field `sector`.
fn sectors() -> SourcePlan {
    let mut source = source(&[("sector", true)], None);
    source.fields[0].text = true;
    source
}

#[test]
fn texts_are_numbers_that_say_which_are_the_same() {
    let folder = Folder::new();
    let csv = folder.csv(
        "a.csv",
        "symbol,time,sector\nA,2018-01-02,Energy\nB,2018-01-02,45\nC,2018-01-02,\nD,2018-01-02,Energy\n",
    );
    let days = || Arc::new(Date32Array::from(vec![17_533; 4])) as ArrayRef;
    let plain = [Some("45"), Some(""), None, Some("Energy")];
    let parquet = |name: &str, sectors: ArrayRef| {
        let symbols = strings(&["A", "B", "C", "D"]);
        folder.parquet(name, vec![("symbol", symbols), ("time", days()), ("sector", sectors)])
    };
    let dictionary: DictionaryArray<Int8Type> = plain.iter().copied().collect();
    let files = [
        csv,
        parquet("b.parquet", Arc::new(StringArray::from(plain.to_vec()))),
        parquet("c.parquet", Arc::new(dictionary)),
    ];
    let values = |rows: Vec<String>| -> Vec<String> {
        rows.iter().map(|row| row.rsplit(' ').next().unwrap().to_owned()).collect()
    };
    assert_eq!(
        values(read_rows(&files, &sectors()).unwrap()),
        ["0", "1", "NaN", "0", "1", "NaN", "NaN", "0", "1", "NaN", "NaN", "0"]
    );
}

#[test]
fn texts_that_cannot_be_have_a_place() {
    let folder = Folder::new();
    let long = "x".repeat(257);
    let csv = folder.csv("a.csv", &format!("symbol,time,sector\nA,2018-01-02,{long}\n"));
    let error = read_rows(&[csv], &sectors()).unwrap_err();
    assert!(error.contains("line 2, column `sector`: has 257 bytes, at most 256"), "{error}");
    let parquet = |name: &str, sectors: ArrayRef| {
        let days = Arc::new(Date32Array::from(vec![17_533]));
        folder.parquet(name, vec![("symbol", strings(&["A"])), ("time", days), ("sector", sectors)])
    };
    let error = read_rows(&[parquet("a.parquet", strings(&[&long]))], &sectors()).unwrap_err();
    assert!(error.contains("row 1, column `sector`: has 257 bytes"), "{error}");
    let number = parquet("b.parquet", Arc::new(Int64Array::from(vec![45])));
    let error = read_rows(&[number], &sectors()).unwrap_err();
    assert!(error.contains("column `sector` has the type Int64, must be text"), "{error}");
    let mut must = sectors();
    must.fields[0].nullable = false;
    let empty = folder.csv("b.csv", "symbol,time,sector\nA,2018-01-02,\n");
    let error = read_rows(&[empty], &must).unwrap_err();
    assert!(error.contains("declare the field as nullable: `sector: string?`"), "{error}");
}

#[test]
fn batches_end_where_times_end() {
    let folder = Folder::new();
    let mut text = "symbol,time,close\n".to_owned();
    // 3,000 rows a day for five days, then one day that is too large for any batch.
    for day in 1..=5 {
        text.push_str(&format!("A,2018-01-0{day},1\n").repeat(3_000));
    }
    text.push_str(&"A,2018-01-06,1\n".repeat(2 * MAX_BATCH_ROWS + 5));
    text.push_str(&"A,2018-01-07,1\n".repeat(10));
    let path = folder.csv("a.csv", &text);
    let source = source(&[("close", false)], None);
    let batches = read(&[path], &source, &Symbols::default(), &mut |_, _| {}).unwrap();
    let sizes: Vec<_> = batches.iter().map(RowBatch::len).collect();
    assert_eq!(sizes, [6_000, 6_000, 3_000, 8_192, 8_192, 15]);
}

proptest! {
    /// CSV and Parquet of the same rows give the same bits, sorted as a plain stable sort does it.
    #[test]
    fn both_formats_agree_with_a_plain_sort(
        rows in prop::collection::vec((0..6_i64, 0..4_usize, any::<i64>(), prop::option::of(any::<f64>())), 0..50)
    ) {
        let names = ["A", "BRK.B", "600000.SH", "上证"];
        let time = |day: i64| Time::from_millis(1_500_000_000_000 + day * 86_400_000);
        let value = |value: Option<f64>| value.filter(|value| !value.is_nan());
        let folder = Folder::new();
        let mut text = "rev,symbol,time,x\n".to_owned();
        for (day, symbol, revision, x) in &rows {
            let x = value(*x).map_or(String::new(), |x| format!("{x:?}"));
            text.push_str(&format!("{revision},{},{},{x}\n", names[*symbol], time(*day)));
        }
        let csv = folder.csv("a.csv", &text);
        let x: Float64Array = rows.iter().map(|row| value(row.3)).collect();
        let symbols: Vec<_> = rows.iter().map(|row| names[row.1]).collect();
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("x", Arc::new(x)),
            ("time", Arc::new(TimestampNanosecondArray::from_iter_values(rows.iter().map(|row| time(row.0).nanos())))),
            ("symbol", strings(&symbols)),
            ("rev", Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.2)))),
        ];
        let parquet = folder.parquet("a.parquet", columns);
        let source = source(&[("x", true)], Some("rev"));
        let mut sorted: Vec<_> = rows.iter().enumerate().collect();
        sorted.sort_by_key(|(_, row)| row.0);
        let expected: Vec<String> = sorted
            .iter()
            .map(|(at, (day, symbol, revision, x))| {
                let x = value(*x).unwrap_or(f64::NAN);
                format!("{} {} {at} {revision} {x}", names[*symbol], time(*day))
            })
            .collect();
        prop_assert_eq!(&read_rows(&[csv], &source).unwrap(), &expected);
        prop_assert_eq!(&read_rows(&[parquet], &source).unwrap(), &expected);
    }
}
