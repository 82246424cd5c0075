//! Alpha360 against its definition: the last 60 bars relative to the newest.

use weir::dataflow::factors::Level;
use weir::plan::FactorSet;

use super::arrival::in_order;
use super::bars::{Random, market, seeds};
use super::library::{NUMBERS, graph};

#[test]
fn alpha360_equals_its_definition() {
    let graph = graph(&[FactorSet::load("alpha360").unwrap()]);
    assert_eq!(graph.outputs.len(), 360);
    let mut compared = 0;
    for seed in seeds() {
        eprintln!("WEIR_SEED={seed}");
        let rows = market(&mut Random::new(seed), 100, 9);
        let ours = in_order(&graph, &rows, &[], Level::best(), &|symbol| symbol);
        let mut bars: Vec<usize> = rows.keys().map(|(bar, _)| *bar).collect();
        bars.dedup();
        for ((bar, symbol), factors) in &ours {
            let now = bars.binary_search(bar).unwrap();
            for ((name, _), ours) in graph.outputs.iter().zip(factors) {
                let digits = name.find(|c: char| c.is_ascii_digit()).unwrap();
                let (field, ago) = (name[..digits].to_lowercase(), name[digits..].parse().unwrap());
                // A bar that the symbol does not have is missing, and so is one before the first.
                let value = |field: &str, ago: usize| {
                    let at = NUMBERS.iter().position(|known| *known == field).unwrap();
                    let bar = now.checked_sub(ago).map(|at| bars[at]);
                    bar.and_then(|bar| rows.get(&(bar, *symbol))).map_or(f64::NAN, |row| row[at])
                };
                let whole = match field.as_str() {
                    "volume" => value("volume", 0) + 1e-12,
                    _ => value("close", 0),
                };
                let want = value(&field, ago) / whole;
                let same = ours.to_bits() == want.to_bits() || (ours.is_nan() && want.is_nan());
                assert!(same, "{name} of {symbol} at {bar}: {ours:e}, by definition {want:e}");
                compared += usize::from(!want.is_nan());
            }
        }
    }
    assert!(compared > 100_000, "{compared}");
}
