//! Rules about neighbours in a symbol's series: keeps the accepted rows that may still change or
//! be a neighbour of one that does, and says which findings come and go.

use std::sync::Arc;

use crate::model::{AcceptedBatch, Coordinates, Finding, SymbolId, Time};
use crate::plan::{CheckPlan, Rule, SeriesRow, SeriesRule};

/// The series checks of a pipeline over the symbols of one worker. What its changes add up to is a
/// function of the accepted rows, in whatever steps they came: the findings are those of every row
/// against the row of the next older time.
#[derive(Debug)]
pub struct Series {
    rules: Vec<(u16, Arc<dyn SeriesRule>)>,
    width: usize,
    /// By number of the symbol.
    lines: Vec<Line>,
}

/// The rows of one symbol, ascending in time.
#[derive(Debug, Default)]
struct Line {
    times: Vec<Time>,
    coordinates: Vec<Coordinates>,
    /// `width` per row.
    fields: Vec<f64>,
}

/// What happens to one row.
enum Change<'a> {
    Put(Coordinates, &'a [f64]),
    Move(Coordinates),
    Delete,
}

impl Series {
    /// The series checks among the checks of a plan, for rows with `fields` fields.
    pub fn new(fields: usize, checks: &[CheckPlan]) -> Series {
        let rules = (0..).zip(checks).filter_map(|(number, check)| match &check.rule {
            Rule::Series(rule) => Some((number, Arc::clone(rule))),
            Rule::Row(_) => None,
        });
        Series { rules: rules.collect(), width: fields, lines: Vec::new() }
    }

    /// Whether there is anything to check; if not, rows need not come here.
    pub fn has_rules(&self) -> bool {
        !self.rules.is_empty()
    }

    /// Takes in changes of accepted rows and returns what changes about the findings, net.
    pub fn apply(&mut self, changes: &AcceptedBatch) -> Vec<(Finding, i64)> {
        let mut findings = Vec::new();
        if self.rules.is_empty() {
            return findings;
        }
        let mut fields = vec![f64::NAN; self.width];
        for row in 0..changes.len() {
            for (field, column) in fields.iter_mut().zip(&changes.columns) {
                *field = column[row];
            }
            let change = if changes.deleted[row] {
                Change::Delete
            } else {
                Change::Put(changes.coordinates[row], &fields)
            };
            self.change(changes.symbols[row], changes.times[row], &change, &mut findings);
        }
        for (symbol, time, at) in &changes.moved {
            self.change(*symbol, *time, &Change::Move(*at), &mut findings);
        }
        net(findings)
    }

    /// Forgets rows before `horizon`, which no longer change, except the newest of each symbol:
    /// the next row is compared with it. Some may stay for a while, to forget many at once.
    pub fn evict(&mut self, horizon: Time) {
        for line in &mut self.lines {
            let gone = line.times.partition_point(|time| *time < horizon).saturating_sub(1);
            if gone > 16 && gone > line.times.len() / 2 {
                line.times.drain(..gone);
                line.coordinates.drain(..gone);
                line.fields.drain(..gone * self.width);
            }
        }
    }

    /// How many rows are held.
    pub fn rows(&self) -> usize {
        self.lines.iter().map(|line| line.times.len()).sum()
    }

    fn change(
        &mut self,
        symbol: SymbolId,
        time: Time,
        change: &Change<'_>,
        findings: &mut Vec<(Finding, i64)>,
    ) {
        if self.lines.len() <= symbol.index() {
            self.lines.resize_with(symbol.index() + 1, Line::default);
        }
        let (rules, width) = (&self.rules, self.width);
        let Some(line) = self.lines.get_mut(symbol.index()) else { return };
        let (row, known) = match line.times.binary_search(&time) {
            Ok(row) => (row, true),
            Err(row) => (row, false),
        };
        let mut judge = |line: &Line, row: usize, diff: i64| {
            line.judge(rules, width, symbol, row, |finding| findings.push((finding, diff)));
        };
        if known {
            judge(line, row, -1);
        }
        let next = row + usize::from(known);
        if !matches!(change, Change::Move(_)) {
            judge(line, next, -1);
        }
        match change {
            Change::Put(at, fields) => line.put(row, known, time, *at, fields),
            Change::Move(at) => {
                if known {
                    line.coordinates[row] = *at;
                    judge(line, row, 1);
                }
                return;
            }
            Change::Delete => {
                if known {
                    line.times.remove(row);
                    line.coordinates.remove(row);
                    line.fields.drain(row * width..(row + 1) * width);
                }
            }
        }
        judge(line, row, 1);
        if matches!(change, Change::Put(..)) {
            judge(line, row + 1, 1);
        }
    }
}

