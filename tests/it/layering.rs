//! Holds the tables of ARCHITECTURE.md: who may import whom, and who may name which crate.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::{files, module_of, paths, read, table, tokens};

/// What a row of a table allows.
#[derive(Debug, Default)]
struct Row {
    imports: BTreeSet<String>,
    crates: BTreeSet<String>,
}

struct Rules {
    /// Rows of the layers, by module.
    layers: BTreeMap<String, Row>,
    /// Rows of the modules of `dataflow`.
    stages: BTreeMap<String, Row>,
    /// Crates that may be named everywhere.
    everywhere: BTreeSet<String>,
    /// Crates that Cargo.toml depends on.
    dependencies: BTreeSet<String>,
    /// Items that `dataflow/mod.rs` passes on, with the module they come from.
    passed_on: BTreeMap<String, String>,
}

fn words(cell: &str) -> BTreeSet<String> {
    let words = cell.split(',').map(|word| word.trim().replace('-', "_"));
    words.filter(|word| !matches!(word.as_str(), "" | "_" | "nothing")).collect()
}

fn rows(table: &[Vec<String>], module: usize) -> BTreeMap<String, Row> {
    let row = |cells: &Vec<String>| {
        let row = Row { imports: words(&cells[module + 2]), crates: words(&cells[module + 3]) };
        (cells[module].clone(), row)
    };
    table.iter().map(row).collect()
}

fn dependencies(manifest: &str) -> BTreeSet<String> {
    let lines = manifest.lines().skip_while(|line| *line != "[dependencies]").skip(1);
    let lines = lines.take_while(|line| !line.starts_with('['));
    let names = lines.filter_map(|line| line.split_once([' ', '=', '.']).map(|(name, _)| name));
    names.filter(|name| !name.is_empty() && *name != "#").map(|n| n.replace('-', "_")).collect()
}

impl Rules {
    fn read() -> Rules {
        let text = read("ARCHITECTURE.md");
        let mut layers = rows(&table(&text, &["layer", "module"]), 1);
        let everywhere = layers.remove("everywhere").unwrap().crates;
        let stages = rows(&table(&text, &["module", "purpose"]), 0);
        let mut passed_on = BTreeMap::new();
        let parent = module_of("src/dataflow/mod.rs");
        for path in paths(&parent, &tokens(&read("src/dataflow/mod.rs"))) {
            if let [stage, .., item] = path.as_slice()
                && stages.contains_key(stage)
            {
                passed_on.insert(item.clone(), stage.clone());
            }
        }
        let dependencies = dependencies(&read("Cargo.toml"));
        Rules { layers, stages, everywhere, dependencies, passed_on }
    }

    /// What is wrong with the paths a file names.
    fn faults(&self, file: &str, text: &str) -> Vec<String> {
        let module = module_of(file);
        let Some(layer) = module.first() else { return Vec::new() };
        let Some(row) = self.layers.get(layer) else {
            return vec![format!("{file}: `{layer}` has no row in the table of layers")];
        };
        let mut faults = BTreeSet::new();
        for path in paths(&module, &tokens(text)) {
            let fault = match path.as_slice() {
                [first, to, ..] if first == "crate" && to != layer => (!row.imports.contains(to)
                    && self.layers.contains_key(to))
                .then(|| format!("`{layer}` may not import `{to}`")),
                [first, _, to, ..] if first == "crate" && layer == "dataflow" => {
                    self.between_stages(&module, to)
                }
                [name, ..] if self.dependencies.contains(name) => {
                    self.naming_a_crate(&module, row, name)
                }
                _ => None,
            };
            faults.extend(fault.map(|fault| format!("{file}: {fault} ({})", path.join("::"))));
        }
        faults.into_iter().collect()
    }

    fn between_stages(&self, module: &[String], to: &str) -> Option<String> {
        let from = module.get(1)?;
        let to = self.passed_on.get(to).map_or(to, String::as_str);
        let allowed = from == to
            || !self.stages.contains_key(to)
            || self.stages.get(from)?.imports.iter().any(|name| name == to || name == "everything");
        (!allowed).then(|| format!("`dataflow::{from}` may not import `dataflow::{to}`"))
    }

