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
fn symbols_count_from_their_first_row_on_if_wanted() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bars.csv"), BARS).unwrap();
    let first_day = |more: &[&str]| {
        let common = ["compute", "-e", "r = rank(close > 0)", "--input", "bars.csv", "--output"];
        let done = weir(folder.path(), &[&common[..], &["out.csv"], more].concat());
        assert!(done.status.success(), "{}", text(&done.stderr));
        let out = std::fs::read_to_string(folder.path().join("out.csv")).unwrap();
        let rows = out.lines().skip(1).take(3).map(|row| row["2024-01-02,".len()..].to_owned());
        rows.collect::<Vec<_>>()
    };
    // C has its first bar on the second day: before, 0 counts for it as well, or not.
    let all = ["A,0.8333333333333334", "B,0.8333333333333334", "C,0.3333333333333333"];
    assert_eq!(first_day(&[]), all);
    assert_eq!(first_day(&["--universe", "all"]), all);
    assert_eq!(first_day(&["--universe", "seen"]), ["A,0.75", "B,0.75", "C,"]);
    let threads = ["--universe", "seen", "--threads", "1"];
    assert_eq!(first_day(&threads), ["A,0.75", "B,0.75", "C,"]);
}

/// Minute bars of two sessions and the end of the one before, around midnight UTC. B is not there
/// in the second session until late, and C not in the first.
const MINUTES: &str = "\
symbol,time,open,close
A,2024-01-02T20:59:00Z,9,10
B,2024-01-02T20:59:00Z,5,4
A,2024-01-02T23:00:00Z,12,11
A,2024-01-03T00:30:00Z,11,12
C,2024-01-03T00:30:00Z,7,8
A,2024-01-03T01:00:00Z,,16
B,2024-01-03T01:00:00Z,6,5
A,2024-01-03T23:30:00Z,20,21
B,2024-01-03T23:30:00Z,5,5
C,2024-01-03T23:30:00Z,16,16
";

#[test]
fn the_opening_gap_of_minute_bars() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("minutes.csv"), MINUTES).unwrap();
    let compute = |more: &[&str]| {
        let common = ["compute", "--input", "minutes.csv", "--output", "out.csv"];
        let formulas = [
            "-e",
            "gap = session_first(open) / session_last(close) - 1",
            "-e",
            "today = session_first(open)",
        ];
        let done = weir(folder.path(), &[&common[..], &formulas[..], more].concat());
        assert!(done.status.success(), "{}", text(&done.stderr));
        let out = std::fs::read_to_string(folder.path().join("out.csv")).unwrap();
        let rows = out.lines().skip(1).map(|row| row[5..].replace(":00Z", ""));
        rows.collect::<Vec<_>>().join("\n")
    };
    let expected = "\
01-02T20:59,A,,9
01-02T20:59,B,,5
01-02T20:59,C,,
01-02T23:00,A,0.19999999999999996,12
01-02T23:00,B,,
01-02T23:00,C,,
01-03T00:30,A,0.19999999999999996,12
01-03T00:30,B,,
01-03T00:30,C,,7
01-03T01:00,A,0.19999999999999996,12
01-03T01:00,B,0.5,6
01-03T01:00,C,,7
01-03T23:30,A,0.25,20
01-03T23:30,B,0,5
01-03T23:30,C,1,16";
    assert_eq!(compute(&["--day-begins", "22:00"]), expected);
    // Where days are those of UTC, midnight lies between the bars of what was one session.
    let utc = compute(&[]);
    assert!(utc.contains("01-02T23:00,A,,9"), "{utc}");
    assert!(utc.contains("01-03T00:30,A,0,11"), "{utc}");

    let arguments = ["compute", "-e", "x = close", "--input", "minutes.csv", "--day-begins", "9"];
    let done = weir(folder.path(), &arguments);
    assert_eq!(done.status.code(), Some(2));
    assert!(text(&done.stderr).contains("write it in UTC like `22:00`"), "{}", text(&done.stderr));
}

