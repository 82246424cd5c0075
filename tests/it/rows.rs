//! From raw records to accepted rows, quarantine, findings and dead letters, without a broker and
//! without the dataflow: where each kind of bad input ends, and that reading again ends the same.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may give up")]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use weir::dataflow::decode::{self, Decoder};
use weir::dataflow::quality::{Checks, MEMBERS, Series};
use weir::dataflow::upsert::{Admission, Counters, Upsert};
use weir::dataflow::{EventTime, Signal};
use weir::model::{
    Action, Because, DeadLetter, Finding, LateRanges, Mark, Quarantined, RawBatch, RawView, Reason,
    RowBatch, Severity, Span, SymbolId, Symbols, Texts, Time,
};
use weir::plan::{CheckContext, CheckPlan, FieldPlan, SourcePlan, Start, UnknownFields};

fn source() -> SourcePlan {
    let field = |name: &str, nullable| FieldPlan { name: name.to_owned(), nullable, text: false };
    SourcePlan {
        name: "bars".to_owned(),
        topic: "market.bars".to_owned(),
        format: "json",
        symbol_field: "symbol".to_owned(),
        time_field: "time".to_owned(),
        revision_field: None,
        fields: vec![
            field("open", false),
            field("high", false),
            field("low", false),
            field("close", false),
            field("vwap", true),
        ],
        unknown_fields: UnknownFields::Ignore,
        lateness: Span::from_secs(0),
        corrections: 3,
        idle_timeout: Span::from_secs(10),
        max_record_bytes: 1 << 20,
        start: Start::Earliest,
    }
}

