//! The collection of active alerts: fed with what changed in an epoch, it says which alerts begin
//! or end.
//!
//! What identifies an active alert is its rule, nothing else. Whether it is active is a function of
//! the open findings, the newest arrival and the clock at the end of the epoch, so a replay in
//! other steps ends with the same alerts. The start and the sentence about it would not do as
//! identity: in a sliding window they move on while the alert stays the same, and where they stood
//! when it was noticed depends on how the epochs fell. So they are kept as they were when the alert
//! began, repeated when it ends, and left out of digests.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::{Alert, AlertChange, EndReason, Finding};
use crate::plan::{Condition, Situation};

/// What happened in one epoch.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// Findings that became true (+) or no longer are (-), in any order.
    pub findings: &'a [(Finding, i64)],
    /// Broker timestamp of the newest record of the source in this epoch, whatever became of it.
    pub newest_arrival_ms: Option<i64>,
    /// The clock; one that goes back is read as standing still.
    pub now_ms: i64,
}

/// The alerts that are active, and what is needed to tell.
#[derive(Debug)]
pub struct AlertState {
    rules: Vec<Arc<dyn Condition>>,
    active: Vec<Option<Alert>>,
    window_ms: i64,
    facts: Facts,
}

/// What conditions may look at. Findings are counted by check and arrival and forgotten when no
/// window reaches back to them: memory is bounded by the milliseconds of the longest window.
#[derive(Debug)]
struct Facts {
    now_ms: i64,
    started_ms: i64,
    last_arrival_ms: Option<i64>,
    findings: BTreeMap<u16, BTreeMap<i64, i64>>,
}

/// The facts as they would be without the retractions of this epoch.
struct Unretracted<'a> {
    facts: &'a Facts,
    retracted: &'a [(u16, i64)],
}

impl AlertState {
    /// No alert is active. `rules` in the order of the plan; `started_ms` is when the source was
    /// first looked at, which a restart must repeat, and where the clock begins.
    pub fn new(rules: Vec<Arc<dyn Condition>>, started_ms: i64) -> AlertState {
        AlertState {
            active: vec![None; rules.len()],
            window_ms: rules.iter().map(|rule| rule.window_ms()).max().unwrap_or(0),
            rules,
            facts: Facts {
                now_ms: started_ms,
                started_ms,
                last_arrival_ms: None,
                findings: BTreeMap::new(),
            },
        }
    }

    /// Takes in an epoch and gives the alerts that begin or end with it, in the order of the rules.
    pub fn step(&mut self, step: Step<'_>) -> Vec<AlertChange> {
        self.facts.now_ms = self.facts.now_ms.max(step.now_ms);
        self.facts.last_arrival_ms = self.facts.last_arrival_ms.max(step.newest_arrival_ms);
        self.facts.count(step.findings, self.window_ms);
        let mut retracted = None;
        let mut changes = Vec::new();
        for (rule, (condition, active)) in self.rules.iter().zip(&mut self.active).enumerate() {
            let holds = condition.holds(&self.facts);
            let at_ms = self.facts.now_ms;
            match (active.take(), holds) {
                (None, None) => {}
                (Some(alert), Some(_)) => *active = Some(alert),
                (None, Some((starts_ms, summary))) => {
                    let rule = u16::try_from(rule).unwrap_or(u16::MAX);
                    let alert = Alert { rule, starts_ms, summary };
                    *active = Some(alert.clone());
                    changes.push(AlertChange { alert, at_ms, ended: None });
                }
                (Some(alert), None) => {
                    let retracted = retracted.get_or_insert_with(|| net_retractions(step.findings));
                    let before = Unretracted { facts: &self.facts, retracted };
                    let reason = match condition.holds(&before) {
                        Some(_) => EndReason::Retracted,
                        None => EndReason::Resolved,
                    };
                    changes.push(AlertChange { alert, at_ms, ended: Some(reason) });
                }
            }
        }
        changes
    }

    /// The active alerts in the order of the rules.
    pub fn active(&self) -> impl Iterator<Item = &Alert> {
        self.active.iter().flatten()
    }
}

