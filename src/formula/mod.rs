//! The formula language: text to tokens, tokens to a tree, trees to one shared graph. Pure; what
//! functions exist is given from outside as signatures.

mod graph;
mod signature;

pub use graph::{Graph, Node, NodeId, NodeKind};
pub use signature::{Exactness, Family, Parameter, Signature};
