//! `weir compute` and `weir functions` as users call them.

use std::path::Path;
use std::process::{Command, Output};

fn weir(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_weir")).args(arguments).current_dir(folder).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

const BARS: &str = "\
symbol,date,close,volume,amount,sector
B,2024-01-02,10,100,1010,tech
A,2024-01-02,20,100,1990,tech
A,2024-01-03,22,200,4400,tech
C,2024-01-03,5,10,50,food
B,2024-01-04,12,,,tech
A,2024-01-04,21,100,2100,tech
C,2024-01-04,6,10,61,food
";

#[test]
fn a_row_for_every_time_and_symbol() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bars.csv"), BARS).unwrap();
    let mine = "factor_set: mine\nlet:\n  r: returns\nformulas:\n  r1: r\n  up: r > 0\n";
    std::fs::write(folder.path().join("mine.yaml"), mine).unwrap();
    let arguments = [
        "compute",
        "mine.yaml",
        "-e",
        "g = close - group_mean(close, sector)",
        "-e",
        "v = vwap",
        "--input",
        "bars.csv",
        "--output",
        "out.csv",
    ];
    let done = weir(folder.path(), &arguments);
    assert!(done.status.success(), "{}", text(&done.stderr));
    let notes = text(&done.stderr);
    assert!(notes.contains("vwap is derived: amount / volume"), "{notes}");
    let out = std::fs::read_to_string(folder.path().join("out.csv")).unwrap();
    let expected = "\
date,symbol,r1,up,g,v
2024-01-02,A,,0,5,19.9
2024-01-02,B,,0,-5,10.1
2024-01-02,C,,0,,
2024-01-03,A,0.10000000000000009,1,0,22
2024-01-03,B,,0,,
2024-01-03,C,,0,0,5
2024-01-04,A,-0.045454545454545414,0,4.5,21
2024-01-04,B,,0,-4.5,
2024-01-04,C,0.19999999999999996,1,0,6.1
";
    assert_eq!(out, expected);

    // The same to Parquet and back.
    let parquet = [&arguments[..arguments.len() - 1], &["out.parquet"]].concat();
    assert!(weir(folder.path(), &parquet).status.success());
    let again = ["compute", "-e", "x = g", "--input", "out.parquet", "--output", "again.csv"];
    assert!(weir(folder.path(), &again).status.success());
    let again = std::fs::read_to_string(folder.path().join("again.csv")).unwrap();
    assert!(again.starts_with("date,symbol,x\n2024-01-02,A,5\n"), "{again}");
}

#[test]
fn fields_of_sets_may_have_other_names() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bars.csv"), BARS).unwrap();
    let mine =
        "factor_set: mine\nlet: { r: returns }\nformulas:\n  m: group_mean(price + 0 * r, gics)\n";
    std::fs::write(folder.path().join("mine.yaml"), mine).unwrap();
    let compute = |formula: &[&str], output: &str| {
        let all = [&["compute", "--input", "bars.csv", "--output", output], formula].concat();
        let done = weir(folder.path(), &all);
        assert!(done.status.success(), "{}", text(&done.stderr));
        std::fs::read_to_string(folder.path().join(output)).unwrap()
    };
    let renamed = ["mine.yaml", "--rename", "price=amount", "--rename", "gics=sector"];
    let plain = "m = group_mean(amount + 0 * returns, sector)";
    assert_eq!(compute(&renamed, "a.csv"), compute(&["-e", plain], "b.csv"));
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bars.csv"), BARS).unwrap();
    for (arguments, expected) in [
        (&["alpha101"][..], "no column `subindustry`, needed by alpha048"),
        (&["alpha11"], "did you mean `alpha101`?"),
        (&["-e", "x = clsoe"], "did you mean `close`?"),
        (&["-e", "x = rank(close"], "-e:1:9: error: this `(` is never closed"),
        (&["-e", "close"], "does not begin with a name and an equals sign"),
        (&["-e", "x = rank(sector)"], "`sector` is text, not numbers"),
        (&["-e", "x = group_rank(close, close + 1)"], "a group must be a field"),
        (&["-e", "x = close", "-e", "x = volume"], "`x` is there twice"),
        (&["alpha158", "--rename", "clse=amount"], "reads no field `clse`; did you mean `close`?"),
        (&["alpha158", "--only", "alpha001"], "no set has a factor `alpha001`"),
        (&[], "nothing to compute"),
    ] {
        let all = [&["compute", "--input", "bars.csv"], arguments].concat();
        let done = weir(folder.path(), &all);
        let found = text(&done.stderr);
        assert_eq!(done.status.code(), Some(2), "{arguments:?}: {found}");
        assert!(found.contains(expected), "{arguments:?}: {found}");
    }
}

