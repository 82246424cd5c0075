//! The accounting: everything read back from the outputs, and for each fault whether all that must
//! be seen of it was seen.

use std::collections::BTreeMap;

use serde_json::Value;

use super::OutputRecord;
use super::faults::{Expect, Fault, Mark};
use super::scenario::{Scenario, Step};
use crate::dataflow::sinks::encode::headers::Origin;
use crate::model::OutputKind;

/// What became of a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What it was.
    pub name: &'static str,
    /// Where.
    pub subject: String,
    /// What was seen of it, in order; what was not is called missing.
    pub became: Vec<String>,
    /// Whether all that must be seen was.
    pub accounted: bool,
}

/// A place in the order in which things were sent and read back.
type Moment = u64;

/// Whether a key of an output holds something after a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    Nothing,
    Something,
}

/// Everything sent and read back that matters for the verdicts.
#[derive(Debug)]
pub struct Ledger {
    faults: Vec<Fault>,
    now: Moment,
    sent: BTreeMap<Mark, Moment>,
    delivered: BTreeMap<Mark, (i32, i64)>,
    dead: BTreeMap<(i32, i64), Origin>,
    quarantined: BTreeMap<(i32, i64), Origin>,
    /// By output and key, in the order read. Of factors only keys that a fault speaks of.
    keys: BTreeMap<(OutputKind, String), Vec<(Moment, Held)>>,
    /// By name: moment, state, reason.
    alerts: BTreeMap<String, Vec<(Moment, String, String)>>,
}

impl Ledger {
    /// Nothing has happened yet.
    pub fn new(scenario: &Scenario) -> Ledger {
        let mut keys = BTreeMap::new();
        for expect in scenario.faults.iter().flat_map(|fault| &fault.expects) {
            for key in expect.factor_keys() {
                keys.insert((OutputKind::Factors, key.clone()), Vec::new());
            }
        }
        Ledger {
            faults: scenario.faults.clone(),
            now: 0,
            sent: BTreeMap::new(),
            delivered: BTreeMap::new(),
            dead: BTreeMap::new(),
            quarantined: BTreeMap::new(),
            keys,
            alerts: BTreeMap::new(),
        }
    }

    /// A step is about to be done. To be called before its record is handed to the producer.
    pub fn sending(&mut self, step: &Step) {
        if let Some(mark) = step.mark {
            self.now += 1;
            self.sent.insert(mark, self.now);
        }
    }

    /// The broker has taken the record of a step, at this place of the source's topic.
    pub fn delivered(&mut self, mark: Mark, partition: i32, offset: i64) {
        self.delivered.insert(mark, (partition, offset));
    }

    /// A record was read back from an output.
    pub fn observe(&mut self, record: &OutputRecord) {
        self.now += 1;
        let moment = self.now;
        let held = match record.value {
            None => Held::Nothing,
            Some(_) => Held::Something,
        };
        let origin = || Origin::read(&record.headers);
        let at = |origin: &Origin| (origin.partition, origin.offset);
        match record.output {
            OutputKind::DeadLetters => self.dead.extend(origin().map(|o| (at(&o), o))),
            OutputKind::Alerts => {
                let event = record.json();
                let text = |path| event.pointer(path).and_then(Value::as_str).unwrap_or("");
                let (state, reason) = (text("/data/state"), text("/data/reason"));
                let history = self.alerts.entry(text("/subject").to_owned()).or_default();
                history.push((moment, state.to_owned(), reason.to_owned()));
            }
            OutputKind::Factors => {
                let key = (OutputKind::Factors, record.key_text());
                if let Some(history) = self.keys.get_mut(&key) {
                    let held = if has_number(&record.json()) { held } else { Held::Nothing };
                    history.push((moment, held));
                }
            }
            OutputKind::Findings | OutputKind::Quarantine => {
                if record.output == OutputKind::Quarantine {
                    self.quarantined.extend(origin().map(|o| (at(&o), o)));
                }
                let key = (record.output, record.key_text());
                self.keys.entry(key).or_default().push((moment, held));
            }
        }
    }

    /// Whether every fault is accounted for by now.
    pub fn complete(&self) -> bool {
        self.verdicts().iter().all(|verdict| verdict.accounted)
    }

