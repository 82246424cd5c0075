//! Trees into the shared graph: equal expressions become one node.

use rustc_hash::FxHashMap;
use xxhash_rust::xxh3::Xxh3;

use super::ast::{COMPARISON, NEGATION, PRIMARY, Tree, precedence};
use super::check::Meaning;
use super::compile::{MAX_LENGTH, MAX_NODES, MAX_TEXT};
use super::scope::{Derived, Scope};
use super::{Exactness, Family, Graph, Mode, Node, NodeId, NodeKind, Parameter, Signature};

/// Why a formula did not go in: the graph is as large as it may be.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

/// A graph that grows formula by formula.
#[derive(Debug)]
pub(super) struct Builder<'a> {
    fields: &'a [&'a str],
    graph: Graph,
    known: FxHashMap<Key, NodeId>,
    text_bytes: usize,
    /// Nodes of the sub-formulas of the set.
    lets: Vec<NodeId>,
}

/// What makes two nodes the same: exactly the same expression, numbers by their bits. Two keys
/// differ exactly when the canonical texts do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Field(usize),
    Constant(u64),
    Call(&'static str, Vec<NodeId>, Vec<u64>, Mode),
}

impl<'a> Builder<'a> {
    pub(super) fn new(fields: &'a [&'a str]) -> Builder<'a> {
        Builder {
            fields,
            graph: Graph::default(),
            known: FxHashMap::default(),
            text_bytes: 0,
            lets: Vec::new(),
        }
    }

    /// Begins another set.
    pub(super) fn forget_lets(&mut self) {
        self.lets.clear();
    }

    /// A missing value stands for a sub-formula that is wrong; the graph is of no use any more.
    pub(super) fn broken_let(&mut self) {
        // What is full has a first node.
        let node = self.node(NodeKind::Constant(f64::NAN)).unwrap_or(0);
        self.lets.push(node);
    }

    /// Adds a checked formula as an output, or as the next sub-formula if it has no name.
    pub(super) fn add(
        &mut self,
        scope: Scope<'_>,
        output: Option<&str>,
        tree: &Tree<'_>,
        meanings: Vec<Meaning>,
    ) -> Result<(), Full> {
        let mut nodes: Vec<NodeId> = Vec::with_capacity(tree.exprs.len());
        for meaning in meanings {
            nodes.push(match meaning {
                Meaning::Unused => NodeId::MAX,
                Meaning::Constant(value) => self.node(NodeKind::Constant(value))?,
                Meaning::Field(field) => self.node(NodeKind::Field(field))?,
                Meaning::Derived(derived) => self.derived(scope, derived)?,
                Meaning::Let(number) => self.lets.get(number).copied().ok_or(Full)?,
                Meaning::Adv(bars) => {
                    let volume = self.field(scope, "volume")?;
                    self.call(scope, "ts_mean", vec![volume], vec![bars])?
                }
                Meaning::Call { function, args, params } => {
                    let args = args.iter().map(|id| nodes[*id]).collect();
                    self.checked_call(scope, function, args, params)?
                }
            });
        }
        if let Some(root) = nodes.last() {
            match output {
                Some(name) => self.graph.outputs.push((name.to_owned(), *root)),
                None => self.lets.push(*root),
            }
        }
        Ok(())
    }

    /// The graph of what the outputs need: sub-formulas that nothing uses are left out.
    pub(super) fn finish(self) -> Graph {
        let Graph { nodes, mut outputs } = self.graph;
        let mut used = vec![false; nodes.len()];
        for (_, root) in &outputs {
            used[*root] = true;
        }
        for (id, node) in nodes.iter().enumerate().rev() {
            if let (true, NodeKind::Call { args, .. }) = (used[id], &node.kind) {
                args.iter().for_each(|arg| used[*arg] = true);
            }
        }
        let mut number = vec![NodeId::MAX; nodes.len()];
        let mut kept: Vec<Node> = Vec::with_capacity(nodes.len());
        for (id, mut node) in nodes.into_iter().enumerate().filter(|(id, _)| used[*id]) {
            if let NodeKind::Call { args, .. } = &mut node.kind {
                args.iter_mut().for_each(|arg| *arg = number[*arg]);
            }
            number[id] = kept.len();
            kept.push(node);
        }
        outputs.iter_mut().for_each(|(_, root)| *root = number[*root]);
        Graph { nodes: kept, outputs }
    }

    /// A derived series; the checker made sure that all of it exists.
    fn derived(&mut self, scope: Scope<'_>, derived: Derived) -> Result<NodeId, Full> {
        match derived {
            Derived::Returns => {
                let close = self.field(scope, "close")?;
                let before = self.call(scope, "delay", vec![close], vec![1.0])?;
                let ratio = self.call(scope, "/", vec![close, before], Vec::new())?;
                let one = self.node(NodeKind::Constant(1.0))?;
                self.call(scope, "-", vec![ratio, one], Vec::new())
            }
            Derived::Vwap => {
                let both = vec![self.field(scope, "amount")?, self.field(scope, "volume")?];
                self.call(scope, "/", both, Vec::new())
            }
            Derived::Amount => {
                let both = vec![self.field(scope, "vwap")?, self.field(scope, "volume")?];
                self.call(scope, "*", both, Vec::new())
            }
        }
    }

    fn field(&mut self, scope: Scope<'_>, name: &str) -> Result<NodeId, Full> {
        self.node(NodeKind::Field(scope.field(name).ok_or(Full)?))
    }

    fn call(
        &mut self,
        scope: Scope<'_>,
        name: &str,
        args: Vec<NodeId>,
        params: Vec<f64>,
    ) -> Result<NodeId, Full> {
        let function = scope.function(name).ok_or(Full)?;
        self.checked_call(scope, function, args, params)
    }

    /// A call under the rules of the set. Only rules that matter for the function are kept, so that
    /// all else is shared between sets.
    fn checked_call(
        &mut self,
        scope: Scope<'_>,
        function: &'static Signature,
        args: Vec<NodeId>,
        params: Vec<f64>,
    ) -> Result<NodeId, Full> {
        let rules = scope.rules.mode;
        let windows =
            function.family == Family::TimeSeries && !matches!(function.name, "delay" | "delta");
        let exact = args.first().is_none_or(|arg| self.graph.nodes[*arg].exact);
        let mode = Mode {
            partial: rules.partial && windows,
            qlib: rules.qlib && windows,
            raw_ties: rules.raw_ties && function.compares && !exact,
            population: rules.population && matches!(function.name, "ts_std" | "ts_var" | "ts_cov"),
            mean_seed: rules.mean_seed && matches!(function.name, "ema" | "rma"),
            traded: rules.traded
                && matches!(function.family, Family::TimeSeries | Family::Recursive),
            day_begins: match function.name {
                "session_first" | "session_last" => rules.day_begins,
                _ => 0,
            },
        };
        self.node(NodeKind::Call { function, args, params, mode })
    }

    /// The node of this kind, a new one if there is none yet.
    fn node(&mut self, kind: NodeKind) -> Result<NodeId, Full> {
        let key = Key::of(&kind);
        if let Some(id) = self.known.get(&key) {
            return Ok(*id);
        }
        let text = self.text(&kind);
        let text_bytes = self.text_bytes + text.len();
        if self.graph.nodes.len() >= MAX_NODES || text_bytes > MAX_TEXT {
            return Err(Full);
        }
        self.text_bytes = text_bytes;
        let node = Node { text, exact: self.exact(&kind), look_back: self.look_back(&kind), kind };
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
        let NodeKind::Call { function, args, params, .. } = kind else { return 0 };
        let deepest = args.iter().map(|id| self.graph.nodes[*id].look_back).max().unwrap_or(0);
        let own = if matches!(function.family, Family::TimeSeries | Family::Recursive) {
            let constants = function.parameters.iter().filter(|p| !p.is_series());
            let windows = constants.zip(params).filter(|(p, _)| matches!(p, Parameter::Window(..)));
            let own = windows.map(|(_, bars)| function.reach(*bars as usize)).max();
            own.unwrap_or_else(|| function.reach(1))
        } else {
            0
        };
        deepest.saturating_add(own)
    }

    /// At least as long as the text will be, found without making it.
    fn text_length(&self, kind: &NodeKind) -> usize {
        match kind {
            NodeKind::Field(field) => self.fields[*field].len(),
            NodeKind::Constant(_) => 25,
            NodeKind::Call { function, args, params, .. } => {
                let args: usize = args.iter().map(|id| self.graph.nodes[*id].text.len() + 4).sum();
                function.name.len() + 24 + args + params.len() * 27
            }
        }
    }

    /// The canonical text: parentheses only where they are needed, one space around signs, the
    /// shortest text of each number. Reading it gives the same node. Where it would be longer than
    /// a formula may be, which only sub-formulas can bring about, the function's name and a hash
    /// stand for it.
    fn text(&self, kind: &NodeKind) -> String {
        if let NodeKind::Call { function, args, params, mode } = kind
            && self.text_length(kind) > MAX_LENGTH
        {
            let mut whole = Xxh3::new();
            for arg in args {
                let text = &self.graph.nodes[*arg].text;
                whole.update(&(text.len() as u64).to_le_bytes());
                whole.update(text.as_bytes());
            }
            params.iter().for_each(|value| whole.update(&value.to_bits().to_le_bytes()));
            return format!("{}{}#{:032x}", function.name, mode.suffix(), whole.digest128());
        }
        self.whole_text(kind)
    }

    fn whole_text(&self, kind: &NodeKind) -> String {
        match kind {
            NodeKind::Field(field) => self.fields[*field].to_owned(),
            NodeKind::Constant(value) => number(*value),
            NodeKind::Call { function, args, params, mode } => {
                match (args.as_slice(), function.name) {
                    ([x], "neg") => format!("-{}", self.within(*x, NEGATION)),
                    ([x, y], sign) => match precedence(sign) {
                        Some(binding) => format!(
                            "{} {sign} {}",
                            self.within(*x, binding + u8::from(binding == COMPARISON)),
                            self.within(*y, binding + 1)
                        ),
                        None => self.call_text(function, args, params, *mode),
                    },
                    _ => self.call_text(function, args, params, *mode),
                }
            }
        }
    }

    fn call_text(
        &self,
        function: &Signature,
        args: &[NodeId],
        params: &[f64],
        mode: Mode,
    ) -> String {
        let given = args.len() + params.len();
        let (mut args, mut params) = (args.iter(), params.iter());
        let all: Vec<String> = function
            .spread(given)
            .filter_map(|parameter| match function.is_row(parameter) {
                true => args.next().map(|id| self.graph.nodes[*id].text.clone()),
                false => params.next().map(|value| number(*value)),
            })
            .collect();
        format!("{}{}({})", function.name, mode.suffix(), all.join(", "))
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
            NodeKind::Call { function, args, params, mode } => {
                let params = params.iter().map(|value| value.to_bits()).collect();
                Key::Call(function.name, args.clone(), params, *mode)
            }
        }
    }
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
