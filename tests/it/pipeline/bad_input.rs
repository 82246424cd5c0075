//! Bad input through the program: every record ends in exactly one place, with all it came with.

use std::collections::BTreeMap;

use super::bars::{Bar, CLOSE, instant, sp500};
use super::harness::{Job, Output, Settings};
use super::outputs::{compacted, header};
use crate::broker::{self, Read, eventually};

const SYMBOLS: usize = 10;
const DAYS: usize = 20;
const HEADERS: [(&str, &str); 2] = [("trace", "a1"), ("weir.offset", "not ours")];

/// Where a record must end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Dead letter with this reason.
    Dead(&'static str),
    /// Quarantine with these checks.
    Quarantine(&'static str),
    /// It holds, or a newer version of it does.
    Row,
}

/// A record, what is special about it, and where it must end.
struct Case {
    what: &'static str,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    end: End,
}

/// Days after those of the good rows, so that no case touches another.
fn table(reject: bool) -> Vec<Case> {
    let model = sp500(1, 1).remove(0);
    let mut day = 0;
    let mut next = || {
        day += 1;
        Bar { day: format!("2016-01-{day:02}"), ..model.clone() }
    };
    let mut cases = Vec::new();
    let mut add = |what, key: Option<&[u8]>, value: Option<&[u8]>, end| {
        let (key, value) = (key.map(<[u8]>::to_vec), value.map(<[u8]>::to_vec));
        cases.push(Case { what, key, value, end });
    };
    let text = |bar: &Bar| bar.json();
    let close = |bar: &Bar, value: &str| bar.with(CLOSE, value).json();
    let mut value = |what, make: &dyn Fn(&Bar) -> Vec<u8>, end| {
        let bar = next();
        add(what, Some(bar.key().as_bytes()), Some(&make(&bar)), end);
    };
    use End::{Dead, Quarantine, Row};
    value("truncated", &|b| text(b)[..40].into(), Dead("malformed"));
    value("two objects", &|b| [text(b), text(b)].concat().into(), Dead("malformed"));
    value("text for a number", &|b| close(b, "\"7\"").into(), Dead("wrong_type"));
    value("NaN as a word", &|b| close(b, "NaN").into(), Dead("malformed"));
    value("NaN as a text", &|b| close(b, "\"NaN\"").into(), Dead("wrong_type"));
    value("too large a number", &|b| close(b, "1e999").into(), Dead("number_out_of_range"));
    value("null", &|b| close(b, "null").into(), Dead("missing_field"));
    value(
        "field missing",
        &|b| text(b).replace("close", "end").into(),
        Dead(if reject { "unknown_field" } else { "missing_field" }),
    );
    value("field twice", &|b| text(b).replace("open", "low").into(), Dead("duplicate_field"));
    value("list", &|_| b"[1, 2]".into(), Dead("wrong_type"));
    value(
        "deep",
        &|b| text(b).replace('{', &format!("{{\"x\":{}", "[".repeat(9_000))).into(),
        Dead(if reject { "unknown_field" } else { "malformed" }),
    );
    value("empty", &|_| Vec::new(), Dead("empty_payload"));
    value("not UTF-8", &|b| [&b"\xff\xfe"[..], text(b).as_bytes()].concat(), Dead("not_utf8"));
    value("zero bytes", &|_| vec![0; 64], Dead("malformed"));
    value(
        "5 MB",
        &|b| text(b).replace('{', &format!("{{{}", " ".repeat(5_000_000))).into(),
        Dead("too_large"),
    );
    value("no time", &|b| text(b).replace("2016", "soon").into(), Dead("unreadable_time"));
    value(
        "no such day",
        &|b| text(b).replace("2016-01", "2016-13").into(),
        Dead("unreadable_time"),
    );
    value(
        "seconds",
        &|b| text(b).replace(&format!("\"{}\"", b.day), "1451606400").into(),
        Dead("unreadable_time"),
    );
    value("odd symbol", &|b| text(b).replace(&b.symbol, "A|B").into(), Dead("wrong_type"));
    value("far ahead", &|b| text(b).replace("2016", "2216").into(), Quarantine("future_time"));
    value("negative", &|b| close(b, "-1").into(), Quarantine("positive,ohlc_order"));
    value("high below low", &|b| b.with(1, "0.5").json().into(), Quarantine("ohlc_order"));
    value(
        "unknown field",
        &|b| text(b).replace('{', "{\"x\": [{}], ").into(),
        if reject { Dead("unknown_field") } else { Row },
    );
    value("other order", &|b| text(b).replace("{\"symbol", "{ \"symbol").into(), Row);
    cases.extend(without_values());
    cases.extend(bad_texts());
    cases
}

/// Records whose sector is no name of a group.
fn bad_texts() -> [Case; 2] {
    let long = format!("\"{}\"", "x".repeat(257));
    let case = |what, day: &str, sector: &str| {
        let bar = Bar { day: day.to_owned(), ..sp500(1, 1).remove(0) };
        let json = bar.json();
        let (start, _) = json.rsplit_once(':').expect("it ends with the sector");
        let value = Some(format!("{start}:{sector}}}").into_bytes());
        Case { what, key: Some(bar.key().into_bytes()), value, end: End::Dead("wrong_type") }
    };
    [case("number for a text", "2016-02-02", "45"), case("too long a text", "2016-02-03", &long)]
}

/// Records that are about their key.
fn without_values() -> [Case; 4] {
    use End::{Dead, Row};
    let case = |what, key: Option<&str>, value: Option<&str>, end| Case {
        what,
        key: key.map(|key| key.as_bytes().to_vec()),
        value: value.map(|value| value.as_bytes().to_vec()),
        end,
    };
    [
        case("tombstone", Some("GONE|2016-02-01"), None, Row),
        case("tombstone of nothing", Some("what?"), None, Dead("unreadable_key")),
        case("tombstone without a key", None, None, Dead("unreadable_key")),
        case("neither key nor value", None, Some(""), Dead("empty_payload")),
    ]
}

fn assert_as_it_came(case: &Case, record: &Read, offset: usize, input: &str) {
    let what = case.what;
    assert_eq!(record.value, case.value, "{what}");
    let ours = record.headers.len() - HEADERS.len();
    let theirs = HEADERS.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
    assert_eq!(record.headers[ours..], theirs, "{what}");
    for (name, value) in [("topic", input), ("partition", "0"), ("offset", &offset.to_string())] {
        assert_eq!(header(record, &format!("weir.{name}")), value, "{what}: {name}");
    }
    for name in ["timestamp", "message", "pipeline", "version"] {
        assert!(!header(record, &format!("weir.{name}")).is_empty(), "{what}: {name}");
    }
}

/// Every case is where it must be and nowhere else. Gives how many are dead letters, and how many
/// in the quarantine.
fn assert_places(job: &Job<'_>, cases: &[Case]) -> (usize, usize) {
    let letters = job.read(Output::DeadLetters);
    let letters: BTreeMap<String, &Read> =
        letters.iter().map(|letter| (header(letter, "weir.offset"), letter)).collect();
    let kept_out = job.read(Output::Quarantine);
    let kept_out = compacted(&kept_out);
    let (mut dead, mut quarantined) = (0, 0);
    for (offset, case) in cases.iter().enumerate() {
        let letter = letters.get(&offset.to_string());
        let End::Dead(reason) = case.end else {
            assert!(letter.is_none(), "{}", case.what);
            let End::Quarantine(checks) = case.end else { continue };
            quarantined += 1;
            let key = String::from_utf8(case.key.clone().unwrap()).unwrap();
            let (symbol, day) = key.split_once('|').unwrap();
            let year = if checks == "future_time" { "2216" } else { "2016" };
            let record = kept_out[&format!("{symbol}|{}", instant(&day.replace("2016", year)))];
            assert_as_it_came(case, record, offset, &job.input);
            assert_eq!(header(record, "weir.stage"), "check");
            assert_eq!(header(record, "weir.reason"), checks, "{}", case.what);
            continue;
        };
        dead += 1;
        let letter = letter.unwrap_or_else(|| panic!("{} is no dead letter", case.what));
        assert_eq!(header(letter, "weir.reason"), reason, "{}", case.what);
        assert_eq!(header(letter, "weir.stage"), "decode");
        assert_eq!(letter.key, case.key, "{}", case.what);
        assert_as_it_came(case, letter, offset, &job.input);
    }
    assert_eq!((letters.len(), kept_out.len()), (dead, quarantined));
    (dead, quarantined)
}

fn every_record_has_a_place(broker: &broker::Broker, reject: bool) {
    let what = if reject { "reject" } else { "ignore" };
    let settings = Settings {
        source: if reject { "    unknown_fields: reject\n" } else { "" },
        checks: "  - positive: [open, high, low, close]\n  - ohlc_order\n  - future_time\n",
        ..Settings::default()
    };
    let input = broker.topic(&format!("{what}-in"), 1, &[("max.message.bytes", "6000000")]);
    let job = Job::reading(broker, what, &input, &settings);
    let cases = table(reject);
    let producer = job.producer();
    for case in &cases {
        producer.send_with(0, case.key.as_deref(), case.value.as_deref(), &HEADERS);
    }
    // In one batch: each bar twice, the first a version that is no more.
    let bars = sp500(SYMBOLS, DAYS);
    for bar in &bars {
        producer.bar(&bar.scaled(2.0));
        producer.bar(bar);
    }
    producer.finish();
    let read = cases.len() + 2 * bars.len();
    let mut running = job.start(&["--workers", "2"]);
    running.wait_read(read);

    // Rows of cases that hold are of one symbol, on days before the others.
    let rows = cases.iter().filter(|case| case.end == End::Row && case.value.is_some());
    let mut good: Vec<Bar> = Vec::new();
    for case in rows {
        let key = String::from_utf8(case.key.clone().unwrap()).unwrap();
        let (symbol, day) = key.split_once('|').unwrap();
        let (symbol, day) = (symbol.to_owned(), day.to_owned());
        good.push(Bar { symbol, day, ..sp500(1, 1).remove(0) });
    }
    good.extend(bars.iter().cloned());
    let expected = job.backfill(&good).factors;
    eventually("the factors are those of the good rows", || {
        running.assert_runs();
        (job.outputs().factors == expected).then_some(())
    });

    let (dead, quarantined) = assert_places(&job, &cases);
    for (outcome, rows) in [
        ("accepted", cases.len() - dead - quarantined + bars.len()),
        ("superseded", bars.len()),
        ("quarantined", quarantined),
        ("late", 0),
    ] {
        let found = running.metric("weir_rows", &[&format!("outcome=\"{outcome}\"")]);
        assert_eq!(found, rows as f64, "{outcome}");
    }
    running.stop();
    assert_eq!(job.progress()["records"], read);
}

#[test]
fn pipeline_places_every_bad_record() {
    let Some(broker) = broker::shared("pipeline_places_every_bad_record") else { return };
    every_record_has_a_place(&broker, false);
    every_record_has_a_place(&broker, true);
}
