//! Pipeline files: the shipped ones load, bad ones say what is wrong and where, the schema is that
//! of the program. `WEIR_UPDATE=1 cargo test --test it pipelines` writes what is expected anew.

use std::fs;
use std::path::{Path, PathBuf};

use weir::dataflow::{catalog, factors};
use weir::plan;

/// A few variables, so that what is shown of them can be seen.
fn variable(name: &str) -> Option<String> {
    (name == "SECRET").then(|| "hunter2".to_owned())
}

/// Files of a folder with the extension, in order. Paths are relative, as messages show them.
fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder}: {error}"));
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|found| found == extension));
    files.sort();
    assert!(!files.is_empty(), "no .{extension} in {folder}");
    files
}

/// Says whether a file holds `text`; where updates are asked for, makes it so.
pub(crate) fn holds(path: &Path, text: &str) -> Result<(), String> {
    let old = fs::read_to_string(path).unwrap_or_default();
    if old == text {
        return Ok(());
    }
    if std::env::var_os("WEIR_UPDATE").is_some() {
        fs::write(path, text).unwrap();
        return Ok(());
    }
    Err(format!("{} is stale. It holds\n{old}\nand should hold\n{text}", path.display()))
}

pub(crate) fn all_hold(results: Vec<Result<(), String>>) {
    let stale: Vec<_> = results.into_iter().filter_map(Result::err).collect();
    assert!(
        stale.is_empty(),
        "{}\nIf this is what you want: WEIR_UPDATE=1 cargo test --test it -- pipelines reference",
        stale.join("\n")
    );
}

#[test]
fn shipped_pipelines_load_without_a_word() {
    for path in files("pipelines", "yaml") {
        let plan = plan::load(&path, &|_| None, &catalog()).unwrap_or_else(|all| {
            panic!("{}", all.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
        });
        assert_eq!(plan::notes(&plan), [""; 0], "{}", path.display());
        let text = fs::read_to_string(&path).unwrap();
        let first = "# yaml-language-server: $schema=../schemas/pipeline.schema.json\n";
        assert!(text.starts_with(first), "{} does not name its schema", path.display());
        assert_eq!(path.file_stem().unwrap(), plan.name.as_str(), "file and pipeline differ");
    }
}

#[test]
fn bad_pipelines_say_what_is_wrong() {
    let bad = files("tests/pipelines/bad", "yaml");
    let mut results = Vec::new();
    for path in &bad {
        let found = match plan::load(path, &variable, &catalog()) {
            Ok(_) => panic!("{} loads", path.display()),
            Err(found) => found,
        };
        assert!(!found.is_empty(), "{} fails without a reason", path.display());
        let text: String = found.iter().map(|one| format!("{one}\n")).collect();
        assert!(!text.contains("hunter2"), "{} shows a secret", path.display());
        results.push(holds(&path.with_extension("expected"), &text));
    }
    all_hold(results);
    for path in files("tests/pipelines/bad", "expected") {
        assert!(bad.contains(&path.with_extension("yaml")), "{} has no pipeline", path.display());
    }
}

#[test]
fn the_schema_is_that_of_the_program() {
    let schema = serde_json::to_string_pretty(&plan::schema(&catalog())).unwrap() + "\n";
    let factors = serde_json::to_string_pretty(&plan::factors_schema()).unwrap() + "\n";
    all_hold(vec![
        holds(Path::new("schemas/pipeline.schema.json"), &schema),
        holds(Path::new("schemas/factors.schema.json"), &factors),
    ]);
}

#[test]
fn factor_sets_are_used_by_name_with_a_choice() {
    let text = |uses: &str| {
        format!(
            "pipeline: daily\nkafka: {{ brokers: \"localhost:9092\" }}\nsources:\n  bars:\n    topic: \
             bars\n    key: [symbol, time]\n    fields: {{ open: f64, high: f64, low: f64, close: \
             f64, volume: f64, vwap: f64? }}\nuse: {uses}\nfactors:\n  mine: KMID_ / 2\n"
        )
        .replace("KMID_", "((close - open) / open)")
    };
    let load = |uses: &str| {
        plan::load_text("p.yaml", &text(uses), Path::new("."), &|_| None, &catalog()).unwrap()
    };
    let plan = load("[alpha158, {alpha101: {only: [alpha006, alpha101]}}]");
    let names: Vec<&str> = plan.factors.outputs.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names.len(), 158 + 2 + 1);
    assert_eq!((names[0], names[158], names[160]), ("KMID", "alpha006", "mine"));
    let texts: Vec<&str> = plan.factors.nodes.iter().map(|node| node.text.as_str()).collect();
    assert!(texts.contains(&"ts_mean@partial@qlib(close, 5)"), "a set keeps its rules");
    assert!(texts.contains(&"ts_corr(open, volume, 10)"));
    let shape = texts.iter().filter(|text| **text == "(close - open) / open").count();
    assert_eq!(shape, 1, "what sets share with own formulas is computed once");
    let other = load(
        "[alpha158, {alpha101: {except: [alpha048, alpha056, alpha058, alpha059, \
                      alpha063, alpha067, alpha069, alpha070, alpha076, alpha079, alpha080, \
                      alpha082, alpha087, alpha089, alpha090, alpha091, alpha093, alpha097, \
                      alpha100]}}]",
    );
    assert_eq!(other.factors.outputs.len(), 158 + 82 + 1);
    assert_ne!(plan.version, other.version);
}

