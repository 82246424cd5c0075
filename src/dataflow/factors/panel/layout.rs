//! What the graph means for the panel: what computes each node, which nodes are kept and how deep,
//! and who must be told of a change.

use super::call::{Computed, call};
use super::sums::SumsLayout;
use crate::dataflow::factors::blocks::{Blocked, Cuts, LONG};
use crate::dataflow::factors::{How, Level, Pick, Reads, Rolling, Scratch};
use crate::formula::{Graph, MAX_SERIES, Mode, NodeId, NodeKind};

/// A graph that the panel cannot run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PanelError {
    /// No operator has this name.
    #[error("no operator computes the function `{0}`: use one of `functions()`")]
    UnknownFunction(String),
    /// The number of arguments is not that of the function.
    #[error("node `{0}` does not have the arguments of its function: compile the formula again")]
    Arguments(String),
    /// A field that the source does not have.
    #[error("node `{0}` reads field number {1}, but the source has only {2} fields")]
    UnknownField(String, usize, usize),
}

/// The most arguments that an operator has.
pub(super) const MOST_ARGUMENTS: usize = MAX_SERIES;

/// The graph, analysed.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// By node.
    pub(super) nodes: Vec<NodeLayout>,
    /// By node of the graph: one past the last node here that it became.
    pub(super) ends: Vec<NodeId>,
    /// Kept fields: number in the source and node.
    pub(super) fields: Vec<(usize, NodeId)>,
    /// Nodes across symbols.
    pub(super) cross_sections: Vec<NodeId>,
    /// Nodes that read earlier rows, and how many rows back.
    pub(super) windows: Vec<(NodeId, usize)>,
    /// The node of each factor.
    pub(super) outputs: Vec<NodeId>,
    /// Sorted windows that nodes share: the node whose rows they hold, and how many.
    pub(super) sorted: Vec<(NodeId, usize)>,
    /// Sums of blocks that nodes share.
    pub(super) sums: Vec<SumsLayout>,
    /// How many buffers nodes share that are not kept.
    pub(super) buffers: usize,
    /// Rows before the oldest that may change, which some node reads.
    pub(super) reach: usize,
    /// 1 where a symbol has a bar, else missing; there if some window counts own bars only.
    pub(super) presence: Option<NodeId>,
    /// Numbers of sessions: when these begin, in minutes after midnight, and the node.
    pub(super) sessions: Vec<(u16, NodeId)>,
}

/// One node.
#[derive(Debug)]
pub(super) struct NodeLayout {
    pub(super) place: Place,
    pub(super) step: Step,
    /// Rows before the oldest changeable one that are kept.
    pub(super) reach: usize,
    /// How many values are kept at a symbol's own bars before the oldest changeable row.
    pub(super) own: usize,
    /// Kept nodes whose value depends on this one, directly or through nodes that are not kept.
    pub(super) readers: Vec<Reader>,
    /// Nodes that are not kept and needed to compute this one, in order.
    pub(super) chain: Vec<NodeId>,
    /// Number among the distinct outputs, if it is one.
    pub(super) output: Option<usize>,
    /// Whether its rows are kept each for itself, to be shared with those they are given to: it is
    /// an output, and nothing looks at its earlier rows.
    pub(super) shared: bool,
    /// What people call what computes it; empty for what is given.
    pub(super) operator: String,
    /// What it is in the state of a panel; see [`super::snapshot`].
    pub(super) name: String,
}

/// Where the rows of a node are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Place {
    /// In its own history.
    Kept,
    /// The same for all rows.
    Constant(f64),
    /// The current row only, in a shared buffer: recomputed when needed.
    Buffer(usize),
}

/// How a node is computed.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// It is given.
    Input,
    Elementwise {
        kernel: fn(Level, &[&[f64]], &mut [f64]),
        args: Vec<NodeId>,
    },
    Rolling {
        kernel: Rolling,
        /// What takes the newest row from sorted windows, and the number of these.
        pick: Option<(Pick, usize)>,
        /// What adds up its blocks, and the number of their sums; only of long windows.
        blocks: Option<(Blocked, usize)>,
        args: Vec<NodeId>,
        rules: Chosen,
    },
    /// The same over own bars only; the last argument is the layout's `presence`.
    Traded {
        kernel: Rolling,
        args: Vec<NodeId>,
        rules: Chosen,
    },
    CrossSection {
        kernel: AcrossKernel,
        args: Vec<NodeId>,
        rules: Chosen,
    },
    /// One number of the state of a recursive operator; its row is kept until the next one is
    /// computed.
    Recursive {
        kernel: StateKernel,
        args: Vec<NodeId>,
        /// The nodes of the other numbers of the state, of which the time before is read.
        others: Vec<NodeId>,
        rules: Chosen,
    },
}

