//! The formula language: text to tokens, tokens to a tree, trees to one shared graph. Pure; what
//! functions exist is given from outside as signatures.
//!
//! ```text
//! expr := number | name | name(expr, ...) | -expr | expr op expr | (expr)
//! op   := * /   then   + -   then   < <= > >= == !=     (left associative)
//! ```
//!
//! Power, conditions and logic are calls: `pow(x, y)`, `if(c, a, b)`, `and(a, b)`. A name is a
//! field of the source. Constants are computed ahead only where a function wants a constant;
//! everywhere else the graph holds exactly what was written, because `x - x` is not 0 where x is
//! missing. The one exception is a minus before a number: it belongs to the number.
//!
//! `returns`, unless it is a field, stands for `close / delay(close, 1) - 1`, and `nan`, unless it
//! is a field, for a missing value.

mod ast;
mod check;
mod compile;
mod error;
mod graph;
mod lexer;
mod lower;
mod parser;
mod scope;
mod signature;

#[cfg(test)]
mod cases;
#[cfg(test)]
mod fixture;

pub use compile::{MAX_DEPTH, MAX_LENGTH, MAX_NODES, MAX_WINDOW, compile};
pub use error::FormulaError;
pub use graph::{Graph, Node, NodeId, NodeKind};
pub use signature::{Exactness, Family, Parameter, Signature};