#[test]
fn all_shipped_sets_run_in_one_pipeline() {
    let text = |uses: &str| {
        let text = fs::read_to_string("pipelines/alpha101.yaml").unwrap();
        let more = "      amount: f64?\n      index_open: f64?\n      index_close: f64?\n      \
                    mkt: f64?\n      smb: f64?\n      hml: f64?\n      sector: string?";
        let text = text.replace("  - alpha101\n", uses);
        text.replace("      sector: string?", more)
    };
    let load =
        |uses: &str| plan::load_text("p.yaml", &text(uses), Path::new("."), &|_| None, &catalog());
    let all = load("  - alpha101\n  - alpha158\n  - gtja191\n  - alpha360\n").unwrap();
    // OPEN0, HIGH0, LOW0 and VWAP0 are the same in alpha158 and alpha360.
    assert_eq!(all.factors.outputs.len(), 101 + 158 + 191 + 360 - 4);
    assert_eq!(plan::notes(&all), [""; 0]);
    let (fields, corrections) = (all.source.fields.len(), all.source.corrections);
    let kept = factors::kept(&all.factors, fields, corrections, 500).unwrap();
    let explained = plan::explain(&all, 500, &kept);
    let (whole, outline) = (explained.to_string(), explained.outline().to_string());
    assert!(whole.lines().count() > 2_500);
    assert!(outline.lines().count() < 870, "{outline}");
    assert!(outline.lines().all(|line| line.chars().count() < 180), "{outline}");

    let twice = load("  - alpha101\n  - alpha101\n").unwrap();
    assert_eq!(twice.factors.outputs.len(), 101);
    let mine = tempfile::tempdir().unwrap();
    let file = mine.path().join("mine.yaml");
    fs::write(&file, "factor_set: mine\nformulas: { alpha001: close, alpha002: open }\n").unwrap();
    let errors = load(&format!("  - alpha101\n  - {}\n", file.display())).unwrap_err();
    assert_eq!(errors.len(), 2, "{errors:?}");
    let message = errors[0].to_string();
    assert!(
        message.contains("`alpha001` is one formula in `alpha101` and another in"),
        "{message}"
    );
}

#[test]
fn sets_may_have_other_names_for_fields() {
    let load = |uses: &str| {
        let text = format!(
            "pipeline: daily\nkafka: {{ brokers: \"localhost:9092\" }}\nsources:\n  bars:\n    topic: \
             bars\n    key: [symbol, time]\n    fields: {{ open: f64, adj_close: f64, size: f64, \
             gics: string }}\nuse:\n  - alpha101: {uses}\n"
        );
        plan::load_text("p.yaml", &text, Path::new("."), &|_| None, &catalog())
    };
    let one = |factor: &str, fields: &str| {
        let graph = load(&format!("{{ only: [{factor}], fields: {fields} }}")).unwrap().factors;
        graph.nodes[graph.outputs[0].1].text.clone()
    };
    assert_eq!(
        one("alpha006", "{ volume: size }"),
        "-ts_corr(open, size, 10)",
        "a field is what the source calls it"
    );
    let text = one("alpha014", "{ close: adj_close, volume: size }");
    assert!(text.contains("delta(adj_close / delay(adj_close, 1) - 1, 3)"), "derived: {text}");
    for (uses, message) in [
        (
            "{ only: [alpha006], fields: { volumes: size } }",
            "alpha101 reads no field `volumes`; did you mean `volume`?",
        ),
        ("{ only: [alpha006], fields: { volume: sise } }", "`sise` is no field of the source"),
        ("{ only: [alpha006], fields: { volume: gics } }", "`volume` is text, not numbers"),
        ("{ only: [alpha006] }", "needs the field `volume`"),
    ] {
        let errors = load(uses).unwrap_err();
        let shown = errors.iter().map(ToString::to_string).collect::<String>();
        assert!(errors.len() == 1 && shown.contains(message), "{uses}: {shown}");
    }
}

