//! The graph that all formulas of a pipeline share: equal expressions are one node.

use rustc_hash::FxHashMap;

use super::{Family, Mode, Signature};

/// Number of a node; arguments always have smaller numbers than the nodes that use them.
pub type NodeId = usize;

/// What a node is.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeKind {
    /// A field of the source, by its number.
    Field(usize),
    /// A number; NaN where the formula says `nan`.
    Constant(f64),
    /// A function of other nodes.
    Call {
        /// The function.
        function: &'static Signature,
        /// Series arguments in order; all arguments of elementwise functions.
        args: Vec<NodeId>,
        /// Constant arguments of other functions in order; windows are whole numbers.
        params: Vec<f64>,
        /// The rules by which it is computed; only what matters for this function.
        mode: Mode,
    },
}

/// One node of the graph.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it is.
    pub kind: NodeKind,
    /// The expression in canonical form; unique in the graph.
    pub text: String,
    /// Whether its values carry no rounding error.
    pub exact: bool,
    /// How many bars before the current one its value may depend on.
    pub look_back: usize,
}

/// All formulas of a pipeline.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// Nodes, arguments first.
    pub nodes: Vec<Node>,
    /// The factors in the pipeline's order: name and node.
    pub outputs: Vec<(String, NodeId)>,
}

impl PartialEq for Signature {
    fn eq(&self, other: &Signature) -> bool {
        self.name == other.name
    }
}

impl Node {
    /// The nodes that it reads.
    pub fn args(&self) -> &[NodeId] {
        match &self.kind {
            NodeKind::Call { args, .. } => args,
            NodeKind::Field(_) | NodeKind::Constant(_) => &[],
        }
    }

    /// How many rows of its arguments it reads, the current one included.
    pub fn rows_read(&self) -> usize {
        match &self.kind {
            NodeKind::Call { function, .. } if function.family == Family::TimeSeries => {
                function.reach(self.window()).saturating_add(1)
            }
            _ => 1,
        }
    }

    /// Its window parameter, 1 for what looks at the current row only.
    pub fn window(&self) -> usize {
        match &self.kind {
            NodeKind::Call { function, params, .. }
                if matches!(function.family, Family::TimeSeries | Family::Recursive) =>
            {
                let at = function
                    .parameters
                    .iter()
                    .filter(|p| !p.is_series())
                    .position(|p| matches!(p, super::Parameter::Window(..)));
                at.and_then(|i| params.get(i)).map_or(1, |n| *n as usize)
            }
            _ => 1,
        }
    }
}

impl Graph {
    /// Makes one output of those that have one name and are one node: sets may define a factor
    /// alike.
    ///
    /// # Errors
    /// The names that stand for different nodes, in order.
    pub fn join_outputs(&mut self) -> Result<(), Vec<String>> {
        let mut known: FxHashMap<String, NodeId> = FxHashMap::default();
        let mut different: Vec<String> = Vec::new();
        self.outputs.retain(|(name, node)| match known.get(name) {
            None => {
                known.insert(name.clone(), *node);
                true
            }
            Some(first) => {
                if first != node && !different.contains(name) {
                    different.push(name.clone());
                }
                false
            }
        });
        if different.is_empty() { Ok(()) } else { Err(different) }
    }

    /// How many bars of history the deepest formula needs before the current one.
    pub fn look_back(&self) -> usize {
        self.nodes.iter().map(|node| node.look_back).max().unwrap_or(0)
    }

    /// Which nodes the factors with these numbers need, themselves included.
    pub fn needed(&self, outputs: &[usize]) -> Vec<bool> {
        let mut needed = vec![false; self.nodes.len()];
        for (_, node) in outputs.iter().filter_map(|output| self.outputs.get(*output)) {
            if let Some(needed) = needed.get_mut(*node) {
                *needed = true;
            }
        }
        // Arguments come before the nodes that use them.
        for (id, node) in self.nodes.iter().enumerate().rev() {
            if needed[id] {
                for arg in node.args() {
                    needed[*arg] = true;
                }
            }
        }
        needed
    }

    /// The graph of the factors with these numbers alone, in the order given.
    pub fn part(&self, outputs: &[usize]) -> Graph {
        let needed = self.needed(outputs);
        let mut numbers = vec![0; self.nodes.len()];
        let mut nodes = Vec::new();
        for (id, node) in self.nodes.iter().enumerate().filter(|(id, _)| needed[*id]) {
            numbers[id] = nodes.len();
            let mut node = node.clone();
            if let NodeKind::Call { args, .. } = &mut node.kind {
                args.iter_mut().for_each(|arg| *arg = numbers[*arg]);
            }
            nodes.push(node);
        }
        let outputs = outputs.iter().filter_map(|output| self.outputs.get(*output));
        let outputs = outputs.map(|(name, node)| (name.clone(), numbers[*node])).collect();
        Graph { nodes, outputs }
    }

    /// Whether any node ties symbols together.
    pub fn has_cross_section(&self) -> bool {
        self.nodes.iter().any(|node| {
            matches!(&node.kind, NodeKind::Call { function, .. }
                if function.family == Family::CrossSection)
        })
    }
}
