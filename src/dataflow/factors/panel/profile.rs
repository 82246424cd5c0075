//! Where the time of closing bars goes, by operator; measured only when somebody asks.

use std::collections::BTreeMap;
use std::time::Instant;

use super::layout::Layout;
use crate::formula::NodeId;

/// What the nodes of one operator cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Nodes of the graph.
    pub nodes: u64,
    /// Nanoseconds since measuring began.
    pub nanos: u64,
}

/// Nanoseconds by node while measuring is on.
#[derive(Debug)]
pub(super) struct Profile {
    nanos: Vec<u64>,
    last: Instant,
    /// Closed times that are not measured.
    skip: usize,
}

impl Profile {
    pub(super) fn new(nodes: usize, skip: usize) -> Profile {
        Profile { nanos: vec![0; nodes], last: Instant::now(), skip }
    }

    /// A time closes: what follows belongs to the next node that ends. Whether it is measured.
    pub(super) fn start(&mut self) -> bool {
        let measured = self.skip == 0;
        self.skip = self.skip.saturating_sub(1);
        self.last = Instant::now();
        measured
    }

    /// A node is computed.
    pub(super) fn end(&mut self, node: NodeId) {
        let now = Instant::now();
        if let Some(nanos) = self.nanos.get_mut(node) {
            *nanos += (now - self.last).as_nanos() as u64;
        }
        self.last = now;
    }

    /// By the name of the operator and, for windows, whether they are long.
    pub(super) fn by_operator(&self, layout: &Layout) -> BTreeMap<String, Cost> {
        let mut costs = BTreeMap::<String, Cost>::new();
        for (node, nanos) in layout.nodes.iter().zip(&self.nanos) {
            if !node.operator.is_empty() {
                let cost = costs.entry(node.operator.clone()).or_default();
                cost.nodes += 1;
                cost.nanos += nanos;
            }
        }
        costs
    }
}
