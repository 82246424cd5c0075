//! All rules about single rows in one pass over a batch.

use std::sync::Arc;

use crate::model::{Action, RawBatch, RowBatch};
use crate::plan::{CheckPlan, RowRule, Rule};

/// A pipeline has more checks than a row has bits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the pipeline has {0} checks, at most 64 are possible: join some of them by listing fields"
)]
pub struct TooManyChecks(pub usize);

/// The row checks of a pipeline, ready to run. Has no state: one may serve all workers.
#[derive(Clone, Debug)]
pub struct Checks {
    rules: Vec<(u16, Arc<dyn RowRule>)>,
    kept_out: u64,
}

impl Checks {
    /// The row checks among the checks of a plan.
    pub fn new(checks: &[CheckPlan]) -> Result<Checks, TooManyChecks> {
        if checks.len() > 64 {
            return Err(TooManyChecks(checks.len()));
        }
        let mut rules = Vec::new();
        let mut kept_out = 0;
        for (number, check) in (0_u16..).zip(checks) {
            if let Rule::Row(rule) = &check.rule {
                rules.push((number, Arc::clone(rule)));
                if check.action == Action::Quarantine {
                    kept_out |= 1 << number;
                }
            }
        }
        Ok(Checks { rules, kept_out })
    }

    /// Bit i is set if check i keeps failing rows out.
    pub fn kept_out(&self) -> u64 {
        self.kept_out
    }

    /// Fills `violations` and `failures` of the rows, and `originals` for those that are kept out:
    /// `raw_index` has for each row the number of its record in `raw`. Deletions are not checked.
    pub fn run(&self, rows: &mut RowBatch, raw: &RawBatch, raw_index: &[u32]) {
        let mut found: Vec<(u32, u16, String)> = Vec::new();
        for (check, rule) in &self.rules {
            rule.test(rows, &mut |row, detail| found.push((row as u32, *check, detail)));
        }
        found.retain(|(row, ..)| rows.deleted.get(*row as usize) == Some(&false));
        if found.is_empty() {
            return;
        }
        found.sort_by_key(|(row, check, _)| (*row, *check));
        found.dedup_by(|(row, check, detail), (known_row, known_check, known)| {
            let same = row == known_row && check == known_check;
            if same {
                known.push_str("; ");
                known.push_str(detail);
            }
            same
        });
        for (row, check, _) in &found {
            rows.violations[*row as usize] |= 1 << check;
            let failed = rows.violations[*row as usize];
            let known = rows.originals.last().is_some_and(|(last, _)| last == row);
            if failed & self.kept_out != 0
                && !known
                && let Some(record) = raw_index.get(*row as usize)
            {
                rows.originals.push((*row, raw.get(*record as usize).to_record()));
            }
        }
        rows.failures = found;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataflow::quality::testing::{odd_rows, row_rule, rows, rule};
    use crate::model::{RawView, Severity};

    fn plan(checks: &[(&str, &str, Action)]) -> Vec<CheckPlan> {
        let plan = |(member, options, action): &(&str, &str, Action)| CheckPlan {
            name: (*member).to_owned(),
            action: *action,
            severity: Severity::Error,
            rule: rule(member, options),
        };
        checks.iter().map(plan).collect()
    }

    /// A record per row with its number as value, after one that is no row.
    fn raw(rows: usize) -> (RawBatch, Vec<u32>) {
        let mut raw = RawBatch::new(0);
        for row in 0..=rows {
            let value = row.to_string();
            let value = Some(value.as_bytes());
            raw.push(RawView { offset: 0, arrival_ms: 0, key: None, value, headers: &[] });
        }
        (raw, (1..=rows as u32).collect())
    }

    #[test]
    fn one_pass_marks_rows_and_keeps_originals_of_those_kept_out() {
        let checks = Checks::new(&plan(&[
            ("positive", "null", Action::Flag),
            ("return_jump", r#"{"above": 0.1}"#, Action::Flag),
            ("ohlc_order", "null", Action::Quarantine),
            ("not_null", "null", Action::Quarantine),
        ]))
        .unwrap();
        assert_eq!(checks.kept_out(), 0b1100);
        let mut rows = rows(&[
            [10.0, 12.0, 9.0, 11.0, 1.0],
            [-10.0, 12.0, -11.0, 11.0, 1.0],
            [10.0, 9.0, 9.5, 11.0, f64::NAN],
            [-10.0, 12.0, 13.0, 11.0, 1.0],
            [-10.0, 12.0, 13.0, 11.0, f64::NAN],
        ]);
        rows.deleted[4] = true;
        let (raw, index) = raw(5);
        checks.run(&mut rows, &raw, &index);
        assert_eq!(rows.violations, [0, 0b1, 0b1100, 0b101, 0]);
        let details: Vec<_> =
            rows.failures_of(2).iter().map(|(_, check, text)| (*check, text.as_str())).collect();
        let order = "high = 9 is below open = 10; high = 9 is below low = 9.5; \
                     high = 9 is below close = 11";
        assert_eq!(details[1], (3, "volume is missing"));
        assert_eq!(details[0], (2, order));
        assert_eq!(
            rows.failures_of(1)[0].2,
            "open = -10, must be above 0; low = -11, must be above 0"
        );
        assert!(rows.failures_of(0).is_empty() && rows.failures_of(4).is_empty());
        let originals: Vec<_> =
            rows.originals.iter().map(|(row, record)| (*row, record.value.clone())).collect();
        assert_eq!(originals, [(2, Some(b"3".to_vec())), (3, Some(b"4".to_vec()))]);
        assert_eq!(rows.passing_times(checks.kept_out()), [rows.times[0], rows.times[1]]);
    }

    #[test]
    fn an_original_is_kept_when_a_later_check_of_the_row_keeps_it_out() {
        let checks = Checks::new(&plan(&[
            ("positive", "null", Action::Flag),
            ("finite", "null", Action::Flag),
            ("not_null", "null", Action::Quarantine),
        ]))
        .unwrap();
        let mut rows = rows(&[[-1.0, 1.0, f64::INFINITY, 1.0, f64::NAN]]);
        let (raw, index) = raw(1);
        checks.run(&mut rows, &raw, &index);
        assert_eq!((rows.violations[0], rows.originals.len(), rows.failures.len()), (0b111, 1, 3));
    }

    #[test]
    fn no_number_makes_a_check_panic_or_fail_a_row_that_is_not_there() {
        let rows = odd_rows();
        for (member, options) in [
            ("positive", "null"),
            ("finite", "null"),
            ("not_null", "null"),
            ("ohlc_order", r#"{"tolerance": 1e300}"#),
            ("ohlc_order", "null"),
            ("future_time", r#""0s""#),
            ("range", r#"{"of": ["open", "close"], "min": -1e308, "max": 1e308}"#),
        ] {
            row_rule(member, options).test(&rows, &mut |row, detail| {
                assert!(row < rows.len() && !detail.is_empty());
            });
        }
    }

    #[test]
    fn more_checks_than_bits_are_refused() {
        let many = plan(&[("finite", "null", Action::Flag); 65]);
        assert_eq!(Checks::new(&many).unwrap_err(), TooManyChecks(65));
        assert!(Checks::new(&many[..64]).is_ok());
    }
}
