//! Alpha101 against KunQuant: its 82 alphas on bars made from real ones, with its own readings of the
//! formulas. What the values are: `tests/data/kunquant/README.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use weir::dataflow::factors::{Emit, Panel, functions};
use weir::formula::FieldKind;
use weir::model::{SymbolId, Time};
use weir::plan::{FactorSet, compile_factors};

use crate::panel_golden::{read_table, texts, times};

/// Alphas that rank values which differ by rounding alone, so that programs that are both right give
/// other ranks.
const NEAR_TIES: [&str; 16] = [
    "alpha013", "alpha015", "alpha016", "alpha031", "alpha045", "alpha050", "alpha074", "alpha075",
    "alpha078", "alpha081", "alpha085", "alpha088", "alpha092", "alpha094", "alpha096", "alpha098",
];

/// Fields, and how far each is moved: by 0.1 % of this plus a number in [0, 1), so that the order of
/// prices in a bar stays.
const FIELDS: [(&str, f64); 6] = [
    ("open", -0.5),
    ("high", 1.0),
    ("low", -2.0),
    ("close", -0.5),
    ("volume", -0.5),
    ("vwap", -0.5),
];

const SYMBOLS: usize = 128;

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data"))
}

/// A number in [0, 1) for a place: splitmix64.
fn noise(place: usize) -> f64 {
    let mut z = (place as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// The days, the symbols, and the bars by day, symbol and field.
struct Bars {
    days: Vec<Time>,
    symbols: Vec<String>,
    rows: Vec<[f64; 6]>,
}

fn bars() -> Bars {
    let mut real: BTreeMap<(Time, String), [f64; 6]> = BTreeMap::new();
    for batch in read_table(&folder().join("golden/panel.parquet")) {
        let columns = FIELDS
            .map(|(name, _)| batch.column_by_name(name).unwrap().as_primitive::<Float64Type>());
        for (row, key) in times(&batch).into_iter().zip(texts(&batch, "symbol")).enumerate() {
            real.insert((key.0, key.1.unwrap()), columns.map(|column| column.value(row)));
        }
    }
    let days: BTreeSet<Time> = real.keys().map(|(day, _)| *day).collect();
    let days: Vec<Time> = days.into_iter().collect();
    let listed = real.keys().filter(|(day, _)| *day == days[0]).map(|(_, symbol)| symbol.clone());
    let symbols: Vec<String> = listed.take(SYMBOLS).collect();
    assert_eq!(symbols.len(), SYMBOLS);
    let (mut rows, mut newest) = (Vec::new(), vec![[f64::NAN; 6]; SYMBOLS]);
    for day in &days {
        for (symbol, newest) in symbols.iter().zip(&mut newest) {
            if let Some(row) = real.get(&(*day, symbol.clone())) {
                *newest = *row;
            }
            let mut moved = *newest;
            for (at, value) in moved.iter_mut().enumerate() {
                *value *= 1.0 + 0.001 * (noise(rows.len() * FIELDS.len() + at) + FIELDS[at].1);
            }
            rows.push(moved);
        }
    }
    Bars { days, symbols, rows }
}

/// Values of the alphas that KunQuant has, by its reading, for the wanted days: by alpha, day and
/// number of the symbol.
fn ours(
    bars: &Bars,
    alphas: &[String],
    wanted: &BTreeSet<Time>,
) -> BTreeMap<String, Vec<(Time, Vec<f64>)>> {
    let path = folder().join("kunquant/variants.yaml");
    let variants = FactorSet::load(path.to_str().unwrap()).unwrap();
    let own: Vec<String> = variants.names().map(str::to_owned).collect();
    let mut common = FactorSet::load("alpha101").unwrap();
    common.rules.mode.raw_ties = true;
    common.keep(alphas, &own).unwrap();
    let fields = FIELDS.map(|(name, _)| (name, FieldKind::Number));
    let graph = compile_factors(&[common, variants], &fields, functions()).unwrap();
    assert_eq!(graph.outputs.len(), alphas.len(), "an alpha of KunQuant has no formula here");
    let mut panel = Panel::new(&graph, fields.len(), 0, Emit::Nothing).unwrap();
    let mut values: BTreeMap<String, Vec<(Time, Vec<f64>)>> = BTreeMap::new();
    for (day, rows) in bars.days.iter().zip(bars.rows.chunks(SYMBOLS)) {
        for (symbol, row) in rows.iter().enumerate() {
            panel.set(SymbolId(symbol as u32), *day, Some(row)).unwrap();
        }
        panel.work(*day, false, usize::MAX, &mut Vec::new());
        let (_, rows) = panel.newest().filter(|(time, _)| time == day).unwrap();
        for ((name, _), row) in graph.outputs.iter().zip(rows).filter(|_| wanted.contains(day)) {
            values.entry(name.clone()).or_default().push((*day, row.to_vec()));
        }
    }
    values
}

/// Whether a value of ours is right beside one of KunQuant.
fn equal(alpha: &str, ours: f64, theirs: f64) -> bool {
    if alpha == "alpha084" {
        // Its power of large numbers leaves the range of 32 bit numbers before ours does, and has
        // no more than seven digits.
        let beyond = theirs.is_infinite() && ours > 2e38;
        return beyond || near(ours, theirs, 1e-6);
    }
    near(ours, theirs, 1e-9)
}

fn near(a: f64, b: f64, tolerance: f64) -> bool {
    (a.is_nan() && b.is_nan()) || a == b || (a - b).abs() <= tolerance * b.abs().max(1.0)
}

#[test]
fn alpha101_equals_kunquant_but_for_its_near_ties() {
    let bars = bars();
    let golden = read_table(&folder().join("kunquant/values.parquet"));
    let names = golden[0].schema();
    let alphas: Vec<String> = names
        .fields()
        .iter()
        .map(|f| f.name().clone())
        .filter(|n| n.starts_with("alpha"))
        .collect();
    assert_eq!(alphas.len(), 82);
    let wanted: BTreeSet<Time> = golden.iter().flat_map(times).collect();
    let ours = ours(&bars, &alphas, &wanted);
    let (mut compared, mut there) = (0, 0);
    let mut differ: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for batch in &golden {
        for (row, (day, symbol)) in times(batch).into_iter().zip(texts(batch, "symbol")).enumerate()
        {
            let at = bars.symbols.binary_search(symbol.as_ref().unwrap()).unwrap();
            for alpha in &alphas {
                let column = batch.column_by_name(alpha).unwrap().as_primitive::<Float64Type>();
                let days = &ours[alpha];
                let (_, values) = days.iter().find(|(known, _)| *known == day).unwrap();
                let (a, b) = (values[at], column.value(row));
                compared += 1;
                there += usize::from(!b.is_nan());
                if !equal(alpha, a, b) {
                    let cell = format!("{} {day}: {a:e}, KunQuant {b:e}", bars.symbols[at]);
                    differ.entry(alpha).or_default().push(cell);
                }
            }
        }
    }
    assert_eq!(compared, 12 * SYMBOLS * 82);
    assert!(there * 100 > compared * 95, "{there} of {compared} are values");
    let differing: Vec<&str> = differ.keys().copied().collect();
    let first = differ.iter().filter(|(alpha, _)| !NEAR_TIES.contains(alpha));
    let first: Vec<_> = first.map(|(alpha, cells)| (alpha, cells.len(), &cells[0])).collect();
    assert_eq!(differing, NEAR_TIES, "not comparable are exactly these; others: {first:#?}");
}
