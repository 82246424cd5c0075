//! A small pipeline for the tests of the demo: not timely, one factor, but the real encoders and
//! alert conditions, so that what the demo reads back looks as it will.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::sample::Bar;
use super::scenario::{Act, Message, Scenario, Step};
use super::{Event, OutputRecord};
use crate::dataflow::alerts::{self, AlertState};
use crate::dataflow::sinks::encode::headers::HeaderSet;
use crate::dataflow::sinks::encode::{
    Alerts, DeadLetters, Encoder, FactorsRow, Findings, Quarantine,
};
use crate::model::{
    Action, Because, Coordinates, DeadLetter, FactorBatch, Finding, Quarantined, RawRecord, Reason,
    Record, RowBatch, Severity, SymbolId, Symbols, Time,
};
use crate::plan::{AlertPlan, CheckPlan, HeaderPrefix, RowRule, Rule};

const CHECKS: [&str; 3] = ["positive", "ohlc_order", "return_jump"];

#[derive(Debug)]
struct Stub;

impl RowRule for Stub {
    fn test(&self, _: &RowBatch, _: &mut dyn FnMut(usize, String)) {}
}

/// The alert rules of the demo at a scenario's pace: name and condition.
pub(super) fn rules(scenario: &Scenario) -> Vec<(String, String)> {
    vec![
        ("feed_silent".to_owned(), format!("silent(bars) > {}", scenario.pace.silence_span())),
        ("dirty_feed".to_owned(), "violations(ohlc_order) > 5 in 10m".to_owned()),
    ]
}

/// Reads what a scenario sends and writes records of all outputs.
pub(super) struct Toy {
    symbols: Symbols,
    days: BTreeMap<Time, usize>,
    times: Vec<Time>,
    /// Newest good close by day and symbol.
    closes: BTreeMap<(usize, SymbolId), f64>,
    /// What was written of a row, to be retracted.
    written: BTreeMap<(usize, SymbolId), f64>,
    quarantined: BTreeMap<(usize, SymbolId), Quarantined>,
    findings: BTreeMap<(u16, usize, SymbolId), Finding>,
    newest: usize,
    offset: i64,
    alerts: AlertState,
    factors: FactorsRow,
    encoders: (Findings, Quarantine, DeadLetters, Alerts),
    out: Vec<Record>,
}

impl Toy {
    pub(super) fn new(scenario: &Scenario) -> Toy {
        let symbols = Symbols::default();
        let checks = CHECKS.map(|name| CheckPlan {
            name: name.to_owned(),
            action: Action::Quarantine,
            severity: Severity::Error,
            rule: Rule::Row(Arc::new(Stub)),
        });
        let headers = HeaderSet {
            prefix: HeaderPrefix::Weir,
            topic: "market.bars".to_owned(),
            pipeline: "demo".to_owned(),
            version: "0".to_owned(),
        };
        let plans: Vec<AlertPlan> = rules(scenario)
            .into_iter()
            .map(|(name, when)| {
                let (call, rest) = when.split_once(')').unwrap();
                let (member, argument) = call.split_once('(').unwrap();
                let member = alerts::MEMBERS.iter().find(|m| m.name() == member).unwrap();
                let condition = member.build(argument, rest, &["bars"], &CHECKS).unwrap();
                let severity = Severity::Warning;
                let fingerprint = name.clone();
                AlertPlan { name, when, condition, severity, labels: Vec::new(), fingerprint }
            })
            .collect();
        let times: Vec<Time> = scenario.days.iter().map(|day| Time::parse(day).unwrap()).collect();
        Toy {
            days: times.iter().copied().zip(0..).collect(),
            times,
            closes: BTreeMap::new(),
            written: BTreeMap::new(),
            quarantined: BTreeMap::new(),
            findings: BTreeMap::new(),
            newest: 0,
            offset: 0,
            alerts: AlertState::new(plans.iter().map(|p| Arc::clone(&p.condition)).collect(), 0),
            factors: FactorsRow::new(&["momentum_5".to_owned()], symbols.clone()).unwrap(),
            encoders: (
                Findings::new(&checks, symbols.clone()),
                Quarantine::new(headers.clone(), &checks, symbols.clone()),
                DeadLetters::new(headers),
                Alerts::new("demo", &plans),
            ),
            symbols,
            out: Vec::new(),
        }
    }

