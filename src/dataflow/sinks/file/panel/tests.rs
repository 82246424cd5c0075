//! Panels written in parts and read back.

use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, RecordBatch};

use super::super::testing::read;
use super::*;

fn file(form: TimeForm, symbols: usize, factors: usize) -> PanelFile {
    PanelFile {
        time: "date".to_owned(),
        form,
        symbols: (0..symbols).map(|s| format!("S{s}").into()).collect(),
        factors: (0..factors).map(|f| format!("f{f}")).collect(),
    }
}

/// A value, some of them missing, of every factor; factor 0 is always there, factor 1 never.
fn value(time: usize, symbol: usize, factor: usize) -> f64 {
    match factor {
        0 => time as f64 - symbol as f64 / 7.0,
        1 => f64::NAN,
        _ if (time * 31 + symbol * 17 + factor).is_multiple_of(5) => f64::NAN,
        _ if symbol == 3 => f64::NEG_INFINITY,
        _ if symbol == 4 => -0.0,
        _ => (time * 1_000 + symbol) as f64 * 10_f64.powi(factor as i32 * 30 - 70),
    }
}

fn time(number: usize) -> Time {
    Time::from_nanos(number as i64 * DAY)
}

/// Writes so many times in parts with the given factors, a piece after every `cut` times.
fn write(file: &PanelFile, path: &Path, times: usize, parts: &[&[usize]], cut: usize) {
    let mut writer = file.create(path).unwrap();
    let mut all: Vec<FilePart> = parts.iter().map(|own| writer.part(own).unwrap()).collect();
    let numbers: Vec<usize> = (0..times).collect();
    for piece in numbers.chunks(cut) {
        for number in piece {
            for (part, own) in all.iter_mut().zip(parts) {
                let row =
                    |f: &usize| (0..file.symbols.len()).map(|s| value(*number, s, *f)).collect();
                let rows: Vec<Vec<f64>> = own.iter().map(row).collect();
                let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
                part.take(time(*number), &rows).unwrap();
            }
        }
        let pieces = all.iter_mut().map(|part| part.cut().unwrap()).collect();
        writer.put(&piece.iter().map(|n| time(*n)).collect::<Vec<_>>(), pieces).unwrap();
    }
    writer.finish().unwrap();
}

fn check(batches: &[RecordBatch], file: &PanelFile, times: usize) {
    let symbols = file.symbols.len();
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    assert_eq!(rows, times * symbols);
    let mut row = 0;
    for batch in batches {
        assert_eq!(batch.schema(), file.schema());
        for at in 0..batch.num_rows() {
            let (time, symbol) = (row / symbols, row % symbols);
            assert_eq!(batch.column(1).as_string::<i32>().value(at), format!("S{symbol}"));
            for factor in 0..file.factors.len() {
                let column = batch.column(factor + 2).as_primitive::<Float64Type>();
                let found = column.is_valid(at).then(|| column.value(at).to_bits());
                let expected = value(time, symbol, factor);
                let expected = (!expected.is_nan()).then(|| expected.to_bits());
                assert_eq!(found, expected, "time {time}, symbol {symbol}, factor {factor}");
            }
            row += 1;
        }
    }
}

fn read_arrow(path: &Path, stream: bool) -> Vec<RecordBatch> {
    let file = std::fs::File::open(path).unwrap();
    if stream {
        let reader = arrow_ipc::reader::StreamReader::try_new(file, None).unwrap();
        reader.map(|batch| batch.unwrap()).collect()
    } else {
        let reader = arrow_ipc::reader::FileReader::try_new(file, None).unwrap();
        reader.map(|batch| batch.unwrap()).collect()
    }
}

fn instants(unit_nanos: i64, zone: Option<&str>) -> TimeForm {
    TimeForm::Instant { unit_nanos, zone: zone.map(Into::into) }
}