#[test]
fn parameters_of_used_sets_are_given_in_the_pipeline() {
    let folder = std::env::temp_dir().join(format!("weir-parameters-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let set = "factor_set: own\nparameters: { n: 5 }\nformulas:\n  fast: ts_mean(close, n)\n";
    fs::write(folder.join("own.yaml"), set).unwrap();
    let path = folder.join("p.yaml").display().to_string();
    let load = |choice: &str| {
        let text = format!(
            "pipeline: daily\nkafka: {{ brokers: \"localhost:9092\" }}\nsources:\n  bars:\n    topic: \
             bars\n    key: [symbol, time]\n    fields: {{ close: f64 }}\nuse:\n  - own.yaml: \
             {choice}\n"
        );
        plan::load_text(&path, &text, &folder, &|_| None, &catalog())
    };
    let root = |choice: &str| {
        let factors = load(choice).unwrap().factors;
        factors.nodes[factors.outputs[0].1].text.clone()
    };
    assert_eq!(root("{}"), "ts_mean(close, 5)");
    assert_eq!(root("{ parameters: { n: 20 } }"), "ts_mean(close, 20)");
    for (choice, message) in [
        (
            "{ parameters: { m: 20 } }",
            ":9:31: error: `m` is no parameter of own; did you mean `n`?",
        ),
        ("{ parameters: { n: 1e999 } }", ":9:34: error: expected a number"),
        ("{ parameters: { n: ten } }", ":9:34: error: "),
        (
            "{ parameters: { n: 0 } }",
            "window `n` of `ts_mean` is 0, must be at least 1, where n = 0",
        ),
    ] {
        let errors = load(choice).unwrap_err();
        let shown = errors.iter().map(ToString::to_string).collect::<String>();
        assert!(shown.contains(message), "{shown}");
    }
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn the_source_says_when_sessions_begin() {
    let folder = tempfile::tempdir().unwrap();
    let set =
        "factor_set: gaps\nformulas: { gap: session_first(open) / session_last(close) - 1 }\n";
    fs::write(folder.path().join("gaps.yaml"), set).unwrap();
    let path = folder.path().join("p.yaml");
    let load = |day_begins: &str| {
        let text = format!(
            "pipeline: p\nkafka: {{ brokers: 'localhost:9092' }}\nsources:\n  bars:\n    \
             topic: bars\n    key: [symbol, time]\n    fields: {{ open: f64, close: f64 }}\n\
             {day_begins}use: [gaps.yaml]\nfactors: {{ mean: 'ts_mean(session_last(close), 5)' }}\n"
        );
        let path = path.display().to_string();
        plan::load_text(&path, &text, folder.path(), &variable, &catalog())
            .map_err(|all| all.iter().map(ToString::to_string).collect::<String>())
    };
    let texts = |day_begins: &str| -> Vec<String> {
        let plan = load(day_begins).unwrap();
        let outputs = plan.factors.outputs.iter();
        outputs.map(|(_, node)| plan.factors.nodes[*node].text.clone()).collect()
    };
    let sydney = [
        "session_first@22:00(open) / session_last@22:00(close) - 1",
        "ts_mean(session_last@22:00(close), 5)",
    ];
    assert_eq!(texts("    day_begins: 22:00\n"), sydney);
    assert_eq!(texts("")[1], "ts_mean(session_last(close), 5)");
    let versions = ["", "    day_begins: 00:00\n", "    day_begins: 22:00\n"];
    let [utc, midnight, sydney] = versions.map(|one| load(one).unwrap().version);
    assert!(utc == midnight && utc != sydney);
    let error = load("    day_begins: 22\n").unwrap_err();
    assert!(error.contains("`22` is not a time of day"), "{error}");
    assert!(error.contains("help: write it in UTC like `22:00`"), "{error}");
}
