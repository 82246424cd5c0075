//! Batches of rows and sources for the tests of checks.

use std::sync::Arc;

use super::MEMBERS;
use crate::model::{RowBatch, SymbolId, Time};
use crate::plan::{CheckContext, FieldPlan, RowRule, Rule};

/// Numbers that break careless arithmetic.
pub(super) const ODD: [f64; 12] = [
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::MAX,
    f64::MIN,
    f64::MIN_POSITIVE,
    5e-324,
    -5e-324,
    0.0,
    -0.0,
    1.0,
    -1.0,
];

/// open, high, low, close, and volume which may be missing.
pub(super) fn fields() -> Vec<FieldPlan> {
    ["open", "high", "low", "close", "volume"]
        .map(|name| FieldPlan { name: name.to_owned(), nullable: name == "volume", text: false })
        .to_vec()
}

/// One row per entry; arrival in milliseconds is 1,000 times the number of the row.
pub(super) fn rows(values: &[[f64; 5]]) -> RowBatch {
    let mut rows = RowBatch::new(0, 5);
    for (row, values) in values.iter().enumerate() {
        rows.offsets.push(row as i64);
        rows.arrivals_ms.push(row as i64 * 1_000);
        rows.revisions.push(0);
        rows.symbols.push(SymbolId(0));
        rows.times.push(Time::from_millis(row as i64 * 1_000));
        rows.deleted.push(false);
        rows.violations.push(0);
        for (column, value) in rows.columns.iter_mut().zip(values) {
            column.push(*value);
        }
    }
    rows
}

/// Rows that hold every pair of odd numbers in every two fields.
pub(super) fn odd_rows() -> RowBatch {
    let mut values = Vec::new();
    for one in ODD {
        for other in ODD {
            for split in 1..5 {
                let mut row = [one; 5];
                row[split..].fill(other);
                values.push(row);
            }
        }
    }
    rows(&values)
}

/// A rule as a pipeline would have it.
pub(super) fn rule(member: &str, options: &str) -> Rule {
    let member = MEMBERS.iter().find(|known| known.name() == member).unwrap();
    let options = serde_json::from_str(options).unwrap();
    member.build(&options, CheckContext { fields: &fields() }).unwrap()
}

/// A rule about rows.
pub(super) fn row_rule(member: &str, options: &str) -> Arc<dyn RowRule> {
    match rule(member, options) {
        Rule::Row(rule) => rule,
        Rule::Series(rule) => panic!("{rule:?} is not about rows"),
    }
}

/// What a check finds, in the order in which it finds it.
pub(super) fn found(member: &str, options: &str, rows: &RowBatch) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    row_rule(member, options).test(rows, &mut |row, detail| found.push((row, detail)));
    found
}
