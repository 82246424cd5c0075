//! Walks `tests/formulas/*.txt`: formulas, and the graph or the errors they must give.
//!
//! A case is some lines that start with `> ` (one formula each, named f0, f1, ...) and the
//! expected outcome after them, up to an empty line. `WEIR_UPDATE=1` writes what comes out. In
//! `groups.txt` there is `sector` as well, a field of text.

use std::fmt::Write as _;
use std::path::Path;

use super::fixture::{FIELDS, FUNCTIONS};
use super::{FieldKind, FormulaSet, Graph, compile_sets};

#[test]
fn cases() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formulas");
    let update = std::env::var_os("WEIR_UPDATE").is_some();
    let mut walked = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "txt") {
            continue;
        }
        let expected = std::fs::read_to_string(&path).unwrap();
        let groups = path.file_stem().is_some_and(|name| name == "groups");
        let (found, count) = rerun(&expected, groups);
        walked += count;
        if update {
            std::fs::write(&path, found).unwrap();
        } else {
            assert_eq!(found, expected, "{}: WEIR_UPDATE=1 rewrites it", path.display());
        }
    }
    assert!(walked > 40, "{walked} cases in {}", folder.display());
}

/// The same file with what really comes out, and how many cases it has.
fn rerun(file: &str, groups: bool) -> (String, usize) {
    let mut blocks = Vec::new();
    for block in file.trim_end().split("\n\n") {
        let given: Vec<&str> =
            block.lines().take_while(|l| l.starts_with('>') || l.starts_with('#')).collect();
        let formulas: Vec<&str> = given
            .iter()
            .filter_map(|line| line.strip_prefix('>'))
            .map(|line| line.strip_prefix(' ').unwrap_or(line))
            .collect();
        let outcome = if formulas.is_empty() { String::new() } else { outcome(&formulas, groups) };
        blocks.push((format!("{}\n{outcome}", given.join("\n")), formulas.len()));
    }
    let count = blocks.iter().filter(|(_, formulas)| *formulas > 0).count();
    let texts: Vec<_> = blocks.into_iter().map(|(text, _)| text.trim_end().to_owned()).collect();
    (texts.join("\n\n") + "\n", count)
}

fn outcome(formulas: &[&str], groups: bool) -> String {
    let names: Vec<String> = (0..formulas.len()).map(|number| format!("f{number}")).collect();
    let factors: Vec<(&str, &str)> =
        names.iter().map(String::as_str).zip(formulas.iter().copied()).collect();
    let set = FormulaSet { formulas: factors, ..FormulaSet::default() };
    let mut fields: Vec<_> = FIELDS.iter().map(|name| (*name, FieldKind::Number)).collect();
    fields.extend(groups.then_some(("sector", FieldKind::Group)));
    match compile_sets(&[set], &fields, FUNCTIONS) {
        Ok(graph) => show(&graph),
        Err(errors) => {
            let mut text = String::new();
            for error in errors {
                let place = error.underline(formulas[error.factor]);
                writeln!(text, "f{}: {error}", error.factor).unwrap();
                for line in place.lines() {
                    writeln!(text, "  {}", line.trim_end()).unwrap();
                }
                if let Some(help) = error.help {
                    writeln!(text, "  help: {help}").unwrap();
                }
            }
            text
        }
    }
}

/// One line per node: number, text, what is known about it, and whose result it is.
fn show(graph: &Graph) -> String {
    let mut text = String::new();
    for (id, node) in graph.nodes.iter().enumerate() {
        write!(text, "{id}: {}", node.text).unwrap();
        if node.exact {
            text.push_str("  exact");
        }
        if node.look_back > 0 {
            write!(text, "  back {}", node.look_back).unwrap();
        }
        for (name, _) in graph.outputs.iter().filter(|(_, root)| *root == id) {
            write!(text, "  = {name}").unwrap();
        }
        text.push('\n');
    }
    text
}
