//! For tests: graphs built by hand, and the slow twin that computes them cell by cell.

use std::collections::BTreeMap;

use super::blocks::{self, Cuts};
use super::random::Random;
use super::{How, Kernel, Member, Reads, Twin, functions, member};
use crate::formula::{Exactness, Family, Graph, Mode, Node, NodeId, NodeKind, Parameter};
use crate::model::Time;

/// Builds a graph; equal expressions become one node.
#[derive(Debug, Default)]
pub(crate) struct Builder(pub(crate) Graph);

impl Builder {
    pub(crate) fn field(&mut self, field: usize) -> NodeId {
        self.node(NodeKind::Field(field), format!("f{field}"), true)
    }

    pub(crate) fn number(&mut self, value: f64) -> NodeId {
        self.node(NodeKind::Constant(value), format!("{value}"), true)
    }

    pub(crate) fn call(&mut self, name: &str, args: &[NodeId], params: &[f64]) -> NodeId {
        self.call_with(name, args, params, Mode::default())
    }

    pub(crate) fn call_with(
        &mut self,
        name: &str,
        args: &[NodeId],
        params: &[f64],
        mode: Mode,
    ) -> NodeId {
        let function = functions().iter().find(|f| f.name == name).expect(name);
        let texts: Vec<_> = args.iter().map(|a| self.0.nodes[*a].text.clone()).collect();
        let exact = match function.exactness {
            Exactness::Always => true,
            Exactness::Never => false,
            Exactness::Inherited => args.iter().all(|a| self.0.nodes[*a].exact),
        };
        let text = format!("{name}({texts:?}, {params:?}, {mode:?})");
        let kind = NodeKind::Call { function, args: args.to_vec(), params: params.to_vec(), mode };
        self.node(kind, text, exact)
    }

    pub(crate) fn output(&mut self, name: &str, node: NodeId) {
        self.0.outputs.push((name.to_owned(), node));
    }

    fn node(&mut self, kind: NodeKind, text: String, exact: bool) -> NodeId {
        if let Some(id) = self.0.nodes.iter().position(|node| node.text == text) {
            return id;
        }
        self.0.nodes.push(Node { kind, text, exact, look_back: 0 });
        self.0.nodes.len() - 1
    }
}

/// A graph over `fields` fields that has every operator at least once on random arguments.
pub(crate) fn random_graph(random: &mut Random, fields: usize, windows: usize) -> Graph {
    let mut builder = Builder::default();
    let mut nodes: Vec<NodeId> = (0..fields).map(|i| builder.field(i)).collect();
    let numbers = [0.0, 0.5, 2.0, -1.5].map(|v| builder.number(v));
    nodes.extend(numbers);
    let mut order: Vec<usize> = (0..2 * functions().len()).collect();
    for i in (1..order.len()).rev() {
        order.swap(i, random.below(i + 1));
    }
    for i in order {
        let function = functions()[i % functions().len()];
        let (mut args, mut params) = (Vec::new(), Vec::new());
        for parameter in function.parameters {
            match parameter {
                Parameter::Series(_) | Parameter::Group(_) => {
                    args.push(nodes[random.below(nodes.len())]);
                }
                Parameter::Rest(_) => {
                    let more = 1 + random.below(3);
                    args.extend((0..more).map(|_| nodes[random.below(nodes.len())]));
                }
                Parameter::Fraction(_) => params.push(random.unit()),
                Parameter::Window(_, least) => {
                    params.push(f64::from(*least) + random.below(windows) as f64);
                }
                Parameter::Constant(_) if function.family == Family::Elementwise => {
                    args.push(numbers[random.below(numbers.len())]);
                }
                Parameter::Constant(_) => params.push(1.5),
            }
        }
        let mut mode = match function.family {
            Family::TimeSeries => [
                Mode::default(),
                Mode { partial: true, ..Mode::default() },
                Mode { partial: true, qlib: true, ..Mode::default() },
                Mode { raw_ties: true, ..Mode::default() },
                Mode { population: true, ..Mode::default() },
                Mode { population: true, partial: true, ..Mode::default() },
            ][random.below(6)],
            Family::Recursive => Mode {
                mean_seed: random.below(2) == 0,
                day_begins: [0, 22 * 60 + 30][random.below(2)],
                ..Mode::default()
            },
            _ => Mode::default(),
        };
        if matches!(function.family, Family::TimeSeries | Family::Recursive) {
            mode.traded = random.below(4) == 0;
        }
        nodes.push(builder.call_with(function.name, &args, &params, mode));
    }
    for i in 0..nodes.len() {
        if i == nodes.len() - 1 || random.below(4) == 0 {
            builder.output(&format!("o{i}"), nodes[i]);
        }
    }
    builder.0
}

/// Where the blocks of a long window begin, whose rows are so far back.
fn cuts_of(member: &Member, n: usize, back: &[usize], t: usize, times: &[i64]) -> Vec<usize> {
    if !matches!(member.kernel, Kernel::Blocked(..)) || n < blocks::LONG {
        return Vec::new();
    }
    let begins = |i: &usize| {
        let time = t.checked_sub(back[*i]).map(|t| Time::from_nanos(times[t]));
        time.is_some_and(blocks::begins)
    };
    (0..back.len()).filter(begins).collect()
}

/// Rows of a table by time and symbol.
pub(crate) type Table = BTreeMap<(i64, u32), Vec<f64>>;

