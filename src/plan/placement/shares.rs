//! Dividing the factors among workers so that the busiest has little to do: nodes that factors
//! share are computed by every worker that needs them.

use super::cost::Costs;
use crate::formula::{Graph, NodeId};

/// How often all factors are looked at again to find a better place for one.
const ROUNDS: usize = 30;
/// With more factors than this none are swapped: moving them one by one gets close enough.
const SWAPPED: usize = 200;

/// One share per worker, as many as there are factors at most; each with the numbers of its
/// factors, ascending. The same graph is always divided in the same way.
pub(super) fn shares(graph: &Graph, costs: &Costs, workers: usize) -> Vec<Vec<usize>> {
    let number = workers.min(graph.outputs.len()).max(1);
    let mut division = Division::new(graph, costs, number);
    let mut order: Vec<usize> = (0..graph.outputs.len()).collect();
    order.sort_by(|a, b| division.alone(*b).total_cmp(&division.alone(*a)).then(a.cmp(b)));
    for output in order {
        let after = |share: &usize| division.costs[*share] + division.more(output, *share);
        let best = (0..number).min_by(|a, b| after(a).total_cmp(&after(b)).then(a.cmp(b)));
        division.add(output, best.unwrap_or(0));
    }
    for _ in 0..ROUNDS {
        if !(division.improve_by_moving() || division.improve_by_swapping()) {
            break;
        }
    }
    let mut shares = vec![Vec::new(); number];
    for (output, share) in division.place.iter().enumerate() {
        shares[*share].push(output);
    }
    shares.retain(|share| !share.is_empty());
    shares
}

/// Factors on their places.
struct Division<'a> {
    costs_of_nodes: &'a Costs,
    /// The nodes that each factor needs.
    cones: Vec<Vec<NodeId>>,
    /// By share and node: how many of the share's factors need it.
    users: Vec<Vec<u32>>,
    /// By share.
    costs: Vec<f64>,
    /// By factor: its share.
    place: Vec<usize>,
}