/// Check and arrival of the findings that were taken back and not replaced by another finding
/// about the same row: a correction that is still wrong takes nothing back.
fn net_retractions(findings: &[(Finding, i64)]) -> Vec<(u16, i64)> {
    let row = |finding: &Finding| (finding.check, finding.symbol, finding.time);
    let inserted: BTreeSet<_> =
        findings.iter().filter(|(_, diff)| *diff > 0).map(|(finding, _)| row(finding)).collect();
    findings
        .iter()
        .filter(|(finding, diff)| *diff < 0 && !inserted.contains(&row(finding)))
        .map(|(finding, _)| (finding.check, finding.coordinates.arrival_ms))
        .collect()
}

impl Facts {
    /// Counts findings, and forgets those that no window reaches any more. The clock never goes
    /// back, so what is too old now is too old for ever, its retraction included.
    fn count(&mut self, findings: &[(Finding, i64)], window_ms: i64) {
        let forgotten = self.now_ms.saturating_sub(window_ms);
        for (finding, diff) in findings {
            let arrival_ms = finding.coordinates.arrival_ms;
            if arrival_ms > forgotten {
                let arrivals = self.findings.entry(finding.check).or_default();
                let count = arrivals.entry(arrival_ms).or_default();
                *count += diff;
                if *count == 0 {
                    arrivals.remove(&arrival_ms);
                }
            }
        }
        for arrivals in self.findings.values_mut() {
            while arrivals.first_key_value().is_some_and(|(arrival, _)| *arrival <= forgotten) {
                arrivals.pop_first();
            }
        }
    }
}

impl Situation for Facts {
    fn now_ms(&self) -> i64 {
        self.now_ms
    }

    fn last_arrival_ms(&self) -> Option<i64> {
        self.last_arrival_ms
    }

    fn started_ms(&self) -> i64 {
        self.started_ms
    }

    fn arrivals_of_findings(&self, check: u16, after_ms: i64) -> Vec<i64> {
        let Some(arrivals) = self.findings.get(&check) else { return Vec::new() };
        let first = after_ms.saturating_add(1);
        if first > self.now_ms {
            return Vec::new();
        }
        let counted = arrivals.range(first..=self.now_ms);
        counted
            .flat_map(|(arrival, count)| {
                std::iter::repeat_n(*arrival, usize::try_from(*count).unwrap_or(0))
            })
            .collect()
    }
}

impl Situation for Unretracted<'_> {
    fn now_ms(&self) -> i64 {
        self.facts.now_ms
    }

    fn last_arrival_ms(&self) -> Option<i64> {
        self.facts.last_arrival_ms
    }

    fn started_ms(&self) -> i64 {
        self.facts.started_ms
    }

    fn arrivals_of_findings(&self, check: u16, after_ms: i64) -> Vec<i64> {
        let mut arrivals = self.facts.arrivals_of_findings(check, after_ms);
        let back = self.retracted.iter().filter(|(of, arrival)| {
            *of == check && *arrival > after_ms && *arrival <= self.facts.now_ms
        });
        arrivals.extend(back.map(|(_, arrival)| *arrival));
        arrivals.sort_unstable();
        arrivals
    }
}

#[cfg(test)]
mod tests {
    use super::super::MEMBERS;
    use super::*;
    use crate::model::{Coordinates, SymbolId, Time};

    const CHECKS: [&str; 2] = ["positive", "ohlc_order"];

    fn rules(texts: &[(&str, &str, &str)]) -> Vec<Arc<dyn Condition>> {
        let build = |(name, argument, rest): &(&str, &str, &str)| {
            let member = MEMBERS.iter().find(|member| member.name() == *name).unwrap();
            member.build(argument, rest, &["bars"], &CHECKS).unwrap()
        };
        texts.iter().map(build).collect()
    }

    fn finding(check: u16, row: u32, arrival_ms: i64) -> Finding {
        Finding {
            check,
            symbol: SymbolId(row),
            time: Time::from_millis(0),
            coordinates: Coordinates { partition: 0, offset: arrival_ms, arrival_ms },
            detail: String::new(),
        }
    }

