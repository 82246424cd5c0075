//! `weir compute` in steps: a run that goes on from the state of the one before gives what one run
//! over all bars gives, bit for bit.

use std::path::Path;
use std::process::{Command, Output};

const HEADER: &str =
    "symbol,date,open,high,low,close,volume,vwap,amount,cap,sector,industry,subindustry";
const DAYS: usize = 90;

fn weir(folder: &Path, arguments: &[&str]) -> Output {
    let all = [&["compute"], arguments].concat();
    Command::new(env!("CARGO_BIN_EXE_weir")).args(all).current_dir(folder).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Computes into a file and gives its bytes.
fn computed(folder: &Path, arguments: &[&str], output: &str) -> Vec<u8> {
    let done = weir(folder, &[arguments, &["--output", output]].concat());
    assert!(done.status.success(), "{arguments:?}: {}", said(&done));
    std::fs::read(folder.join(output)).unwrap()
}

fn date(day: usize) -> String {
    format!("2024-{:02}-{:02}", 1 + day / 28, 1 + day % 28)
}

/// Bars of a day: some missing, one symbol that stops and one that trades again after long.
fn bars(day: usize) -> Vec<String> {
    let mut state = 7 + 1_000 * day as u64;
    let mut random = move || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / f64::from(1 << 24)
    };
    let mut lines = Vec::new();
    for symbol in 0..14 {
        let (open, close) = (10.0 + random(), 10.0 + random());
        let (high, low) = (open.max(close) + random(), open.min(close) - random());
        let volume = (random() * 1e6).round();
        let vwap = (high + low) / 2.0;
        let away = (symbol == 3 && day > 40) || (symbol == 4 && (30..DAYS - 1).contains(&day));
        if random() > 0.04 && !away {
            let numbers = format!("{open},{high},{low},{close},{volume},{vwap},{}", vwap * volume);
            let cap = if random() < 0.1 { String::new() } else { format!("{}", close * 1e6) };
            // Names of groups are met in another order in every file.
            let group = |parts: usize| format!("g{}", (symbol * 7 + day / 30) % parts);
            let groups = [2, 3, 5].map(group).join(",");
            lines.push(format!("S{symbol:02},{},{numbers},{cap},{groups}", date(day)));
        }
    }
    lines
}

fn table(folder: &Path, name: &str, days: std::ops::Range<usize>) {
    let lines: Vec<String> = days.flat_map(bars).collect();
    std::fs::write(folder.join(name), format!("{HEADER}\n{}\n", lines.join("\n"))).unwrap();
}

/// The lines of an output from a day on, behind the header.
fn since(whole: &[u8], day: usize) -> String {
    let text = String::from_utf8(whole.to_vec()).unwrap();
    let (header, rows) = text.split_once('\n').unwrap();
    let first = date(day);
    let rows = rows.lines().filter(|line| *line >= first.as_str());
    std::iter::once(header).chain(rows).map(|line| format!("{line}\n")).collect()
}

const SETS: [&[&str]; 5] = [
    &["ta"],
    &["cn"],
    &["alpha101"],
    &["alpha158", "-e", "a = rank(ts_corr(close, volume, 60)) - scale(returns)"],
    &["own.yaml", "ta"],
];

#[test]
fn two_steps_are_one() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let own = "factor_set: own\nrules: { clock: traded }\nformulas:\n  \
               back: delay(close, 3)\n  smooth: ema(volume, 5)\n  both: ts_corr(open, close, 8)\n";
    std::fs::write(folder.join("own.yaml"), own).unwrap();
    let cut = DAYS - 3;
    table(folder, "all.csv", 0..DAYS);
    table(folder, "history.csv", 0..cut);
    table(folder, "today.csv", cut..DAYS);
    for set in SETS {
        let with = |more: &[&'static str]| [set, more].concat();
        let whole =
            computed(folder, &with(&["--input", "all.csv", "--threads", "2"]), "all_out.csv");
        let mut states = Vec::new();
        for (threads, others) in [("1", "2"), ("2", "1")] {
            let first = ["--input", "history.csv", "--save-state", "s", "--threads", threads];
            let history = computed(folder, &with(&first), "history_out.csv");
            assert!(
                since(&whole, 0).starts_with(std::str::from_utf8(&history).unwrap()),
                "{set:?}"
            );
            states.push(std::fs::read(folder.join("s")).unwrap());
            let second = ["--input", "today.csv", "--state", "s", "--threads", others];
            let today = computed(folder, &with(&second), "today_out.csv");
            assert!(since(&whole, cut).as_bytes() == today, "{set:?}, {threads} threads first");
        }
        assert!(states[0] == states[1], "{set:?}: threads show in the state");
    }
}