/// All factors of all accepted rows, computed from scratch and cell by cell.
pub(crate) fn twin(graph: &Graph, rows: &Table) -> Table {
    let mut times: Vec<i64> = rows.keys().map(|(time, _)| *time).collect();
    times.dedup();
    let mut symbols: Vec<u32> = rows.keys().map(|(_, symbol)| *symbol).collect();
    symbols.sort_unstable();
    symbols.dedup();
    let first = |symbol: u32| rows.keys().filter(|(_, s)| *s == symbol).map(|(t, _)| *t).min();
    let firsts: Vec<_> = symbols.iter().map(|s| first(*s)).collect();
    // By node, time and symbol.
    let mut values: Vec<Vec<Vec<f64>>> = Vec::new();
    for node in &graph.nodes {
        let mut table = vec![vec![f64::NAN; symbols.len()]; times.len()];
        for (t, time) in times.iter().enumerate() {
            let members: Vec<usize> =
                (0..symbols.len()).filter(|s| firsts[*s] <= Some(*time)).collect();
            let mut across = None;
            for (s, symbol) in symbols.iter().enumerate() {
                // The times that count up to this one: all, or those of the symbol's bars.
                let has_bar = |u: &usize| rows.contains_key(&(times[*u], *symbol));
                let traded = matches!(&node.kind, NodeKind::Call { mode, .. } if mode.traded);
                let counted: Vec<usize> = (0..=t).filter(|u| !traded || has_bar(u)).collect();
                let column = |a: &NodeId| counted.iter().map(|u| values[*a][*u][s]).collect();
                let cell = match &node.kind {
                    _ if traded && !has_bar(&t) => f64::NAN,
                    NodeKind::Field(field) => {
                        rows.get(&(*time, *symbol)).map_or(f64::NAN, |row| row[*field])
                    }
                    NodeKind::Constant(value) => *value,
                    NodeKind::Call { function, args, params, mode } => {
                        let member = member(function).expect("an operator");
                        let inexact = !graph.nodes[args[0]].exact && !mode.raw_ties;
                        let n = node.window();
                        let how = How { inexact, mode: *mode, n, params, cuts: Cuts::default() };
                        match member.twin {
                            Twin::Cell(f) => {
                                f(&args.iter().map(|a| values[*a][t][s]).collect::<Vec<_>>())
                            }
                            Twin::Window(f) => {
                                let args: Vec<Vec<f64>> = args.iter().map(column).collect();
                                of_windows(f, member, how, &args, &times)
                            }
                            Twin::Row(f) => {
                                let row = across.get_or_insert_with(|| {
                                    let of = |a: &NodeId| {
                                        members.iter().map(|m| values[*a][t][*m]).collect()
                                    };
                                    f(&args.iter().map(of).collect::<Vec<_>>(), how)
                                });
                                members.iter().position(|m| *m == s).map_or(f64::NAN, |i| row[i])
                            }
                            Twin::History(f) => {
                                let mut args: Vec<Vec<f64>> = args.iter().map(column).collect();
                                if matches!(member.kernel, Kernel::Sessions(_)) {
                                    args.push(days(&counted, &times, *mode));
                                }
                                f(&args, how)
                            }
                        }
                    }
                };
                table[t][s] = cell;
            }
        }
        values.push(table);
    }
    let cell = |(time, symbol): &(i64, u32)| -> Option<Vec<f64>> {
        let (t, s) = (times.binary_search(time).ok()?, symbols.binary_search(symbol).ok()?);
        Some(graph.outputs.iter().map(|(_, node)| values[*node][t][s]).collect())
    };
    rows.keys().filter_map(|key| Some((*key, cell(key)?))).collect()
}

/// Which day each of some times belongs to.
fn days(counted: &[usize], times: &[i64], mode: Mode) -> Vec<f64> {
    let begins = i64::from(mode.day_begins) * 60_000_000_000;
    let day = |t: &usize| (times[*t] - begins).div_euclid(86_400_000_000_000) as f64;
    counted.iter().map(day).collect()
}

/// A cell of an operator down a column, from all values of its arguments that count. `times` are
/// those of the values, unless these are a symbol's own bars.
fn of_windows(
    twin: fn(&[Vec<f64>], How<'_>) -> f64,
    member: &Member,
    how: How<'_>,
    args: &[Vec<f64>],
    times: &[i64],
) -> f64 {
    let (Kernel::Rolling(kernel) | Kernel::Sorted(kernel, _) | Kernel::Blocked(kernel, _)) =
        member.kernel
    else {
        panic!("{} has no windows", member.signature.name)
    };
    let older = args[0].len() - 1;
    let back = rows_back(kernel.reads, how, older);
    if back.first().is_none_or(|oldest| *oldest > older) {
        return f64::NAN;
    }
    let mut cuts = cuts_of(member, how.n, &back, older, times);
    if how.mode.traded {
        cuts.clear();
    }
    let how = How { cuts: Cuts { rows: &cuts, kept: None }, ..how };
    let window = |x: &Vec<f64>| back.iter().map(|b| x[older - b]).collect();
    twin(&args.iter().map(window).collect::<Vec<_>>(), how)
}

/// How far back the rows are that an operator reads, oldest first, where `older` rows are older.
fn rows_back(reads: Reads, how: How<'_>, older: usize) -> Vec<usize> {
    let partial = reads == Reads::Existing || (reads == Reads::Window && how.mode.partial);
    match reads {
        Reads::Window | Reads::Existing => {
            let rows = if partial { how.n.min(older + 1) } else { how.n };
            // Not more than is needed to see that the window is too long.
            (0..rows.min(older + 2)).rev().collect()
        }
        Reads::Lag => vec![how.n],
        Reads::LagAndCurrent => vec![how.n, 0],
    }
}

/// Whether two rows are equal: by bits, all missing values being the same.
pub(crate) fn same_row(a: &[f64], b: &[f64]) -> bool {
    let same = |(x, y): (&f64, &f64)| x.to_bits() == y.to_bits() || (x.is_nan() && y.is_nan());
    a.len() == b.len() && a.iter().zip(b).all(same)
}
