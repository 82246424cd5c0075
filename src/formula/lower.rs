//! Trees into the shared graph: equal expressions become one node.

use rustc_hash::FxHashMap;

use super::ast::{NEGATION, PRIMARY, Tree, precedence};
use super::check::Meaning;
use super::compile::{MAX_NODES, MAX_TEXT};
use super::scope::Scope;
use super::{Exactness, Family, Graph, Node, NodeId, NodeKind, Parameter, Signature};

/// Why a formula did not go in: the graph is as large as it may be.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

/// A graph that grows formula by formula.
#[derive(Debug)]
pub(super) struct Builder<'a> {
    scope: Scope<'a>,
    graph: Graph,
    known: FxHashMap<Key, NodeId>,
    text_bytes: usize,
}

/// What makes two nodes the same: exactly the same expression, numbers by their bits. Two keys
/// differ exactly when the canonical texts do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Field(usize),
    Constant(u64),
    Call(&'static str, Vec<NodeId>, Vec<u64>),
}

impl<'a> Builder<'a> {
    pub(super) fn new(scope: Scope<'a>) -> Builder<'a> {
        Builder { scope, graph: Graph::default(), known: FxHashMap::default(), text_bytes: 0 }
    }

    /// Adds a checked formula as output `name`.
    pub(super) fn add(
        &mut self,
        name: &str,
        tree: &Tree<'_>,
        meanings: Vec<Meaning>,
    ) -> Result<(), Full> {
        let mut nodes: Vec<NodeId> = Vec::with_capacity(tree.exprs.len());
        for meaning in meanings {
            nodes.push(match meaning {
                Meaning::Unused => NodeId::MAX,
                Meaning::Constant(value) => self.node(NodeKind::Constant(value))?,
                Meaning::Field(field) => self.node(NodeKind::Field(field))?,
                Meaning::Returns => self.returns()?,
                Meaning::Call { function, args, params } => {
                    let args = args.iter().map(|id| nodes[*id]).collect();
                    self.node(NodeKind::Call { function, args, params })?
                }
            });
        }
        if let Some(root) = nodes.last() {
            self.graph.outputs.push((name.to_owned(), *root));
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Graph {
        self.graph
    }

    /// `close / delay(close, 1) - 1`; the checker made sure that all of it exists.
    fn returns(&mut self) -> Result<NodeId, Full> {
        let close = self.node(NodeKind::Field(self.scope.field("close").ok_or(Full)?))?;
        let before = self.call("delay", vec![close], vec![1.0])?;
        let ratio = self.call("/", vec![close, before], Vec::new())?;
        let one = self.node(NodeKind::Constant(1.0))?;
        self.call("-", vec![ratio, one], Vec::new())
    }

    fn call(&mut self, name: &str, args: Vec<NodeId>, params: Vec<f64>) -> Result<NodeId, Full> {
        let function = self.scope.function(name).ok_or(Full)?;
        self.node(NodeKind::Call { function, args, params })
    }

    /// The node of this kind, a new one if there is none yet.
    fn node(&mut self, kind: NodeKind) -> Result<NodeId, Full> {
        let key = Key::of(&kind);
        if let Some(id) = self.known.get(&key) {
            return Ok(*id);
        }
        let text_bytes = self.text_bytes + self.text_length(&kind);
        if self.graph.nodes.len() >= MAX_NODES || text_bytes > MAX_TEXT {
            return Err(Full);
        }
        self.text_bytes = text_bytes;
        let node = Node {
            text: self.text(&kind),
            exact: self.exact(&kind),
            look_back: self.look_back(&kind),
            kind,
        };
        let id = self.graph.nodes.len();
        self.graph.nodes.push(node);
        self.known.insert(key, id);
        Ok(id)
    }

    /// Whether the values carry no rounding error.
    fn exact(&self, kind: &NodeKind) -> bool {
        match kind {
            NodeKind::Field(_) | NodeKind::Constant(_) => true,
            NodeKind::Call { function, args, .. } => match function.exactness {
                Exactness::Always => true,
                Exactness::Never => false,
                Exactness::Inherited => args.iter().all(|id| self.graph.nodes[*id].exact),
            },
        }
    }

    /// How many bars before the current one the value may depend on.
    fn look_back(&self, kind: &NodeKind) -> usize {
        let NodeKind::Call { function, args, params } = kind else { return 0 };
        let deepest = args.iter().map(|id| self.graph.nodes[*id].look_back).max().unwrap_or(0);
        let own = if function.family == Family::TimeSeries {
            let constants = function.parameters.iter().filter(|p| !is_series(p));
            let windows = constants.zip(params).filter(|(p, _)| matches!(p, Parameter::Window(..)));
            windows.map(|(_, bars)| function.reach(*bars as usize)).max().unwrap_or(0)
        } else {
            0
        };
        deepest.saturating_add(own)
    }

    /// At least as long as the text will be, found without making it.
    fn text_length(&self, kind: &NodeKind) -> usize {
        match kind {
            NodeKind::Field(field) => self.scope.fields[*field].len(),
            NodeKind::Constant(_) => 25,
            NodeKind::Call { function, args, params } => {
                let args: usize = args.iter().map(|id| self.graph.nodes[*id].text.len() + 4).sum();
                function.name.len() + 2 + args + params.len() * 27
            }
        }
    }

    /// The canonical text: parentheses only where they are needed, one space around signs, the
    /// shortest text of each number. Reading it gives the same node.
    fn text(&self, kind: &NodeKind) -> String {
        match kind {
            NodeKind::Field(field) => self.scope.fields[*field].to_owned(),
            NodeKind::Constant(value) => number(*value),
            NodeKind::Call { function, args, params } => match (args.as_slice(), function.name) {
                ([x], "neg") => format!("-{}", self.within(*x, NEGATION)),
                ([x, y], sign) => match precedence(sign) {
                    Some(binding) => format!(
                        "{} {sign} {}",
                        self.within(*x, binding),
                        self.within(*y, binding + 1)
                    ),
                    None => self.call_text(function, args, params),
                },
                _ => self.call_text(function, args, params),
            },
        }
    }

    fn call_text(&self, function: &Signature, args: &[NodeId], params: &[f64]) -> String {
        let (mut args, mut params) = (args.iter(), params.iter());
        let elementwise = function.family == Family::Elementwise;
        let all: Vec<String> = function
            .parameters
            .iter()
            .filter_map(|parameter| match elementwise || is_series(parameter) {
                true => args.next().map(|id| self.graph.nodes[*id].text.clone()),
                false => params.next().map(|value| number(*value)),
            })
            .collect();
        format!("{}({})", function.name, all.join(", "))
    }

    /// The text of a node as an operand that must bind at least as tightly as `least`.
    fn within(&self, id: NodeId, least: u8) -> String {
        let node = &self.graph.nodes[id];
        let binding = match &node.kind {
            NodeKind::Constant(value) if value.is_sign_negative() && !value.is_nan() => NEGATION,
            NodeKind::Field(_) | NodeKind::Constant(_) => PRIMARY,
            NodeKind::Call { function, .. } if function.name == "neg" => NEGATION,
            NodeKind::Call { function, .. } => precedence(function.name).unwrap_or(PRIMARY),
        };
        if binding < least { format!("({})", node.text) } else { node.text.clone() }
    }
}

impl Key {
    fn of(kind: &NodeKind) -> Key {
        match kind {
            NodeKind::Field(field) => Key::Field(*field),
            NodeKind::Constant(value) => Key::Constant(value.to_bits()),
            NodeKind::Call { function, args, params } => {
                let params = params.iter().map(|value| value.to_bits()).collect();
                Key::Call(function.name, args.clone(), params)
            }
        }
    }
}

fn is_series(parameter: &Parameter) -> bool {
    matches!(parameter, Parameter::Series(_))
}

/// The shortest text that reads as the same number, whole numbers without a point.
fn number(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    let text = format!("{value:?}");
    match text.strip_suffix(".0") {
        Some(whole) => whole.to_owned(),
        None => text,
    }
}
