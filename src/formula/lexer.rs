//! Text to tokens.

use super::FormulaError;
use super::ast::Place;
use super::error::quoted;

/// A piece of a formula.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum TokenKind {
    Number(f64),
    Name,
    Sign(&'static str),
    Open,
    Close,
    Comma,
}

/// A piece of a formula and where it stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) place: Place,
}

/// Longer ones first.
const SIGNS: [&str; 10] = ["<=", ">=", "==", "!=", "<", ">", "+", "-", "*", "/"];

/// What people write from other languages or keyboards, and what to write instead. Longer ones
/// first.
const FOREIGN: [(&str, &str); 22] = [
    ("**", "write pow(x, y)"),
    ("^", "write pow(x, y)"),
    ("&&", "write and(a, b)"),
    ("||", "write or(a, b)"),
    ("&", "write and(a, b)"),
    ("|", "write or(a, b)"),
    ("!", "write not(a), or a != b"),
    ("?", "write if(condition, a, b)"),
    (":", "write if(condition, a, b)"),
    ("=", "write == to compare"),
    ("$", "write the field's name alone: close"),
    ("（", "write ("),
    ("）", "write )"),
    ("，", "write ,"),
    ("×", "write *"),
    ("÷", "write /"),
    ("−", "write -"),
    ("–", "write -"),
    ("≤", "write <="),
    ("≥", "write >="),
    ("≠", "write !="),
    ("%", "there is no remainder; for per cent divide by 100"),
];

/// The tokens of `text`, or everything in it that is no token.
pub(super) fn lex(text: &str) -> Result<Vec<Token>, Vec<FormulaError>> {
    let mut tokens = Vec::new();
    let mut errors = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        if first.is_ascii_whitespace() {
            at += 1;
            continue;
        }
        let end = match token(text, at) {
            Ok(token) => {
                tokens.push(token);
                token.place.end
            }
            Err(error) => {
                let end = error.end;
                errors.push(error);
                end
            }
        };
        debug_assert!(end > at, "a step forward");
        at = end;
    }
    if errors.is_empty() { Ok(tokens) } else { Err(errors) }
}

/// The token that starts at byte `start`, or an error that covers at least one character.
fn token(text: &str, start: usize) -> Result<Token, FormulaError> {
    let rest = &text[start..];
    let found = |kind, length| Token { kind, place: Place { start, end: start + length } };
    let first = rest.chars().next().unwrap_or(' ');
    if first.is_ascii_alphabetic() || first == '_' {
        return Ok(found(TokenKind::Name, word_length(rest)));
    }
    if first.is_ascii_digit()
        || (first == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit()))
    {
        return number(text, start);
    }
    match first {
        '(' => return Ok(found(TokenKind::Open, 1)),
        ')' => return Ok(found(TokenKind::Close, 1)),
        ',' => return Ok(found(TokenKind::Comma, 1)),
        _ => {}
    }
    if !rest.starts_with("**")
        && let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign))
    {
        return Ok(found(TokenKind::Sign(sign), sign.len()));
    }
    Err(stray(rest, start))
}

fn stray(rest: &str, start: usize) -> FormulaError {
    if let Some((foreign, advice)) = FOREIGN.iter().find(|(foreign, _)| rest.starts_with(foreign)) {
        let place = Place { start, end: start + foreign.len() };
        return FormulaError::at(place, format!("unexpected {}", quoted(foreign))).help(*advice);
    }
    // One error for a run of such characters: a word in another script is one mistake.
    let length: usize = rest
        .char_indices()
        .take_while(|(at, c)| *at == 0 || (!c.is_ascii() && !is_foreign(&rest[*at..])))
        .map(|(_, c)| c.len_utf8())
        .sum();
    let mut shown = String::new();
    for c in rest[..length].chars() {
        if c.is_control() { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    FormulaError::at(
        Place { start, end: start + length },
        format!("unexpected character {}", quoted(&shown)),
    )
    .help("names are written with the letters a-z, digits and _; signs are + - * / < <= > >= == !=")
}

fn is_foreign(rest: &str) -> bool {
    FOREIGN.iter().any(|(foreign, _)| rest.starts_with(foreign))
}

/// Bytes of letters, digits and `_` at the start of `rest`.
fn word_length(rest: &str) -> usize {
    rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count()
}

/// `12`, `0.5`, `.5`, `1e-12`.
fn number(text: &str, start: usize) -> Result<Token, FormulaError> {
    let bytes = text.as_bytes();
    let digits = |from: usize| bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    let mut end = start + digits(start);
    if bytes.get(end) == Some(&b'.') {
        end += 1 + digits(end + 1);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let exponent = digits((end + 1 + sign).min(bytes.len()));
        if exponent > 0 {
            end += 1 + sign + exponent;
        }
    }
    let tail = word_length(&text[end..]) + usize::from(bytes.get(end) == Some(&b'.'));
    let place = Place { start, end: end + tail };
    if tail > 0 {
        let message = format!("{} is not a number", quoted(&text[start..end + tail]));
        return Err(FormulaError::at(place, message).help("write 12, 0.5 or 1e-12"));
    }
    match text[start..end].parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(Token { kind: TokenKind::Number(value), place }),
        _ => {
            let message = format!("{} does not fit into a 64-bit float", quoted(&text[start..end]));
            Err(FormulaError::at(place, message).help("the largest number is about 1.797e308"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<TokenKind> {
        lex(text).unwrap().iter().map(|token| token.kind).collect()
    }

    #[test]
    fn reads_every_kind_of_token() {
        use TokenKind::{Close, Comma, Name, Number, Open, Sign};
        assert_eq!(
            kinds("ts_x1(a,\n.5)<=-2e-3"),
            [Name, Open, Name, Comma, Number(0.5), Close, Sign("<="), Sign("-"), Number(0.002)]
        );
        assert_eq!(kinds("2.0 == 2."), [Number(2.0), Sign("=="), Number(2.0)]);
        assert_eq!(kinds(" "), []);
    }

    #[test]
    fn refuses_what_is_no_token_all_at_once() {
        let errors = lex("a ** b + 5x ^ 收盘价（").unwrap_err();
        let found: Vec<_> = errors.iter().map(|e| e.message.as_str()).collect();
        assert_eq!(
            found,
            [
                "unexpected `**`",
                "`5x` is not a number",
                "unexpected `^`",
                "unexpected character `收盘价`",
                "unexpected `（`"
            ]
        );
        assert!(lex("1e999").is_err());
        assert!(lex("1.2.3").is_err());
        assert!(lex("1e").is_err());
    }
}
