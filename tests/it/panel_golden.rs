//! Factors on real bars against values that another program computed in extended precision.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, RecordBatch};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use weir::dataflow::factors::{Emit, Panel, functions};
use weir::formula::{Exactness, Graph, Node, NodeId, NodeKind};
use weir::model::{RowBatch, Symbols, Time};

const FIELDS: [&str; 6] = ["open", "high", "low", "close", "volume", "vwap"];

/// The folder of the values; another one of the same form can be given.
fn folder() -> PathBuf {
    std::env::var_os("WEIR_GOLDEN").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/golden"),
        PathBuf::from,
    )
}

fn read(name: &str) -> Vec<RecordBatch> {
    let file = File::open(folder().join(name)).expect("the file is there");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("it is Parquet");
    reader.build().expect("a reader").map(|batch| batch.expect("a batch")).collect()
}

/// Builds a graph from formulas in postfix notation; `name:n` has the window n.
#[derive(Default)]
struct Builder {
    graph: Graph,
    known: BTreeMap<String, NodeId>,
}

impl Builder {
    fn node(&mut self, kind: NodeKind, text: String, exact: bool) -> NodeId {
        let next = self.graph.nodes.len();
        let id = *self.known.entry(text.clone()).or_insert(next);
        if id == next {
            self.graph.nodes.push(Node { kind, text, exact, look_back: 0 });
        }
        id
    }

    fn formula(&mut self, name: &str, postfix: &str) {
        let mut stack: Vec<NodeId> = Vec::new();
        for token in postfix.split(' ') {
            let (word, window) = token.split_once(':').unwrap_or((token, ""));
            let id = if let Some(field) = FIELDS.iter().position(|f| *f == word) {
                self.node(NodeKind::Field(field), word.to_owned(), true)
            } else if let Some(function) = functions().iter().find(|f| f.name == word) {
                let params: Vec<f64> = window.parse().into_iter().collect();
                let args = stack.split_off(stack.len() + params.len() - function.parameters.len());
                let exact = match function.exactness {
                    Exactness::Always => true,
                    Exactness::Never => false,
                    Exactness::Inherited => args.iter().all(|a| self.graph.nodes[*a].exact),
                };
                let texts: Vec<_> =
                    args.iter().map(|a| self.graph.nodes[*a].text.as_str()).collect();
                let text = format!("{token}({})", texts.join(", "));
                self.node(NodeKind::Call { function, args, params }, text, exact)
            } else {
                let value = word.parse().expect("a number");
                self.node(NodeKind::Constant(value), word.to_owned(), true)
            };
            stack.push(id);
        }
        assert_eq!(stack.len(), 1, "{name}");
        self.graph.outputs.push((name.to_owned(), stack[0]));
    }
}

#[test]
fn factors_on_real_bars_equal_the_golden_values() {
    let formulas = std::fs::read_to_string(folder().join("formulas.tsv")).expect("formulas");
    let mut builder = Builder::default();
    for line in formulas.lines().skip(1) {
        let parts: Vec<_> = line.split('\t').collect();
        builder.formula(parts[0], parts[2]);
    }
    let graph = builder.graph;
    let mut panel = Panel::new(&graph, FIELDS.len(), 5, Emit::Cells).expect("a panel");
    let symbols = Symbols::default();
    let values = read("values.parquet");
    // The other program counts all symbols of the file at all times.
    for batch in &values {
        let names = batch.column_by_name("symbol").expect("symbols").as_string::<i32>();
        panel.declare(names.iter().map(|name| symbols.intern(name.expect("a name"))));
    }
    for batch in read("panel.parquet") {
        let mut rows = RowBatch::new(0, FIELDS.len());
        let names = batch.column_by_name("symbol").expect("symbols").as_string::<i32>();
        rows.symbols = names.iter().map(|name| symbols.intern(name.expect("a name"))).collect();
        let times = batch.column_by_name("time").expect("times").as_primitive::<Int64Type>();
        rows.times = times.values().iter().map(|t| Time::from_nanos(*t)).collect();
        rows.deleted = vec![false; rows.times.len()];
        for (field, column) in FIELDS.iter().zip(&mut rows.columns) {
            let values =
                batch.column_by_name(field).expect("a field").as_primitive::<Float64Type>();
            *column = values.iter().map(|v| v.unwrap_or(f64::NAN)).collect();
        }
        assert_eq!(panel.apply(&rows), 0);
    }
    let mut out = Vec::new();
    assert!(!panel.work(Time::MAX, false, usize::MAX, &mut out));
    let mut ours = BTreeMap::new();
    for batch in &out {
        for (i, symbol) in batch.symbols.iter().enumerate() {
            ours.insert((batch.time.nanos(), *symbol), (batch, i));
        }
    }
    let (mut compared, mut there, mut wrong) = (0, 0, Vec::new());
    for batch in &values {
        let names = batch.column_by_name("symbol").expect("symbols").as_string::<i32>();
        let times = batch.column_by_name("time").expect("times").as_primitive::<Int64Type>();
        for (f, (factor, _)) in graph.outputs.iter().enumerate() {
            let want =
                batch.column_by_name(factor).expect("a factor").as_primitive::<Float64Type>();
            for row in 0..batch.num_rows() {
                let (name, time) = (names.value(row), times.value(row));
                // A symbol without a bar has values in the file, but no row in the panel.
                let symbol = symbols.find(name);
                let Some((ours, i)) = symbol.and_then(|s| ours.get(&(time, s))) else { continue };
                let a = ours.columns[f][*i];
                let b = if want.is_null(row) { f64::NAN } else { want.value(row) };
                compared += 1;
                there += usize::from(!b.is_nan());
                let equal = (a.is_nan() && b.is_nan())
                    || a == b
                    || (a - b).abs() <= 1e-9 * b.abs().max(1.0);
                if !equal {
                    wrong.push(format!("{factor} {name} {}: {a:e}, golden {b:e}", ours.time));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {compared}:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(40)].join("\n")
    );
    assert!(compared > 40_000 && there > compared / 2, "{compared} cells, {there} not missing");
}