#[test]
fn chosen_factors_need_their_own_fields_only() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bars.csv"), BARS).unwrap();
    let arguments = ["compute", "cn", "--only", "expma_12", "--input", "bars.csv"];
    let done = weir(folder.path(), &arguments);
    assert!(done.status.success(), "{}", text(&done.stderr));
    let found = text(&done.stdout);
    assert!(found.contains("1 factor of 3 symbols at 3 times"), "{found}");
    let done = weir(folder.path(), &["compute", "cn", "--input", "bars.csv"]);
    let found = text(&done.stderr);
    assert!(found.contains("no column `high`, needed by"), "{found}");
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
        (&["-e", "x = rank(sector)"], "group_mean(x, group); rank(x): rank of x"),
        (&["-e", "x = group_rank(close, close + 1)"], "argument `group` of `group_rank` must be a"),
        (&["-e", "x = group_rank(close, 1)"], "help: group_rank(x, group): "),
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
    assert!(
        found.contains("1 factor of 3 symbols at 3 times, 2024-01-02 to 2024-01-04"),
        "{found}"
    );
    assert!(found.contains("  77.8 %  5.00000"), "{found}");
    let arguments = ["compute", "-e", "x = close", "--input", "bars.csv", "--format", "json"];
    let done = weir(folder.path(), &arguments);
    let found: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(found["factors"][0]["min"], 5.0);
    assert_eq!(found["last"], "2024-01-04");
    assert!(text(&done.stderr).contains("7 rows in "), "{}", text(&done.stderr));
}

/// Bars of 30 symbols on 70 days, some missing, as CSV lines in the order of time.
fn many() -> Vec<String> {
    let mut state = 7_u64;
    let mut random = move || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / f64::from(1 << 24)
    };
    let mut lines = Vec::new();
    for day in 0..70 {
        let date = format!("2024-{:02}-{:02}", 1 + day / 28, 1 + day % 28);
        for symbol in 0..30 {
            let (open, close) = (10.0 + random(), 10.0 + random());
            let (high, low) = (open.max(close) + random(), open.min(close) - random());
            let volume = (random() * 1e6).round();
            let vwap =
                if random() < 0.05 { String::new() } else { format!("{}", (high + low) / 2.0) };
            if random() > 0.04 {
                let prices = format!("{open},{high},{low},{close}");
                lines.push(format!("S{symbol:02},{date},{prices},{volume},{vwap}"));
            }
        }
    }
    lines
}

fn table(folder: &Path, name: &str, lines: &[String]) {
    let header = "symbol,date,open,high,low,close,volume,vwap";
    std::fs::write(folder.join(name), format!("{header}\n{}\n", lines.join("\n"))).unwrap();
}

/// Computes into a file and gives its bytes and what was said.
fn computed(folder: &Path, arguments: &[&str], output: &str) -> (Vec<u8>, String) {
    let all = [&["compute"], arguments, &["--output", output]].concat();
    let done = weir(folder, &all);
    assert!(done.status.success(), "{}", text(&done.stderr));
    (std::fs::read(folder.join(output)).unwrap(), text(&done.stderr))
}

#[test]
fn every_format_in_and_out_gives_the_same_values() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    table(folder, "bars.csv", &many());
    let copy = ["-e", "c = close", "-e", "v = volume", "-e", "w = vwap", "--input", "bars.csv"];
    let own = ["-e", "x = ts_corr(c, v, 5) + rank(w)", "-e", "y = ts_std(c, 3)", "--input"];
    let mut all = Vec::new();
    for name in ["t.csv", "t.parquet", "t.feather", "t.arrow", "t.arrows"] {
        computed(folder, &copy, name);
        let (values, _) = computed(folder, &[&own[..], &[name]].concat(), "out.csv");
        all.push((name, values));
    }
    assert!(all[0].1.len() > 60_000);
    for (name, values) in &all {
        assert!(*values == all[0].1, "{name} gives other values than {}", all[0].0);
    }
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
fn neither_threads_nor_the_order_of_rows_change_a_bit() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let lines = many();
    let mut by_symbol = lines.clone();
    by_symbol.sort();
    let mut shuffled = lines.clone();
    for i in (1..shuffled.len()).rev() {
        shuffled.swap(i, (i * 7_919 + 13) % (i + 1));
    }
    table(folder, "ordered.csv", &lines);
    table(folder, "by_symbol.csv", &by_symbol);
    table(folder, "shuffled.csv", &shuffled);
    let sets = ["alpha158", "-e", "a = rank(ts_corr(close, volume, 6)) - scale(returns)"];
    for output in ["out.parquet", "out.arrow", "out.csv"] {
        let run = |input: &str, threads: &str, memory: &str| {
            let how = ["--input", input, "--threads", threads, "--memory", memory];
            computed(folder, &[&sets[..], &how].concat(), output)
        };
        let (expected, notes) = run("ordered.csv", "1", "1 MiB");
        assert!(notes.contains("note: returns is derived"), "{notes}");
        for threads in ["1", "2", "4"] {
            assert!(
                run("ordered.csv", threads, "8 KiB").0 == expected,
                "{output}, {threads} threads"
            );
        }
        for input in ["by_symbol.csv", "shuffled.csv"] {
            let (found, notes) = run(input, "2", "64 MiB");
            assert!(found == expected && !notes.contains("wait"), "{output}, {input}: {notes}");
            let (found, notes) = run(input, "2", "8 KiB");
            assert!(found == expected, "{output}, {input}, sorted on the disk");
            assert!(notes.contains("is not ordered by time and larger than --memory"), "{notes}");
        }
    }
}