impl Line {
    fn put(&mut self, row: usize, known: bool, time: Time, at: Coordinates, fields: &[f64]) {
        let start = row * fields.len();
        if known {
            self.coordinates[row] = at;
            self.fields[start..start + fields.len()].copy_from_slice(fields);
        } else {
            self.times.insert(row, time);
            self.coordinates.insert(row, at);
            self.fields.splice(start..start, fields.iter().copied());
        }
    }

    /// What is wrong with a row given the one before it; nothing if there is no such pair.
    fn judge(
        &self,
        rules: &[(u16, Arc<dyn SeriesRule>)],
        width: usize,
        symbol: SymbolId,
        row: usize,
        mut found: impl FnMut(Finding),
    ) {
        let Some(before) = row.checked_sub(1) else { return };
        let (Some(previous), Some(current)) = (self.row(before, width), self.row(row, width))
        else {
            return;
        };
        for (check, rule) in rules {
            if let Some(detail) = rule.test(previous, current) {
                let coordinates = self.coordinates[row];
                found(Finding { check: *check, symbol, time: current.time, coordinates, detail });
            }
        }
    }

    fn row(&self, row: usize, width: usize) -> Option<SeriesRow<'_>> {
        let time = *self.times.get(row)?;
        Some(SeriesRow { time, fields: self.fields.get(row * width..(row + 1) * width)? })
    }
}