#[test]
fn day_by_day_from_parquet_to_parquet() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    // A panel of bars in Parquet.
    let copy = |name: &str, days: std::ops::Range<usize>| {
        table(folder, "bars.csv", days);
        let fields = ["open", "high", "low", "close", "volume"].map(|f| format!("{f} = {f}"));
        let mut arguments = vec!["--input", "bars.csv"];
        fields.iter().for_each(|field| arguments.extend(["-e", field]));
        computed(folder, &arguments, name);
    };
    let of = |name: &'static str| ["ta", "--input", name, "--threads", "1"];
    copy("all.parquet", 0..DAYS);
    let whole = computed(folder, &of("all.parquet"), "all_out.csv");
    let cut = DAYS - 4;
    copy("day.parquet", 0..cut);
    let save = [&of("day.parquet")[..], &["--save-state", "s"]].concat();
    computed(folder, &save, "out.parquet");
    for day in cut..DAYS {
        copy("day.parquet", day..day + 1);
        let go_on = [&save[..], &["--state", "s"]].concat();
        let before = std::fs::read(folder.join("s")).unwrap();
        computed(folder, &go_on, "out.parquet");
        assert!(before != std::fs::read(folder.join("s")).unwrap(), "the state went on as well");
        std::fs::write(folder.join("s"), &before).unwrap();
        let out = String::from_utf8(computed(folder, &go_on, "out.csv")).unwrap();
        let (_, rows) = out.split_once('\n').unwrap();
        assert!(since(&whole, day).contains(rows) && rows.lines().count() == 14, "day {day}");
    }
    // Nothing but the files that were asked for.
    let hidden = std::fs::read_dir(folder)
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_str().unwrap().starts_with('.'));
    assert_eq!(hidden.count(), 0);
}

