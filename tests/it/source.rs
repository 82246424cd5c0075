//! Reads our own source for the tests of its form: files, tokens, and the paths it names.

use std::fs;
use std::path::{Path, PathBuf};

/// The top of the repository.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All files below a folder whose name ends with `ending`, sorted, as paths from the top of the
/// repository. Folders that are hidden or built are left out.
pub fn files(folder: &str, ending: &str) -> Vec<String> {
    let mut found = Vec::new();
    walk(&root().join(folder), &mut found);
    let top = root();
    let mut names: Vec<String> = found
        .iter()
        .map(|path| path.strip_prefix(&top).unwrap().to_str().unwrap().to_owned())
        .filter(|name| name.ends_with(ending))
        .collect();
    names.sort();
    names
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            if name != "target" && name != ".git" && name != ".cache" {
                walk(&path, found);
            }
        } else {
            found.push(path);
        }
    }
}

pub fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// A table of a Markdown text: the rows below the header that begins with `first`, cells trimmed
/// and without backquotes.
pub fn table(text: &str, first: &[&str]) -> Vec<Vec<String>> {
    let cells = |line: &str| -> Vec<String> {
        let line = line.trim().trim_start_matches('|').trim_end_matches('|');
        line.split('|').map(|cell| cell.trim().replace('`', "")).collect()
    };
    let mut lines = text.lines().skip_while(|line| {
        !line.starts_with('|') || !cells(line).iter().zip(first).all(|(a, b)| a == b)
    });
    assert!(lines.next().is_some(), "no table that begins with {first:?}");
    lines.skip(1).take_while(|line| line.starts_with('|')).map(cells).collect()
}

/// What matters of Rust for finding paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    Word(String),
    Colons,
    Other(char),
}

/// Splits Rust into tokens; comments, strings, characters and lifetimes are left out.
pub fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let mut tokens = Vec::new();
    let mut i = 0;
    while i < chars.len() {
        let c = at(i);
        if c == '/' && at(i + 1) == '/' {
            i = end_of_line(&chars, i);
        } else if c == '/' && at(i + 1) == '*' {
            i = end_of_comment(&chars, i);
        } else if c == '"' {
            i = end_of_string(&chars, i + 1);
        } else if c == '\'' {
            // `'a'` and `'\n'` are characters, `'a` is a lifetime.
            if at(i + 1) == '\\' {
                i += 3;
                while i < chars.len() && at(i) != '\'' {
                    i += 1;
                }
                i += 1;
            } else {
                i += if at(i + 2) == '\'' { 3 } else { 1 };
            }
        } else if c.is_alphabetic() || c == '_' {
            let start = i;
            while at(i).is_alphanumeric() || at(i) == '_' {
                i += 1;
            }
            let word: String = chars[start..i].iter().collect();
            let raw = matches!(word.as_str(), "r" | "br" | "cr");
            if raw && (at(i) == '"' || (at(i) == '#' && matches!(at(i + 1), '"' | '#'))) {
                i = end_of_raw_string(&chars, i);
            } else if !(word == "r" && at(i) == '#') {
                // Letters before a string, as in b"...", say nothing here.
                tokens.push(Token::Word(word));
            } else {
                i += 1;
            }
        } else if c == ':' && at(i + 1) == ':' {
            tokens.push(Token::Colons);
            i += 2;
        } else {
            if !c.is_whitespace() {
                tokens.push(Token::Other(c));
            }
            i += 1;
        }
    }
    tokens
}

fn end_of_line(chars: &[char], from: usize) -> usize {
    chars[from..].iter().position(|&c| c == '\n').map_or(chars.len(), |n| from + n)
}

fn end_of_comment(chars: &[char], from: usize) -> usize {
    let mut depth = 0;
    let mut i = from;
    while i < chars.len() {
        match (chars[i], chars.get(i + 1)) {
            ('/', Some('*')) => (depth, i) = (depth + 1, i + 2),
            ('*', Some('/')) => (depth, i) = (depth - 1, i + 2),
            _ => i += 1,
        }
        if depth == 0 {
            break;
        }
    }
    i
}

fn end_of_string(chars: &[char], from: usize) -> usize {
    let mut i = from;
    while i < chars.len() && chars[i] != '"' {
        i += if chars[i] == '\\' { 2 } else { 1 };
    }
    i + 1
}

fn end_of_raw_string(chars: &[char], from: usize) -> usize {
    let hashes = chars[from..].iter().take_while(|&&c| c == '#').count();
    let mut i = from + hashes + 1;
    while i < chars.len() {
        let closes = chars[i] == '"'
            && chars[i + 1..].iter().take(hashes).filter(|&&c| c == '#').count() == hashes;
        if closes {
            return i + 1 + hashes;
        }
        i += 1;
    }
    i
}