    /// What became of each fault so far.
    pub fn verdicts(&self) -> Vec<Verdict> {
        let verdict = |fault: &Fault| {
            let mut told: Vec<(String, usize)> = Vec::new();
            let mut accounted = true;
            for expect in &fault.expects {
                let seen = self.seen(expect);
                accounted &= seen;
                let what = expect.text();
                let what = if seen { what } else { format!("MISSING: {what}") };
                // Seven times the same is told once.
                match told.iter_mut().find(|(said, _)| *said == what) {
                    Some((_, times)) => *times += 1,
                    None => told.push((what, 1)),
                }
            }
            let count = |(what, times): (String, usize)| match times {
                1 => what,
                times => format!("{what} ({times})"),
            };
            let became = told.into_iter().map(count).collect();
            let (name, subject) = (fault.name, fault.subject.clone());
            Verdict { name, subject, became, accounted }
        };
        self.faults.iter().map(verdict).collect()
    }

    /// Dead letters, quarantined rows and findings that no fault explains: there must be none.
    pub fn strays(&self) -> Vec<String> {
        let ours: Vec<&(i32, i64)> = self.delivered.values().collect();
        let mut strays = Vec::new();
        for (what, records) in [("dead letter", &self.dead), ("quarantined", &self.quarantined)] {
            for (at, origin) in records.iter().filter(|(at, _)| !ours.contains(at)) {
                let (partition, offset) = at;
                let reason = &origin.reason;
                strays.push(format!("{what} {partition}/{offset}: {reason}, {}", origin.message));
            }
        }
        let explained: Vec<&String> = self
            .faults
            .iter()
            .flat_map(|fault| &fault.expects)
            .filter_map(|expect| if let Expect::Found { key } = expect { Some(key) } else { None })
            .collect();
        let findings = self.keys.keys().filter(|(output, _)| *output == OutputKind::Findings);
        let unknown = findings.filter(|(_, key)| !explained.contains(&key));
        strays.extend(unknown.map(|(_, key)| format!("finding {key}")));
        strays
    }

    fn history(&self, output: OutputKind, key: &str) -> &[(Moment, Held)] {
        self.keys.get(&(output, key.to_owned())).map_or(&[], Vec::as_slice)
    }

    /// What was read of a key after a record was sent; none if it was not sent.
    fn since(&self, output: OutputKind, key: &str, after: Mark) -> Option<&[(Moment, Held)]> {
        let sent = self.sent.get(&after)?;
        let history = self.history(output, key);
        history.get(history.partition_point(|(moment, _)| moment < sent)..)
    }

    /// Whether the last thing read of a key after a record was sent leaves it like this.
    fn left(&self, output: OutputKind, key: &str, after: Mark, held: Held) -> bool {
        let since = self.since(output, key, after);
        since.and_then(<[_]>::last).is_some_and(|(_, last)| *last == held)
    }

    fn seen(&self, expect: &Expect) -> bool {
        let at = |mark: &Mark| self.delivered.get(mark);
        let because = |origins: &BTreeMap<(i32, i64), Origin>, mark: &Mark, reason: &str| {
            at(mark).and_then(|at| origins.get(at)).is_some_and(|origin| origin.reason == reason)
        };
        match expect {
            Expect::DeadLetter { mark, reason } => because(&self.dead, mark, reason),
            Expect::Quarantined { mark, reason } => because(&self.quarantined, mark, reason),
            Expect::Released { key, after } => {
                self.left(OutputKind::Quarantine, key, *after, Held::Nothing)
            }
            Expect::Found { key } => {
                let history = self.history(OutputKind::Findings, key);
                history.iter().any(|(_, held)| *held == Held::Something)
            }
            Expect::Withdrawn { key, after } => {
                self.left(OutputKind::Findings, key, *after, Held::Nothing)
            }
            Expect::Filled { key, after } => {
                self.left(OutputKind::Factors, key, *after, Held::Something)
            }
            Expect::Emptied { key, after } => {
                self.left(OutputKind::Factors, key, *after, Held::Nothing)
            }
            Expect::Revised { keys, after } => keys.iter().all(|key| {
                self.since(OutputKind::Factors, key, *after).is_some_and(|since| !since.is_empty())
            }),
            Expect::Untouched { key, after } => {
                self.since(OutputKind::Factors, key, *after).is_some_and(<[_]>::is_empty)
            }
            Expect::WrittenOnce { key, mark, .. } => {
                self.delivered.contains_key(mark)
                    && matches!(self.history(OutputKind::Factors, key), [(_, Held::Something)])
            }
            Expect::Fired { alert, after } => self.alert(alert, *after, "firing", ""),
            Expect::Ended { alert, reason, after } => self.alert(alert, *after, "resolved", reason),
        }
    }

    fn alert(&self, name: &str, after: Mark, state: &str, reason: &str) -> bool {
        let Some(sent) = self.sent.get(&after) else { return false };
        let history = self.alerts.get(name).map_or(&[][..], Vec::as_slice);
        history.iter().any(|(moment, s, r)| moment > sent && s == state && r == reason)
    }
}

