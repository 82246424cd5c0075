//! Holds the licences of everything we link to the list in deny.toml.

use std::collections::BTreeSet;
use std::process::Command;

use crate::source::{read, root};

/// The texts between quotes from `allow = [` to `]`.
fn allowed() -> BTreeSet<String> {
    let text = read("deny.toml");
    let (_, list) = text.split_once("allow = [").unwrap();
    let (list, _) = list.split_once("\n]").unwrap();
    let lines = list.lines().map(str::trim).filter(|line| line.starts_with('"'));
    lines.map(|line| line.trim_matches([' ', '"', ',']).to_owned()).collect()
}

/// Whether a licence expression can be fulfilled with the allowed licences: `or` is a choice, `and`
/// binds tighter and asks for both; `/` is an old way to write `or`.
fn fulfilled(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut place = 0;
    let holds = either(&words, &mut place, allowed);
    assert_eq!(place, words.len(), "cannot read the licence `{expression}`");
    holds
}

fn either(words: &[&str], place: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut holds = both(words, place, allowed);
    while words.get(*place) == Some(&"OR") {
        *place += 1;
        holds |= both(words, place, allowed);
    }
    holds
}

fn both(words: &[&str], place: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut holds = one(words, place, allowed);
    while words.get(*place) == Some(&"AND") {
        *place += 1;
        holds &= one(words, place, allowed);
    }
    holds
}

fn one(words: &[&str], place: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let word = words.get(*place).copied().unwrap_or_default();
    *place += 1;
    if word == "(" {
        let holds = either(words, place, allowed);
        assert_eq!(words.get(*place), Some(&")"));
        *place += 1;
        return holds;
    }
    let mut name = word.to_owned();
    if words.get(*place) == Some(&"WITH") {
        name = words[*place - 1..*place + 2].join(" ");
        *place += 2;
    }
    allowed.contains(&name)
}

#[test]
fn every_crate_has_an_allowed_licence() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() > 100, "{} packages", packages.len());
    let allowed = allowed();
    for package in packages {
        let name = &package["name"];
        let licence = package["license"].as_str().unwrap_or_else(|| panic!("{name} has none"));
        assert!(fulfilled(licence, &allowed), "{name}: `{licence}` is not in deny.toml");
        let source = package["source"].as_str().unwrap_or("ours");
        assert!(source == "ours" || source.starts_with("registry+"), "{name}: from {source}");
    }
}

#[test]
fn licence_expressions_are_understood() {
    let allowed = BTreeSet::from(["MIT", "A WITH x"].map(str::to_owned));
    for (expression, holds) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("MIT/GPL-3.0", true),
        ("GPL-3.0 OR MIT AND BSD", false),
        ("(GPL-3.0 OR MIT) AND MIT", true),
        ("MIT AND (GPL-3.0 OR BSD)", false),
        ("A WITH x OR GPL-3.0", true),
        ("A", false),
    ] {
        assert_eq!(fulfilled(expression, &allowed), holds, "{expression}");
    }
}
