//! The tree of one formula, as written.

/// A range of bytes in a formula's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) start: usize,
    pub(super) end: usize,
}

/// Number of an expression in its [`Tree`].
pub(super) type ExprId = usize;

/// What was written. Signs are calls of the function that has the sign as its name; the minus
/// before an expression is `neg`.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ExprKind<'a> {
    Number(f64),
    Name(&'a str),
    Call { function: &'a str, args: Vec<ExprId> },
}

/// One expression.
#[derive(Clone, Debug)]
pub(super) struct Expr<'a> {
    pub(super) kind: ExprKind<'a>,
    /// All of it.
    pub(super) place: Place,
    /// The name or sign only.
    pub(super) head: Place,
}

/// All expressions of a formula, arguments before what uses them. A flat list, so that no walk
/// over it recurses: a sum of thousands of terms is as deep as it is long.
#[derive(Debug, Default)]
pub(super) struct Tree<'a> {
    /// The last one is the whole formula.
    pub(super) exprs: Vec<Expr<'a>>,
}

impl<'a> Tree<'a> {
    /// Appends an expression.
    pub(super) fn push(&mut self, kind: ExprKind<'a>, place: Place, head: Place) -> ExprId {
        self.exprs.push(Expr { kind, place, head });
        self.exprs.len() - 1
    }
}

impl Place {
    /// From the start of one to the end of the other.
    pub(super) fn to(self, other: Place) -> Place {
        Place { start: self.start, end: other.end }
    }
}

/// How tightly a sign binds its two sides; larger is tighter. None for what is no such sign.
pub(super) fn precedence(sign: &str) -> Option<u8> {
    match sign {
        "<" | "<=" | ">" | ">=" | "==" | "!=" => Some(COMPARISON),
        "+" | "-" => Some(2),
        "*" | "/" => Some(3),
        _ => None,
    }
}

/// How tightly the signs of comparisons bind. They do not chain: `a < b < c` is never meant as the
/// grammar would have it, which is to compare c with 0 or 1.
pub(super) const COMPARISON: u8 = 1;
/// How tightly the minus before an expression binds.
pub(super) const NEGATION: u8 = 4;
/// Numbers, names, calls and parentheses.
pub(super) const PRIMARY: u8 = 5;
