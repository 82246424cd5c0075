//! Holds the form of the repository: what CONTRIBUTING.md says and a machine can see.

use std::path::Path;

use crate::source::{Token, files, read, root, tokens};

/// Production lines of a file that we want, and that are the end.
const LINES_WANTED: usize = 400;
const LINES_MAX: usize = 800;

/// Files over the wanted length, and how long they may be at most. This list only shrinks.
const LONG_FILES: &[(&str, usize)] = &[("src/runtime/live.rs", 450)];

fn rust_files() -> Vec<String> {
    let mut names = files("src", ".rs");
    names.extend(files("tests", ".rs"));
    if root().join("benches").is_dir() {
        names.extend(files("benches", ".rs"));
    }
    names
}

/// Whether a file is a module for tests only, by its declaration in the file above.
fn is_for_tests(name: &str) -> bool {
    let path = Path::new(name);
    let stem = path.file_stem().unwrap().to_str().unwrap();
    let parent = path.parent().unwrap().join("mod.rs");
    root().join(&parent).is_file()
        && read(parent.to_str().unwrap())
            .lines()
            .collect::<Vec<_>>()
            .windows(2)
            .any(|pair| pair[0] == "#[cfg(test)]" && pair[1].ends_with(&format!("mod {stem};")))
}

/// Lines before the tests at the end of the file.
fn production_lines(text: &str) -> usize {
    let tests = text.find("\n#[cfg(test)]\nmod tests {");
    text[..tests.unwrap_or(text.len())].lines().count()
}

fn complain(title: &str, faults: &[String]) {
    assert!(faults.is_empty(), "{title}\n{}", faults.join("\n"));
}

#[test]
fn every_file_says_what_it_is_for() {
    let names = rust_files().into_iter();
    let faults: Vec<String> = names.filter(|name| !read(name).starts_with("//! ")).collect();
    complain("these do not begin with `//! ` and a sentence:", &faults);
}

#[test]
fn files_are_short() {
    let mut faults = Vec::new();
    for name in files("src", ".rs").into_iter().filter(|name| !is_for_tests(name)) {
        let lines = production_lines(&read(&name));
        let listed = LONG_FILES.iter().find(|(long, _)| *long == name).map(|(_, max)| *max);
        let fault = match listed {
            Some(max) if lines > max => Some(format!("grew beyond the {max} lines of the list")),
            Some(_) if lines <= LINES_WANTED => Some("is short now: take it off the list".into()),
            None if lines > LINES_WANTED => {
                Some(format!("has more than {LINES_WANTED} lines: split it"))
            }
            _ if lines > LINES_MAX => Some(format!("has more than {LINES_MAX} lines")),
            _ => None,
        };
        faults.extend(fault.map(|fault| format!("{name}: {lines} production lines; {fault}")));
    }
    for (name, _) in LONG_FILES {
        if !root().join(name).is_file() {
            faults.push(format!("{name} is listed and not there"));
        }
    }
    complain("length of files:", &faults);
}

#[test]
fn nothing_is_marked_for_later() {
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X:"), "todo!("];
    let mut faults = Vec::new();
    for name in files("", "").into_iter().filter(|name| !name.contains("Cargo.lock")) {
        let Ok(text) = std::fs::read_to_string(root().join(&name)) else { continue };
        for (number, line) in text.lines().enumerate() {
            if marks[..3].iter().any(|mark| line.contains(mark)) {
                faults.push(format!("{name}:{}: {line}", number + 1));
            }
        }
        if name.starts_with("src/") && text.contains(marks[3]) {
            faults.push(format!("{name}: {}", marks[3]));
        }
    }
    complain("marks for later; open an issue instead:", &faults);
}

#[test]
fn folders_open_with_mod_rs_and_no_file_is_forgotten() {
    let mut faults = Vec::new();
    for name in files("src", ".rs") {
        let path = Path::new(&name);
        let stem = path.file_stem().unwrap().to_str().unwrap();
        let folder = path.parent().unwrap();
        if root().join(folder).join(stem).is_dir() {
            faults.push(format!("{name} beside {stem}/: move it to {stem}/mod.rs"));
        }
        let parent = match stem {
            "lib" | "main" => continue,
            "mod" => folder.parent().unwrap(),
            _ => folder,
        };
        let module =
            if stem == "mod" { folder.file_name().unwrap().to_str().unwrap() } else { stem };
        let parent_file = ["mod.rs", "lib.rs"].map(|file| parent.join(file));
        let declares = parent_file.iter().filter(|file| root().join(file).is_file()).any(|file| {
            let tokens = tokens(&read(file.to_str().unwrap()));
            tokens
                .windows(2)
                .any(|pair| pair == [Token::Word("mod".to_owned()), Token::Word(module.to_owned())])
        });
        if !declares {
            faults.push(format!("{name}: no `mod {module};` above it"));
        }
    }
    complain("modules:", &faults);
}

#[test]
fn pipelines_name_their_schema() {
    if !root().join("pipelines").is_dir() {
        return;
    }
    let mut faults = Vec::new();
    for name in files("pipelines", ".yaml") {
        let text = read(&name);
        let first = text.lines().next().unwrap_or_default();
        let schema = first.strip_prefix("# yaml-language-server: $schema=");
        let folder = root().join(Path::new(&name).parent().unwrap());
        if !schema.is_some_and(|schema| folder.join(schema).is_file()) {
            faults.push(format!("{name}: `{first}` names no schema that is there"));
        }
    }
    complain("editors complete a pipeline by the schema in its first line:", &faults);
}

#[test]
fn production_lines_end_where_the_tests_begin() {
    assert_eq!(production_lines("//! a\nfn f() {}\n"), 2);
    assert_eq!(production_lines("//! a\nfn f() {}\n#[cfg(test)]\nmod tests {\n}\n"), 2);
}
