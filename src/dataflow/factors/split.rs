//! Which factors are computed together when there are several lanes.

use crate::formula::{Family, Graph, Node, NodeId, NodeKind};

/// Splits the outputs of a graph into at most `lanes` parts that are about equally expensive. Each
/// is ascending, none is empty. What outputs share is computed in every part that needs it, so an
/// output goes where it adds least to what is there already.
pub fn split(graph: &Graph, lanes: usize) -> Vec<Vec<usize>> {
    let lanes = lanes.clamp(1, graph.outputs.len().max(1));
    let mut parts = vec![Part::new(graph); lanes];
    let mut nodes = Vec::new();
    let mut outputs: Vec<(f64, usize)> = (0..graph.outputs.len())
        .map(|output| (Part::new(graph).missing(graph, output, &mut nodes), output))
        .collect();
    // The dearest first: small ones even out what they leave.
    outputs.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    for (_, output) in outputs {
        let mut best = (f64::INFINITY, 0);
        for (number, part) in parts.iter_mut().enumerate() {
            let cost = part.cost + part.missing(graph, output, &mut nodes);
            if cost < best.0 {
                best = (cost, number);
            }
        }
        let part = &mut parts[best.1];
        part.missing(graph, output, &mut nodes);
        nodes.iter().for_each(|node| part.has[*node] = true);
        part.cost = best.0;
        part.outputs.push(output);
    }
    let mut all: Vec<Vec<usize>> = parts.into_iter().map(|part| part.outputs).collect();
    all.retain(|outputs| !outputs.is_empty());
    all.iter_mut().for_each(|outputs| outputs.sort_unstable());
    all.sort_unstable();
    all
}

#[derive(Clone)]
struct Part {
    outputs: Vec<usize>,
    has: Vec<bool>,
    cost: f64,
}

impl Part {
    fn new(graph: &Graph) -> Part {
        Part { outputs: Vec::new(), has: vec![false; graph.nodes.len()], cost: 0.0 }
    }

    /// What it would cost to take an output in as well, and the `nodes` that would come with it.
    fn missing(&mut self, graph: &Graph, output: usize, nodes: &mut Vec<NodeId>) -> f64 {
        /// Writing a column.
        const WRITTEN: f64 = 2.0;
        let mut cost = WRITTEN;
        nodes.clear();
        let mut waiting = vec![graph.outputs[output].1];
        while let Some(id) = waiting.pop() {
            if std::mem::replace(&mut self.has[id], true) {
                continue;
            }
            nodes.push(id);
            let node = &graph.nodes[id];
            cost += cost_of(node);
            if let NodeKind::Call { args, .. } = &node.kind {
                waiting.extend(args);
            }
        }
        nodes.iter().for_each(|node| self.has[*node] = false);
        cost
    }
}

/// About how long a cell of a node takes, in the time of an addition; see `cargo bench --bench
/// panel`.
fn cost_of(node: &Node) -> f64 {
    const RECURSIVE: f64 = 8.0;
    const CROSS_SECTION: f64 = 80.0;
    /// Windows are mostly read whole, several numbers at once.
    const WINDOW_ROW: f64 = 1.0;
    match &node.kind {
        NodeKind::Field(_) | NodeKind::Constant(_) => 1.0,
        NodeKind::Call { function, .. } => match function.family {
            Family::Elementwise => 1.0,
            Family::TimeSeries => 2.0 + WINDOW_ROW * node.rows_read() as f64,
            Family::Recursive => RECURSIVE,
            Family::CrossSection => CROSS_SECTION,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataflow::factors::functions;
    use crate::plan::{FactorPlan, FactorSet};

    fn graph(set: &str) -> Graph {
        let columns = ["open", "high", "low", "close", "volume", "vwap", "cap"];
        let groups = ["sector", "industry", "subindustry"];
        let columns = columns.map(|name| (name, false)).into_iter();
        let columns: Vec<_> = columns.chain(groups.map(|name| (name, true))).collect();
        let set = FactorSet::load(set).unwrap();
        FactorPlan::new(&[set], &columns, functions()).unwrap().graph
    }

    fn cost(graph: &Graph) -> f64 {
        graph.nodes.iter().map(cost_of).sum()
    }

    #[test]
    fn every_output_is_in_one_part_and_parts_are_even() {
        for set in ["alpha101", "alpha158"] {
            let graph = graph(set);
            for lanes in [1, 2, 4, 7] {
                let parts = split(&graph, lanes);
                assert_eq!(parts.len(), lanes);
                let mut all: Vec<usize> = parts.concat();
                all.sort_unstable();
                assert!(all.into_iter().eq(0..graph.outputs.len()));
                let costs: Vec<f64> = parts.iter().map(|own| cost(&graph.part(own))).collect();
                let most = costs.iter().copied().fold(0.0, f64::max);
                let mean = costs.iter().sum::<f64>() / lanes as f64;
                assert!(most < 1.2 * mean, "{set}, {lanes} lanes: {costs:?}");
            }
        }
    }

    #[test]
    fn there_are_no_more_parts_than_outputs() {
        let mut graph = graph("alpha158");
        graph.outputs.truncate(3);
        assert_eq!(split(&graph, 8).concat().len(), 3);
        assert_eq!(split(&graph, 8).len(), 3);
        assert_eq!(split(&graph, 0).len(), 1);
    }

    #[test]
    fn a_part_of_a_graph_has_what_its_outputs_need() {
        let graph = graph("alpha101");
        for own in split(&graph, 4) {
            let part = graph.part(&own);
            for ((name, node), output) in part.outputs.iter().zip(&own) {
                let (expected, whole) = &graph.outputs[*output];
                assert_eq!(name, expected);
                assert_eq!(part.nodes[*node].text, graph.nodes[*whole].text);
            }
            for (id, node) in part.nodes.iter().enumerate() {
                if let NodeKind::Call { args, .. } = &node.kind {
                    assert!(args.iter().all(|arg| *arg < id));
                }
            }
            assert!(part.nodes.len() < graph.nodes.len());
        }
    }
}
