//! Rough costs of the nodes of a graph: nanoseconds per symbol and bar.

use crate::formula::{Family, Graph, Node, NodeKind};

/// Taking in a row, whatever the factors.
const ROW: f64 = 10.0;
/// A row on its way to the other workers.
const SENT: f64 = 5.0;
/// Storing a field.
const FIELD: f64 = 2.0;
/// Giving out a factor, whose column is shared.
const OUTPUT: f64 = 0.1;
/// What a factor costs more when the parts of a time are put together.
const JOIN: f64 = 0.05;
/// What any operator costs at least: its row is written, and mostly not in the cache.
const LEAST: f64 = 0.3;
/// Rows beyond which windows are computed in blocks.
const DIRECT: usize = 48;
/// A row in a block, in rows that are looked at directly.
const IN_BLOCK: f64 = 0.25;

/// Costs by node.
#[derive(Clone, Debug)]
pub(super) struct Costs(Vec<f64>);

impl Costs {
    pub(super) fn new(graph: &Graph) -> Costs {
        Costs(graph.nodes.iter().map(node).collect())
    }

    /// Of a node alone.
    pub(super) fn node(&self, id: usize) -> f64 {
        self.0.get(id).copied().unwrap_or(0.0)
    }

    /// Of everything that some factors need, on one worker that has nothing else.
    pub(super) fn of(&self, graph: &Graph, outputs: &[usize]) -> f64 {
        let needed = graph.needed(outputs);
        let nodes: f64 = self.0.iter().zip(needed).filter(|(_, n)| *n).map(|(cost, _)| cost).sum();
        ROW + nodes + OUTPUT * outputs.len() as f64
    }

    /// Of all factors.
    pub(super) fn whole(&self, graph: &Graph) -> f64 {
        let all: Vec<usize> = (0..graph.outputs.len()).collect();
        self.of(graph, &all)
    }

    /// Of sending every row everywhere and putting the parts of a time together.
    pub(super) fn join(&self, graph: &Graph) -> f64 {
        SENT + JOIN * graph.outputs.len() as f64
    }
}

fn node(node: &Node) -> f64 {
    let NodeKind::Call { function, args, .. } = &node.kind else {
        return if matches!(node.kind, NodeKind::Field(_)) { FIELD } else { 0.0 };
    };
    let arguments = args.len() as f64;
    match function.family {
        Family::Elementwise => LEAST + elementwise(function.name),
        Family::Recursive => LEAST + 2.0 * arguments,
        Family::CrossSection => LEAST + across(function.name),
        Family::TimeSeries => {
            let n = node.rows_read();
            let direct = n.min(DIRECT) as f64 + n.saturating_sub(DIRECT) as f64 * IN_BLOCK;
            LEAST + direct * row_of_window(function.name) * arguments.max(1.0)
        }
    }
}

fn elementwise(name: &str) -> f64 {
    match name {
        "pow" => 3.6,
        "signed_power" => 2.5,
        "log" | "exp" => 0.5,
        _ => 0.05,
    }
}

fn across(name: &str) -> f64 {
    match name {
        "rank" => 4.8,
        "scale" | "zscore" | "demean" => 1.4,
        "group_mean" | "group_neutralize" => 3.5,
        _ => 9.0,
    }
}

/// One row of one argument's window. Distances read one row, however long they are.
fn row_of_window(name: &str) -> f64 {
    match name {
        "delay" | "delta" => 0.0,
        "ts_regbeta" | "ts_regresi" | "ts_product" => 0.5,
        "ts_quantile" | "ts_median" | "ts_skew" | "ts_kurt" => 0.4,
        "ts_corr" | "ts_cov" | "ts_rank" | "decay_linear" => 0.27,
        _ => 0.22,
    }
}
