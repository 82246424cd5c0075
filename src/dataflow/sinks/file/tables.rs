//! The columns of the small outputs, and how their members become rows.

use std::path::Path;

use super::{Cell, CellKind, RecordFile, WriteError};
use crate::model::{
    AlertChange, Because, Coordinates, DeadLetter, Finding, Quarantined, Symbols, Time,
};
use crate::plan::{AlertPlan, CheckPlan};
use CellKind::{Bytes, Integer, Text, Time as Instant};

/// Findings that are open at the end.
#[derive(Debug)]
pub struct FindingFile {
    file: RecordFile,
    checks: Vec<CheckPlan>,
    symbols: Symbols,
}

/// Alerts of the whole run: those that ended, with when and why, and those that still fire.
#[derive(Debug)]
pub struct AlertFile {
    file: RecordFile,
    alerts: Vec<AlertPlan>,
}

/// Rows that are in the quarantine at the end.
#[derive(Debug)]
pub struct QuarantineFile {
    file: RecordFile,
    checks: Vec<CheckPlan>,
    symbols: Symbols,
}

/// Records that could not be read.
#[derive(Debug)]
pub struct DeadLetterFile {
    file: RecordFile,
}

impl FindingFile {
    /// Nothing yet, for the checks of a plan.
    pub fn new(checks: &[CheckPlan], symbols: Symbols) -> FindingFile {
        const COLUMNS: &[(&str, CellKind)] = &[
            ("time", Instant),
            ("symbol", Text),
            ("check", Text),
            ("severity", Text),
            ("action", Text),
            ("detail", Text),
            ("partition", Integer),
            ("offset", Integer),
            ("arrival", Instant),
        ];
        FindingFile { file: RecordFile::new(COLUMNS), checks: checks.to_vec(), symbols }
    }

    /// Takes in a finding that opened (+1) or was retracted (-1).
    pub fn apply(&mut self, finding: &Finding, diff: i64) {
        let check = self.checks.get(usize::from(finding.check));
        let text = |text: Option<&str>| text.map_or(Cell::Null, Cell::from);
        let mut row = vec![
            Cell::Time(finding.time),
            Cell::Text(self.symbols.name(finding.symbol).to_string()),
            text(check.map(|check| check.name.as_str())),
            text(check.map(|check| check.severity.name())),
            text(check.map(|check| check.action.name())),
            Cell::Text(finding.detail.clone()),
        ];
        row.extend(place(finding.coordinates));
        self.file.apply(row, diff);
    }

    /// Writes the file and gives the number of rows.
    ///
    /// # Errors
    /// As [`RecordFile::finish`].
    pub fn finish(self, path: &Path) -> Result<u64, WriteError> {
        self.file.finish(path)
    }
}

impl AlertFile {
    /// Nothing yet, for the alert rules of a plan.
    pub fn new(alerts: &[AlertPlan]) -> AlertFile {
        const COLUMNS: &[(&str, CellKind)] = &[
            ("starts", Instant),
            ("name", Text),
            ("severity", Text),
            ("state", Text),
            ("ends", Instant),
            ("reason", Text),
            ("summary", Text),
            ("condition", Text),
            ("fingerprint", Text),
        ];
        AlertFile { file: RecordFile::new(COLUMNS), alerts: alerts.to_vec() }
    }

    /// Takes in an alert that begins or ends.
    pub fn apply(&mut self, change: &AlertChange) {
        let alert = &change.alert;
        let rule = self.alerts.get(usize::from(alert.rule));
        let text = |text: Option<&str>| text.map_or(Cell::Null, Cell::from);
        let row = |ended: Option<(i64, &str)>| {
            vec![
                Cell::Time(Time::from_millis(alert.starts_ms)),
                text(rule.map(|rule| rule.name.as_str())),
                text(rule.map(|rule| rule.severity.name())),
                Cell::from(if ended.is_some() { "resolved" } else { "firing" }),
                ended.map_or(Cell::Null, |(at_ms, _)| Cell::Time(Time::from_millis(at_ms))),
                text(ended.map(|(_, reason)| reason)),
                Cell::Text(alert.summary.clone()),
                text(rule.map(|rule| rule.when.as_str())),
                text(rule.map(|rule| rule.fingerprint.as_str())),
            ]
        };
        let Some(reason) = change.ended else {
            self.file.apply(row(None), 1);
            return;
        };
        self.file.apply(row(None), -1);
        self.file.apply(row(Some((change.at_ms, reason.name()))), 1);
    }