impl<'a> Division<'a> {
    fn new(graph: &Graph, costs: &'a Costs, shares: usize) -> Division<'a> {
        let cone = |output| {
            let needed = graph.needed(&[output]);
            (0..graph.nodes.len()).filter(|id| needed[*id]).collect()
        };
        Division {
            costs_of_nodes: costs,
            cones: (0..graph.outputs.len()).map(cone).collect(),
            users: vec![vec![0; graph.nodes.len()]; shares],
            costs: vec![0.0; shares],
            place: vec![0; graph.outputs.len()],
        }
    }

    fn alone(&self, output: usize) -> f64 {
        self.cones[output].iter().map(|id| self.costs_of_nodes.node(*id)).sum()
    }

    /// What a factor adds to a share.
    fn more(&self, output: usize, share: usize) -> f64 {
        let new = self.cones[output].iter().filter(|id| self.users[share][**id] == 0);
        new.map(|id| self.costs_of_nodes.node(*id)).sum()
    }

    fn add(&mut self, output: usize, share: usize) {
        self.costs[share] += self.more(output, share);
        self.cones[output].iter().for_each(|id| self.users[share][*id] += 1);
        self.place[output] = share;
    }

    fn remove(&mut self, output: usize) {
        let share = self.place[output];
        self.cones[output].iter().for_each(|id| self.users[share][*id] -= 1);
        self.costs[share] -= self.more(output, share);
    }

    /// The cost of the busiest and, where that is equal, of all: what is to become small.
    fn score(&self) -> (f64, f64) {
        (self.costs.iter().copied().fold(0.0, f64::max), self.costs.iter().sum())
    }

    /// Whether `score` is better by more than rounding.
    fn better(&self, than: (f64, f64)) -> bool {
        let (busiest, all) = self.score();
        busiest < than.0 * (1.0 - 1e-9) || (busiest <= than.0 && all < than.1 * (1.0 - 1e-9))
    }

    fn improve_by_moving(&mut self) -> bool {
        let mut improved = false;
        for output in 0..self.place.len() {
            let (from, mut best) = (self.place[output], self.score());
            let mut to = from;
            for share in 0..self.costs.len() {
                self.remove(output);
                self.add(output, share);
                if self.better(best) {
                    (to, best) = (share, self.score());
                }
            }
            self.remove(output);
            self.add(output, to);
            improved |= to != from;
        }
        improved
    }

    /// Swaps a factor of the busiest share with one of another.
    fn improve_by_swapping(&mut self) -> bool {
        let busiest =
            (0..self.costs.len()).max_by(|a, b| self.costs[*a].total_cmp(&self.costs[*b]));
        let Some(busiest) = busiest.filter(|_| self.place.len() <= SWAPPED) else { return false };
        for one in (0..self.place.len()).filter(|o| self.place[*o] == busiest).collect::<Vec<_>>() {
            for other in 0..self.place.len() {
                let (share, before) = (self.place[other], self.score());
                if share == busiest {
                    continue;
                }
                self.remove(one);
                self.remove(other);
                self.add(one, share);
                self.add(other, busiest);
                if self.better(before) {
                    return true;
                }
                self.remove(one);
                self.remove(other);
                self.add(one, busiest);
                self.add(other, share);
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::{Node, NodeKind};
    use crate::plan::fakes::catalog;

    /// A graph of `means` of one field, two of them under each factor.
    fn graph(windows: &[(f64, f64)]) -> Graph {
        let find = |name| catalog().functions.iter().find(|f| f.name == name).copied().unwrap();
        let mut graph = Graph::default();
        let mut node = |kind, text: String| {
            let known = graph.nodes.iter().position(|node: &Node| node.text == text);
            known.unwrap_or_else(|| {
                graph.nodes.push(Node { kind, text, exact: true, look_back: 0 });
                graph.nodes.len() - 1
            })
        };
        let field = node(NodeKind::Field(0), "x".to_owned());
        let mut outputs = Vec::new();
        for (a, b) in windows {
            let mean = |n: &f64| NodeKind::Call {
                function: find("ts_mean"),
                args: vec![field],
                params: vec![*n],
                mode: crate::formula::Mode::default(),
            };
            let args = vec![node(mean(a), format!("mean {a}")), node(mean(b), format!("mean {b}"))];
            let text = format!("{a} - {b}");
            let (function, mode) = (find("-"), crate::formula::Mode::default());
            let kind = NodeKind::Call { function, args, params: Vec::new(), mode };
            outputs.push((text.clone(), node(kind, text)));
        }
        graph.outputs = outputs;
        graph
    }

    #[test]
    fn factors_that_share_much_stay_together() {
        // Two families of three; dealing them out in turn would compute both on both sides.
        let graph =
            graph(&[(61.0, 2.0), (62.0, 3.0), (61.0, 4.0), (62.0, 5.0), (61.0, 6.0), (62.0, 7.0)]);
        let costs = Costs::new(&graph);
        let mut found = shares(&graph, &costs, 2);
        found.sort();
        assert_eq!(found, [[0, 2, 4], [1, 3, 5]]);
    }

    #[test]
    fn every_factor_has_one_place_and_the_busiest_does_less_than_if_dealt_in_turn() {
        let windows: Vec<(f64, f64)> =
            (0..40).map(|i| (f64::from(2 + i * 7 % 60), f64::from(2 + i % 9))).collect();
        let graph = graph(&windows);
        let costs = Costs::new(&graph);
        for workers in [1, 2, 3, 4, 64] {
            let found = shares(&graph, &costs, workers);
            assert!(found.len() <= workers.min(40) && found.len() >= workers.min(4));
            let mut all: Vec<usize> = found.concat();
            all.sort_unstable();
            assert_eq!(all, (0..40).collect::<Vec<_>>());
            let busiest = |shares: &[Vec<usize>]| {
                shares.iter().map(|share| costs.of(&graph, share)).fold(0.0, f64::max)
            };
            let in_turn: Vec<Vec<usize>> =
                (0..workers).map(|w| (w..40).step_by(workers).collect()).collect();
            let (ours, theirs) = (busiest(&found), busiest(&in_turn));
            assert!(ours < theirs || !(2..=4).contains(&workers), "{ours}, {theirs}");
            assert_eq!(found, shares(&graph, &costs, workers));
        }
    }
}