/// Leaves out what comes and goes within the same step; retractions stand first.
fn net(mut findings: Vec<(Finding, i64)>) -> Vec<(Finding, i64)> {
    findings.sort_unstable();
    findings.dedup_by(|(finding, diff), (known, sum)| {
        let same = finding == known;
        if same {
            *sum += *diff;
        }
        same
    });
    findings.retain(|(_, diff)| *diff != 0);
    findings.sort_by_key(|(_, diff)| *diff);
    findings
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;
    use crate::dataflow::quality::testing::rule;
    use crate::model::{Action, Severity};

    fn checks() -> Vec<CheckPlan> {
        let plan = |member, options: &str, action| CheckPlan {
            name: options.to_owned(),
            action,
            severity: Severity::Warning,
            rule: rule(member, options),
        };
        vec![
            plan("return_jump", r#"{"above": 0.4}"#, Action::Flag),
            plan("positive", "null", Action::Quarantine),
            plan("return_jump", r#"{"above": 0.9, "of": "open"}"#, Action::Flag),
        ]
    }

    type Rows = BTreeMap<(SymbolId, Time), (Coordinates, [f64; 5])>;

    /// Every row against the one before it, worked out anew.
    fn twin(rows: &Rows) -> BTreeSet<Finding> {
        let mut findings = BTreeSet::new();
        for (check, plan) in (0..).zip(checks()) {
            let Rule::Series(rule) = plan.rule else { continue };
            for (((symbol, t), (_, old)), ((other, time), (at, new))) in
                rows.iter().zip(rows.iter().skip(1))
            {
                let row = |time: &Time, fields| SeriesRow { time: *time, fields };
                if symbol == other
                    && let Some(detail) = rule.test(row(t, &old[..]), row(time, &new[..]))
                {
                    let (symbol, time, coordinates) = (*symbol, *time, *at);
                    findings.insert(Finding { check, symbol, time, coordinates, detail });
                }
            }
        }
        findings
    }

    fn add(sum: &mut BTreeSet<Finding>, changes: Vec<(Finding, i64)>) {
        for (finding, diff) in changes {
            let changed = if diff == 1 { sum.insert(finding) } else { sum.remove(&finding) };
            assert!(changed, "a change that is none");
        }
    }

    /// (symbol, time, value or deletion, whether only the record changes).
    type Step = (u32, i64, Option<u8>, bool);

    fn steps(times: i64) -> impl Strategy<Value = Vec<Vec<Step>>> {
        let one = (0..3_u32, 0..times, proptest::option::weighted(0.8, 0..5_u8), any::<bool>());
        proptest::collection::vec(proptest::collection::vec(one, 0..8), 1..20)
    }

    /// One epoch of net changes, from steps that may be none; applied to `rows` as well.
    fn epoch(steps: Vec<Step>, rows: &mut Rows, place: &mut i64, oldest: i64) -> AcceptedBatch {
        let mut batch = AcceptedBatch::new(5);
        let mut keys = BTreeSet::new();
        for (symbol, time, value, only_record) in steps {
            *place += 1;
            let key = (SymbolId(symbol), Time::from_nanos(time.max(oldest)));
            let at = Coordinates { partition: 0, offset: *place, arrival_ms: 0 };
            if !keys.insert(key) {
                continue;
            }
            match (rows.get_mut(&key), value) {
                (None, None) => {}
                (Some(row), _) if only_record => {
                    row.0 = at;
                    batch.moved.push((key.0, key.1, at));
                }
                (Some(_), None) => {
                    rows.remove(&key);
                    batch.delete(key.0, key.1, at);
                }
                (_, Some(value)) => {
                    let value = if value == 4 { f64::NAN } else { f64::from(value) + 1.0 };
                    let fields = [value.sqrt(), 0.0, 0.0, value, 0.0];
                    rows.insert(key, (at, fields));
                    batch.upsert(key.0, key.1, at, &fields);
                }
            }
        }
        batch
    }

    proptest! {
        #[test]
        fn every_epoch_ends_where_the_twin_is(epochs in steps(8)) {
            let (mut series, mut rows) = (Series::new(5, &checks()), Rows::new());
            let (mut sum, mut place) = (BTreeSet::new(), 0);
            for steps in epochs {
                add(&mut sum, series.apply(&epoch(steps, &mut rows, &mut place, 0)));
                prop_assert_eq!(&sum, &twin(&rows));
            }
            prop_assert_eq!(series.rows(), rows.len());
        }

        #[test]
        fn what_is_forgotten_is_not_missed(epochs in steps(4)) {
            let (mut series, mut rows) = (Series::new(5, &checks()), Rows::new());
            let (mut sum, mut place, mut longest) = (BTreeSet::new(), 0, 0);
            for (now, steps) in (0..).zip(epochs) {
                let horizon = now * 30;
                let steps: Vec<Step> =
                    steps.into_iter().map(|(s, t, v, o)| (s, horizon + t * 10, v, o)).collect();
                series.evict(Time::from_nanos(horizon));
                add(&mut sum, series.apply(&epoch(steps, &mut rows, &mut place, horizon)));
                // Many quiet bars, so that something is really forgotten.
                let quiet = (0..20).map(|bar| (0, horizon + 9 + bar % 20, Some(1), false));
                let quiet = epoch(quiet.collect(), &mut rows, &mut place, horizon);
                add(&mut sum, series.apply(&quiet));
                prop_assert_eq!(&sum, &twin(&rows));
                longest = longest.max(series.rows());
            }
            prop_assert!(longest < 250, "{} rows held", longest);
        }
    }

    #[test]
    fn without_series_checks_nothing_is_held() {
        let mut series = Series::new(5, &checks()[1..2]);
        let mut batch = AcceptedBatch::new(5);
        let at = Coordinates { partition: 0, offset: 0, arrival_ms: 0 };
        batch.upsert(SymbolId(0), Time::from_nanos(0), at, &[1.0; 5]);
        assert!(series.apply(&batch).is_empty() && !series.has_rules() && series.rows() == 0);
    }
}
