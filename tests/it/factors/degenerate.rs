//! Odd bars: no formula panics or runs on for ever, and what comes out depends on the rows alone.

use weir::dataflow::factors::Level;

use super::arrival::{compare, in_disorder, in_order};
use super::bars::{Random, odd, seeds};
use super::library::everything;

/// Shorter than most windows, longer than some.
const BARS: usize = 14;

#[test]
fn odd_bars_are_computed_and_path_does_not_show() {
    let graph = everything();
    for seed in seeds() {
        for kind in [
            "constant",
            "zero",
            "negative zero",
            "infinite",
            "missing",
            "denormal",
            "huge",
            "largest",
            "alternating",
            "tied",
            "groups of one",
            "no group",
            "one symbol",
        ] {
            eprintln!("WEIR_SEED={seed} {kind}");
            let mut random = Random::new(seed);
            let rows = odd(kind, &mut random, BARS, 6);
            let clean = in_order(&graph, &rows, Level::best(), &|symbol| symbol);
            let disorder = in_disorder(&graph, &rows, 0, &mut random);
            compare(&graph, kind, &disorder, &clean);
            let baseline = in_order(&graph, &rows, Level::BASELINE, &|symbol| symbol + 2);
            compare(&graph, &format!("{kind}, baseline instructions"), &baseline, &clean);
        }
    }
}