type StateKernel = fn(Level, &[&[f64]], How<'_>, &mut [f64]);
pub(super) type AcrossKernel = fn(Level, &[&[f64]], How<'_>, &mut Scratch, &mut [f64]);

/// What a node's operator is told besides its arguments.
#[derive(Clone, Debug)]
pub(super) struct Chosen {
    pub(super) inexact: bool,
    pub(super) mode: Mode,
    /// The window, 0 if there is none.
    pub(super) window: usize,
    pub(super) params: Vec<f64>,
}

impl Chosen {
    pub(super) fn how<'a>(&'a self, cuts: Cuts<'a>) -> How<'a> {
        let (inexact, mode, n) = (self.inexact, self.mode, self.window);
        How { inexact, mode, n, params: &self.params, cuts }
    }

    /// Whether only a symbol's own bars count.
    pub(super) fn traded(&self) -> bool {
        self.mode.traded
    }

    /// Whether a window may have fewer rows, as long as there are no more.
    pub(super) fn partial(&self, reads: Reads) -> bool {
        match reads {
            Reads::Existing => true,
            Reads::Window => self.mode.partial,
            Reads::Lag | Reads::LagAndCurrent => false,
        }
    }
}

/// A node that depends on another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reader {
    pub(super) node: NodeId,
    /// Its rows that depend: from so many to so many after the changed one.
    pub(super) rows: (usize, usize),
    /// Whether all symbols depend on each.
    pub(super) whole: bool,
}

impl Step {
    pub(super) fn args(&self) -> &[NodeId] {
        match self {
            Step::Input => &[],
            Step::Elementwise { args, .. }
            | Step::Rolling { args, .. }
            | Step::Traded { args, .. }
            | Step::CrossSection { args, .. }
            | Step::Recursive { args, .. } => args,
        }
    }
}

impl Layout {
    pub(super) fn new(graph: &Graph, fields: usize) -> Result<Layout, PanelError> {
        let mut layout = Layout::default();
        // The layout's number of each node of the graph.
        let mut ids: Vec<NodeId> = Vec::with_capacity(graph.nodes.len());
        for (id, node) in graph.nodes.iter().enumerate() {
            let (place, step) = match &node.kind {
                NodeKind::Field(field) if *field >= fields => {
                    return Err(PanelError::UnknownField(node.text.clone(), *field, fields));
                }
                NodeKind::Field(field) => {
                    layout.fields.push((*field, layout.nodes.len()));
                    (Place::Kept, Step::Input)
                }
                NodeKind::Constant(value) => (Place::Constant(*value), Step::Input),
                NodeKind::Call { .. } => match call(graph, id, &ids)? {
                    Computed::By(step) => (Place::Kept, step),
                    Computed::State(state) => {
                        ids.push(layout.push_recursive(state, name(&node.kind)));
                        layout.end_of(node);
                        continue;
                    }
                },
            };
            let step = layout.of_own_bars(step);
            layout.push(place, step, name(&node.kind));
            ids.push(layout.nodes.len() - 1);
            layout.end_of(node);
        }
        for (name, node) in &graph.outputs {
            if *node >= graph.nodes.len() {
                return Err(PanelError::Arguments(name.clone()));
            }
            layout.outputs.push(ids[*node]);
        }
        layout.number_outputs();
        layout.share_sorted();
        layout.share_sums();
        layout.find_reach();
        layout.place_buffers();
        layout.find_readers();
        Ok(layout)
    }

    pub(super) fn push(&mut self, place: Place, step: Step, operator: &str) {
        let (reach, own, readers, chain, output, shared, name) = Default::default();
        let long = matches!(&step, Step::Rolling { rules, .. } if rules.window >= LONG);
        let operator = if long { format!("{operator} {LONG}+") } else { operator.to_owned() };
        self.nodes.push(NodeLayout {
            place,
            step,
            reach,
            own,
            readers,
            chain,
            output,
            shared,
            operator,
            name,
        });
    }

    /// How many distinct nodes are factors.
    pub(super) fn distinct_outputs(&self) -> usize {
        self.nodes.iter().filter(|node| node.output.is_some()).count()
    }

    fn number_outputs(&mut self) {
        let mut next = 0;
        for node in &self.outputs {
            let output = &mut self.nodes[*node].output;
            if output.is_none() {
                *output = Some(next);
                next += 1;
            }
        }
    }

    fn find_reach(&mut self) {
        for id in 0..self.nodes.len() {
            match &self.nodes[id].step {
                Step::Recursive { .. } => {
                    self.nodes[id].reach = self.nodes[id].reach.max(1);
                    self.windows.push((id, 1));
                    self.reach = self.reach.max(1);
                }
                Step::Rolling { kernel, pick, args, rules, .. } => {
                    // The row that leaves a sorted window must still be there.
                    let more = usize::from(pick.is_some());
                    let reach = kernel.reads.reach(rules.window) + more;
                    for arg in args.clone() {
                        self.nodes[arg].reach = self.nodes[arg].reach.max(reach);
                    }
                    self.windows.push((id, reach));
                    self.reach = self.reach.max(reach);
                }
                Step::Traded { kernel, args, rules } => {
                    self.keep_own(args.clone(), kernel.reads.reach(rules.window));
                }
                Step::CrossSection { .. } => self.cross_sections.push(id),
                _ => {}
            }
        }
    }

    /// Elementwise nodes that no window reads and that are no factor are not kept. Their rows
    /// share buffers: one is free again when the last node that reads it is computed.
    fn place_buffers(&mut self) {
        let mut last_use = vec![0; self.nodes.len()];
        let mut windowed = vec![false; self.nodes.len()];
        for (id, node) in self.nodes.iter().enumerate() {
            for arg in node.step.args() {
                last_use[*arg] = id;
                windowed[*arg] |= matches!(node.step, Step::Rolling { .. } | Step::Traded { .. });
            }
        }
        let mut free: Vec<usize> = Vec::new();
        for (id, windowed) in windowed.into_iter().enumerate() {
            let node = &self.nodes[id];
            let elementwise = matches!(node.step, Step::Elementwise { .. });
            if elementwise && node.output.is_none() && !windowed {
                let buffer = free.pop().unwrap_or(self.buffers);
                self.buffers = self.buffers.max(buffer + 1);
                self.nodes[id].place = Place::Buffer(buffer);
            }
            let node = &mut self.nodes[id];
            let computed = !matches!(node.step, Step::Input | Step::Recursive { .. });
            node.shared = node.output.is_some() && !windowed && computed;
            let mut args = self.nodes[id].step.args().to_vec();
            args.sort_unstable();
            args.dedup();
            for arg in args {
                if let (Place::Buffer(buffer), true) = (self.nodes[arg].place, last_use[arg] == id)
                {
                    free.push(buffer);
                }
            }
        }
    }

    fn find_readers(&mut self) {
        // From the last node to the first: the readers of a node that is not kept are complete
        // when its arguments get them.
        for id in (0..self.nodes.len()).rev() {
            let passed = match (self.nodes[id].place, &self.nodes[id].step) {
                (Place::Buffer(_), _) => self.nodes[id].readers.clone(),
                (_, Step::Rolling { kernel, rules, .. }) => {
                    let (whole, window) = (false, rules.window);
                    let rows: &[_] = match kernel.reads {
                        Reads::Window | Reads::Existing => &[(0, window.saturating_sub(1))],
                        Reads::Lag => &[(window, window)],
                        Reads::LagAndCurrent => &[(0, 0), (window, window)],
                    };
                    rows.iter().map(|rows| Reader { node: id, rows: *rows, whole }).collect()
                }
                (_, step) => {
                    let whole = matches!(step, Step::CrossSection { .. });
                    // How many rows a symbol's own bars are apart is not known.
                    let traded = matches!(step, Step::Traded { .. });
                    vec![Reader { node: id, rows: (0, if traded { usize::MAX } else { 0 }), whole }]
                }
            };
            if let Step::Recursive { others, .. } = &self.nodes[id].step {
                let next = Reader { node: id, rows: (1, 1), whole: false };
                for state in others.clone().into_iter().chain([id]) {
                    self.nodes[state].readers.push(next);
                }
            }
            for arg in self.nodes[id].step.args().to_vec() {
                for reader in &passed {
                    if !self.nodes[arg].readers.contains(reader) {
                        self.nodes[arg].readers.push(*reader);
                    }
                }
            }
        }
        for id in 0..self.nodes.len() {
            let mut chain: Vec<NodeId> = Vec::new();
            for arg in self.nodes[id].step.args() {
                if matches!(self.nodes[*arg].place, Place::Buffer(_)) {
                    chain.extend(&self.nodes[*arg].chain);
                    chain.push(*arg);
                }
            }
            chain.sort_unstable();
            chain.dedup();
            self.nodes[id].chain = chain;
        }
    }
}

/// What people call what computes a node.
fn name(kind: &NodeKind) -> &'static str {
    match kind {
        NodeKind::Call { function, .. } => function.name,
        _ => "",
    }
}