/// Whether a factors record has any value.
fn has_number(record: &Value) -> bool {
    const NOT_FACTORS: [&str; 3] = ["symbol", "time", "revision"];
    let fields = record.as_object().into_iter().flatten();
    fields.into_iter().any(|(name, value)| value.is_number() && !NOT_FACTORS.contains(&&**name))
}

impl Expect {
    /// Keys of the factors output that it speaks of.
    fn factor_keys(&self) -> Vec<&String> {
        match self {
            Expect::Filled { key, .. }
            | Expect::Emptied { key, .. }
            | Expect::WrittenOnce { key, .. }
            | Expect::Untouched { key, .. } => vec![key],
            Expect::Revised { keys, .. } => keys.iter().collect(),
            _ => Vec::new(),
        }
    }

    /// For people, once it was seen.
    fn text(&self) -> String {
        match self {
            Expect::DeadLetter { reason, .. } => format!("dead letter: {reason}"),
            Expect::Quarantined { reason, .. } => format!("quarantined: {reason}"),
            Expect::Released { .. } => "released".to_owned(),
            Expect::Found { key } => {
                format!("finding {}", key.split_once('|').map_or("", |(check, _)| check))
            }
            Expect::Withdrawn { .. } => "finding retracted".to_owned(),
            Expect::Filled { .. } => "factors filled in".to_owned(),
            Expect::Emptied { .. } => "factors withdrawn".to_owned(),
            Expect::Revised { .. } => "dependent factors revised".to_owned(),
            Expect::WrittenOnce { says, .. } => (*says).to_owned(),
            Expect::Untouched { .. } => "factors untouched".to_owned(),
            Expect::Fired { alert, .. } => format!("alert {alert} fired"),
            Expect::Ended { reason, .. } => format!("alert {reason}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::testing::play;
    use super::super::{Event, table};
    use super::*;

    /// Plays the demo, leaving out the records that `lost` names.
    fn account(lost: &dyn Fn(&OutputRecord) -> bool) -> Ledger {
        let scenario = Scenario::new(Duration::from_secs(20)).unwrap();
        let mut ledger = Ledger::new(&scenario);
        play(&scenario, None, &mut |_, event, offset| match event {
            Event::Step(step) => {
                ledger.sending(step);
                if let Some(mark) = step.mark {
                    ledger.delivered(mark, 0, offset);
                }
            }
            Event::Record(record) if !lost(record) => ledger.observe(record),
            _ => {}
        });
        ledger
    }

    #[test]
    fn a_right_pipeline_accounts_for_every_fault() {
        let ledger = account(&|_| false);
        let told = table(&ledger.verdicts(), 100, false);
        assert!(ledger.complete(), "{told}");
        assert_eq!(ledger.strays(), Vec::<String>::new());
        assert!(told.lines().all(|line| line.chars().count() <= 100), "{told}");
    }

    #[test]
    fn what_is_lost_is_missed() {
        for output in OutputKind::ALL {
            let ledger = account(&|record| record.output == output);
            let missed = ledger.verdicts().into_iter().filter(|verdict| !verdict.accounted).count();
            let least = match output {
                OutputKind::DeadLetters => 3,
                OutputKind::Alerts => 2,
                OutputKind::Factors => 6,
                OutputKind::Findings | OutputKind::Quarantine => 4,
            };
            assert!(missed >= least, "{}: {missed}", output.name());
        }
        let released = |record: &OutputRecord| {
            record.output == OutputKind::Quarantine && record.value.is_none()
        };
        let names: Vec<_> = account(&released).verdicts();
        let names: Vec<_> = names.iter().filter(|v| !v.accounted).map(|v| v.name).collect();
        assert_eq!(names, ["negative price", "burst of bad bars"]);
    }

    #[test]
    fn what_no_fault_explains_is_a_stray() {
        let mut ledger = account(&|_| false);
        ledger.delivered.clear();
        let strays = ledger.strays();
        let count = |what: &str| strays.iter().filter(|stray| stray.starts_with(what)).count();
        assert_eq!((count("dead letter"), count("quarantined")), (3, 10));
        ledger.observe(&OutputRecord {
            output: OutputKind::Findings,
            key: b"positive|A|2018-01-02T00:00:00Z".to_vec(),
            value: Some(b"{}".to_vec()),
            headers: Vec::new(),
        });
        assert_eq!(ledger.strays().last().unwrap(), "finding positive|A|2018-01-02T00:00:00Z");
    }
}
