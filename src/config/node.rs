//! YAML as a tree in which every node knows its place.

use rustc_hash::FxHashMap;
use saphyr_parser::{Event, Parser, ScalarStyle, ScanError};

use super::diagnostic::Diagnostics;
use super::document::Place;
use super::secret;

/// Nesting beyond this is not a pipeline.
const MAX_DEPTH: usize = 32;

/// A value of the file.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) kind: Kind,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Scalar(Scalar),
    List(Vec<Node>),
    /// Keys are scalars, each there once.
    Map(Vec<(Node, Node)>),
}

#[derive(Clone, Debug)]
pub(super) struct Scalar {
    /// The value, with references resolved.
    pub(super) text: String,
    /// Whether it may be a number, a truth value or nothing.
    pub(super) plain: bool,
    /// Whether it held references, so that it may be meant as any type.
    pub(super) resolved: bool,
    /// Whether a reference could not be resolved, which is reported.
    pub(super) unresolved: bool,
}

/// What a plain scalar stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Meaning<'a> {
    Nothing,
    Truth(bool),
    Whole(i64),
    Number(f64),
    Text(&'a str),
}

impl Scalar {
    pub(super) fn meaning(&self) -> Meaning<'_> {
        let text = self.text.as_str();
        if !self.plain {
            return Meaning::Text(text);
        }
        let numeric = text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
        match text {
            "" | "~" | "null" | "Null" | "NULL" => Meaning::Nothing,
            "true" | "True" | "TRUE" => Meaning::Truth(true),
            "false" | "False" | "FALSE" => Meaning::Truth(false),
            _ if !numeric => Meaning::Text(text),
            _ => match (text.parse::<i64>(), text.parse::<f64>()) {
                (Ok(whole), _) => Meaning::Whole(whole),
                (_, Ok(number)) if number.is_finite() => Meaning::Number(number),
                _ => Meaning::Text(text),
            },
        }
    }
}

/// Reads the tree out of the document; none if it cannot be read at all, which is reported.
pub(super) fn parse(diagnostics: &Diagnostics<'_>) -> Option<Node> {
    let text = diagnostics.document().text();
    let mut offsets: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    offsets.push(text.len());
    let mut builder = Builder { diagnostics, offsets, open: Vec::new(), root: None };
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let result = match event {
            Ok((event, span)) => {
                let place = Place {
                    start: builder.offset(span.start.index()),
                    end: builder.offset(span.end.index()),
                };
                builder.event(event, place)
            }
            Err(error) => {
                builder.syntax(&error);
                Err(())
            }
        };
        result.ok()?;
    }
    match builder.root {
        Some(Node { kind: Kind::Scalar(scalar), .. }) if scalar.meaning() == Meaning::Nothing => {
            empty(diagnostics)
        }
        None => empty(diagnostics),
        root => root,
    }
}

fn empty(diagnostics: &Diagnostics<'_>) -> Option<Node> {
    let hint = "a pipeline has at least the keys pipeline, kafka, sources and outputs";
    diagnostics.report(Place::default(), "the file is empty", Some(hint.to_owned()));
    None
}

/// A list or map that is not finished, with the key that waits for its value.
struct Open {
    node: Node,
    key: Option<Node>,
    /// Keys of a map so far, and where they stand.
    keys: FxHashMap<String, Place>,
}

struct Builder<'a> {
    diagnostics: &'a Diagnostics<'a>,
    /// Byte offset of every character.
    offsets: Vec<usize>,
    open: Vec<Open>,
    root: Option<Node>,
}

