//! The order of arrival, corrections, numbers of symbols and instruction sets do not show in any
//! factor.

use weir::dataflow::factors::Level;

use super::arrival::{compare, in_disorder, in_order, one_by_one};
use super::bars::{Random, market, seeds};
use super::library::everything;

/// Longer than the longest window of the shipped formulas, and their windows of windows.
const BARS: usize = 300;
/// Bars at the end that come in disorder.
const LIVELY: usize = 50;
/// More than one group of eight, in which corrections travel.
const SYMBOLS: u32 = 13;

#[test]
fn every_formula_depends_on_the_rows_alone() {
    let graph = everything();
    for seed in seeds() {
        eprintln!("WEIR_SEED={seed}");
        let mut random = Random::new(seed);
        let rows = market(&mut random, BARS, SYMBOLS);
        let clean = in_order(&graph, &rows, &[], Level::best(), &|symbol| symbol);

        // Nearly every formula has a value somewhere, or little would be compared.
        let names = graph.outputs.iter().enumerate();
        let missing = names.filter(|(at, _)| clean.values().all(|row| row[*at].is_nan()));
        let missing: Vec<&str> = missing.map(|(_, (name, _))| name.as_str()).collect();
        assert!(missing.len() * 100 < graph.outputs.len(), "always missing: {missing:?}");

        let calm = (BARS - LIVELY) * 2;
        let disorder = in_disorder(&graph, &rows, &[], calm, &mut random);
        compare(&graph, "disorder and corrections", &disorder, &clean);

        let mut numbers: Vec<u32> = (0..SYMBOLS).map(|n| n * 3 + 1).collect();
        random.shuffle(&mut numbers);
        let renumbered = in_order(&graph, &rows, &[], Level::BASELINE, &|s| numbers[s as usize]);
        compare(&graph, "other numbers, baseline instructions", &renumbered, &clean);
    }
}

/// Corrections of single symbols go a way of their own where nothing compares symbols.
#[test]
fn formulas_that_compare_no_symbols_follow_single_corrections() {
    let all = everything();
    let apart = |output: &usize| !all.part(&[*output]).has_cross_section();
    let graph = all.part(&(0..all.outputs.len()).filter(apart).collect::<Vec<_>>());
    assert!(graph.outputs.len() > 400, "only {} formulas", graph.outputs.len());
    for seed in seeds() {
        eprintln!("WEIR_SEED={seed}");
        let mut random = Random::new(seed);
        let rows = market(&mut random, BARS, SYMBOLS);
        let clean = in_order(&graph, &rows, &[], Level::best(), &|symbol| symbol);
        let corrected = one_by_one(&graph, &rows, 25, &mut random);
        compare(&graph, "single corrections", &corrected, &clean);
    }
}
