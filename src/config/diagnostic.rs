//! What is wrong with a file, and where: shown like a compiler does, or as JSON.

use std::cell::RefCell;
use std::fmt;

use serde::Serialize;

use super::document::{Document, Place};

/// Shorter values of variables are no secrets, and replacing them would garble messages.
const SHORTEST_SECRET: usize = 4;

/// One thing that is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// The file.
    pub path: String,
    /// Line from 1; 0 when it is about the file as a whole.
    pub line: usize,
    /// Column from 1, in characters.
    pub column: usize,
    /// How many characters of the line are meant.
    pub length: usize,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The line as it stands in the file.
    pub text: String,
}

/// Collects what is wrong with one document.
#[derive(Debug)]
pub struct Diagnostics<'a> {
    document: &'a Document,
    found: RefCell<Vec<(Place, Diagnostic)>>,
    masked: RefCell<Vec<Place>>,
    values: RefCell<Vec<(Place, String, String)>>,
}

impl Diagnostic {
    /// About a file as a whole.
    pub fn of_file(path: &str, message: String, hint: Option<String>) -> Diagnostic {
        let (line, column, length) = (0, 0, 0);
        Diagnostic {
            path: path.to_owned(),
            line,
            column,
            length,
            message,
            hint,
            text: String::new(),
        }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            write!(f, "{}: error: {}", self.path, self.message)?;
        } else {
            let number = self.line.to_string();
            let margin = " ".repeat(number.len());
            // Tabs stay tabs, so that the carets stand under the text however wide a tab is.
            let before: String = (self.text.chars().take(self.column - 1))
                .map(|c| if c == '\t' { '\t' } else { ' ' })
                .collect();
            let carets = "^".repeat(self.length.max(1));
            writeln!(f, "{}:{}:{}: error: {}", self.path, self.line, self.column, self.message)?;
            writeln!(f, " {number} | {}", self.text)?;
            write!(f, " {margin} | {before}{carets}")?;
        }
        match &self.hint {
            Some(hint) => write!(f, "\n   = help: {hint}"),
            None => Ok(()),
        }
    }
}

impl<'a> Diagnostics<'a> {
    /// Nothing wrong so far.
    pub fn new(document: &'a Document) -> Diagnostics<'a> {
        let (found, masked, values) = Default::default();
        Diagnostics { document, found, masked, values }
    }

    /// The document.
    pub fn document(&self) -> &'a Document {
        self.document
    }

    /// Notes that something at `place` is wrong.
    pub fn report(&self, place: Place, message: impl Into<String>, hint: Option<String>) {
        let (line, column) = self.document.line_column(place.start);
        let text = self.shown(line);
        let rest = text.chars().count().saturating_sub(column - 1);
        let length = self.document.slice(place).chars().count().min(rest).max(1);
        let path = self.document.path().to_owned();
        let message = self.unresolved(place, message.into());
        let hint = hint.map(|hint| self.unresolved(place, hint));
        let found = Diagnostic { path, line, column, length, message, hint, text };
        self.found.borrow_mut().push((place, found));
    }

    /// Never shows what stands at `place`. To be called before anything about its line is reported.
    pub(super) fn mask(&self, place: Place) {
        self.masked.borrow_mut().push(place);
    }

    /// Never shows `value`, which stands for `reference` in the scalar at `place`: it may be secret.
    pub(super) fn stands_for(&self, place: Place, reference: &str, value: &str) {
        self.values.borrow_mut().push((place, reference.to_owned(), value.to_owned()));
    }

    /// A message about `place` with references instead of what they stand for.
    fn unresolved(&self, place: Place, mut message: String) -> String {
        for (scalar, reference, value) in self.values.borrow().iter() {
            if place.start < scalar.start || scalar.end < place.end {
                continue;
            }
            // Long texts are cut in messages.
            for length in [usize::MAX, 64, 60, 40] {
                let cut: String = value.chars().take(length).collect();
                if cut.chars().count() >= SHORTEST_SECRET {
                    message = message.replace(&cut, reference);
                }
            }
        }
        message
    }

    /// A line of the file, stars for what is masked.
    fn shown(&self, line: usize) -> String {
        let masked = self.masked.borrow();
        let start = self.document.line_start(line);
        let chars = self.document.line_text(line).char_indices().map(|(at, c)| {
            let at = start + at;
            let hidden = masked.iter().any(|place| (place.start..place.end).contains(&at));
            if hidden { '*' } else { c }
        });
        chars.collect()
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.found.borrow().is_empty()
    }

    /// Whether something is wrong within a place, so that what follows from it need not be said.
    pub fn any_within(&self, place: Place) -> bool {
        let found = self.found.borrow();
        found.iter().any(|(at, _)| place.start <= at.start && at.end <= place.end)
    }

    /// All that was found, in the order of the file, each once.
    pub fn into_sorted(self) -> Vec<Diagnostic> {
        let mut found: Vec<_> = self.found.into_inner().into_iter().map(|(_, d)| d).collect();
        found.sort_by_key(|d| (d.line, d.column));
        found.dedup_by(|a, b| (a.line, a.column, &a.message) == (b.line, b.column, &b.message));
        found
    }
}

/// The name among `known` that `name` was probably meant to be.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_lowercase();
    let limit = (name.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|candidate| {
            (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate)
        })
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// What to say after an unknown name: the nearest one, or all where there are few.
pub fn suggestion(name: &str, kind: &str, known: &[&str]) -> Option<String> {
    match nearest(name, known.iter().copied()) {
        Some(candidate) => Some(format!("did you mean `{candidate}`?")),
        None if known.is_empty() => Some(format!("there are no {kind} here")),
        None if known.len() > 20 => None,
        None => Some(format!("{kind} here: {}", known.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_the_line_and_what_is_meant() {
        let document = Document::new("p.yaml", "a: 1\n\ttopcs: x\n");
        let all = Diagnostics::new(&document);
        all.report(Place { start: 6, end: 11 }, "unknown key `topcs`", Some("use `topic`".into()));
        all.report(Place { start: 0, end: 99 }, "first", None);
        let shown: Vec<_> = all.into_sorted().iter().map(ToString::to_string).collect();
        assert_eq!(shown[0], "p.yaml:1:1: error: first\n 1 | a: 1\n   | ^");
        let second = "p.yaml:2:2: error: unknown key `topcs`\n 2 | \ttopcs: x\n   | \t^^^^^\n   = help: use `topic`";
        assert_eq!(shown[1], second);
    }

    #[test]
    fn finds_the_nearest_name() {
        assert_eq!(nearest("topc", ["topic", "format"]), Some("topic"));
        assert_eq!(nearest("TOPIC", ["topic"]), Some("topic"));
        assert_eq!(nearest("xyz", ["topic", "format"]), None);
        assert_eq!(suggestion("q", "keys", &["topic"]).as_deref(), Some("keys here: topic"));
    }

    #[test]
    fn without_a_near_name_all_are_shown() {
        let here = |known: &[&str]| suggestion("nonsense", "checks", known);
        assert_eq!(here(&["finite", "range"]).unwrap(), "checks here: finite, range");
        assert_eq!(here(&[]).unwrap(), "there are no checks here");
        assert_eq!(here(&["finite"; 21]), None);
    }
}