impl Builder<'_> {
    fn offset(&self, index: usize) -> usize {
        self.offsets.get(index).or(self.offsets.last()).copied().unwrap_or(0)
    }

    fn refuse(&self, place: Place, message: &str, hint: &str) -> Result<(), ()> {
        self.diagnostics.report(place, message, Some(hint.to_owned()));
        Err(())
    }

    fn event(&mut self, event: Event<'_>, place: Place) -> Result<(), ()> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.bare(place, anchor, tag.is_some())?;
                let plain = style == ScalarStyle::Plain;
                let place = if text.is_empty() && plain {
                    Place { end: place.start, ..place }
                } else {
                    self.trimmed(place)
                };
                let scalar =
                    Scalar { text: text.into_owned(), plain, resolved: false, unresolved: false };
                self.finished(Node { place, kind: Kind::Scalar(scalar) })
            }
            Event::SequenceStart(anchor, tag) => {
                self.bare(place, anchor, tag.is_some())?;
                self.begin(place, Kind::List(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                self.bare(place, anchor, tag.is_some())?;
                self.begin(place, Kind::Map(Vec::new()))
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(open) => {
                    let node = self.closed(open.node);
                    self.finished(node)
                }
                None => Ok(()),
            },
            Event::Alias(_) => {
                self.refuse(place, "aliases are not supported", "write the value out")
            }
            Event::DocumentStart(_) if self.root.is_some() => {
                self.refuse(place, "a second document begins here", "write one pipeline per file")
            }
            _ => Ok(()),
        }
    }

    /// A list or map ends with its last value, or with the bracket behind it.
    fn closed(&self, mut node: Node) -> Node {
        let text = self.diagnostics.document().text();
        let last = match &node.kind {
            Kind::List(items) => items.last(),
            Kind::Map(entries) => entries.last().map(|(_, value)| value),
            Kind::Scalar(_) => None,
        };
        let bracket = match text.get(node.place.start..).and_then(|text| text.chars().next()) {
            Some('[') => Some(']'),
            Some('{') => Some('}'),
            _ => None,
        };
        let end = last.map_or(node.place.start, |last| last.place.end);
        let close = bracket.and_then(|bracket| text.get(end..)?.find(bracket));
        node.place.end = close.map_or(end, |close| end + close + 1);
        node
    }

    /// White space at the end belongs to no value.
    fn trimmed(&self, place: Place) -> Place {
        let text = self.diagnostics.document().slice(place);
        Place { end: place.start + text.trim_end().len(), ..place }
    }

    fn bare(&self, place: Place, anchor: usize, tag: bool) -> Result<(), ()> {
        let text = self.diagnostics.document().slice(place);
        let word = text.split_whitespace().next().map_or(0, str::len);
        let place = Place { end: place.start + word, ..place };
        match (anchor > 0, tag) {
            (true, _) => self.refuse(place, "anchors are not supported", "write the value out"),
            (_, true) => self.refuse(place, "tags are not supported", "remove the tag"),
            _ => Ok(()),
        }
    }

    fn begin(&mut self, place: Place, kind: Kind) -> Result<(), ()> {
        if self.open.len() == MAX_DEPTH {
            return self.refuse(place, "nested too deeply", "a pipeline needs a few levels only");
        }
        let keys = FxHashMap::default();
        self.open.push(Open { node: Node { place, kind }, key: None, keys });
        Ok(())
    }

    /// Puts a finished node where it belongs.
    fn finished(&mut self, node: Node) -> Result<(), ()> {
        let diagnostics = self.diagnostics;
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut open.node.kind {
            Kind::List(items) => items.push(node),
            Kind::Map(entries) => match open.key.take() {
                None if matches!(node.kind, Kind::Scalar(_)) => open.key = Some(node),
                None => {
                    diagnostics.report(
                        node.place,
                        "a key must be a name",
                        Some("quote a value that starts with `[` or `{`".to_owned()),
                    );
                    return Err(());
                }
                Some(key) => match open.keys.get(key.key()) {
                    Some(first) => {
                        let (line, _) = diagnostics.document().line_column(first.start);
                        diagnostics.report(
                            key.place,
                            format!("`{}` is given twice", key.key()),
                            Some(format!("the first one is in line {line}: keep one")),
                        );
                    }
                    None => {
                        open.keys.insert(key.key().to_owned(), key.place);
                        entries.push((key, node));
                    }
                },
            },
            Kind::Scalar(_) => {}
        }
        Ok(())
    }

    fn syntax(&self, error: &ScanError) {
        let at = self.offset(error.marker().index());
        let document = self.diagnostics.document();
        let (line, _) = document.line_column(at);
        let indent = document.line_text(line).chars().take_while(|c| c.is_whitespace());
        let hint =
            indent.clone().any(|c| c == '\t').then(|| "indent with spaces, not tabs".to_owned());
        let message = format!("this is not YAML: {}", error.info());
        secret::mask_line(line, self.diagnostics);
        self.diagnostics.report(Place { start: at, end: at }, message, hint);
    }
}

