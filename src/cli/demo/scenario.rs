//! The replay as a list of timed steps: bars day by day, with the faults mixed in.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;

use super::faults::{Expect, Fault, Mark, add_all};
use super::sample::{Bar, Day, sample};
use crate::model::Span;

/// Below this the faults would be put right before anyone can see them.
const SHORTEST: Duration = Duration::from_secs(10);
/// In this time a fault is surely seen.
const SEEN: Duration = Duration::from_millis(700);

/// What the demo sends.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// How fast.
    pub pace: Pace,
    /// Days of the sample, `2018-01-02`.
    pub days: Vec<String>,
    /// How many symbols the sample has.
    pub symbols: usize,
    /// What goes wrong; a step's `fault` is the place here.
    pub faults: Vec<Fault>,
    steps: Vec<Step>,
}

/// How the replay is spread over the demo's duration.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// How long the whole takes.
    pub duration: Duration,
    /// The share of one trading day.
    pub day: Duration,
    /// How many trading days later a fault is put right: what is wrong must be seen first, so in a
    /// short demo it takes more days. Fewer than the pipeline's horizon and the faults' distance.
    pub repair: usize,
    /// How long the feed falls silent once.
    pub silence: Duration,
    /// How long a silence must last for the alert. More than what is left after the last step.
    pub silence_limit: Duration,
}

/// One step of the replay.
#[derive(Clone, Debug)]
pub struct Step {
    /// When, from the start.
    pub at: Duration,
    /// Number of the trading day.
    pub day: usize,
    /// What to do.
    pub act: Act,
    /// The fault this belongs to.
    pub fault: Option<usize>,
    /// The name of this step in the fault's expectations.
    pub mark: Option<Mark>,
}

/// What a step does.
#[derive(Clone, Debug)]
pub enum Act {
    /// Sends a record.
    Send(Message),
    /// Sends nothing until the next step, for this long.
    Silence(Duration),
}

/// A record of the source.
#[derive(Clone, Debug)]
pub struct Message {
    /// Key, `symbol|time`.
    pub key: String,
    /// Value; none deletes.
    pub value: Option<Vec<u8>>,
    /// What a right pipeline makes of it.
    pub fate: Fate,
}

/// What a right pipeline makes of a record by itself; newer versions may supersede it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Passes all checks that quarantine.
    Passes,
    /// Fails a check that quarantines.
    Fails,
    /// Is past correcting.
    Late,
    /// Is a dead letter.
    Unreadable,
}

/// Where all records must be at the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Records sent.
    pub read: u64,
    /// Newest good versions, deletions included.
    pub accepted: u64,
    /// Versions with a newer one.
    pub superseded: u64,
    /// Kept out, late ones included.
    pub quarantined: u64,
    /// Unreadable.
    pub dead_lettered: u64,
}

impl Scenario {
    /// The replay of the sample within `duration`, at least 10 seconds.
    pub fn new(duration: Duration) -> anyhow::Result<Scenario> {
        let days = sample()?;
        let pace = Pace::new(duration, days.len());
        let mut draft = Draft { days: &days, pace, ..Draft::default() };
        add_all(&mut draft)?;
        let (faults, steps) = draft.finish()?;
        let day = |day: &Day| day.bars.first().map_or(String::new(), |bar| bar.time.clone());
        Ok(Scenario {
            pace,
            symbols: days.first().map_or(0, |day| day.bars.len()),
            days: days.iter().map(day).collect(),
            faults,
            steps,
        })
    }

    /// All steps in the order of their times.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Where all records must be at the end.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        let mut versions: BTreeMap<&str, Vec<Fate>> = BTreeMap::new();
        for step in &self.steps {
            let Act::Send(message) = &step.act else { continue };
            totals.read += 1;
            match message.fate {
                Fate::Unreadable => totals.dead_lettered += 1,
                Fate::Late => totals.quarantined += 1,
                fate => versions.entry(&message.key).or_default().push(fate),
            }
        }
        for fates in versions.values() {
            let accepted = u64::from(fates.contains(&Fate::Passes));
            let quarantined = u64::from(fates.last() == Some(&Fate::Fails));
            totals.accepted += accepted;
            totals.quarantined += quarantined;
            totals.superseded += fates.len() as u64 - accepted - quarantined;
        }
        totals
    }
}

impl Pace {
    fn new(duration: Duration, days: usize) -> Pace {
        let duration = duration.max(SHORTEST);
        let silence =
            duration.mul_f64(0.12).clamp(Duration::from_millis(1500), Duration::from_secs(6));
        let silence_limit = silence.mul_f64(0.5);
        let quiet_end = silence_limit.mul_f64(0.6);
        let sending = duration.saturating_sub(silence).saturating_sub(quiet_end);
        let day = sending.div_f64(days.max(1) as f64);
        let repair = (SEEN.as_secs_f64() / day.as_secs_f64()).ceil() as usize;
        Pace { duration, day, repair: repair.clamp(3, 12), silence, silence_limit }
    }