/// The module of a file below `src`: `src/a/mod.rs` and `src/a.rs` are `["a"]`.
pub fn module_of(name: &str) -> Vec<String> {
    let inner = name.strip_prefix("src/").unwrap().strip_suffix(".rs").unwrap();
    let mut parts: Vec<String> = inner.split('/').map(str::to_owned).collect();
    if matches!(parts.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        parts.pop();
    }
    parts
}

/// Every path a file names, whole: `crate::...` with `self`, `super` and the braces of `use`
/// resolved, and those that begin with another word as they stand.
pub fn paths(module: &[String], tokens: &[Token]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    // The name of each open brace's inline module, if it is one.
    let mut braces: Vec<Option<String>> = Vec::new();
    let mut i = 0;
    while i < tokens.len() {
        let begins = i == 0 || !matches!(tokens[i - 1], Token::Colons | Token::Other('.'));
        match &tokens[i] {
            Token::Other('{') => {
                let inline = match (i.checked_sub(2).map(|j| &tokens[j]), i.checked_sub(1)) {
                    (Some(Token::Word(keyword)), Some(j)) if keyword == "mod" => match &tokens[j] {
                        Token::Word(name) => Some(name.clone()),
                        _ => None,
                    },
                    _ => None,
                };
                braces.push(inline);
            }
            Token::Other('}') => drop(braces.pop()),
            Token::Word(word) if begins => {
                let here: Vec<String> =
                    module.iter().cloned().chain(braces.iter().flatten().cloned()).collect();
                let mut raw = Vec::new();
                if word == "use" {
                    i = tree(tokens, i + 1, &[], &mut raw);
                } else if tokens.get(i + 1) == Some(&Token::Colons) {
                    let mut path = vec![word.clone()];
                    while let (Some(Token::Colons), Some(Token::Word(next))) =
                        (tokens.get(i + 1), tokens.get(i + 2))
                    {
                        path.push(next.clone());
                        i += 2;
                    }
                    raw.push(path);
                }
                found.extend(raw.into_iter().map(|path| resolve(&here, path)));
            }
            _ => {}
        }
        i += 1;
    }
    found
}

/// Reads the tree of a `use` from `i`; returns where it ends.
fn tree(tokens: &[Token], mut i: usize, prefix: &[String], found: &mut Vec<Vec<String>>) -> usize {
    let mut path = prefix.to_vec();
    let mut named = false;
    loop {
        match tokens.get(i) {
            Some(Token::Word(word)) if word == "as" => i += 1,
            Some(Token::Word(word)) => {
                if word != "self" || path.is_empty() {
                    path.push(word.clone());
                }
                named = true;
            }
            Some(Token::Other('*')) => named = true,
            Some(Token::Colons) => {}
            Some(Token::Other('{')) => {
                loop {
                    i = tree(tokens, i + 1, &path, found);
                    if tokens.get(i) != Some(&Token::Other(',')) {
                        break;
                    }
                }
                named = false;
            }
            _ => {
                if named {
                    found.push(path);
                }
                return i;
            }
        }
        i += 1;
    }
}

fn resolve(here: &[String], path: Vec<String>) -> Vec<String> {
    let mut base = here.to_vec();
    let mut rest = path.as_slice();
    match rest.first().map(String::as_str) {
        Some("self") => rest = &rest[1..],
        Some("super") => {
            while rest.first().is_some_and(|word| word == "super") {
                base.pop();
                rest = &rest[1..];
            }
        }
        _ => return path,
    }
    let mut whole = vec!["crate".to_owned()];
    whole.extend(base);
    whole.extend(rest.iter().cloned());
    whole
}

#[test]
fn paths_are_found_where_they_are_and_nowhere_else() {
    let text = r##"
        use crate::{model::{self, Time}, plan::Plan as P};
        use super::super::other;
        // crate::comment::x
        /* crate::comment /* nested */ crate::y */
        const S: &str = "crate::string::z"; const R: &str = r#"crate::raw "q""#;
        fn f<'a>(c: char) -> bool { c == '"' && crate::used::here(c) && x.self_::no() }
        mod tests { use super::*; fn g() { self::h(); } }
        pub(in crate::a) fn k() {}
    "##;
    let module = ["a".to_owned(), "b".to_owned()];
    let found: Vec<String> =
        paths(&module, &tokens(text)).into_iter().map(|path| path.join("::")).collect();
    assert_eq!(
        found,
        [
            "crate::model",
            "crate::model::Time",
            "crate::plan::Plan",
            "crate::other",
            "crate::used::here",
            "crate::a::b",
            "crate::a::b::tests::h",
            "crate::a",
        ]
    );
}