impl Node {
    /// The text of a scalar, empty for all else.
    pub(super) fn key(&self) -> &str {
        match &self.kind {
            Kind::Scalar(scalar) => &scalar.text,
            _ => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::document::Document;
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        let document = Document::new("f", text);
        let diagnostics = Diagnostics::new(&document);
        let _ = parse(&diagnostics);
        let all = diagnostics.into_sorted();
        all.iter().map(|d| format!("{}:{} {}", d.line, d.column, d.message)).collect()
    }

    #[test]
    fn every_node_knows_its_place() {
        let text = "ä: [1, 'two']   # why\nb:\n  c: x y \n  d: {e: \"f\"}\n  g: |\n    h\n  i: >-\n    j\n    k\n";
        let document = Document::new("f", text);
        let diagnostics = Diagnostics::new(&document);
        let mut shown = Vec::new();
        let mut stack = vec![parse(&diagnostics).unwrap()];
        while let Some(node) = stack.pop() {
            match node.kind {
                Kind::Scalar(_) => shown.push(document.slice(node.place).to_owned()),
                Kind::List(items) => {
                    shown.push(document.slice(node.place).to_owned());
                    stack.extend(items.into_iter().rev());
                }
                Kind::Map(entries) => {
                    stack.extend(entries.into_iter().rev().flat_map(|(k, v)| [v, k]));
                }
            }
        }
        let expected = [
            "ä",
            "[1, 'two']",
            "1",
            "'two'",
            "b",
            "c",
            "x y",
            "d",
            "e",
            "\"f\"",
            "g",
            "h",
            "i",
            "j\n    k",
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn plain_scalars_mean_what_yaml_says() {
        let meaning = |text: &str, plain| {
            let scalar =
                Scalar { text: text.to_owned(), plain, resolved: false, unresolved: false };
            format!("{:?}", scalar.meaning())
        };
        let plain = ["~", "true", "-3", "1e3", "5s", "no", "inf", "0x10", "1e999"];
        let read: Vec<_> = plain.iter().map(|text| meaning(text, true)).collect();
        let expected = [
            "Nothing",
            "Truth(true)",
            "Whole(-3)",
            "Number(1000.0)",
            "Text(\"5s\")",
            "Text(\"no\")",
            "Text(\"inf\")",
            "Text(\"0x10\")",
            "Text(\"1e999\")",
        ];
        assert_eq!(read, expected);
        assert_eq!(meaning("3", false), "Text(\"3\")");
    }

    #[test]
    fn refuses_what_hides_meaning() {
        assert_eq!(
            problems("a: 1\nb: 2\na: 3\nb: 4"),
            ["3:1 `a` is given twice", "4:1 `b` is given twice"]
        );
        assert_eq!(problems("a: &x 1\nb: *x"), ["1:4 anchors are not supported"]);
        assert_eq!(problems("a: !!str 1"), ["1:4 tags are not supported"]);
        assert_eq!(problems("a: 1\n---\nb: 2"), ["2:1 a second document begins here"]);
        assert_eq!(problems("{a: 1}: 2"), ["1:1 a key must be a name"]);
        assert_eq!(problems(""), ["1:1 the file is empty"]);
        assert_eq!(problems("# nothing\n"), ["1:1 the file is empty"]);
        assert_eq!(problems(&"[".repeat(100)).len(), 1);
    }
}