#[test]
fn without_an_output_a_head_and_figures_are_printed() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bars.csv"), BARS).unwrap();
    let done = weir(folder.path(), &["compute", "-e", "x = close", "--input", "bars.csv"]);
    let found = text(&done.stdout);
    assert!(found.contains("1 factors at 3 times for 3 symbols"), "{found}");
    assert!(found.contains("x         77.8 %  5.00000"), "{found}");
}

#[test]
fn functions_are_listed_and_described() {
    let folder = tempfile::tempdir().unwrap();
    let all = text(&weir(folder.path(), &["functions"]).stdout);
    for name in ["ts_corr(x, y, n)", "group_neutralize(x, group)", "sma(x, n, m)", "x <= y"] {
        assert!(all.contains(name), "{name}");
    }
    let one = text(&weir(folder.path(), &["functions", "delay"]).stdout);
    assert!(one.contains("look-back  n bars"), "{one}");
    assert_eq!(weir(folder.path(), &["functions", "dely"]).status.code(), Some(2));
}

#[test]
fn parameters_of_a_set_are_given_on_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bars.csv"), BARS).unwrap();
    let set = "factor_set: own\nparameters: { n: 2 }\nformulas:\n  back: delay(close, n)\n";
    std::fs::write(folder.path().join("own.yaml"), set).unwrap();
    let run = |more: &[&str]| {
        let all = ["compute", "own.yaml", "--input", "bars.csv"];
        weir(folder.path(), &[&all, more].concat())
    };
    let (two, one) = (run(&[]), run(&["-p", "n=1"]));
    assert_eq!((two.status.code(), one.status.code()), (Some(0), Some(0)));
    assert_ne!(text(&two.stdout), text(&one.stdout));
    for (given, message) in [
        ("m=1", "no set has a parameter `m`; did you mean `n`?"),
        ("n=x", "`x` is not a number"),
        ("n", "write NAME=VALUE"),
        ("n=-1", "own.yaml:4:22: error: window `n` of `delay` is -1"),
    ] {
        let done = run(&["--parameter", given]);
        assert_eq!(done.status.code(), Some(2), "{given}");
        let said = text(&done.stderr);
        assert!(said.contains(message), "{given}: {said}");
    }
}

#[test]
fn a_set_chooses_whether_windows_close_over_gaps() {
    let folder = tempfile::tempdir().unwrap();
    let bars = "symbol,date,close\nA,2024-01-01,1\nB,2024-01-01,10\nB,2024-01-02,11\n\
                A,2024-01-03,3\nB,2024-01-03,12\n";
    std::fs::write(folder.path().join("bars.csv"), bars).unwrap();
    let run = |clock: &str| {
        let set = format!(
            "factor_set: own\nrules: {{ clock: {clock} }}\nformulas:\n  back: delay(close, 1)\n"
        );
        std::fs::write(folder.path().join("own.yaml"), set).unwrap();
        let arguments = ["compute", "own.yaml", "--input", "bars.csv", "--output", "out.csv"];
        let done = weir(folder.path(), &arguments);
        assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
        let out = std::fs::read_to_string(folder.path().join("out.csv")).unwrap();
        let of = |line: &&str| line.starts_with("2024-01-03,A") || line.starts_with("2024-01-02,A");
        out.lines().filter(of).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(run("calendar"), ["2024-01-02,A,1", "2024-01-03,A,"]);
    assert_eq!(run("traded"), ["2024-01-02,A,", "2024-01-03,A,1"]);
}