    fn naming_a_crate(&self, module: &[String], row: &Row, name: &str) -> Option<String> {
        if self.everywhere.contains(name) {
            return None;
        }
        if !row.crates.contains(name) {
            return Some(format!("the row of `{}` does not name the crate `{name}`", module[0]));
        }
        let stage = module.get(1).filter(|_| module[0] == "dataflow")?;
        let inner = self.stages.get(stage)?;
        (!inner.crates.contains(name))
            .then(|| format!("the row of `dataflow::{stage}` does not name the crate `{name}`"))
    }
}

#[test]
fn modules_import_only_what_the_tables_allow() {
    let rules = Rules::read();
    let faults: Vec<String> = files("src", ".rs")
        .iter()
        .filter(|file| *file != "src/lib.rs" && *file != "src/main.rs")
        .flat_map(|file| rules.faults(file, &read(file)))
        .collect();
    assert!(faults.is_empty(), "ARCHITECTURE.md does not allow:\n{}", faults.join("\n"));
}

#[test]
fn the_tables_name_what_there_is() {
    let rules = Rules::read();
    let mut modules = BTreeSet::new();
    let mut stages = BTreeSet::new();
    for file in files("src", ".rs") {
        let module = module_of(&file);
        modules.extend(module.first().cloned());
        if module.first().is_some_and(|first| first == "dataflow") {
            stages.extend(module.get(1).cloned());
        }
    }
    let named: BTreeSet<String> = rules.layers.keys().cloned().collect();
    assert_eq!(named, modules, "left: table of layers, right: src");
    let named: BTreeSet<String> = rules.stages.keys().cloned().collect();
    assert_eq!(named, stages, "left: table of dataflow, right: src/dataflow");

    let mut crates = rules.everywhere.clone();
    crates.extend(rules.layers.values().flat_map(|row| row.crates.iter().cloned()));
    assert_eq!(crates, rules.dependencies, "left: table of layers, right: Cargo.toml");
}

#[test]
fn the_order_of_lib_rs_is_the_order_of_the_table() {
    let text = read("ARCHITECTURE.md");
    let table = table(&text, &["layer", "module"]);
    let rows: Vec<&str> = table.iter().map(|cells| cells[1].as_str()).collect();
    let lib = read("src/lib.rs");
    let declared: Vec<&str> = lib
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ").and_then(|line| line.strip_suffix(';')))
        .collect();
    assert_eq!(declared, rows[..rows.len() - 1]);
}

#[test]
fn what_is_not_allowed_is_found() {
    let rules = Rules::read();
    for (file, text, expected) in [
        ("src/model/a.rs", "use crate::{model::Time, plan::Plan};", "may not import `plan`"),
        ("src/telemetry/a.rs", "fn f() { crate::model::x() }", "may not import `model`"),
        ("src/runtime/a/b.rs", "use super::super::super::api;", "may not import `api`"),
        (
            "src/dataflow/decode/a.rs",
            "use super::super::quality::X;",
            "may not import `dataflow::q",
        ),
        ("src/dataflow/upsert/mod.rs", "use crate::dataflow::sinks::X;", "import `dataflow::sinks"),
        ("src/formula/a.rs", "use prometheus::Registry;", "does not name the crate `prometheus`"),
        ("src/dataflow/alerts/a.rs", "timely::x();", "`dataflow::alerts` does not name the crate"),
        ("src/new/a.rs", "", "has no row"),
    ] {
        let faults = rules.faults(file, text).join("\n");
        assert!(faults.contains(expected), "{file}: {text}\nfound: {faults}");
    }
    for (file, text) in [
        ("src/plan/a.rs", "use crate::model::Time; use super::b; use serde::Serialize;"),
        ("src/dataflow/quality/a.rs", "use super::options; mod tests { use super::*; }"),
        ("src/dataflow/operators/a.rs", "use timely::Data; // crate::api"),
    ] {
        assert_eq!(rules.faults(file, text), [""; 0], "{file}: {text}");
    }
}
