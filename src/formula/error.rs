//! What is wrong with a formula, and where.

use super::ast::Place;

/// One thing that is wrong with one formula.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FormulaError {
    /// Which formula: its place in the list that was compiled.
    pub factor: usize,
    /// First byte in the formula's text.
    pub start: usize,
    /// The byte after the last one; equal to `start` where something is missing.
    pub end: usize,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub help: Option<String>,
}

/// How many characters of a long formula are shown around a mistake.
const SHOWN_BEFORE: usize = 40;
const SHOWN_AFTER: usize = 60;

impl FormulaError {
    /// An error at `place`; the number of the formula is filled in by who knows it.
    pub(super) fn at(place: Place, message: impl Into<String>) -> FormulaError {
        let (start, end) = (place.start, place.end);
        FormulaError { factor: 0, start, end, message: message.into(), help: None }
    }

    /// The same error with advice.
    #[must_use]
    pub(super) fn help(mut self, help: impl Into<String>) -> FormulaError {
        self.help = Some(help.into());
        self
    }

    /// The line of the formula with carets under the mistake: two lines of text, without a line
    /// end at the close. `formula` is the text that was compiled.
    pub fn underline(&self, formula: &str) -> String {
        let start = floor_boundary(formula, self.start);
        let end = floor_boundary(formula, self.end.max(start));
        let line_start = formula[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = formula[start..].find('\n').map_or(formula.len(), |at| start + at);

        let before: Vec<char> = formula[line_start..start].chars().collect();
        let cut = before.len().saturating_sub(SHOWN_BEFORE);
        let mut line: String = if cut > 0 { "…".to_owned() } else { String::new() };
        line.extend(&before[cut..]);
        let column = line.chars().count();
        let mut after = formula[start..line_end].chars();
        line.extend(after.by_ref().take(SHOWN_AFTER));
        if after.next().is_some() {
            line.push('…');
        }
        let carets = formula[start..end.min(line_end)].chars().count().clamp(1, SHOWN_AFTER);
        // A tab before the mistake is as wide below as above.
        let indent: String =
            line.chars().take(column).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        format!("{line}\n{indent}{}", "^".repeat(carets))
    }
}

/// The last character boundary at or before `at`.
fn floor_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// A name as shown in messages: in backquotes, long ones cut.
pub(super) fn quoted(name: &str) -> String {
    const SHOWN: usize = 40;
    match name.char_indices().nth(SHOWN) {
        Some((cut, _)) => format!("`{}…`", &name[..cut]),
        None => format!("`{name}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carets_stand_under_the_mistake() {
        let error = |start, end| FormulaError::at(Place { start, end }, "x");
        assert_eq!(error(5, 10).underline("rank(clsoe)"), "rank(clsoe)\n     ^^^^^");
        assert_eq!(error(4, 4).underline("1 + "), "1 + \n    ^");
        assert_eq!(error(6, 7).underline("a +\n\tb $ c"), "\tb $ c\n\t ^");
        assert_eq!(error(3, 6).underline("é（（"), "é（（\n ^");
    }

    #[test]
    fn long_formulas_are_cut() {
        let formula = "x + ".repeat(1_000);
        let shown = FormulaError::at(Place { start: 2_000, end: 4_000 }, "x").underline(&formula);
        assert!(shown.chars().count() < 250, "{shown}");
        assert!(shown.starts_with('…'));
    }

    #[test]
    fn any_place_can_be_shown() {
        let formula = "ä\n（x";
        for start in 0..12 {
            for end in 0..12 {
                assert!(
                    FormulaError::at(Place { start, end }, "x").underline(formula).contains('^')
                );
            }
        }
    }
}
