//! What the demo shows: counters, the board of a factor, alerts and the last events, kept up to
//! date by what is sent and what is read back.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use super::OutputRecord;
use super::board::Board;
use super::log::{Entry, Log, Tone};
use super::meters::{Latencies, Pulse};
use super::scenario::{Act, Fate, Scenario, Step};
use super::text::{day_of_key, thousands};
use crate::dataflow::sinks::encode::headers::Origin;
use crate::model::OutputKind;

/// Revisions that follow each other closer than this are told together.
const CALM: Duration = Duration::from_millis(250);

/// Something that happened.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A step was done.
    Step(&'a Step),
    /// A record was read back.
    Record(&'a OutputRecord),
    /// Something else worth a line.
    Note(&'a str),
    /// Time passed.
    Tick,
}

/// An alert rule as shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alarm {
    /// Its name.
    pub name: String,
    /// Its condition.
    pub when: String,
    /// How often it fired.
    pub fired: u64,
    /// What was seen when it began, while it is firing.
    pub firing: Option<String>,
    /// Why it ended the last time.
    pub ended: Option<String>,
}

/// Everything the demo shows.
#[derive(Debug)]
pub struct DemoState {
    /// From the start to now, and to the end.
    pub now: Duration,
    /// How long the demo takes.
    pub duration: Duration,
    /// Where other clients can connect.
    pub brokers: String,
    /// The day that is being sent, from 0, and how many there are.
    pub day: usize,
    /// Records sent.
    pub rows_in: u64,
    /// Factor values read back, revised ones again.
    pub cells_out: u64,
    /// Factor records that were written again or withdrawn.
    pub revisions: u64,
    /// Findings opened so far.
    pub opened: u64,
    /// Findings retracted so far.
    pub retracted: u64,
    /// Rows in the quarantine now.
    pub quarantined: usize,
    /// Unreadable records.
    pub dead_letters: u64,
    /// The alert rules.
    pub alarms: Vec<Alarm>,
    /// Name of the factor on the board.
    pub factor: String,
    log: Log,
    days: Vec<String>,
    day_of: BTreeMap<String, usize>,
    symbols: usize,
    faults: Vec<(&'static str, String)>,
    told: BTreeSet<(usize, bool)>,
    sent_of_day: Vec<usize>,
    complete_at: BTreeMap<usize, Duration>,
    pulse: Pulse,
    latencies: Latencies,
    written: BTreeSet<String>,
    open: BTreeSet<String>,
    kept_out: BTreeSet<String>,
    board: Board,
    revising: Option<(Duration, u64, usize, usize)>,
}

impl DemoState {
    /// Before the first step. `factor` is the one on the board, `alerts` name and condition of the
    /// pipeline's alert rules, `brokers` where the embedded broker listens.
    pub fn new(
        scenario: &Scenario,
        factor: &str,
        alerts: &[(String, String)],
        brokers: &str,
    ) -> DemoState {
        let alarm = |(name, when): &(String, String)| Alarm {
            name: name.clone(),
            when: when.clone(),
            ..Alarm::default()
        };
        let faults = scenario.faults.iter().map(|fault| (fault.name, fault.subject.clone()));
        DemoState {
            now: Duration::ZERO,
            duration: scenario.pace.duration,
            brokers: brokers.to_owned(),
            day: 0,
            rows_in: 0,
            cells_out: 0,
            revisions: 0,
            opened: 0,
            retracted: 0,
            quarantined: 0,
            dead_letters: 0,
            alarms: alerts.iter().map(alarm).collect(),
            factor: factor.to_owned(),
            log: Log::default(),
            day_of: scenario.days.iter().cloned().zip(0..).collect(),
            sent_of_day: vec![0; scenario.days.len()],
            days: scenario.days.clone(),
            symbols: scenario.symbols,
            faults: faults.collect(),
            told: BTreeSet::new(),
            complete_at: BTreeMap::new(),
            pulse: Pulse::default(),
            latencies: Latencies::default(),
            written: BTreeSet::new(),
            open: BTreeSet::new(),
            kept_out: BTreeSet::new(),
            board: Board::default(),
            revising: None,
        }
    }

    /// Takes in what happened `at` a time from the start.
    pub fn apply(&mut self, at: Duration, event: Event<'_>) {
        self.now = self.now.max(at);
        match event {
            Event::Step(step) => self.step(step),
            Event::Record(record) => match record.output {
                OutputKind::Factors => self.factors(record),
                OutputKind::Findings => self.finding(record),
                OutputKind::Alerts => self.alert(&record.json()),
                OutputKind::Quarantine => self.quarantine(record),
                OutputKind::DeadLetters => self.dead_letter(record),
            },
            Event::Note(text) => self.say(Tone::Note, "note", text.to_owned()),
            Event::Tick => {}
        }
        self.tell_revisions();
    }

    fn say(&mut self, tone: Tone, label: &'static str, text: String) {
        self.log.push(Entry { at: self.now, tone, label, text });
    }

    fn step(&mut self, step: &Step) {
        self.day = step.day;
        match &step.act {
            Act::Send(_) => {
                self.rows_in += 1;
                self.pulse.count(self.now);
                if let Some(sent) = self.sent_of_day.get_mut(step.day) {
                    // Extra records come with a fault; bars of the day may, too.
                    *sent += usize::from(step.fault.is_none());
                    if *sent == self.symbols {
                        self.complete_at.entry(step.day).or_insert(self.now);
                    }
                }
            }
            Act::Silence(_) => {}
        }
        let Some(number) = step.fault else { return };
        let Some((name, subject)) = self.faults.get(number).cloned() else { return };
        // Once where it goes wrong, once where it is put right; a burst is one fault.
        let good = matches!(&step.act, Act::Send(message) if message.fate == Fate::Passes);
        let first = !self.told.contains(&(number, false)) && !self.told.contains(&(number, true));
        if !self.told.insert((number, good)) {
            return;
        }
        match &step.act {
            Act::Send(message) if !first => {
                let bar = day_of_key(&message.key).replace('|', " ");
                self.say(Tone::Fault, "fault", format!("{name}: {bar}, the right bar is sent"));
            }
            _ => self.say(Tone::Fault, "fault", format!("{name}: {subject}")),
        }
    }

    fn factors(&mut self, record: &OutputRecord) {
        let key = record.key_text();
        let Some((symbol, time)) = key.rsplit_once('|') else { return };
        let Some(day) = self.day_of.get(day_of_key(time)).copied() else { return };
        let values = record.json();
        let values = values.as_object().into_iter().flatten();
        let mut shown = None;
        for (name, value) in values {
            if !matches!(name.as_str(), "symbol" | "time" | "revision") {
                self.cells_out += 1;
                if *name == self.factor {
                    shown = value.as_f64();
                }
            }
        }
        self.board.put(day, symbol, shown);
        if self.written.insert(key.clone()) {
            if let Some(complete) = self.complete_at.get(&day) {
                self.latencies.add(self.now.saturating_sub(*complete));
            }
        } else {
            self.revisions += 1;
            let (rows, first, last) =
                self.revising.map_or((0, day, day), |(_, rows, first, last)| (rows, first, last));
            self.revising = Some((self.now, rows + 1, first.min(day), last.max(day)));
        }
    }

    /// Tells of revisions when they have come to rest.
    fn tell_revisions(&mut self) {
        let Some((last, rows, from, to)) = self.revising else { return };
        if self.now.saturating_sub(last) > CALM {
            self.revising = None;
            let day = |day: usize| self.days.get(day).map_or("", String::as_str).to_owned();
            let days = if from == to { day(from) } else { format!("{} to {}", day(from), day(to)) };
            let s = if rows == 1 { "" } else { "s" };
            self.say(Tone::Mended, "revised", format!("{} factor row{s}, {days}", thousands(rows)));
        }
    }

    fn finding(&mut self, record: &OutputRecord) {
        let key = record.key_text();
        let mut parts = key.split('|');
        let (check, symbol) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
        let day = day_of_key(parts.next().unwrap_or(""));
        if record.value.is_some() {
            let finding = record.json();
            // A bar can be wrong in several ways; the first will do here.
            let detail = finding["detail"].as_str().unwrap_or("");
            let detail = detail.split_once("; ").map_or(detail, |(first, _)| first);
            let text = format!("{check} {symbol} {day}: {detail}");
            if self.open.insert(key.clone()) {
                self.opened += 1;
                self.say(Tone::Found, "finding", text);
            }
        } else if self.open.remove(&key) {
            self.retracted += 1;
            let text = format!("{check} {symbol} {day} retracted");
            self.say(Tone::Mended, "finding", text);
        }
    }

    fn quarantine(&mut self, record: &OutputRecord) {
        let key = record.key_text();
        if record.value.is_some() {
            // Findings tell of failed checks; a late row has none.
            let origin = Origin::read(&record.headers);
            if origin.is_some_and(|origin| origin.reason == "late") {
                let row = day_of_key(&key).replace('|', " ");
                self.say(Tone::Found, "late", format!("{row} is past correcting, quarantined"));
            }
            self.kept_out.insert(key);
        } else {
            self.kept_out.remove(&key);
        }
        self.quarantined = self.kept_out.len();
    }

    fn dead_letter(&mut self, record: &OutputRecord) {
        self.dead_letters += 1;
        let text = match Origin::read(&record.headers) {
            Some(origin) => {
                let Origin { partition, offset, reason, .. } = origin;
                format!("{reason} at partition {partition}, offset {offset}")
            }
            None => "without headers".to_owned(),
        };
        self.say(Tone::Found, "dead", text);
    }

    fn alert(&mut self, event: &Value) {
        let text = |path| event.pointer(path).and_then(Value::as_str).unwrap_or("").to_owned();
        let (name, summary) = (text("/subject"), text("/data/annotations/summary"));
        let reason = text("/data/reason");
        let firing = text("/data/state") == "firing";
        if let Some(alarm) = self.alarms.iter_mut().find(|alarm| alarm.name == name) {
            alarm.fired += u64::from(firing);
            alarm.firing = firing.then(|| summary.clone());
            alarm.ended = (!firing).then(|| reason.clone());
        }
        if firing {
            self.say(Tone::Alarm, "alert", format!("{name} fires: {summary}"));
        } else {
            self.say(Tone::Mended, "alert", format!("{name} {reason}"));
        }
    }

    /// The last events, oldest first.
    pub fn log(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.log.iter()
    }

    /// Entries since the first `seen` that ever were, and how many there are now: for writers that
    /// print each once.
    pub fn log_since(&self, seen: u64) -> (impl Iterator<Item = &Entry>, u64) {
        self.log.since(seen)
    }

    /// The day that is being sent, `2018-01-02`.
    pub fn date(&self) -> &str {
        self.days.get(self.day).map_or("", String::as_str)
    }

    /// How many days there are.
    pub fn day_count(&self) -> usize {
        self.days.len()
    }

    /// Findings that are open.
    pub fn findings_open(&self) -> usize {
        self.open.len()
    }

    /// Rows sent in pieces of time (a quarter of a second each) up to now, oldest first.
    pub fn pulse(&self, pieces: usize) -> Vec<u64> {
        self.pulse.last(self.now, pieces)
    }

    /// Rows per second over the last two seconds.
    pub fn rate(&self) -> u64 {
        self.pulse.rate(self.now)
    }

    /// Milliseconds from the last bar of a day being sent to its factors being read back: the
    /// median and the 99th percentile of the newest.
    pub fn latency_ms(&self) -> Option<(f64, f64)> {
        self.latencies.quantiles()
    }

    /// The day on the board and its values, largest first.
    pub fn ranking(&self) -> Option<(&str, Vec<(&str, f64)>)> {
        let (day, values) = self.board.ranking(self.symbols)?;
        Some((self.days.get(day)?, values))
    }
}