    /// The limit as a pipeline file has it.
    pub fn silence_span(&self) -> Span {
        Span::from_millis(i64::try_from(self.silence_limit.as_millis()).unwrap_or(i64::MAX))
    }
}

/// What stands in the place of a good bar.
#[derive(Debug)]
enum Instead {
    Nothing,
    Bad { value: Vec<u8>, fate: Fate, fault: usize, mark: Mark },
}

/// A record besides the bars of the sample: day, place in the day from 0 to 1.
#[derive(Debug)]
struct Extra {
    day: usize,
    place: f64,
    message: Message,
    fault: usize,
    mark: Mark,
}

/// A scenario in the making.
#[derive(Debug, Default)]
pub(super) struct Draft<'a> {
    days: &'a [Day],
    pace: Pace,
    faults: Vec<Fault>,
    instead: BTreeMap<(usize, String), Instead>,
    extras: Vec<Extra>,
    silence: Option<(usize, usize, Mark)>,
    marks: Mark,
}

impl Default for Pace {
    fn default() -> Pace {
        Pace::new(Duration::ZERO, 1)
    }
}

impl Draft<'_> {
    /// When a fault of a day is put right: the end of a later day.
    pub(super) fn repair(&self, day: usize) -> (usize, f64) {
        (day + self.pace.repair, 1.0)
    }

    /// The bar of a symbol on a day.
    pub(super) fn bar(&self, day: usize, symbol: &str) -> anyhow::Result<Bar> {
        let bars = self.days.get(day).map(|day| day.bars.iter());
        let bar = bars.and_then(|mut bars| bars.find(|bar| bar.symbol == symbol));
        bar.cloned().with_context(|| format!("the demo's sample has no {symbol} on day {day}"))
    }

    /// The key of a bar, in the source and in the outputs.
    pub(super) fn key(&self, bar: &Bar) -> anyhow::Result<String> {
        Ok(format!("{}|{}", bar.symbol, crate::model::Time::parse(&bar.time)?))
    }

    /// A new fault; its number.
    pub(super) fn fault(&mut self, name: &'static str, subject: String) -> usize {
        self.faults.push(Fault { name, subject, expects: Vec::new() });
        self.faults.len() - 1
    }

    /// What must be seen of a fault.
    pub(super) fn expect(&mut self, fault: usize, expect: Expect) {
        if let Some(fault) = self.faults.get_mut(fault) {
            fault.expects.push(expect);
        }
    }

    fn mark(&mut self) -> Mark {
        self.marks += 1;
        self.marks
    }

    /// Sends a record about `bar` besides all others, at a day and a place in it.
    pub(super) fn also(
        &mut self,
        fault: usize,
        (day, place): (usize, f64),
        bar: &Bar,
        value: Option<Vec<u8>>,
        fate: Fate,
    ) -> Mark {
        let mark = self.mark();
        let key = self.key(bar).unwrap_or_default();
        let message = Message { key, value, fate };
        self.extras.push(Extra { day, place, message, fault, mark });
        mark
    }

    /// Sends `bad` in the place of the bar of its symbol.
    pub(super) fn instead(
        &mut self,
        fault: usize,
        day: usize,
        bad: &Bar,
        fate: Fate,
    ) -> anyhow::Result<Mark> {
        let (mark, value) = (self.mark(), bad.json()?);
        let instead = Instead::Bad { value, fate, fault, mark };
        self.instead.insert((day, bad.symbol.clone()), instead);
        Ok(mark)
    }

    /// Does not send a bar on its day.
    pub(super) fn withhold(&mut self, day: usize, bar: &Bar) {
        self.instead.insert((day, bar.symbol.clone()), Instead::Nothing);
    }

    /// Falls silent before a day.
    pub(super) fn silence(&mut self, fault: usize, day: usize) -> Mark {
        let mark = self.mark();
        self.silence = Some((day, fault, mark));
        mark
    }

    /// How long the silence is, for people.
    pub(super) fn silence_text(&self) -> String {
        let (silence, limit) = (self.pace.silence, self.pace.silence_limit);
        format!("{:.1} s at this pace, limit {:.1} s", silence.as_secs_f64(), limit.as_secs_f64())
    }

    fn finish(self) -> anyhow::Result<(Vec<Fault>, Vec<Step>)> {
        let mut steps = Vec::new();
        let mut start = Duration::ZERO;
        for (day, bars) in self.days.iter().enumerate() {
            if let Some((_, fault, mark)) = self.silence.filter(|(at, ..)| *at == day) {
                let (fault, mark) = (Some(fault), Some(mark));
                let act = Act::Silence(self.pace.silence);
                steps.push(Step { at: start, day, act, fault, mark });
                start += self.pace.silence;
            }
            let place = |share: f64| start + self.pace.day.mul_f64(share);
            for (number, bar) in bars.bars.iter().enumerate() {
                let at = place(number as f64 / bars.bars.len() as f64);
                let key = self.key(bar)?;
                let send = |value, fate| Act::Send(Message { key, value: Some(value), fate });
                let step = match self.instead.get(&(day, bar.symbol.clone())) {
                    Some(Instead::Nothing) => continue,
                    Some(Instead::Bad { value, fate, fault, mark }) => {
                        let (fault, mark) = (Some(*fault), Some(*mark));
                        Step { at, day, act: send(value.clone(), *fate), fault, mark }
                    }
                    None => {
                        let act = send(bar.json()?, Fate::Passes);
                        Step { at, day, act, fault: None, mark: None }
                    }
                };
                steps.push(step);
            }
            for extra in self.extras.iter().filter(|extra| extra.day == day) {
                let act = Act::Send(extra.message.clone());
                let (fault, mark) = (Some(extra.fault), Some(extra.mark));
                steps.push(Step { at: place(extra.place), day, act, fault, mark });
            }
            start += self.pace.day;
        }
        // Stable: what was put in first goes first where times are equal.
        steps.sort_by_key(|step| step.at);
        Ok((self.faults, steps))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fits_the_duration_and_the_last_pause_is_no_silence() {
        for secs in [1, 10, 20, 60, 600] {
            let scenario = Scenario::new(Duration::from_secs(secs)).unwrap();
            let pace = scenario.pace;
            let last = scenario.steps().last().unwrap().at;
            assert!(last <= pace.duration, "{secs}");
            assert!(pace.duration - last < pace.silence_limit, "{secs}");
            assert!(
                pace.silence > pace.silence_limit && pace.day < pace.silence_limit * 4,
                "{secs}"
            );
            assert!(scenario.steps().is_sorted_by_key(|step| step.at));
        }
    }

    #[test]
    fn every_record_has_a_place_at_the_end() {
        let scenario = Scenario::new(Duration::from_secs(20)).unwrap();
        let totals = scenario.totals();
        let placed =
            totals.accepted + totals.superseded + totals.quarantined + totals.dead_lettered;
        assert_eq!(totals.read, placed);
        // Two withheld bars come after all, one of them in vain.
        assert_eq!(totals.accepted, 14_400 - 2);
        assert_eq!(totals.quarantined, 2, "high below low, and the bar that is far too late");
        assert_eq!(totals.dead_lettered, 3);
        // Duplicate, negative and 10x price, correction, deletion, seven bars of the burst.
        assert_eq!(totals.superseded, 12);
        assert_eq!(totals.read, 14_400 - 1 + 3 + 12 + 1 - 1 + 1);
    }

    #[test]
    fn every_fault_is_in_the_script_and_every_expectation_names_a_step() {
        let scenario = Scenario::new(Duration::from_secs(20)).unwrap();
        let marks: BTreeMap<Mark, &Step> =
            scenario.steps().iter().filter_map(|step| Some((step.mark?, step))).collect();
        for (number, fault) in scenario.faults.iter().enumerate() {
            assert!(!fault.expects.is_empty(), "{}", fault.name);
            for expect in &fault.expects {
                let mark = match expect {
                    Expect::DeadLetter { mark, .. }
                    | Expect::Quarantined { mark, .. }
                    | Expect::WrittenOnce { mark, .. } => mark,
                    Expect::Released { after, .. }
                    | Expect::Withdrawn { after, .. }
                    | Expect::Filled { after, .. }
                    | Expect::Revised { after, .. }
                    | Expect::Emptied { after, .. }
                    | Expect::Untouched { after, .. }
                    | Expect::Fired { after, .. }
                    | Expect::Ended { after, .. } => after,
                    Expect::Found { .. } => continue,
                };
                assert_eq!(marks[mark].fault, Some(number), "{expect:?}");
            }
        }
    }

    #[test]
    fn a_correction_changes_something() {
        let scenario = Scenario::new(Duration::from_secs(20)).unwrap();
        let of = |name: &str| scenario.faults.iter().position(|fault| fault.name == name);
        let fault = of("correction").unwrap();
        let sent = scenario.steps().iter().find(|step| step.fault == Some(fault)).unwrap();
        let Act::Send(corrected) = &sent.act else { panic!("a correction is sent") };
        let first = scenario.steps().iter().find_map(|step| match &step.act {
            Act::Send(message) if message.key == corrected.key => Some(message),
            _ => None,
        });
        assert_ne!(first.unwrap().value, corrected.value);
        let bar: Bar = serde_json::from_slice(corrected.value.as_ref().unwrap()).unwrap();
        assert!(bar.low <= bar.close && bar.close <= bar.high);
    }
}