#[test]
fn a_file_that_cannot_be_used_is_said_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("bars.csv"), BARS).unwrap();
    let written = [
        ("empty.csv", ""),
        ("header.csv", "symbol,date,close\n"),
        ("no_symbol.csv", "ticker,date,close\nA,2024-01-02,1\n"),
        ("twice.csv", "symbol,date,close\nA,2024-01-02,1\nB,2024-01-02,2\nA,2024-01-02,3\n"),
        ("text.csv", "symbol,date,close\nA,2024-01-02,one\nA,2024-01-03,two\n"),
        ("stray.csv", &strayed(20)),
        ("late.csv", &strayed(2_000)),
        ("time.csv", "symbol,date,close\nA,02.01.2024,1\n"),
        ("short.csv", "symbol,date,close\nA,2024-01-02\n"),
        ("no.parquet", "PAR1 it is not"),
        ("no.arrow", "ARROW1 it is not"),
    ];
    for (name, content) in written {
        std::fs::write(folder.join(name), content).unwrap();
    }
    // A column `time` of numbers beside the dates.
    let numbers = ["-e", "time = close", "-e", "close = close", "--input", "bars.csv"];
    computed(folder, &numbers, "numbers.parquet");
    for (input, expected) in [
        ("none.parquet", "cannot open none.parquet: No such file"),
        ("bars.xlsx", "bars.xlsx: the name must end in .csv, .parquet, .arrow"),
        ("empty.csv", "empty.csv: has no rows"),
        ("header.csv", "header.csv: has no rows"),
        ("no_symbol.csv", "no_symbol.csv: a table of bars has the columns `symbol` and `time`"),
        (
            "twice.csv",
            "twice.csv: line 4: a second row of `A` at 2024-01-02T00:00:00Z, the first is line 2",
        ),
        ("text.csv", "`close` is text, not numbers"),
        ("stray.csv", "stray.csv: line 22, column `close`: \"one\" is not a number"),
        ("late.csv", "late.csv: line 2002, column `close`: \"one\" is not a number"),
        ("time.csv", "time.csv: line 2, column `date`: `02.01.2024` is not a time"),
        ("short.csv", "short.csv: line 2 has 2 cells, the header has 3"),
        ("no.parquet", "no.parquet: is not a Parquet file"),
        ("no.arrow", "no.arrow: is not an Arrow file or stream"),
        (
            "numbers.parquet",
            "column `time` has the type Float64, must be a timestamp, a date or text",
        ),
    ] {
        for threads in ["1", "2"] {
            let arguments = ["compute", "-e", "x = close", "--input", input, "--threads", threads];
            let done = weir(folder, &[&arguments[..], &["--output", "out.parquet"]].concat());
            let found = text(&done.stderr);
            assert!(!done.status.success() && found.contains(expected), "{input}: {found}");
            assert!(
                !folder.join("out.parquet").exists() && !folder.join(".out.parquet.tmp").exists()
            );
        }
    }
    let done =
        weir(folder, &["compute", "-e", "x = close", "--input", "bars.csv", "--output", "json"]);
    let found = text(&done.stderr);
    assert_eq!(done.status.code(), Some(2), "{found}");
    assert!(found.contains("cannot write json: the name must end in .parquet"), "{found}");
}

/// So many rows with numbers, and one with text.
fn strayed(rows: usize) -> String {
    let rows = (0..rows).map(|row| format!("S{row},2024-01-02,{row}\n")).collect::<String>();
    format!("symbol,date,close\n{rows}A,2024-01-02,one\n")
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
