//! The formula language: text to tokens, tokens to a tree, trees to one shared graph. Pure; what
//! functions exist is given from outside as signatures.
//!
//! ```text
//! expr := number | name | name(expr, ...) | -expr | expr op expr | (expr)
//! op   := * /   then   + -   then   < <= > >= == !=
//! ```
//!
//! All are left associative, but comparisons do not chain: `a < b < c` is an error.
//!
//! Power, conditions and logic are calls: `pow(x, y)`, `if(c, a, b)`, `and(a, b)`. A name is a
//! field of the source. Constants are computed ahead only where a function wants a constant;
//! everywhere else the graph holds exactly what was written, because `x - x` is not 0 where x is
//! missing. The one exception is a minus before a number: it belongs to the number.
//!
//! A name may also be a sub-formula of its set (`let`), a parameter of its set, which is a number
//! wherever it stands, `nan` for a missing value, or one of the derived series: `returns` =
//! `close / delay(close, 1) - 1`, `vwap` = `amount / volume`, `amount` = `vwap * volume`, `adv(n)` =
//! `ts_mean(volume, n)`. Names of the set go before fields.

mod ast;
mod check;
mod compile;
mod error;
mod graph;
mod lexer;
mod lower;
mod names;
mod parser;
mod reference;
mod rules;
mod scope;
mod signature;

#[cfg(test)]
mod cases;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod robust;

pub use compile::{
    FieldKind, FormulaSet, MAX_DEPTH, MAX_LENGTH, MAX_NODES, MAX_SERIES, MAX_WINDOW, compile,
    compile_sets,
};
pub use error::FormulaError;
pub use graph::{Graph, Node, NodeId, NodeKind};
pub use names::names;
pub use reference::{Cost, DERIVED, Description, Reference};
pub use rules::{Mode, Rules};
pub use signature::{Exactness, Family, Parameter, Signature};