    /// Takes a step in at a time in milliseconds; gives the place of its record and what was
    /// written.
    pub(super) fn step(&mut self, step: &Step, now_ms: i64) -> (i64, Vec<OutputRecord>) {
        let Act::Send(message) = &step.act else { return (0, self.alarm(&[], None, now_ms)) };
        self.offset += 1;
        let at = Coordinates { partition: 0, offset: self.offset, arrival_ms: now_ms };
        let changes = self.record(message, at);
        let records = self.alarm(&changes, Some(now_ms), now_ms);
        (self.offset, records)
    }

    /// Lets time pass.
    pub(super) fn alarm(
        &mut self,
        findings: &[(Finding, i64)],
        newest: Option<i64>,
        now_ms: i64,
    ) -> Vec<OutputRecord> {
        let step = alerts::Step { findings, newest_arrival_ms: newest, now_ms };
        let changes = self.alerts.step(step);
        let out = &mut self.out;
        self.encoders.3.encode(&changes, 1, &mut |record| out.push(record)).unwrap();
        let read = |record: Record| OutputRecord {
            output: record.output,
            key: record.key.unwrap_or_default(),
            value: record.value,
            headers: record.headers,
        };
        self.out.drain(..).map(read).collect()
    }

    fn record(&mut self, message: &Message, at: Coordinates) -> Vec<(Finding, i64)> {
        let (symbol, time) = message.key.split_once('|').unwrap();
        let symbol = self.symbols.intern(symbol);
        let day = self.days[&Time::parse(time).unwrap()];
        let original = RawRecord {
            key: Some(message.key.clone().into_bytes()),
            value: message.value.clone(),
            headers: Vec::new(),
        };
        let bar = message.value.as_ref().map(|value| serde_json::from_slice::<Bar>(value));
        let bar = match bar.transpose() {
            Ok(bar) => bar,
            Err(error) => {
                let message = error.to_string();
                let reason = match &message {
                    m if m.contains("missing") => Reason::MissingField,
                    m if m.contains("invalid type") => Reason::WrongType,
                    _ => Reason::Malformed,
                };
                let letter = DeadLetter { coordinates: at, original, reason, message };
                let out = &mut self.out;
                self.encoders.2.encode(&[letter], 1, &mut |record| out.push(record)).unwrap();
                return Vec::new();
            }
        };
        let kept = |because| Quarantined {
            symbol,
            time: self.times[day],
            coordinates: at,
            original,
            because,
        };
        if day + 20 < self.newest {
            let row = kept(Because::Late);
            self.quarantine(&[(row, 1)]);
            return Vec::new();
        }
        let failed = bar.as_ref().and_then(|bar| match bar {
            bar if bar.low <= 0.0 => Some((0_u16, format!("low = {}, must be above 0", bar.low))),
            bar if bar.high < bar.low => Some((1, format!("high {} < low {}", bar.high, bar.low))),
            _ => None,
        });
        let mut changes = Vec::new();
        if let Some((check, detail)) = failed {
            let row = kept(Because::Checks(vec![(check, detail.clone())]));
            self.quarantined.insert((day, symbol), row.clone());
            self.quarantine(&[(row, 1)]);
            self.find(check, day, symbol, Some((at, detail)), &mut changes);
        } else {
            if let Some(row) = self.quarantined.remove(&(day, symbol)) {
                self.quarantine(&[(row, -1)]);
            }
            self.find(0, day, symbol, None, &mut changes);
            self.find(1, day, symbol, None, &mut changes);
            self.accept(day, symbol, bar.map(|bar| bar.close), at, &mut changes);
        }
        let out = &mut self.out;
        self.encoders.0.encode(&changes, 1, &mut |record| out.push(record)).unwrap();
        changes
    }

    fn quarantine(&mut self, changes: &[(Quarantined, i64)]) {
        let out = &mut self.out;
        self.encoders.1.encode(changes, 1, &mut |record| out.push(record)).unwrap();
    }

