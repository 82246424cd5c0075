//! Which names a formula mentions, whatever they mean.

use rustc_hash::FxHashSet;

use super::compile::MAX_LENGTH;
use super::lexer::{TokenKind, lex};

/// The names in `text` that stand for values, and those of the functions it calls, each once, in
/// order. Both empty for what cannot be read.
pub fn names(text: &str) -> (Vec<&str>, Vec<&str>) {
    let (mut values, mut functions) = (Vec::new(), Vec::new());
    // What is too long is no formula, and says so when it is compiled.
    let tokens = if text.len() <= MAX_LENGTH { lex(text) } else { Ok(Vec::new()) };
    let tokens = tokens.unwrap_or_default();
    let (mut seen_values, mut seen_functions) = (FxHashSet::default(), FxHashSet::default());
    for (at, token) in tokens.iter().enumerate() {
        if token.kind != TokenKind::Name {
            continue;
        }
        let call = tokens.get(at + 1).is_some_and(|next| next.kind == TokenKind::Open);
        let word = &text[token.place.start..token.place.end];
        let (list, seen) = match call {
            true => (&mut functions, &mut seen_functions),
            false => (&mut values, &mut seen_values),
        };
        if seen.insert(word) {
            list.push(word);
        }
    }
    (values, functions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_values_from_functions() {
        let (values, functions) = names("rank(close - open) / adv(20) * rank(close)");
        assert_eq!(values, ["close", "open"]);
        assert_eq!(functions, ["rank", "adv"]);
        assert_eq!(names("a $ b"), (vec![], vec![]));
    }
}
