//! The graph explained: who reads a node, when it runs, how many rows of it are kept.

use super::{Kind, NodeExplanation, Stage};
use crate::formula::{Family, Graph, Node, NodeKind};

/// Explains every node of a graph, of which so many rows are kept.
pub(super) fn explain_graph(graph: &Graph, kept: &[usize]) -> Vec<NodeExplanation> {
    let mut nodes: Vec<NodeExplanation> = Vec::with_capacity(graph.nodes.len());
    for (id, node) in graph.nodes.iter().enumerate() {
        let (kind, label, arguments) = shape(node);
        let before = arguments.iter().filter_map(|a| nodes.get(*a)).map(|a| a.stage).max();
        let stage = before.unwrap_or(0) + usize::from(kind == Kind::CrossSection);
        let (text, look_back) = (node.text.clone(), node.look_back);
        nodes.push(NodeExplanation {
            text,
            kind,
            label,
            arguments,
            uses: 0,
            stage,
            look_back,
            rows: kept.get(id).copied().unwrap_or(0),
        });
    }
    for reader in 0..nodes.len() {
        for argument in nodes[reader].arguments.clone() {
            nodes[argument].uses += 1;
        }
    }
    for (_, node) in &graph.outputs {
        if let Some(node) = nodes.get_mut(*node) {
            node.uses += 1;
        }
    }
    nodes
}

fn shape(node: &Node) -> (Kind, String, Vec<usize>) {
    match &node.kind {
        NodeKind::Field(_) => (Kind::Field, node.text.clone(), Vec::new()),
        NodeKind::Constant(value) => (Kind::Constant, value.to_string(), Vec::new()),
        NodeKind::Call { function, args, params, .. } => {
            let kind = match function.family {
                Family::Elementwise => Kind::Elementwise,
                Family::TimeSeries | Family::Recursive => Kind::TimeSeries,
                Family::CrossSection => Kind::CrossSection,
            };
            let params: Vec<_> = params.iter().map(f64::to_string).collect();
            let label = match params.is_empty() {
                true => function.name.to_owned(),
                false => format!("{} {}", function.name, params.join(", ")),
            };
            (kind, label, args.clone())
        }
    }
}

/// The stages in the order in which they run: what needs no cross-section, the first
/// cross-sections, what needs those, and so on.
pub(super) fn stages(nodes: &[NodeExplanation]) -> Vec<Stage> {
    let last = nodes.iter().map(|node| node.stage).max().unwrap_or(0);
    let mut stages = Vec::new();
    for number in 0..=last {
        for cross in [true, false] {
            let members = nodes.iter().enumerate().filter(|(_, node)| {
                let computed = !matches!(node.kind, Kind::Field | Kind::Constant);
                computed && node.stage == number && (node.kind == Kind::CrossSection) == cross
            });
            let members: Vec<usize> = members.map(|(id, _)| id).collect();
            if !members.is_empty() {
                let family = if cross { "CS" } else { "TS" };
                stages.push(Stage { name: format!("{family}{number}"), nodes: members });
            }
        }
    }
    stages
}
