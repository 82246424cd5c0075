//! Tokens to a tree, by climbing precedences.

use super::ast::{COMPARISON, ExprId, ExprKind, NEGATION, Place, Tree, precedence};
use super::compile::MAX_DEPTH;
use super::error::quoted;
use super::lexer::{Token, TokenKind};
use super::{FormulaError, Signature};

/// The tree of the formula `text`, or the first place where it stops making sense.
/// `functions` serves better messages only.
pub(super) fn parse<'a>(
    text: &'a str,
    tokens: &[Token],
    functions: &[&'static Signature],
) -> Result<Tree<'a>, FormulaError> {
    balanced(tokens)?;
    let mut parser = Parser { text, tokens, functions, at: 0, depth: 0, tree: Tree::default() };
    parser.expression(0)?;
    match parser.peek() {
        None => Ok(parser.tree),
        Some(token) => Err(parser.unexpected(token, "an operator or the end of the formula")),
    }
}

/// Every parenthesis has its partner; what is wrong points at the one that has none.
fn balanced(tokens: &[Token]) -> Result<(), FormulaError> {
    let mut open = Vec::new();
    for token in tokens {
        match token.kind {
            TokenKind::Open => open.push(token.place),
            TokenKind::Close if open.pop().is_none() => {
                return Err(FormulaError::at(token.place, "this `)` closes nothing")
                    .help("take it away, or write the `(` that it should close"));
            }
            _ => {}
        }
    }
    match open.last() {
        None => Ok(()),
        Some(place) => Err(FormulaError::at(*place, "this `(` is never closed")
            .help("write the `)` that should close it")),
    }
}

struct Parser<'a, 't> {
    text: &'a str,
    tokens: &'t [Token],
    functions: &'t [&'static Signature],
    at: usize,
    depth: usize,
    tree: Tree<'a>,
}