fn checks(source: &SourcePlan) -> Vec<CheckPlan> {
    [
        ("positive", "null", Action::Quarantine),
        ("ohlc_order", "null", Action::Quarantine),
        ("return_jump", r#"{"above": 0.5}"#, Action::Flag),
        ("not_null", r#"["vwap"]"#, Action::Flag),
        ("future_time", "null", Action::Quarantine),
    ]
    .map(|(name, options, action)| {
        let member = MEMBERS.iter().find(|member| member.name() == name).unwrap();
        let context = CheckContext { fields: &source.fields };
        let rule = member.build(&serde_json::from_str(options).unwrap(), context).unwrap();
        CheckPlan { name: name.to_owned(), action, severity: Severity::Error, rule }
    })
    .to_vec()
}

/// One worker's chain of stages, and everything that came out of it, added up.
struct Chain {
    decoder: Box<dyn Decoder>,
    admission: Admission,
    clock: EventTime,
    checks: Checks,
    upsert: Upsert,
    series: Series,
    symbols: Symbols,
    read: u64,
    late_ranges: LateRanges,
    outcome: Outcome,
}

/// Collections as they stand.
#[derive(Clone, Debug, Default, PartialEq)]
struct Outcome {
    accepted: BTreeMap<(SymbolId, Time), Vec<u64>>,
    quarantine: BTreeSet<Quarantined>,
    findings: BTreeSet<Finding>,
    dead: Vec<DeadLetter>,
    counters: Counters,
    late: u64,
}

impl Chain {
    fn new(source: &SourcePlan, symbols: Symbols, admission: Admission) -> Chain {
        let plan = checks(source);
        let checks = Checks::new(&plan).unwrap();
        let fields = source.fields.len();
        let mut clock = EventTime::new(source.lateness, source.corrections);
        clock.apply(&[Signal::Partition(0), Signal::Partition(1)]);
        Chain {
            decoder: (decode::format("json").unwrap().build)(
                source,
                symbols.clone(),
                Texts::default(),
            ),
            admission,
            clock,
            upsert: Upsert::new(fields, checks.kept_out(), true),
            checks,
            series: Series::new(fields, &plan),
            symbols,
            read: 0,
            late_ranges: LateRanges::default(),
            outcome: Outcome::default(),
        }
    }

    /// One epoch.
    fn epoch(&mut self, batches: &[RawBatch]) {
        let horizon = self.clock.horizon();
        let mut marks = Vec::new();
        for raw in batches {
            self.read += raw.len() as u64;
            let mut decoded = self.decoder.decode(raw);
            self.outcome.dead.append(&mut decoded.dead);
            let rows = &mut decoded.rows;
            let late = self.admission.admit(rows, &mut decoded.raw_index, raw, horizon);
            self.outcome.quarantine.extend(late);
            self.checks.run(rows, raw, &decoded.raw_index);
            let times = rows.passing_times(self.checks.kept_out());
            let mark = Mark { partition: raw.partition, times, idle: false };
            marks.push(Signal::Mark(mark));
            // As if for two workers: by symbol.
            let mut split = [0, 1].map(|_| RowBatch::new(rows.partition, rows.columns.len()));
            for row in 0..rows.len() {
                split[rows.symbols[row].index() % 2].push_row(rows, row);
            }
            split.iter().for_each(|rows| self.upsert.apply(rows));
        }
        self.late_ranges.extend(self.admission.take_ranges());
        let changes = self.upsert.finish();
        let accepted = &changes.accepted;
        for row in 0..accepted.len() {
            let key = (accepted.symbols[row], accepted.times[row]);
            let bits = accepted.columns.iter().map(|column| column[row].to_bits()).collect();
            match accepted.deleted[row] {
                true => assert!(self.outcome.accepted.remove(&key).is_some()),
                false => assert!(self.outcome.accepted.insert(key, bits) != self.row(key)),
            }
        }
        for (row, diff) in changes.quarantine {
            let quarantine = &mut self.outcome.quarantine;
            assert!(if diff == 1 { quarantine.insert(row) } else { quarantine.remove(&row) });
        }
        for (finding, diff) in changes.findings.into_iter().chain(self.series.apply(accepted)) {
            let findings = &mut self.outcome.findings;
            assert!(if diff == 1 { findings.insert(finding) } else { findings.remove(&finding) });
        }
        self.advance(&marks);
        self.outcome.counters = self.upsert.counters();
        self.outcome.late = self.admission.late();
        let Counters { accepted, superseded, quarantined } = self.outcome.counters;
        let dead = self.outcome.dead.len() as u64;
        assert_eq!(accepted + superseded + quarantined + self.outcome.late + dead, self.read);
    }

    fn advance(&mut self, signals: &[Signal]) {
        self.clock.apply(signals);
        self.upsert.evict(self.clock.horizon());
        self.series.evict(self.clock.horizon());
    }

    fn row(&self, key: (SymbolId, Time)) -> Option<Vec<u64>> {
        self.outcome.accepted.get(&key).cloned()
    }
}

const ARRIVAL: i64 = 1_514_937_600_000;

fn bar(symbol: &str, time: &str, close: f64) -> String {
    let (high, low) = (close * 1.25, close * 0.75);
    format!(
        r#"{{"symbol":"{symbol}","time":"{time}","open":{close:?},"high":{high:?},"low":{low:?},"close":{close:?},"vwap":{close:?}}}"#
    )
}

#[derive(Clone, Debug, PartialEq)]
enum End {
    Accepted,
    Superseded,
    Deleted,
    Quarantined(Vec<u16>),
    Flagged(u16),
    Dead(Reason),
}

/// What became of records, each alone after two good bars of MSFT.
fn end_of(source: &SourcePlan, records: &[(Option<&[u8]>, Option<&[u8]>)]) -> End {
    let mut chain = Chain::new(source, Symbols::default(), Admission::new());
    let good = [bar("MSFT", "2018-01-02", 100.0), bar("MSFT", "2018-01-01", 100.0)];
    let mut raw = RawBatch::new(0);
    let good = good.iter().map(|text| (None, Some(text.as_bytes())));
    for (offset, (key, value)) in (0..).zip(good.chain(records.iter().copied())) {
        raw.push(RawView { offset, arrival_ms: ARRIVAL, key, value, headers: &[] });
    }
    chain.epoch(&[raw]);
    assert_eq!(chain.read, 2 + records.len() as u64);
    let outcome = chain.outcome;
    if let Some(letter) = outcome.dead.first() {
        assert_eq!(letter.coordinates.offset, 2);
        assert_eq!(letter.original.value.as_deref(), records[0].1);
        assert!(outcome.findings.is_empty() && outcome.accepted.len() == 2);
        return End::Dead(letter.reason);
    }
    if let Some(row) = outcome.quarantine.first() {
        let Because::Checks(failed) = &row.because else { panic!("{row:?}") };
        assert_eq!(row.original.value.as_deref(), records[0].1);
        assert_eq!(outcome.accepted.len(), 2);
        assert_eq!(outcome.findings.len(), failed.len());
        return End::Quarantined(failed.iter().map(|(check, _)| *check).collect());
    }
    if let Some(finding) = outcome.findings.first() {
        assert_eq!(outcome.findings.len(), 1);
        return End::Flagged(finding.check);
    }
    match (outcome.counters.superseded, outcome.accepted.len()) {
        (0, _) => End::Accepted,
        (_, 1) => End::Deleted,
        _ => End::Superseded,
    }
}

#[test]
fn every_bad_input_ends_where_it_should() {
    let good = bar("MSFT", "2018-01-03", 100.0);
    let replace = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        good.replacen(from, to, 1)
    };
    let huge = replace("{", &format!("{{\"note\":\"{}\",", "x".repeat(5_000_000)));
    let table = [
        ("good", good.clone(), End::Accepted),
        ("truncated", good[..60].to_owned(), End::Dead(Reason::Malformed)),
        ("wrong type", replace("\"close\":100.0", "\"close\":[]"), End::Dead(Reason::WrongType)),
        ("missing field", replace("\"close\":100.0,", ""), End::Dead(Reason::MissingField)),
        ("NaN as text", replace("100.0", "\"NaN\""), End::Dead(Reason::WrongType)),
        ("1e999", replace("100.0", "1e999"), End::Dead(Reason::NumberOutOfRange)),
        ("empty", String::new(), End::Dead(Reason::EmptyPayload)),
        ("5 MB", huge, End::Dead(Reason::TooLarge)),
        ("unknown field", replace("{", "{\"venue\":{\"a\":[null]},"), End::Accepted),
        ("far future", replace("2018-01-03", "2031-01-03"), End::Quarantined(vec![4])),
        ("no time", replace("2018-01-03", "3 Jan"), End::Dead(Reason::UnreadableTime)),
        ("negative", bar("MSFT", "2018-01-03", -1.0), End::Quarantined(vec![0, 1])),
        ("high < low", replace("\"high\":125.0", "\"high\":70.0"), End::Quarantined(vec![1])),
        ("jump", bar("MSFT", "2018-01-03", 1000.0), End::Flagged(2)),
        ("null", replace("\"vwap\":100.0", "\"vwap\":null"), End::Flagged(3)),
        ("duplicate", bar("MSFT", "2018-01-02", 100.0), End::Superseded),
        ("correction", bar("MSFT", "2018-01-02", 101.0), End::Superseded),
    ];
    for (what, value, end) in table {
        let record = (Some(&b"k"[..]), Some(value.as_bytes()));
        assert_eq!(end_of(&source(), &[record]), end, "{what}");
    }
    let not_utf8 = (None, Some(&b"{\"symbol\":\"\xc3\x28\"}"[..]));
    assert_eq!(end_of(&source(), &[not_utf8]), End::Dead(Reason::NotUtf8));
    let strict = SourcePlan { unknown_fields: UnknownFields::Reject, ..source() };
    let unknown = replace("{", "{\"venue\":1,");
    let record = (None, Some(unknown.as_bytes()));
    assert_eq!(end_of(&strict, &[record]), End::Dead(Reason::UnknownField));
    let tombstone = (Some(&b"MSFT|2018-01-02T00:00:00Z"[..]), None);
    assert_eq!(end_of(&source(), &[tombstone]), End::Deleted);
    assert_eq!(end_of(&source(), &[(None, None)]), End::Dead(Reason::UnreadableKey));
    let twice = (None, Some(good.as_bytes()));
    assert_eq!(end_of(&source(), &[twice, twice]), End::Superseded);
}

/// A feed: (partition, symbol, bar, kind of record) in the order of arrival.
fn feed() -> impl Strategy<Value = Vec<(i32, u8, i64, u8)>> {
    let one = (0..2, 0..3_u8, -6..3_i64, 0..10_u8);
    proptest::collection::vec(one, 1..80).prop_map(|records| {
        let moved = records.into_iter().enumerate();
        moved.map(|(place, (p, s, t, kind))| (p, s, (place as i64 / 4 + t).max(0), kind)).collect()
    })
}

/// Partition, offset, key and value of a record.
type Entry = (i32, i64, String, Option<String>);

/// The records of a feed as a log of two partitions.
fn log(feed: &[(i32, u8, i64, u8)]) -> Vec<Entry> {
    let mut offsets = [0; 2];
    let mut log = Vec::new();
    for (partition, symbol, bar_number, kind) in feed {
        let offset = &mut offsets[*partition as usize];
        *offset += 1;
        let time = Time::from_millis(ARRIVAL + bar_number * 60_000).to_string();
        let symbol = format!("S{symbol}");
        let value = match kind {
            0 => None,
            1 => Some(bar(&symbol, &time, -1.0)),
            2 => Some(bar(&symbol, &time, 2.0).replace("\"vwap\":2.0", "\"vwap\":null")),
            3 => Some("{".to_owned()),
            4 => Some(bar(&symbol, "2031-01-01", 1.0)),
            kind => Some(bar(&symbol, &time, f64::from(*kind - 4))),
        };
        log.push((*partition, *offset, format!("{symbol}|{time}"), value));
    }
    log
}

fn batches(log: &[Entry]) -> Vec<RawBatch> {
    let mut batches = vec![RawBatch::new(0), RawBatch::new(1)];
    for (partition, offset, key, value) in log {
        batches[*partition as usize].push(RawView {
            offset: *offset,
            arrival_ms: ARRIVAL,
            key: Some(key.as_bytes()),
            value: value.as_deref().map(str::as_bytes),
            headers: &[],
        });
    }
    batches
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// A run, and one that is stopped after some epoch and started again without any state: it
    /// reads everything up to there in other steps, with the late decisions that were recorded,
    /// and goes on as the first one did.
    #[test]
    fn a_restart_ends_the_same(
        feed in feed(),
        sizes in proptest::collection::vec(1..10_usize, 1..8),
        again in proptest::collection::vec(1..40_usize, 1..4),
        stop in any::<prop::sample::Index>(),
        corrections in 0..4_usize,
    ) {
        let source = SourcePlan { corrections, ..source() };
        let log = log(&feed);
        let epochs = cut(&log, &sizes);
        let stop = stop.index(epochs.len() + 1);
        let mut live = Chain::new(&source, Symbols::default(), Admission::new());
        for epoch in &epochs[..stop] {
            live.epoch(&batches(epoch));
        }
        let (before, rest) = log.split_at(epochs[..stop].iter().map(|epoch| epoch.len()).sum());
        let mut next = BTreeMap::new();
        for (partition, offset, ..) in before {
            next.insert(*partition, offset + 1);
        }
        let admission = Admission::replaying(live.late_ranges.clone(), next);
        let mut restarted = Chain::new(&source, live.symbols.clone(), admission);
        restarted.clock.apply(&[Signal::Replay]);
        for epoch in cut(before, &again) {
            restarted.epoch(&batches(epoch));
        }
        let closed_through = Some(live.clock.watermark());
        restarted.advance(&[Signal::Resume { closed_through }]);
        prop_assert_eq!(restarted.clock.horizon(), live.clock.horizon());
        prop_assert_eq!(restarted.upsert.len(), live.upsert.len());
        for chain in [&mut live, &mut restarted] {
            for epoch in cut(rest, &sizes) {
                chain.epoch(&batches(epoch));
            }
            chain.outcome.dead.sort();
        }
        prop_assert_eq!(live.outcome, restarted.outcome);
    }
}

/// A log in epochs of the given sizes, over and over.
fn cut<'a, T>(mut log: &'a [T], sizes: &[usize]) -> Vec<&'a [T]> {
    let mut epochs = Vec::new();
    for size in sizes.iter().cycle() {
        if log.is_empty() {
            break;
        }
        let (now, later) = log.split_at((*size).min(log.len()));
        epochs.push(now);
        log = later;
    }
    epochs
}
