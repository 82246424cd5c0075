//! What a cell of each kind of operator costs in the panel: ns per cell and node at 5,120 symbols,
//! beside a plain copy of a column. `cargo bench --bench panel [-- FILTER]`; without `--bench`, as
//! under `cargo test`, everything runs once at a tiny size.

#![expect(clippy::print_stdout, clippy::expect_used, reason = "a program that prints a table")]

use std::hint::black_box;
use std::time::Instant;

use weir::dataflow::factors::{Emit, Level, Panel, functions};
use weir::formula::{Graph, Node, NodeId, NodeKind};
use weir::model::{RowBatch, SymbolId, Time};

/// Size of a run.
#[derive(Clone, Copy)]
struct Size {
    symbols: usize,
    /// Timed bars.
    bars: usize,
    /// Times the whole is repeated.
    runs: usize,
}

/// A graph built by hand.
struct Builder(Graph);

impl Builder {
    fn new(fields: usize) -> Builder {
        let mut builder = Builder(Graph::default());
        for field in 0..fields {
            builder.node(NodeKind::Field(field), true);
        }
        builder
    }

    fn node(&mut self, kind: NodeKind, exact: bool) -> NodeId {
        let text = self.0.nodes.len().to_string();
        self.0.nodes.push(Node { kind, text, exact, look_back: 0 });
        self.0.nodes.len() - 1
    }

    fn call(&mut self, name: &str, args: &[NodeId], params: &[f64]) -> NodeId {
        let function = functions().iter().find(|f| f.name == name).expect("a function");
        let kind = NodeKind::Call {
            function,
            args: args.to_vec(),
            params: params.to_vec(),
            mode: weir::formula::Mode::default(),
        };
        self.node(kind, false)
    }
}

/// Numbers that differ from cell to cell, the same in every run.
fn noise(i: usize) -> f64 {
    let mut x = (i as u64).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 31)).wrapping_mul(0x94d0_49bb_1331_11eb);
    100.0 + (x >> 11) as f64 / (1_u64 << 53) as f64
}

fn rows(size: Size, fields: usize, bar: usize) -> RowBatch {
    let mut rows = RowBatch::new(0, fields);
    rows.symbols = (0..size.symbols).map(|s| SymbolId(s as u32)).collect();
    rows.times = vec![Time::from_millis(bar as i64 * 60_000); size.symbols];
    rows.deleted = vec![false; size.symbols];
    for (f, column) in rows.columns.iter_mut().enumerate() {
        column.extend((0..size.symbols).map(|s| noise((bar * fields + f) * size.symbols + s)));
    }
    rows
}

/// A panel that has seen `bars` bars.
fn filled(graph: &Graph, fields: usize, corrections: usize, size: Size, bars: usize) -> Panel {
    let mut panel = Panel::new(graph, fields, corrections, Emit::Cells).expect("a panel");
    for bar in 0..bars {
        panel.apply(&rows(size, fields, bar));
        panel.work(Time::MAX, false, usize::MAX, &mut Vec::new());
    }
    panel
}

/// Fastest, median and slowest of some measurements.
fn spread(mut times: Vec<f64>) -> [f64; 3] {
    times.sort_by(f64::total_cmp);
    [times[0], times[times.len() / 2], times[times.len() - 1]]
}

/// Nanoseconds per closed bar: fastest, median, slowest.
fn per_bar(graph: &Graph, fields: usize, warm: usize, size: Size) -> [f64; 3] {
    let mut times = Vec::new();
    for _ in 0..size.runs {
        let mut panel = filled(graph, fields, 1, size, warm);
        for bar in warm..warm + size.bars {
            panel.apply(&rows(size, fields, bar));
            let mut out = Vec::new();
            let start = Instant::now();
            panel.work(Time::MAX, false, usize::MAX, &mut out);
            times.push(start.elapsed().as_nanos() as f64);
            black_box(out);
        }
    }
    spread(times)
}

struct Case {
    name: &'static str,
    series: usize,
    params: &'static [f64],
}

const NODES: usize = 8;

fn cases() -> Vec<Case> {
    let case = |name, series, params| Case { name, series, params };
    let mut all = vec![
        case("+", 2, &[] as &[f64]),
        case("/", 2, &[]),
        case("<", 2, &[]),
        case("if", 3, &[]),
        case("log", 1, &[]),
        case("pow", 2, &[]),
        case("delay", 1, &[5.0]),
    ];
    for windows in [&[5.0], &[20.0], &[60.0], &[250.0]] {
        for (name, series) in
            [("ts_sum", 1), ("ts_std", 1), ("ts_max", 1), ("ts_rank", 1), ("ts_corr", 2)]
        {
            all.push(case(name, series, windows));
        }
    }
    all.extend(["rank", "zscore", "demean", "scale"].map(|name| case(name, 1, &[])));
    all
}