impl<'a> Parser<'a, '_> {
    fn peek(&self) -> Option<Token> {
        self.tokens.get(self.at).copied()
    }

    fn word(&self, place: Place) -> &'a str {
        &self.text[place.start..place.end]
    }

    /// An expression whose signs all bind at least as tightly as `least`.
    fn expression(&mut self, least: u8) -> Result<ExprId, FormulaError> {
        let mut left = self.operand()?;
        let mut compared = false;
        while let Some(Token { kind: TokenKind::Sign(sign), place }) = self.peek() {
            let Some(binding) = precedence(sign).filter(|binding| *binding >= least) else { break };
            if binding == COMPARISON && compared {
                return Err(FormulaError::at(place, "comparisons cannot be chained").help(
                    "write and(a < b, b < c), or parentheses around the one that comes first",
                ));
            }
            compared |= binding == COMPARISON;
            self.at += 1;
            let right = self.expression(binding + 1)?;
            let whole = self.place(left).to(self.place(right));
            let call = ExprKind::Call { function: sign, args: vec![left, right] };
            left = self.tree.push(call, whole, place);
        }
        Ok(left)
    }

    fn place(&self, id: ExprId) -> Place {
        self.tree.exprs[id].place
    }

    /// What stands between two signs.
    fn operand(&mut self) -> Result<ExprId, FormulaError> {
        let Some(token) = self.peek() else {
            let end = Place { start: self.text.len(), end: self.text.len() };
            return Err(FormulaError::at(end, "the formula ends where a value should follow"));
        };
        self.at += 1;
        match token.kind {
            TokenKind::Number(value) => {
                Ok(self.tree.push(ExprKind::Number(value), token.place, token.place))
            }
            TokenKind::Sign("-") => {
                self.enter(token.place)?;
                let inner = self.expression(NEGATION)?;
                self.depth -= 1;
                let whole = token.place.to(self.place(inner));
                let call = ExprKind::Call { function: "neg", args: vec![inner] };
                Ok(self.tree.push(call, whole, token.place))
            }
            TokenKind::Open => {
                self.enter(token.place)?;
                let inner = self.expression(0)?;
                self.depth -= 1;
                let close = self.expect_close("an operator or `)`")?;
                // Errors about the whole of it underline the parentheses as well.
                self.tree.exprs[inner].place = token.place.to(close);
                Ok(inner)
            }
            TokenKind::Name => match self.peek() {
                Some(Token { kind: TokenKind::Open, place }) => self.call(token.place, place),
                _ => {
                    let name = ExprKind::Name(self.word(token.place));
                    Ok(self.tree.push(name, token.place, token.place))
                }
            },
            TokenKind::Sign(_) | TokenKind::Close | TokenKind::Comma => {
                self.at -= 1;
                Err(self.unexpected(token, "a field, a number, a function or `(`"))
            }
        }
    }

    /// `name(expr, ...)`; the name is read, the parenthesis comes next.
    fn call(&mut self, head: Place, open: Place) -> Result<ExprId, FormulaError> {
        self.at += 1;
        self.enter(open)?;
        let mut args = Vec::new();
        let mut close = self.peek().filter(|token| token.kind == TokenKind::Close);
        if close.is_some() {
            self.at += 1;
        }
        while close.is_none() {
            args.push(self.expression(0)?);
            match self.peek() {
                Some(Token { kind: TokenKind::Comma, .. }) => self.at += 1,
                Some(token @ Token { kind: TokenKind::Close, .. }) => {
                    self.at += 1;
                    close = Some(token);
                }
                Some(token) => return Err(self.unexpected(token, "an operator, `,` or `)`")),
                None => return Err(self.ends("`)`")),
            }
        }
        self.depth -= 1;
        let whole = close.map_or(head, |close| head.to(close.place));
        Ok(self.tree.push(ExprKind::Call { function: self.word(head), args }, whole, head))
    }

    /// One level deeper; the limit keeps the machine's stack safe.
    fn enter(&mut self, place: Place) -> Result<(), FormulaError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(FormulaError::at(place, format!("nested deeper than {MAX_DEPTH} levels"))
                .help("split the formula, or take away parentheses"));
        }
        Ok(())
    }

    fn expect_close(&mut self, expected: &str) -> Result<Place, FormulaError> {
        match self.peek() {
            Some(Token { kind: TokenKind::Close, place }) => {
                self.at += 1;
                Ok(place)
            }
            Some(token) => Err(self.unexpected(token, expected)),
            None => Err(self.ends(expected)),
        }
    }

    fn ends(&self, expected: &str) -> FormulaError {
        let end = Place { start: self.text.len(), end: self.text.len() };
        FormulaError::at(end, format!("the formula ends where {expected} should follow"))
    }

    fn unexpected(&self, token: Token, expected: &str) -> FormulaError {
        let word = self.word(token.place);
        let message = format!("expected {expected}, found {}", quoted(word));
        let error = FormulaError::at(token.place, message);
        let called = |word: &str| {
            self.functions.iter().find(|f| f.name.eq_ignore_ascii_case(word)).map(|f| f.display())
        };
        let before = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
        let before = before.filter(|token| token.kind == TokenKind::Name);
        let call = called(word).or_else(|| before.and_then(|t| called(self.word(t.place))));
        match (token.kind, call) {
            (TokenKind::Name | TokenKind::Number(_), Some(call)) => {
                error.help(format!("write {call}"))
            }
            (TokenKind::Sign("+"), _) => error.help("a number needs no + before it"),
            (TokenKind::Open, _) => error.help("to multiply, write * before the `(`"),
            (TokenKind::Number(_) | TokenKind::Name, _) if self.at > 0 => {
                error.help("an operator or a comma is missing before it")
            }
            _ => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::lexer::lex;
    use super::*;

    /// The tree with all parentheses.
    fn shape(text: &str) -> String {
        let tree = parse(text, &lex(text).unwrap(), &[]).unwrap();
        let mut shapes: Vec<String> = Vec::new();
        for expr in &tree.exprs {
            shapes.push(match &expr.kind {
                ExprKind::Number(value) => value.to_string(),
                ExprKind::Name(name) => (*name).to_owned(),
                ExprKind::Call { function, args } => {
                    let args: Vec<_> = args.iter().map(|id| shapes[*id].as_str()).collect();
                    format!("{function}({})", args.join(" "))
                }
            });
        }
        shapes.pop().unwrap()
    }

    #[test]
    fn signs_bind_as_the_language_says() {
        for (text, expected) in [
            ("a - b - c", "-(-(a b) c)"),
            ("a + b * c / d", "+(a /(*(b c) d))"),
            ("(a + b) * c", "*(+(a b) c)"),
            ("(a < b + 1) == c", "==(<(a +(b 1)) c)"),
            ("-a * b", "*(neg(a) b)"),
            ("- -a", "neg(neg(a))"),
            ("a - -b", "-(a neg(b))"),
            ("-f(a, -b, (c))", "neg(f(a neg(b) c))"),
            ("f()", "f()"),
        ] {
            assert_eq!(shape(text), expected, "{text}");
        }
    }

    #[test]
    fn every_expression_knows_its_place() {
        let text = "rank( (a) ) + f(b,c)";
        let tree = parse(text, &lex(text).unwrap(), &[]).unwrap();
        let places: Vec<_> = tree.exprs.iter().map(|e| &text[e.place.start..e.place.end]).collect();
        assert_eq!(places, ["(a)", "rank( (a) )", "b", "c", "f(b,c)", text]);
        let heads: Vec<_> = tree.exprs.iter().map(|e| &text[e.head.start..e.head.end]).collect();
        assert_eq!(heads, ["a", "rank", "b", "c", "f", "+"]);
    }
}