    fn find(
        &mut self,
        check: u16,
        day: usize,
        symbol: SymbolId,
        found: Option<(Coordinates, String)>,
        changes: &mut Vec<(Finding, i64)>,
    ) {
        let key = (check, day, symbol);
        if found.is_some() == self.findings.contains_key(&key) {
            return;
        }
        if let Some(old) = self.findings.remove(&key) {
            changes.push((old, -1));
        }
        if let Some((coordinates, detail)) = found {
            let finding = Finding { check, symbol, time: self.times[day], coordinates, detail };
            self.findings.insert(key, finding.clone());
            changes.push((finding, 1));
        }
    }

    fn accept(
        &mut self,
        day: usize,
        symbol: SymbolId,
        close: Option<f64>,
        at: Coordinates,
        changes: &mut Vec<(Finding, i64)>,
    ) {
        let before = match close {
            Some(close) => self.closes.insert((day, symbol), close),
            None => self.closes.remove(&(day, symbol)),
        };
        if before == close {
            return;
        }
        for later in [day, day + 1] {
            let pair = later.checked_sub(1).map(|before| (before, later));
            let pair =
                pair.map(|(a, b)| [a, b].map(|day| self.closes.get(&(day, symbol)).copied()));
            let jump = match pair {
                Some([Some(before), Some(now)]) => now / before - 1.0,
                _ => 0.0,
            };
            let found = (jump.abs() > 0.5).then(|| (at, format!("return {jump:.2}")));
            self.find(2, later, symbol, found, changes);
        }
        if day > self.newest {
            let closed = self.newest;
            self.newest = day;
            let rows = self.closes.range((closed, SymbolId(0))..(closed + 1, SymbolId(0)));
            let symbols: Vec<SymbolId> = rows.map(|((_, symbol), _)| *symbol).collect();
            for symbol in symbols {
                self.write(closed, symbol, false);
            }
        } else if day < self.newest {
            // Every day up to the end of the window is written anew, as if each had changed.
            for later in day..=(day + 5).min(self.newest - 1) {
                self.write(later, symbol, true);
            }
        }
    }

    fn write(&mut self, day: usize, symbol: SymbolId, force: bool) {
        let close = |day: usize| self.closes.get(&(day, symbol)).copied();
        let now = close(day);
        let before = day.checked_sub(5).and_then(close);
        let value = now.map(|now| before.map_or(f64::NAN, |before| now / before - 1.0));
        let old = self.written.get(&(day, symbol)).copied();
        if old.map(f64::to_bits) == value.map(f64::to_bits) && !force {
            return;
        }
        // A forced revision differs in the last bit, so that the encoder does not drop it.
        let same = old.map(f64::to_bits) == value.map(f64::to_bits);
        let value = value.map(|value| if same { value.next_up() } else { value });
        if same && value.is_none_or(f64::is_nan) {
            return;
        }
        let batch = |value: f64, diff| FactorBatch {
            time: self.times[day],
            symbols: vec![symbol],
            columns: vec![vec![value].into()],
            diff,
        };
        let batches: Vec<FactorBatch> =
            old.map(|old| batch(old, -1)).into_iter().chain(value.map(|v| batch(v, 1))).collect();
        let out = &mut self.out;
        self.factors.encode(&batches, 1, &mut |record| out.push(record)).unwrap();
        match value {
            Some(value) => self.written.insert((day, symbol), value),
            None => self.written.remove(&(day, symbol)),
        };
    }
}

/// Plays a scenario through the toy up to a time (all of it if none), telling everything to `tell`
/// with its time in milliseconds: steps with the place of their record, and what is read back.
pub(super) fn play(
    scenario: &Scenario,
    until_ms: Option<i64>,
    tell: &mut dyn FnMut(i64, Event<'_>, i64),
) {
    let mut toy = Toy::new(scenario);
    let mut now = 0;
    let end = until_ms.unwrap_or(i64::MAX);
    for step in scenario.steps() {
        let at = i64::try_from(step.at.as_millis()).unwrap();
        while now + 20 < at.min(end) {
            now += 20;
            for record in toy.alarm(&[], None, now) {
                tell(now, Event::Record(&record), 0);
            }
            tell(now, Event::Tick, 0);
        }
        if at > end {
            return;
        }
        now = at;
        let (offset, records) = toy.step(step, now);
        tell(now, Event::Step(step), offset);
        for record in records {
            tell(now + 14, Event::Record(&record), 0);
        }
    }
    tell(now + 300, Event::Tick, 0);
}