    /// Writes the file and gives the number of rows.
    ///
    /// # Errors
    /// As [`RecordFile::finish`].
    pub fn finish(self, path: &Path) -> Result<u64, WriteError> {
        self.file.finish(path)
    }
}

impl QuarantineFile {
    /// Nothing yet, for the checks of a plan.
    pub fn new(checks: &[CheckPlan], symbols: Symbols) -> QuarantineFile {
        const COLUMNS: &[(&str, CellKind)] = &[
            ("time", Instant),
            ("symbol", Text),
            ("stage", Text),
            ("reason", Text),
            ("detail", Text),
            ("partition", Integer),
            ("offset", Integer),
            ("arrival", Instant),
            ("key", Bytes),
            ("value", Bytes),
        ];
        QuarantineFile { file: RecordFile::new(COLUMNS), checks: checks.to_vec(), symbols }
    }

    /// Takes in a row that was put into (+1) or released from (-1) the quarantine.
    pub fn apply(&mut self, entry: &Quarantined, diff: i64) {
        let (stage, reason, detail) = match &entry.because {
            Because::Late => ("late", "late".to_owned(), Cell::Null),
            Because::Checks(failed) => {
                let name = |check: u16| {
                    self.checks.get(usize::from(check)).map_or("?", |check| check.name.as_str())
                };
                let names: Vec<_> = failed.iter().map(|(check, _)| name(*check)).collect();
                let details: Vec<_> = failed
                    .iter()
                    .map(|(check, detail)| format!("{}: {detail}", name(*check)))
                    .collect();
                ("check", names.join(","), Cell::Text(details.join("; ")))
            }
        };
        let mut row = vec![
            Cell::Time(entry.time),
            Cell::Text(self.symbols.name(entry.symbol).to_string()),
            Cell::from(stage),
            Cell::Text(reason),
            detail,
        ];
        row.extend(place(entry.coordinates));
        row.push(entry.original.key.clone().into());
        row.push(entry.original.value.clone().into());
        self.file.apply(row, diff);
    }

    /// Writes the file and gives the number of rows.
    ///
    /// # Errors
    /// As [`RecordFile::finish`].
    pub fn finish(self, path: &Path) -> Result<u64, WriteError> {
        self.file.finish(path)
    }
}

impl Default for DeadLetterFile {
    fn default() -> DeadLetterFile {
        const COLUMNS: &[(&str, CellKind)] = &[
            ("partition", Integer),
            ("offset", Integer),
            ("arrival", Instant),
            ("reason", Text),
            ("message", Text),
            ("key", Bytes),
            ("value", Bytes),
        ];
        DeadLetterFile { file: RecordFile::new(COLUMNS) }
    }
}

impl DeadLetterFile {
    /// Takes in a record that could not be read.
    pub fn apply(&mut self, letter: &DeadLetter) {
        let mut row = place(letter.coordinates).to_vec();
        row.extend([
            Cell::from(letter.reason.code()),
            Cell::Text(letter.message.clone()),
            letter.original.key.clone().into(),
            letter.original.value.clone().into(),
        ]);
        self.file.apply(row, 1);
    }

    /// Writes the file and gives the number of rows.
    ///
    /// # Errors
    /// As [`RecordFile::finish`].
    pub fn finish(self, path: &Path) -> Result<u64, WriteError> {
        self.file.finish(path)
    }
}

