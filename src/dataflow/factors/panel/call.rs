//! How a call of the graph is computed.

use super::super::recursive::MASK;
use super::layout::{Chosen, Layout, MOST_ARGUMENTS, PanelError, Place, Step};
use crate::dataflow::factors::blocks::LONG;
use crate::dataflow::factors::{Kernel, Outcome, Recursive, member};
use crate::formula::{Graph, NodeId, NodeKind};

/// How a call is computed.
#[derive(Debug)]
pub(super) enum Computed {
    /// By one step.
    By(Step),
    /// By the steps of a state.
    State(State),
}

/// A recursive operator.
#[derive(Debug)]
pub(super) struct State {
    kernel: Recursive,
    args: Vec<NodeId>,
    rules: Chosen,
    /// Whether it reads the number of the session.
    sessions: bool,
}

/// How a call is computed; `ids` are the numbers of the nodes before it.
pub(super) fn call(graph: &Graph, id: NodeId, ids: &[NodeId]) -> Result<Computed, PanelError> {
    let node = &graph.nodes[id];
    let NodeKind::Call { function, args, params, mode } = &node.kind else {
        return Ok(Computed::By(Step::Input));
    };
    let member =
        member(function).ok_or_else(|| PanelError::UnknownFunction(function.name.to_owned()))?;
    let bad = || PanelError::Arguments(node.text.clone());
    let given = args.len() + params.len();
    let series = member.signature.spread(given).filter(|p| member.signature.is_row(*p)).count();
    if args.len() != series || given != member.signature.arity(given) {
        return Err(bad());
    }
    let inexact = args.first().and_then(|arg| graph.nodes.get(*arg)).is_some_and(|a| !a.exact);
    let args: Vec<NodeId> = args.iter().filter_map(|arg| ids.get(*arg)).copied().collect();
    if args.len() != series || series > MOST_ARGUMENTS || series == 0 {
        return Err(bad());
    }
    let rules = Chosen {
        inexact: inexact && !mode.raw_ties,
        mode: *mode,
        window: node.window(),
        params: params.clone(),
    };
    Ok(match member.kernel {
        Kernel::Elementwise(kernel) => Computed::By(Step::Elementwise { kernel, args }),
        Kernel::Rolling(kernel) => {
            Computed::By(Step::Rolling { kernel, pick: None, blocks: None, args, rules })
        }
        Kernel::Blocked(kernel, own) => {
            let blocks = (rules.window >= LONG).then_some((own, usize::MAX));
            Computed::By(Step::Rolling { kernel, pick: None, blocks, args, rules })
        }
        Kernel::Sorted(kernel, pick) => {
            let pick = Some((pick, usize::MAX));
            Computed::By(Step::Rolling { kernel, pick, blocks: None, args, rules })
        }
        Kernel::CrossSection(kernel) => Computed::By(Step::CrossSection { kernel, args, rules }),
        Kernel::Recursive(kernel) => {
            Computed::State(State { kernel, args, rules, sessions: false })
        }
        Kernel::Sessions(kernel) => Computed::State(State { kernel, args, rules, sessions: true }),
        Kernel::Seeded { first, mean } => {
            let kernel = if mode.mean_seed { mean } else { first };
            Computed::State(State { kernel, args, rules, sessions: false })
        }
    })
}

impl Layout {
    /// Adds the nodes of the state of a recursive operator, and then the one of its result, which is
    /// given.
    pub(super) fn push_recursive(&mut self, state: State, name: &str) -> NodeId {
        let State { kernel, mut args, rules, sessions } = state;
        if rules.traded() {
            args = args.into_iter().map(|arg| self.at_own_bars(arg, name)).collect();
        }
        if sessions {
            args.push(self.session_node(rules.mode.day_begins));
        }
        let first = self.nodes.len();
        let state = first..first + kernel.state.len();
        for (own, kernel) in state.clone().zip(kernel.state) {
            let others = state.clone().filter(|other| *other != own).collect();
            let (args, rules, kernel) = (args.clone(), rules.clone(), *kernel);
            self.push(Place::Kept, Step::Recursive { kernel, args, others, rules }, name);
        }
        let masked = matches!(kernel.result, Outcome::Masked);
        let result = match kernel.result {
            Outcome::State => None,
            Outcome::Masked => {
                Some((MASK, state.rev().take(1).chain(args.first().copied()).collect()))
            }
            Outcome::Of(kernel) => Some((kernel, state.chain(args).collect())),
        };
        if let Some((kernel, args)) = result {
            self.push(Place::Kept, Step::Elementwise { kernel, args }, name);
        }
        let result = self.nodes.len() - 1;
        if rules.traded() && !masked { self.at_own_bars(result, name) } else { result }
    }
}
