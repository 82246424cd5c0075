//! The technical indicators on real bars: TA-Lib's own values, and those of the Chinese terminals as
//! their definitions give them.

use std::path::Path;

use crate::panel_golden::check_set;

fn check(name: &str, least: usize) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/ta");
    check_set(&folder, "bars.parquet", name, least);
}

#[test]
fn ta_equals_talib() {
    check("ta", 650 * 73);
}

#[test]
fn cn_equals_the_definitions_of_the_terminals() {
    check("cn", 650 * 60);
}
