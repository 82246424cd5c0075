//! The technical indicators on real bars: TA-Lib's own values, those of the Chinese terminals as
//! their definitions give them, and as MyTT gives them.

use std::path::Path;

use crate::panel_golden::{check_set, check_values};

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

#[test]
fn cn_equals_mytt() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let (bars, values) = (data.join("ta/bars.parquet"), data.join("mytt/mytt.parquet"));
    // Indicators that MyTT does not have.
    let lacking = ["cr_20", "xsii_td1", "xsii_td2", "xsii_td3", "xsii_td4"];
    check_values("cn", &bars, &values, &lacking, 400 * 55);
}
