//! Where the factors are computed when there are several workers, and what that is expected to
//! cost: by symbol or by factor.

mod cost;
mod shares;

use serde::Serialize;

use crate::formula::{Family, Graph, NodeKind};
use cost::Costs;

/// How the panel is spread over workers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placement {
    /// The first worker has all of it.
    OneWorker,
    /// Every worker has all factors for its share of the symbols: nothing ties them together.
    BySymbol,
    /// Every worker has all symbols for its share of the factors, given as their numbers, because
    /// cross-sections tie symbols together. There may be fewer shares than workers.
    ByFactor(Vec<Vec<usize>>),
}

/// What is expected of both ways with a number of workers. Costs are estimates of the time that
/// the busiest worker needs for a bar, from rough figures per operator: good for comparing ways.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// Worker threads.
    pub workers: usize,
    /// Milliseconds a bar by symbol; none if cross-sections forbid it.
    pub by_symbol_ms: Option<f64>,
    /// Milliseconds a bar by factor.
    pub by_factor_ms: f64,
    /// Names of the factors of each worker, by factor.
    pub shares: Vec<Vec<String>>,
    /// How much of the work, by factor, is done again on another worker, from 0 to 1.
    pub repeated: f64,
}

/// The placement of a graph on so many workers.
pub fn place(graph: &Graph, workers: usize) -> Placement {
    if workers < 2 || graph.outputs.is_empty() {
        return Placement::OneWorker;
    }
    if tied_by(graph).is_none() {
        return Placement::BySymbol;
    }
    let costs = Costs::new(graph);
    let shares = shares::shares(graph, &costs, workers);
    let busiest = shares.iter().map(|share| costs.of(graph, share)).fold(0.0, f64::max);
    if shares.len() < 2 || busiest + costs.join(graph) >= costs.whole(graph) {
        return Placement::OneWorker;
    }
    Placement::ByFactor(shares)
}

/// A node that ties symbols together, if there is one: the shortest to read.
pub(super) fn tied_by(graph: &Graph) -> Option<&str> {
    let across = |kind: &NodeKind| matches!(kind, NodeKind::Call { function, .. } if function.family == Family::CrossSection);
    let nodes = graph.nodes.iter().filter(|node| across(&node.kind));
    nodes.map(|node| node.text.as_str()).min_by_key(|text| text.len())
}

/// Estimates both ways for so many symbols and workers.
pub(super) fn estimate(graph: &Graph, symbols: usize, workers: usize) -> Estimate {
    let costs = Costs::new(graph);
    let ms = |ns: f64| ns * symbols as f64 / 1e6;
    let whole = costs.whole(graph);
    let shares = shares::shares(graph, &costs, workers);
    let each = || shares.iter().map(|share| costs.of(graph, share));
    let join = if shares.len() > 1 { costs.join(graph) } else { 0.0 };
    let name = |output: &usize| graph.outputs.get(*output).map(|(name, _)| name.clone());
    let total: f64 = each().sum();
    Estimate {
        workers,
        by_symbol_ms: tied_by(graph).is_none().then(|| ms(whole / workers.max(1) as f64)),
        by_factor_ms: ms(each().fold(0.0, f64::max) + join),
        shares: shares.iter().map(|share| share.iter().filter_map(name).collect()).collect(),
        repeated: if total > 0.0 { (1.0 - whole / total).max(0.0) } else { 0.0 },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::fakes::catalog;
    use crate::plan::{Plan, load_text};
    use std::path::Path;

    fn plan(factors: &str) -> Plan {
        let text = format!(
            "pipeline: p\nkafka: {{ brokers: \"b:1\" }}\nsources:\n  bars:\n    topic: t\n    \
             key: [symbol, time]\n    fields: {{ open: f64, close: f64 }}\nfactors:\n{factors}\n"
        );
        load_text("p.yaml", &text, Path::new("."), &|_| None, &catalog()).unwrap()
    }

    #[test]
    fn symbols_that_nothing_ties_together_are_spread() {
        let graph = plan("  a: close / delay(close, 5)\n  b: ts_mean(open, 9)").factors;
        assert_eq!(place(&graph, 1), Placement::OneWorker);
        assert_eq!(place(&graph, 2), Placement::BySymbol);
        let [one, two] = [1, 2].map(|workers| estimate(&graph, 1_000, workers));
        assert_eq!(two.by_symbol_ms, one.by_symbol_ms.map(|ms| ms / 2.0));
        assert_eq!(place(&plan("  {}").factors, 4), Placement::OneWorker);
    }

    #[test]
    fn factors_are_spread_where_a_cross_section_ties_symbols_together() {
        let heavy = "  a: rank(ts_mean(close, 200))\n  b: ts_mean(open, 200)";
        let graph = plan(heavy).factors;
        let Placement::ByFactor(mut shares) = place(&graph, 4) else { panic!("{graph:?}") };
        shares.sort();
        assert_eq!(shares, [[0], [1]], "no more shares than factors");
        let [one, four] = [1, 4].map(|workers| estimate(&graph, 1_000, workers));
        assert_eq!((four.by_symbol_ms, four.shares.len()), (None, 2));
        assert!(four.by_factor_ms < one.by_factor_ms);
        assert!(one.repeated == 0.0 && four.repeated > 0.0, "every worker takes in every row");
        // Both need the same, which is nearly all there is to do.
        let same = "  a: rank(ts_mean(close, 200))\n  b: rank(ts_mean(close, 200)) - 1";
        assert_eq!(place(&plan(same).factors, 2), Placement::OneWorker);
    }
}