#[test]
fn every_kind_of_file_holds_every_cell_of_every_part() {
    let folder = tempfile::tempdir().unwrap();
    let forms = [
        TimeForm::Date,
        TimeForm::Text { dates: true },
        TimeForm::Text { dates: false },
        instants(1, Some("UTC")),
        instants(1_000, None),
        instants(1_000_000, Some("Asia/Shanghai")),
    ];
    for form in forms {
        let panel = file(form, 7, 5);
        for parts in [&[&[0_usize, 1, 2, 3, 4][..]][..], &[&[1, 4], &[0, 2, 3]]] {
            let path = folder.path().join("p.parquet");
            write(&panel, &path, 11, parts, 4);
            check(&read(&path), &panel, 11);
            let path = folder.path().join("p.arrow");
            write(&panel, &path, 11, parts, 4);
            check(&read_arrow(&path, false), &panel, 11);
            let path = folder.path().join("p.arrows");
            write(&panel, &path, 11, parts, 4);
            check(&read_arrow(&path, true), &panel, 11);
        }
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3, "no temporary file is left");
}

#[test]
fn pages_of_parquet_end_inside_a_piece() {
    let folder = tempfile::tempdir().unwrap();
    let panel = file(instants(1_000_000_000, None), 1_003, 3);
    let path = folder.path().join("p.parquet");
    write(&panel, &path, 80, &[&[0, 1], &[2]], 70);
    // Parquet has no seconds.
    check(&read(&path), &PanelFile { form: instants(1_000_000, None), ..panel }, 80);
}

#[test]
fn csv_has_an_empty_cell_for_what_is_missing_and_reads_as_the_same_number() {
    let folder = tempfile::tempdir().unwrap();
    let mut panel = file(TimeForm::Date, 6, 5);
    panel.symbols[2] = "a \"b\", c".into();
    let (one, two) = (folder.path().join("1.csv"), folder.path().join("2.csv"));
    write(&panel, &one, 6, &[&[0, 1, 2, 3, 4]], 6);
    write(&panel, &two, 6, &[&[1, 2], &[0, 4], &[3]], 4);
    let text = std::fs::read_to_string(&one).unwrap();
    assert_eq!(text, std::fs::read_to_string(&two).unwrap());
    let mut rows = ::csv::Reader::from_path(&one).unwrap();
    let header: Vec<String> = rows.headers().unwrap().iter().map(str::to_owned).collect();
    assert_eq!(header, ["date", "symbol", "f0", "f1", "f2", "f3", "f4"]);
    for (row, cells) in rows.records().enumerate() {
        let cells = cells.unwrap();
        assert_eq!(&cells[0], format!("1970-01-{:02}", row / 6 + 1));
        assert_eq!(&cells[1], panel.symbols[row % 6].as_ref());
        for factor in 0..5 {
            let expected = value(row / 6, row % 6, factor);
            let expected = (!expected.is_nan()).then(|| expected.to_bits());
            let found = &cells[factor + 2];
            let found = (!found.is_empty()).then(|| found.parse::<f64>().unwrap().to_bits());
            assert_eq!(found, expected, "row {row}, factor {factor}");
        }
    }
}

#[test]
fn a_file_that_is_not_finished_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["p.parquet", "p.csv", "p.arrow"] {
        let writer = file(TimeForm::Date, 2, 2).create(&folder.path().join(name)).unwrap();
        drop(writer);
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn names_say_what_a_file_is_and_are_different() {
    let mut panel = file(TimeForm::Date, 2, 2);
    for name in ["out", "out.json", "out.parquet.gz"] {
        let error = panel.create(Path::new(name)).unwrap_err().to_string();
        assert!(error.contains("the name must end in .parquet, .csv, .arrow"), "{error}");
    }
    panel.factors[1] = "symbol".to_owned();
    let error = panel.create(Path::new("x.parquet")).unwrap_err();
    assert!(error.to_string().contains("`symbol`"), "{error}");
}
