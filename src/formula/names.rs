//! Which names a formula mentions, whatever they mean.

use super::lexer::{TokenKind, lex};

/// The names in `text` that stand for values, and those of the functions it calls, each once, in
/// order. Both empty for what cannot be read.
pub fn names(text: &str) -> (Vec<&str>, Vec<&str>) {
    let (mut values, mut functions) = (Vec::new(), Vec::new());
    let tokens = lex(text).unwrap_or_default();
    for (at, token) in tokens.iter().enumerate() {
        if token.kind != TokenKind::Name {
            continue;
        }
        let call = tokens.get(at + 1).is_some_and(|next| next.kind == TokenKind::Open);
        let list = if call { &mut functions } else { &mut values };
        let word = &text[token.place.start..token.place.end];
        if !list.contains(&word) {
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