/// Cost of a node: `NODES` of them, less a panel that has only the fields. `shared`: all nodes
/// read the same field, so that its rows stay in the caches; else each reads its own.
fn measure(case: &Case, shared: bool, size: Size) -> [f64; 3] {
    let fields = if shared { case.series } else { NODES + case.series - 1 };
    let warm = case.params.first().map_or(2, |n| *n as usize + 1);
    let build = |nodes: usize| {
        let mut builder = Builder::new(fields);
        // What is ranked carries rounding error, as in most formulas.
        for i in 0..nodes {
            let first = if shared { 0 } else { i };
            let args: Vec<NodeId> = (first..first + case.series).collect();
            builder.call(case.name, &args, case.params);
        }
        for node in builder.0.nodes.iter_mut().filter(|n| matches!(n.kind, NodeKind::Field(_))) {
            node.exact = false;
        }
        builder.0
    };
    let empty = per_bar(&build(0), fields, warm, size)[0];
    let cells = (NODES * size.symbols) as f64;
    per_bar(&build(NODES), fields, warm, size).map(|t| (t - empty) / cells)
}

/// One corrected cell against the closing of bars, for a pipeline of windows and one with ranks.
fn corrections(size: Size, horizon: usize) {
    println!("\none corrected cell, in the middle of a horizon of {horizon} bars, us:");
    for (name, ranked) in [("20 windows", false), ("20 windows of ranks", true)] {
        let mut builder = Builder::new(1);
        let source = if ranked { builder.call("rank", &[0], &[]) } else { 0 };
        for i in 0..20 {
            let name = ["ts_mean", "ts_std", "ts_rank", "ts_max"][i % 4];
            let node = builder.call(name, &[source], &[5.0 + (i / 4) as f64 * 5.0]);
            builder.0.outputs.push((format!("f{i}"), node));
        }
        let bars = horizon + 30;
        let mut panel = filled(&builder.0, 1, horizon, size, bars);
        let time = Time::from_millis((bars - horizon / 2) as i64 * 60_000);
        let mut times = Vec::new();
        for i in 0..size.runs * 4 {
            let symbol = SymbolId((i * 7 % size.symbols) as u32);
            panel.set(symbol, time, Some(&[noise(i) * 1.01])).expect("inside of the horizon");
            let mut out = Vec::new();
            let start = Instant::now();
            panel.work(Time::MAX, false, usize::MAX, &mut out);
            times.push(start.elapsed().as_nanos() as f64 / 1e3);
            black_box(out);
        }
        let [least, middle, most] = spread(times);
        let [bar, ..] = per_bar(&builder.0, 1, 30, size).map(|t| t / 1e3);
        println!(
            "{name:22} {least:10.1} {middle:10.1} {most:10.1}   a bar {bar:8.1}, horizon / \
             correction = {:.0}",
            bar * horizon as f64 / middle
        );
    }
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let full = args.iter().any(|arg| arg == "--bench");
    let filter = args.iter().find(|arg| !arg.starts_with("--"));
    let size = if full {
        Size { symbols: 5_120, bars: 40, runs: 5 }
    } else {
        Size { symbols: 64, bars: 2, runs: 1 }
    };
    println!("kernels: {}, {} symbols", Level::best().name(), size.symbols);
    let (from, mut to) = (vec![1.0; size.symbols], vec![0.0; size.symbols]);
    let copies = (0..size.bars * size.runs).map(|_| {
        let start = Instant::now();
        for _ in 0..100 {
            black_box(&mut to).copy_from_slice(black_box(&from));
        }
        start.elapsed().as_nanos() as f64 / (100 * size.symbols) as f64
    });
    let [least, middle, most] = spread(copies.collect());
    println!("{:<14} {:>24} {:>24}", "ns per cell", "one ring: min med max", "own rings");
    println!("{:<14} {least:8.3}{middle:8.3}{most:8.3}", "copy");
    for case in cases() {
        let name = match case.params {
            [n] => format!("{} {n}", case.name),
            _ => case.name.to_owned(),
        };
        if filter.is_some_and(|filter| !name.contains(filter.as_str())) {
            continue;
        }
        let [a, b, c] = measure(&case, true, size);
        let [d, e, f] = measure(&case, false, size);
        println!("{name:<14} {a:8.3}{b:8.3}{c:8.3} {d:8.3}{e:8.3}{f:8.3}");
    }
    if filter.is_none_or(|filter| filter == "corrections") {
        corrections(size, if full { 250 } else { 20 });
    }
}