/// Partition, offset and arrival.
fn place(coordinates: Coordinates) -> [Cell; 3] {
    [
        Cell::Integer(i64::from(coordinates.partition)),
        Cell::Integer(coordinates.offset),
        Cell::Time(Time::from_millis(coordinates.arrival_ms)),
    ]
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::RecordBatch;
    use arrow_array::cast::AsArray;

    use super::super::testing::read;
    use super::*;
    use crate::model::{Action, Alert, EndReason, RawRecord, Reason, RowBatch, Severity, SymbolId};
    use crate::plan::{Condition, RowRule, Rule, Situation};

    #[derive(Debug)]
    struct Never;

    impl RowRule for Never {
        fn test(&self, _: &RowBatch, _: &mut dyn FnMut(usize, String)) {}
    }

    impl Condition for Never {
        fn holds(&self, _: &dyn Situation) -> Option<(i64, String)> {
            None
        }

        fn window_ms(&self) -> i64 {
            0
        }
    }

    fn checks() -> Vec<CheckPlan> {
        let check = |name: &str, action, severity| {
            let rule = Rule::Row(Arc::new(Never));
            CheckPlan { name: name.to_owned(), action, severity, rule }
        };
        vec![
            check("positive", Action::Quarantine, Severity::Error),
            check("jump", Action::Flag, Severity::Warning),
        ]
    }

    fn symbols() -> Symbols {
        let symbols = Symbols::default();
        symbols.intern("AAPL");
        symbols
    }

    fn texts(batch: &RecordBatch, column: &str) -> Vec<Option<String>> {
        batch[column].as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect()
    }

    fn whole(finish: impl FnOnce(&Path) -> Result<u64, WriteError>) -> RecordBatch {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.parquet");
        let rows = finish(&path).unwrap();
        let batch = read(&path).remove(0);
        assert_eq!(batch.num_rows() as u64, rows);
        batch
    }

    const AT: Coordinates = Coordinates { partition: 0, offset: 7, arrival_ms: 1_000 };

    #[test]
    fn findings_that_stay_are_written_with_their_check() {
        let finding = |check, detail: &str| Finding {
            check,
            symbol: SymbolId(0),
            time: Time::from_millis(5),
            coordinates: AT,
            detail: detail.to_owned(),
        };
        let mut file = FindingFile::new(&checks(), symbols());
        file.apply(&finding(1, "by 60 %"), 1);
        file.apply(&finding(0, "close = -3"), 1);
        file.apply(&finding(1, "by 60 %"), -1);
        let batch = whole(|path| file.finish(path));
        assert_eq!(texts(&batch, "symbol"), [Some("AAPL".to_owned())]);
        assert_eq!(texts(&batch, "check"), [Some("positive".to_owned())]);
        assert_eq!(texts(&batch, "severity"), [Some("error".to_owned())]);
        assert_eq!(texts(&batch, "action"), [Some("quarantine".to_owned())]);
        assert_eq!(texts(&batch, "detail"), [Some("close = -3".to_owned())]);
    }

    #[test]
    fn alerts_keep_their_history() {
        let plan = AlertPlan {
            name: "silent".to_owned(),
            when: "silent(bars) > 60s".to_owned(),
            condition: Arc::new(Never),
            severity: Severity::Critical,
            labels: Vec::new(),
            fingerprint: "00ff".to_owned(),
        };
        let change = |starts_ms, at_ms, ended| AlertChange {
            alert: Alert { rule: 0, starts_ms, summary: format!("since {starts_ms}") },
            at_ms,
            ended,
        };
        let mut file = AlertFile::new(&[plan]);
        file.apply(&change(1, 2, None));
        file.apply(&change(1, 5, Some(EndReason::Retracted)));
        file.apply(&change(7, 8, None));
        let batch = whole(|path| file.finish(path));
        let some = |texts: [&str; 2]| texts.map(|text| Some(text.to_owned())).to_vec();
        assert_eq!(texts(&batch, "state"), some(["resolved", "firing"]));
        assert_eq!(texts(&batch, "summary"), some(["since 1", "since 7"]));
        assert_eq!(texts(&batch, "reason"), [Some("retracted".to_owned()), None]);
    }

    #[test]
    fn quarantined_rows_and_dead_letters_say_why() {
        let original = RawRecord { key: None, value: Some(b"{}".to_vec()), headers: Vec::new() };
        let entry = |because| Quarantined {
            symbol: SymbolId(0),
            time: Time::from_millis(5),
            coordinates: AT,
            original: original.clone(),
            because,
        };
        let mut file = QuarantineFile::new(&checks(), symbols());
        file.apply(&entry(Because::Late), 1);
        file.apply(&entry(Because::Checks(vec![(0, "close = -3".to_owned())])), 1);
        let batch = whole(|path| file.finish(path));
        let some = |texts: [&str; 2]| texts.map(|text| Some(text.to_owned())).to_vec();
        assert_eq!(texts(&batch, "stage"), some(["check", "late"]));
        assert_eq!(texts(&batch, "reason"), some(["positive", "late"]));
        assert_eq!(texts(&batch, "detail"), [Some("positive: close = -3".to_owned()), None]);
        assert_eq!(batch["value"].as_binary::<i32>().value(0), b"{}");

        let mut file = DeadLetterFile::default();
        file.apply(&DeadLetter {
            coordinates: AT,
            original,
            reason: Reason::Malformed,
            message: "at byte 3".to_owned(),
        });
        let batch = whole(|path| file.finish(path));
        assert_eq!(texts(&batch, "reason"), [Some("malformed".to_owned())]);
    }
}
