//! How a call of the graph is computed.

use super::layout::{Chosen, MOST_ARGUMENTS, PanelError, Step};
use crate::dataflow::factors::blocks::LONG;
use crate::dataflow::factors::{Kernel, Recursive, member};
use crate::formula::{Graph, NodeId, NodeKind};

/// How a call is computed.
#[derive(Debug)]
pub(super) enum Computed {
    /// By one step.
    By(Step),
    /// By the steps of a state: kernel, arguments and rules.
    State(Recursive, Vec<NodeId>, Chosen),
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
    Ok(Computed::By(match member.kernel {
        Kernel::Elementwise(kernel) => Step::Elementwise { kernel, args },
        Kernel::Rolling(kernel) => Step::Rolling { kernel, pick: None, blocks: None, args, rules },
        Kernel::Blocked(kernel, own) => {
            let blocks = (rules.window >= LONG).then_some((own, usize::MAX));
            Step::Rolling { kernel, pick: None, blocks, args, rules }
        }
        Kernel::Sorted(kernel, pick) => {
            Step::Rolling { kernel, pick: Some((pick, usize::MAX)), blocks: None, args, rules }
        }
        Kernel::CrossSection(kernel) => Step::CrossSection { kernel, args, rules },
        Kernel::Recursive(kernel) => return Ok(Computed::State(kernel, args, rules)),
        Kernel::Seeded { first, mean } => {
            let kernel = if mode.mean_seed { mean } else { first };
            return Ok(Computed::State(kernel, args, rules));
        }
    }))
}