#[test]
fn symbols_come_without_touching_others() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let line =
        |symbol: &str, day: usize| bars(day)[0].replace("S00", symbol).replace("S01", symbol);
    let write = |name: &str, lines: Vec<String>| {
        std::fs::write(folder.join(name), format!("{HEADER}\n{}\n", lines.join("\n"))).unwrap();
    };
    let old = |days: std::ops::Range<usize>| days.flat_map(|d| [line("B", d), line("D", d)]);
    // Before, between and behind those that are known.
    let new = ["A", "C", "E"].map(|symbol| line(symbol, 62));
    write("all.csv", old(0..63).chain(new.clone()).collect());
    write("history.csv", old(0..60).collect());
    write("today.csv", new.into_iter().chain(old(60..63)).collect());
    // Without cross-sections a new symbol has no part in the past of others.
    let whole = computed(folder, &["ta", "cn", "alpha158", "--input", "all.csv"], "out.csv");
    let sets = ["ta", "cn", "alpha158"];
    let run = |more: &[&'static str]| computed(folder, &[&sets[..], more].concat(), "out.csv");
    run(&["--input", "history.csv", "--save-state", "s"]);
    assert!(run(&["--input", "today.csv", "--state", "s"]) == since(&whole, 60).into_bytes());
    // In cross-sections it counts from its first row on.
    let sets = ["alpha101", "--universe", "seen"];
    let run = |more: &[&'static str]| computed(folder, &[&sets[..], more].concat(), "out.csv");
    let whole = run(&["--input", "all.csv"]);
    run(&["--input", "history.csv", "--save-state", "s"]);
    assert!(run(&["--input", "today.csv", "--state", "s"]) == since(&whole, 60).into_bytes());
    let ranked =
        ["-e", "r = rank(close)", "-e", "m = ts_mean(if(close > 0, 1, 0) - rank(close > 0), 2)"];
    let run = |more: &[&'static str]| computed(folder, &[&ranked[..], more].concat(), "out.csv");
    run(&["--input", "history.csv", "--save-state", "s"]);
    let go_on = ["--input", "today.csv", "--state", "s"];
    let notes = said(&weir(folder, &[&ranked[..], &go_on].concat()));
    assert!(notes.contains("goes on from 2024-03-04T00:00:00Z with 5 symbols, 3 of them new"));
    let out = String::from_utf8(run(&go_on)).unwrap();
    let found: Vec<&str> = out.lines().filter(|line| line.contains(",A,")).collect();
    assert_eq!(found, ["2024-03-05,A,,", "2024-03-06,A,,", "2024-03-07,A,0.6,"]);
}

#[test]
fn a_state_that_does_not_fit_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let own = "factor_set: own\nparameters: { n: 5 }\nformulas:\n  m: ts_mean(close, n)\n";
    std::fs::write(folder.join("own.yaml"), own).unwrap();
    table(folder, "history.csv", 0..20);
    table(folder, "today.csv", 20..21);
    table(folder, "again.csv", 18..21);
    std::fs::write(folder.join("short.csv"), "symbol,date,open\nS00,2024-02-01,1\n").unwrap();
    computed(folder, &["own.yaml", "--input", "history.csv", "--save-state", "s"], "out.csv");
    let good = std::fs::read(folder.join("s")).unwrap();
    let text = String::from_utf8_lossy(&good).into_owned();
    let version = env!("CARGO_PKG_VERSION");
    assert!(text.contains(version), "the version stands in it");
    let mut bad = good.clone();
    bad[100] ^= 4;
    for (name, bytes) in [("cut", &good[..good.len() / 2]), ("bad", &bad), ("empty", b"")] {
        std::fs::write(folder.join(name), bytes).unwrap();
    }
    let (set, two) = (["own.yaml"], ["own.yaml", "-e", "x = close"]);
    let (today, other, cut) =
        ("today.csv", ["own.yaml", "-p", "n=6"], ["--save-state", "today.csv"]);
    for (arguments, input, state, code, expected) in [
        (
            &set[..],
            "again.csv",
            "s",
            2,
            "are not newer than 2024-01-20T00:00:00Z, where s ends (the first is of 2024-01-19T00:00:00Z): leave them out",
        ),
        (
            &other,
            today,
            "s",
            2,
            "cannot go on from s, which has other formulas: `m` is `ts_mean(close, 6)` here and `ts_mean(close, 5)` there; name the same, or compute the whole history again with --save-state",
        ),
        (&two, today, "s", 2, "it has no `x`;"),
        (&["-e", "x = close"], today, "s", 2, "it has `m`, which is not asked for, it has no `x`;"),
        (&set, "short.csv", "s", 2, "no column `close`, needed by m"),
        (&set, today, "none", 1, "cannot go on from none: No such file"),
        (&set, today, "today.csv", 1, "cannot go on from today.csv: it is no state of weir"),
        (&set, today, "empty", 1, "cannot go on from empty: it is no state of weir"),
        (
            &set,
            today,
            "cut",
            1,
            "cannot go on from cut: it is damaged: its end is missing; take a copy of it, or compute",
        ),
        (&set, today, "bad", 1, "cannot go on from bad: it is damaged: the checksum of `0 "),
        (
            &[&set[..], &cut].concat(),
            today,
            "s",
            2,
            "--save-state: today.csv is the input or the output",
        ),
    ] {
        for threads in ["1", "2"] {
            let how = ["--input", input, "--state", state, "--threads", threads];
            let done = weir(folder, &[arguments, &how, &["--output", "new.csv"]].concat());
            let found = said(&done);
            assert_eq!(done.status.code(), Some(code), "{arguments:?}: {found}");
            assert!(found.contains(expected), "{arguments:?}: {found}");
            assert!(!folder.join("new.csv").exists(), "{arguments:?}");
        }
    }
}