    fn step(findings: &[(Finding, i64)], newest: Option<i64>, now_ms: i64) -> Step<'_> {
        Step { findings, newest_arrival_ms: newest, now_ms }
    }

    fn ends(changes: &[AlertChange]) -> Vec<Option<EndReason>> {
        changes.iter().map(|change| change.ended).collect()
    }

    #[test]
    fn silence_begins_and_ends() {
        let mut state = AlertState::new(rules(&[("silent", "bars", "> 1s")]), 0);
        assert_eq!(state.step(step(&[], Some(500), 1_500)), []);
        let began = state.step(step(&[], None, 1_501));
        assert_eq!((began[0].alert.starts_ms, began[0].at_ms, began[0].diff()), (1_500, 1_501, 1));
        assert_eq!(state.step(step(&[], None, 9_000)), [], "stays, says nothing");
        let ended = state.step(step(&[], Some(9_100), 9_200));
        assert_eq!(ended[0].alert, began[0].alert, "repeated as it began");
        assert_eq!(ended[0].ended, Some(EndReason::Resolved));
        assert_eq!(state.active().count(), 0);
    }

    #[test]
    fn a_sliding_window_does_not_flap() {
        let mut state = AlertState::new(rules(&[("violations", "positive", "> 1 in 1s")]), 0);
        let mut changes = Vec::new();
        for at in (100..3_000).step_by(100) {
            let now = finding(0, u32::try_from(at).unwrap(), at);
            changes.extend(state.step(step(&[(now, 1)], Some(at), at)));
        }
        assert_eq!(ends(&changes), [None]);
        assert_eq!(changes[0].alert.starts_ms, 200);
        let ended = state.step(step(&[], None, 3_900));
        assert_eq!(ends(&ended), [Some(EndReason::Resolved)]);
    }

    #[test]
    fn a_correction_retracts_and_time_resolves() {
        let three = [(finding(0, 1, 10), 1), (finding(0, 2, 20), 1), (finding(0, 3, 900), 1)];
        let fired = || {
            let mut state = AlertState::new(rules(&[("violations", "positive", "> 1 in 1s")]), 0);
            assert_eq!(ends(&state.step(step(&three, Some(900), 900))), [None]);
            state
        };
        let back = [(finding(0, 1, 10), -1), (finding(0, 3, 900), -1)];
        assert_eq!(ends(&fired().step(step(&back, None, 950))), [Some(EndReason::Retracted)]);
        // The retracted one had left the window: time alone ended it.
        let old = [(finding(0, 1, 10), -1)];
        assert_eq!(ends(&fired().step(step(&old, None, 1_025))), [Some(EndReason::Resolved)]);
        // A correction that is still wrong takes nothing back.
        let replaced = [(finding(0, 3, 900), -1), (finding(0, 3, 1_024), 1)];
        assert_eq!(ends(&fired().step(step(&replaced, None, 1_025))), [Some(EndReason::Resolved)]);
        assert_eq!(ends(&fired().step(step(&replaced, None, 1_000))), []);
    }

    #[test]
    fn forgets_what_no_window_reaches() {
        let mut state = AlertState::new(rules(&[("violations", "positive", "> 9 in 1s")]), 0);
        for at in 0..5_000 {
            state.step(step(&[(finding(0, 1, at), 1)], None, at));
        }
        assert_eq!(state.facts.findings[&0].len(), 1_000);
        state.step(step(&[(finding(0, 1, 4_000), 1), (finding(0, 1, 7), -1)], None, 9_000));
        assert!(state.facts.findings[&0].is_empty());
    }

    /// Everything that ever happened, looked through from the start each time.
    #[derive(Default)]
    struct Twin {
        findings: Vec<(Finding, i64)>,
        last: Option<i64>,
        now: i64,
    }

    impl Twin {
        fn open_in_window(&self, check: u16, window: i64) -> usize {
            let mut rows: Vec<&Finding> = self.findings.iter().map(|(f, _)| f).collect();
            rows.sort();
            rows.dedup();
            let open =
                |f: &Finding| self.findings.iter().filter(|(g, _)| g == f).map(|x| x.1).sum();
            let inside = |f: &Finding| {
                let at = f.coordinates.arrival_ms;
                f.check == check && at > self.now - window && at <= self.now
            };
            let counted = rows.into_iter().filter(|f| inside(f)).map(open);
            counted.map(|n: i64| usize::try_from(n).unwrap()).sum()
        }

        fn active(&self) -> Vec<u16> {
            let silent = |limit| self.now - self.last.unwrap_or(0).max(0) > limit;
            let holds = [
                silent(40),
                self.open_in_window(0, 100) > 2,
                self.open_in_window(1, 30) > 0,
                self.open_in_window(0, 250) > 6,
            ];
            (0..).zip(holds).filter(|(_, holds)| *holds).map(|(rule, _)| rule).collect()
        }
    }

    /// A small generator (Steele and others' SplitMix64), so that a seed names a stream.
    struct Random(u64);

    impl Random {
        fn below(&mut self, n: u64) -> i64 {
            self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            i64::try_from((z ^ (z >> 31)) % n).unwrap()
        }
    }

    fn four_rules() -> AlertState {
        let texts = [
            ("silent", "bars", "> 40ms"),
            ("violations", "positive", "> 2 in 100ms"),
            ("violations", "ohlc_order", "> 0 in 30ms"),
            ("violations", "positive", "> 6 in 250ms"),
        ];
        AlertState::new(rules(&texts), 0)
    }

    #[test]
    fn equals_its_twin_whatever_the_steps() {
        let mut fired = 0;
        for seed in 0..60 {
            let mut random = Random(seed);
            let mut twin = Twin::default();
            let (mut fine, mut coarse) = (four_rules(), four_rules());
            let (mut waiting, mut newest) = (Vec::new(), None);
            let mut open: Vec<Finding> = Vec::new();
            for _ in 0..80 {
                let mut findings = Vec::new();
                twin.now += random.below(25);
                for _ in 0..random.below(3) {
                    if random.below(3) == 0 && !open.is_empty() {
                        let at = usize::try_from(random.below(open.len() as u64)).unwrap();
                        findings.push((open.swap_remove(at), -1));
                    } else {
                        // A little behind or ahead of the clock, as brokers are.
                        let arrival = twin.now - 8 + random.below(12);
                        let check = u16::from(random.below(4) == 0);
                        let row = u32::try_from(random.below(1 << 31)).unwrap();
                        open.push(finding(check, row, arrival));
                        findings.push((finding(check, row, arrival), 1));
                    }
                }
                let arrival = (random.below(3) == 0).then_some(twin.now);
                twin.last = twin.last.max(arrival);
                newest = newest.max(arrival);
                twin.findings.extend(findings.iter().cloned());
                waiting.extend(findings.iter().cloned());

                let before: BTreeSet<u16> = fine.active().map(|alert| alert.rule).collect();
                let changes = fine.step(step(&findings, arrival, twin.now));
                let mut after = before.clone();
                for change in &changes {
                    let rule = change.alert.rule;
                    match change.ended {
                        None => assert!(after.insert(rule), "seed {seed}: {change:?}"),
                        Some(_) => assert!(after.remove(&rule), "seed {seed}: {change:?}"),
                    }
                    fired += u32::from(change.ended.is_none());
                    assert!(change.alert.starts_ms <= change.at_ms, "seed {seed}");
                }
                assert_eq!(after.into_iter().collect::<Vec<_>>(), twin.active(), "seed {seed}");
                if random.below(5) == 0 {
                    coarse.step(step(&waiting, newest, twin.now));
                    let rules: Vec<u16> = coarse.active().map(|alert| alert.rule).collect();
                    assert_eq!(rules, twin.active(), "seed {seed}, coarse steps");
                    (waiting, newest) = (Vec::new(), None);
                }
            }
        }
        assert!(fired > 500, "the streams must make alerts fire, got {fired}");
    }
}
