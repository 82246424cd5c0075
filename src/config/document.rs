//! The text of a pipeline file and places in it.

/// A file's text with the path it is called by in messages.
#[derive(Clone, Debug)]
pub struct Document {
    path: String,
    text: String,
    /// Byte offset of the start of each line.
    lines: Vec<usize>,
}

/// A range of bytes of a document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// First byte.
    pub start: usize,
    /// Behind the last byte.
    pub end: usize,
}

impl Document {
    /// A document of the given text.
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Document {
        let text = text.into();
        let breaks =
            text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(i, _)| i + 1);
        let lines = std::iter::once(0).chain(breaks).collect();
        Document { path: path.into(), text, lines }
    }

    /// The path for messages.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text at a place.
    pub fn slice(&self, place: Place) -> &str {
        self.text.get(place.start..place.end).unwrap_or_default()
    }

    /// Line and column of a byte offset, both from 1; columns count characters.
    pub fn line_column(&self, offset: usize) -> (usize, usize) {
        let line = self.lines.partition_point(|start| *start <= offset).max(1);
        let start = self.lines.get(line - 1).copied().unwrap_or(0);
        let before = self.text.get(start..offset.min(self.text.len())).unwrap_or_default();
        (line, before.chars().count() + 1)
    }

    /// The text of a line, numbered from 1, without its end.
    pub fn line_text(&self, line: usize) -> &str {
        let rest = self.text.get(self.line_start(line)..).unwrap_or_default();
        rest.lines().next().unwrap_or_default()
    }

    /// Offset of the first byte of a line, numbered from 1; of the end for lines behind the last.
    pub fn line_start(&self, line: usize) -> usize {
        let start = line.checked_sub(1).and_then(|i| self.lines.get(i)).copied();
        start.unwrap_or(self.text.len())
    }

    /// Where bytes `start..end` of a scalar's value stand in the file, given the scalar's place.
    /// White space aside, a plain or block scalar is written as it reads; quoted scalars may hold
    /// escapes. Where value and text do not agree (a reference was resolved), the whole scalar.
    pub fn inside(&self, scalar: Place, value: &str, start: usize, end: usize) -> Place {
        let found = self.written(scalar).and_then(|written| {
            let visible = |text: &str| text.chars().filter(|c| !c.is_whitespace()).count();
            let same =
                written.iter().map(|(_, c)| *c).eq(value.chars().filter(|c| !c.is_whitespace()));
            let first = visible(value.get(..start)?);
            let last = visible(value.get(..end)?).max(first + 1);
            let from = match written.get(first) {
                Some((from, _)) => *from,
                // At the end of the text there is nothing to point at but the place behind it.
                None => {
                    let (at, c) = written.last()?;
                    return same
                        .then_some(Place { start: at + c.len_utf8(), end: at + c.len_utf8() });
                }
            };
            let (to, c) = *written.get(last.min(written.len()) - 1)?;
            same.then_some(Place { start: from, end: to + c.len_utf8() })
        });
        found.unwrap_or(scalar)
    }

    /// The visible characters of a scalar with their offsets in the file; none if it holds escapes
    /// that are more than a quoted sign.
    fn written(&self, scalar: Place) -> Option<Vec<(usize, char)>> {
        let text = self.slice(scalar);
        let (skip, body, quote) = match text.chars().next()? {
            quote @ ('"' | '\'') => (1, text.get(1..text.len().checked_sub(1)?)?, Some(quote)),
            _ => (0, text, None),
        };
        let mut written = Vec::new();
        let mut chars = body.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            let escaped = match (quote, c) {
                (Some('\''), '\'') => Some(chars.next()?.1),
                (Some('"'), '\\') => Some(chars.next()?.1),
                _ => None,
            };
            match escaped {
                Some(sign @ ('"' | '\'' | '\\' | '/')) => {
                    written.push((scalar.start + skip + at, sign));
                }
                Some(_) => return None,
                None if c.is_whitespace() => {}
                None => written.push((scalar.start + skip + at, c)),
            }
        }
        Some(written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_parts_of_values_in_every_style() {
        let cases = [
            ("a: rank(x", "rank(x", "x"),
            ("a: \"say \\\"x\\\" y\"", "say \"x\" y", "y"),
            ("a: 'it''s x'", "it's x", "x"),
            ("a: one\n  x two\n", "one x two\n", "x"),
            ("a: größe\n  x", "größe x", "x"),
        ];
        for (text, value, part) in cases {
            let document = Document::new("f", text);
            let start = value.find(part).unwrap();
            let place = document.inside(
                Place { start: 3, end: text.len() },
                value,
                start,
                start + part.len(),
            );
            assert_eq!(document.slice(place), part, "{text}");
        }
    }

    #[test]
    fn points_at_the_whole_where_the_text_differs() {
        let document = Document::new("f", "a: ${X}");
        let all = Place { start: 3, end: 7 };
        assert_eq!(document.inside(all, "secret", 1, 2), all);
        assert_eq!(
            document.inside(Place { start: 0, end: 1 }, "a", 1, 1),
            Place { start: 1, end: 1 }
        );
    }

    #[test]
    fn counts_lines_and_columns_from_one() {
        let document = Document::new("f", "ä: 1\nb: 2\n");
        assert_eq!(document.line_column(0), (1, 1));
        assert_eq!(document.line_column(4), (1, 4));
        assert_eq!(document.line_column(6), (2, 1));
        assert_eq!(
            (document.line_text(2), document.line_text(3), document.line_text(9)),
            ("b: 2", "", "")
        );
    }
}
