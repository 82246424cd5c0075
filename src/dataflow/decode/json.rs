//! JSON records: one object per row, read straight into columns without a tree in between.
//!
//! - The symbol is a text; the time an RFC 3339 instant, a date (its midnight in UTC), or an
//!   integer: milliseconds since the Unix epoch, from 1973 on, so that seconds and dates like
//!   `20180102` are refused instead of read as a moment in 1970; fields are JSON numbers, or texts
//!   where they are declared so.
//! - An absent or null field, or an empty text, is missing (NaN) if the field is nullable, otherwise
//!   a fault.
//! - No value at all is a tombstone. Its key names the row: `SYMBOL|time`, or a JSON object with
//!   the symbol and time fields. Where the source has a revision field, a tombstone says its
//!   revision in the JSON key or in a header of that name, as an integer; without one it outranks
//!   every revision, since a deletion must not be lost.

use serde::de::DeserializeSeed;

use super::layout::{KeyOnly, Layout, Scratch, time_from_millis};
use super::names::{self, Names};
use super::record::RecordSeed;
use super::{Decoded, Decoder, Format};
use crate::model::{DeadLetter, RawBatch, RawView, Reason, RowBatch, Symbols, Texts, Time};
use crate::plan::SourcePlan;

pub(super) const FORMAT: Format = Format {
    name: "json",
    summary: "one JSON object per row, with a field for the symbol, the time and every number",
    build: |source, symbols, texts| Box::new(Json::new(source, symbols, texts)),
};

/// What is wrong with a record.
type Fault = (Reason, String);

#[derive(Debug)]
struct Json {
    layout: Layout,
    scratch: Scratch,
    names: Names,
    max_record_bytes: usize,
}

impl Json {
    fn new(source: &SourcePlan, symbols: Symbols, texts: Texts) -> Json {
        let layout = Layout::new(source);
        let scratch = Scratch::new(&layout);
        let max_record_bytes = source.max_record_bytes;
        Json { layout, scratch, names: Names::new(symbols, texts), max_record_bytes }
    }

    /// Reads one record into the scratch row; true for a tombstone.
    fn read(&mut self, record: RawView<'_>) -> Result<bool, Fault> {
        let Some(value) = record.value else {
            return self.read_tombstone(record).map(|()| true);
        };
        if value.is_empty() {
            return Err((Reason::EmptyPayload, "the value has 0 bytes".to_owned()));
        }
        if value.len() > self.max_record_bytes {
            let (have, may) = (value.len(), self.max_record_bytes);
            let message = format!("the value has {have} bytes, the source accepts {may}");
            return Err((Reason::TooLarge, message));
        }
        let text = std::str::from_utf8(value).map_err(|error| {
            (Reason::NotUtf8, format!("not UTF-8 after byte {}", error.valid_up_to()))
        })?;
        self.read_object(text, KeyOnly(false)).map(|()| false)
    }

    fn read_object(&mut self, text: &str, key_only: KeyOnly) -> Result<(), Fault> {
        self.scratch.begin();
        let mut reader = serde_json::Deserializer::from_str(text);
        let seed = RecordSeed {
            layout: &mut self.layout,
            scratch: &mut self.scratch,
            names: &self.names,
            key_only,
        };
        let outcome = seed.deserialize(&mut reader).and_then(|()| reader.end());
        if let Err(error) = outcome {
            return Err(self.scratch.fault(&error));
        }
        self.scratch.complete(&self.layout, key_only)
    }

    fn read_tombstone(&mut self, record: RawView<'_>) -> Result<(), Fault> {
        let fault = |message: String| (Reason::UnreadableKey, message);
        let key = record.key.ok_or_else(|| fault("a tombstone without a key".to_owned()))?;
        if key.len() > self.max_record_bytes {
            let (have, may) = (key.len(), self.max_record_bytes);
            let message = format!("the key has {have} bytes, the source accepts {may}");
            return Err((Reason::TooLarge, message));
        }
        let text = std::str::from_utf8(key).map_err(|error| {
            fault(format!("the key is not UTF-8 after byte {}", error.valid_up_to()))
        })?;
        if text.trim_start().starts_with('{') {
            self.read_object(text, KeyOnly(true))
                .map_err(|(_, message)| fault(format!("in the key: {message}")))?;
        } else {
            self.read_key_text(text).map_err(fault)?;
        }
        let Some(field) = self.layout.revision_field() else {
            return Ok(());
        };
        if self.scratch.revision.is_none() {
            let header = record.headers.iter().find(|(name, _)| name == field);
            self.scratch.revision = Some(match header {
                None => i64::MAX,
                Some((_, bytes)) => std::str::from_utf8(bytes)
                    .ok()
                    .and_then(|text| text.parse().ok())
                    .ok_or_else(|| fault(format!("header `{field}` is not an integer")))?,
            });
        }
        Ok(())
    }

    fn read_key_text(&mut self, text: &str) -> Result<(), String> {
        let shown = || text.chars().take(96).collect::<String>();
        let (symbol, time) =
            text.split_once('|').ok_or_else(|| format!("key `{}` is not SYMBOL|time", shown()))?;
        if let Some(fault) = names::fault(symbol) {
            return Err(format!("the symbol of key `{}` {fault}", shown()));
        }
        let millis = time.parse().ok().and_then(time_from_millis);
        self.scratch.begin();
        self.scratch.time = match millis {
            Some(time) => time,
            None => Time::parse(time).map_err(|error| error.to_string())?,
        };
        self.scratch.symbol = self.names.find(symbol);
        self.scratch.new_symbol.push_str(symbol);
        Ok(())
    }

    /// Appends the scratch row.
    fn store(&mut self, record: RawView<'_>, deleted: bool, rows: &mut RowBatch) {
        let scratch = &mut self.scratch;
        let symbol = match scratch.symbol {
            Some(symbol) => symbol,
            None => self.names.intern(&scratch.new_symbol),
        };
        for (field, text) in scratch.new_texts.drain(..) {
            if let Some(value) = scratch.values.get_mut(field) {
                *value = self.names.intern_text(&text);
            }
        }
        rows.offsets.push(record.offset);
        rows.arrivals_ms.push(record.arrival_ms);
        rows.revisions.push(scratch.revision.unwrap_or(0));
        rows.symbols.push(symbol);
        rows.times.push(scratch.time);
        rows.deleted.push(deleted);
        rows.violations.push(0);
        for (column, value) in rows.columns.iter_mut().zip(&scratch.values) {
            column.push(if deleted { f64::NAN } else { *value });
        }
    }
}

impl Decoder for Json {
    fn decode(&mut self, batch: &RawBatch) -> Decoded {
        let mut decoded = Decoded {
            rows: RowBatch::new(batch.partition, self.scratch.values.len()),
            raw_index: Vec::with_capacity(batch.len()),
            dead: Vec::new(),
        };
        decoded.rows.reserve(batch.len());
        for (index, record) in batch.iter().enumerate() {
            match self.read(record) {
                Ok(deleted) => {
                    self.store(record, deleted, &mut decoded.rows);
                    decoded.raw_index.push(index as u32);
                }
                Err((reason, message)) => {
                    let coordinates = record.coordinates(batch.partition);
                    let original = record.to_record();
                    decoded.dead.push(DeadLetter { coordinates, original, reason, message });
                }
            }
        }
        decoded
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::SymbolId;
    use crate::plan::{FieldPlan, Start, UnknownFields};

    fn source() -> SourcePlan {
        let field =
            |name: &str, nullable| FieldPlan { name: name.to_owned(), nullable, text: false };
        SourcePlan {
            name: "bars".to_owned(),
            topic: "bars".to_owned(),
            format: "json",
            symbol_field: "symbol".to_owned(),
            time_field: "time".to_owned(),
            revision_field: None,
            fields: vec![field("open", false), field("close", false), field("vwap", true)],
            unknown_fields: UnknownFields::Ignore,
            lateness: crate::model::Span::default(),
            corrections: 0,
            idle_timeout: crate::model::Span::default(),
            max_record_bytes: 1 << 20,
            start: Start::Earliest,
        }
    }

    type Pair<'a> = (Option<&'a [u8]>, Option<&'a [u8]>);

    fn decode_with(source: &SourcePlan, records: &[Pair<'_>]) -> Decoded {
        let mut raw = RawBatch::new(3);
        for (offset, (key, value)) in (100..).zip(records) {
            let headers = &[("rev".to_owned(), b"7".to_vec())];
            raw.push(RawView { offset, arrival_ms: 5, key: *key, value: *value, headers });
        }
        let decoded = Json::new(source, Symbols::default(), Texts::default()).decode(&raw);
        assert_eq!(decoded.rows.len() + decoded.dead.len(), records.len());
        assert_eq!(decoded.rows.len(), decoded.raw_index.len());
        assert!(decoded.rows.columns.iter().all(|column| column.len() == decoded.rows.len()));
        decoded
    }

    fn decode(text: &str) -> Decoded {
        decode_with(&source(), &[(None, Some(text.as_bytes()))])
    }

    /// Reason and message of a record that must be a dead letter.
    fn dead(source: &SourcePlan, record: Pair<'_>) -> (Reason, String) {
        let decoded = decode_with(source, &[record]);
        let letter = decoded.dead.first().unwrap_or_else(|| panic!("{record:?} was read"));
        assert_eq!(letter.coordinates.offset, 100);
        assert_eq!(letter.original.key.as_deref(), record.0);
        assert_eq!(letter.original.value.as_deref(), record.1);
        assert_eq!(letter.original.headers.len(), 1);
        (letter.reason, letter.message.clone())
    }

    const GOOD: &str =
        r#"{"symbol":"MSFT","time":"2018-01-02","open":85.95,"close":-0.0,"vwap":86.1}"#;

    #[test]
    fn rows_are_read_in_any_order_of_fields() {
        let shuffled = r#" {"x":{"a":[1,{"b":"]}"}]}, "vwap":null,"close":9007199254740993,
            "time":1514851200000,"op\u0065n":1e-3,"symbol":"A\u0041"} "#;
        let short = r#"{"symbol":"MSFT","time":"2018-01-02T09:31:00.5+08:00","open":1,"close":2}"#;
        let texts = [GOOD, shuffled, short, GOOD].map(|text| (None, Some(text.as_bytes())));
        let Decoded { rows, raw_index, dead } = decode_with(&source(), &texts);
        assert!(dead.is_empty(), "{dead:?}");
        assert_eq!(raw_index, [0, 1, 2, 3]);
        assert_eq!(rows.symbols, [0, 1, 0, 0].map(SymbolId));
        assert_eq!(rows.times[0], rows.times[1]);
        assert_eq!(rows.times[2].to_string(), "2018-01-02T01:31:00.500Z");
        assert_eq!(rows.columns[0], [85.95, 1e-3, 1.0, 85.95]);
        assert_eq!(rows.columns[1], [-0.0, 9007199254740992.0, 2.0, -0.0]);
        assert!(rows.columns[1][0].is_sign_negative());
        assert_eq!(rows.columns[2].map_nan(), [Some(86.1), None, None, Some(86.1)]);
        assert_eq!((rows.partition, rows.offsets[3], rows.arrivals_ms[3]), (3, 103, 5));
    }

    trait MapNan {
        fn map_nan(&self) -> Vec<Option<f64>>;
    }

    impl MapNan for Vec<f64> {
        fn map_nan(&self) -> Vec<Option<f64>> {
            self.iter().map(|value| (!value.is_nan()).then_some(*value)).collect()
        }
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let put = |field: &str, value: &str| {
            let mut fields = vec![
                ("symbol", r#""MSFT""#),
                ("time", r#""2018-01-02""#),
                ("open", "85.95"),
                ("close", "86"),
            ];
            fields.retain(|(name, _)| *name != field);
            let mut text = String::from("{");
            for (name, known) in fields {
                text.push_str(&format!("\"{name}\":{known},"));
            }
            text + &format!("\"{field}\":{value}}}")
        };
        let long = format!("\"{}\"", "x".repeat(65));
        let deep = "[".repeat(100_000);
        let table = [
            (Reason::EmptyPayload, String::new(), "0 bytes"),
            (Reason::Malformed, " ".to_owned(), "column 1"),
            (Reason::Malformed, GOOD[..40].to_owned(), "line 1 column 40"),
            (Reason::Malformed, format!("{GOOD}x"), "trailing"),
            (Reason::Malformed, format!("{GOOD}{GOOD}"), "trailing"),
            (Reason::Malformed, "\u{feff}{}".to_owned(), "column 1"),
            (Reason::Malformed, put("open", "NaN"), "column"),
            (Reason::Malformed, put("open", "01"), "invalid number"),
            (Reason::Malformed, put("other", "[1,2"), "column"),
            (Reason::WrongType, "[1,2]".to_owned(), "an object"),
            (Reason::WrongType, "null".to_owned(), "an object"),
            (Reason::WrongType, deep.clone(), "an object"),
            (Reason::WrongType, put("open", "\"NaN\""), "`open` is the text \"NaN\", must be a"),
            (Reason::WrongType, put("open", "\"85.95\""), "must be a number, at line 1 column"),
            (Reason::WrongType, put("open", "true"), "is true"),
            (Reason::WrongType, put("open", "[85.95]"), "a list"),
            (Reason::WrongType, put("open", &deep), "a list"),
            (Reason::WrongType, put("open", r#"{"a":1}"#), "an object"),
            (Reason::WrongType, put("symbol", "600000"), "must be text"),
            (Reason::WrongType, put("symbol", "1e3"), "must be text"),
            (Reason::WrongType, put("symbol", r#""""#), "is empty"),
            (Reason::WrongType, put("symbol", r#""A|B""#), "`|`"),
            (Reason::WrongType, put("symbol", r#""A\u0000""#), "control"),
            (Reason::WrongType, put("symbol", &long), "65 bytes"),
            (Reason::WrongType, put("time", "false"), "RFC 3339"),
            (Reason::MissingField, "{}".to_owned(), "`symbol`, `time`, `open`, `close`"),
            (Reason::MissingField, put("open", "null"), "`open` is null"),
            (Reason::MissingField, put("time", "null"), "`time` is null"),
            (Reason::MissingField, GOOD.replace("open", "Open"), "without `open`"),
            (Reason::NumberOutOfRange, put("open", "1e999"), "column"),
            (Reason::NumberOutOfRange, put("open", &"9".repeat(400)), "column"),
            (Reason::DuplicateField, put("open", r#"1,"open":1"#), "`open` is there twice"),
            (Reason::DuplicateField, put("open", r#"1,"symbol":"A""#), "`symbol`"),
            (Reason::UnreadableTime, put("time", r#""yesterday""#), "`yesterday`"),
            (Reason::UnreadableTime, put("time", r#""9999-01-01""#), "9999"),
            (Reason::UnreadableTime, put("time", r#""1677-09-21T00:12:43.145224192Z""#), "1677"),
            (Reason::UnreadableTime, put("time", "1514851200"), "1514851200"),
            (Reason::UnreadableTime, put("time", "20180102"), "milliseconds"),
            (Reason::UnreadableTime, put("time", "1514851200000000"), "milliseconds"),
            (Reason::UnreadableTime, put("time", "-1"), "milliseconds"),
            (Reason::UnreadableTime, put("time", "1514851200000.5"), "milliseconds"),
        ];
        for (reason, text, part) in table {
            let (found, message) = dead(&source(), (Some(b"k"), Some(text.as_bytes())));
            let shown: String = text.chars().take(120).collect();
            assert_eq!(found, reason, "{shown}: {message}");
            assert!(message.contains(part), "{shown}: {message}");
        }
        let (reason, message) = dead(&source(), (None, Some(b"{\"symbol\":\"\xff\"}")));
        assert_eq!((reason, message.contains("byte 11")), (Reason::NotUtf8, true), "{message}");
        let (reason, _) = dead(&source(), (None, Some(b"{\"other\":\"\xff\"}")));
        assert_eq!(reason, Reason::NotUtf8);
    }

    /// A source with the text fields `sector` and `venue`, of which the last may be missing.
    fn with_groups() -> SourcePlan {
        let text = |name: &str, nullable| FieldPlan { name: name.to_owned(), nullable, text: true };
        let mut source = source();
        source.fields.extend([text("sector", false), text("venue", true)]);
        source
    }

    fn grouped(sector: &str, venue: &str) -> String {
        GOOD.replace('}', &format!(",\"sector\":{sector},\"venue\":{venue}}}"))
    }

    #[test]
    fn texts_are_numbers_that_say_which_are_the_same() {
        let texts = [
            grouped("\"Energy\"", "\"X\""),
            grouped("\"\\u0045nergy\"", "null"),
            grouped("\"能源\"", "\"\""),
            grouped("\"X\"", "\"Energy\""),
            grouped("\"Energy\"", "\"X\"").replace(r#","venue":"X""#, ""),
        ];
        let records: Vec<Pair<'_>> =
            texts.iter().map(|text| (None, Some(text.as_bytes()))).collect();
        let Decoded { rows, dead, .. } = decode_with(&with_groups(), &records);
        assert!(dead.is_empty(), "{dead:?}");
        let [sectors, venues] = [&rows.columns[3], &rows.columns[4]];
        assert_eq!(sectors[0], sectors[1]);
        assert_eq!(sectors[0], sectors[4]);
        assert_eq!((sectors[3], venues[3]), (venues[0], sectors[0]), "a text is one everywhere");
        assert!(sectors[0] != sectors[2] && sectors[2] != sectors[3]);
        assert_eq!(
            venues.map_nan().iter().map(Option::is_some).collect::<Vec<_>>(),
            [true, false, false, true, false]
        );
    }

    #[test]
    fn what_is_no_text_says_why() {
        let long = format!("\"{}\"", "x".repeat(257));
        for (reason, sector, part) in [
            (Reason::WrongType, "45", "`sector` is the number 45, must be text"),
            (Reason::WrongType, "4.5", "the number 4.5, must be text"),
            (Reason::WrongType, "18446744073709551615", "must be text"),
            (Reason::WrongType, "true", "is true, must be text"),
            (Reason::WrongType, "[]", "a list"),
            (Reason::WrongType, &long, "`sector` has 257 bytes, at most 256"),
            (Reason::MissingField, "null", "`sector` is null"),
            (Reason::MissingField, "\"\"", "`sector` is empty"),
        ] {
            let text = grouped(sector, "null");
            let (found, message) = dead(&with_groups(), (None, Some(text.as_bytes())));
            assert_eq!(found, reason, "{sector}: {message}");
            assert!(message.contains(part), "{sector}: {message}");
        }
        let (_, message) = dead(&with_groups(), (None, Some(GOOD.as_bytes())));
        assert_eq!(message, "without `sector`");
    }

    #[test]
    fn only_rows_make_texts_known() {
        let texts = Texts::default();
        let mut json = Json::new(&with_groups(), Symbols::default(), texts.clone());
        let mut raw = RawBatch::new(0);
        let bad = grouped("\"Lost\"", "true");
        let good = grouped("\"Energy\"", "\"X\"");
        for value in [&bad, &good] {
            let value = Some(value.as_bytes());
            raw.push(RawView { offset: 0, arrival_ms: 0, key: None, value, headers: &[] });
        }
        let decoded = json.decode(&raw);
        assert_eq!((decoded.dead.len(), decoded.rows.len(), texts.len()), (1, 1, 2));
        assert_eq!(decoded.rows.columns[3], [texts.number("Energy")]);
        assert_eq!(decoded.rows.columns[4], [texts.number("X")]);
    }

    #[test]
    fn a_record_above_the_limit_is_not_even_looked_at() {
        let long = GOOD.replace('}', &" ".repeat(5_000_000)) + "}";
        let (reason, message) = dead(&source(), (None, Some(long.as_bytes())));
        assert_eq!(reason, Reason::TooLarge);
        assert_eq!(
            message,
            format!("the value has {} bytes, the source accepts 1048576", long.len())
        );
        let at_limit = SourcePlan { max_record_bytes: GOOD.len(), ..source() };
        assert!(decode_with(&at_limit, &[(None, Some(GOOD.as_bytes()))]).dead.is_empty());
    }

    #[test]
    fn unknown_fields_go_by_the_policy() {
        let text = GOOD.replace("{", r#"{"colour":1e999,"#);
        assert!(decode(&text).dead.is_empty());
        let strict = SourcePlan { unknown_fields: UnknownFields::Reject, ..source() };
        let (reason, message) = dead(&strict, (None, Some(text.as_bytes())));
        assert_eq!(reason, Reason::UnknownField);
        assert!(message.contains("`colour`"), "{message}");
        assert!(decode_with(&strict, &[(None, Some(GOOD.as_bytes()))]).dead.is_empty());
    }

    #[test]
    fn tombstones_are_named_by_their_key() {
        let keys = [
            "MSFT|2018-01-02",
            "MSFT|2018-01-02T00:00:00Z",
            "MSFT|1514851200000",
            r#"{"symbol":"MSFT","time":"2018-01-02"}"#,
            r#" {"time":1514851200000,"venue":"X","open":"?","symbol":"MSFT"}"#,
        ];
        let strict = SourcePlan { unknown_fields: UnknownFields::Reject, ..source() };
        let records = keys.map(|key| (Some(key.as_bytes()), None));
        let Decoded { rows, dead, .. } = decode_with(&strict, &records);
        assert!(dead.is_empty(), "{dead:?}");
        assert!(rows.deleted.iter().all(|deleted| *deleted));
        assert!(rows.symbols.iter().all(|symbol| *symbol == SymbolId(0)));
        assert!(rows.times.iter().all(|time| time.to_string() == "2018-01-02T00:00:00Z"));
        assert!(rows.columns.iter().flatten().all(|value| value.is_nan()));
    }

    #[test]
    fn unreadable_keys_of_tombstones() {
        let keys: [Option<&[u8]>; 12] = [
            None,
            Some(b""),
            Some(b"MSFT"),
            Some(b"|2018-01-02"),
            Some(b"MSFT|"),
            Some(b"MSFT|soon"),
            Some(b"MSFT|20180102"),
            Some(b"A|B|2018-01-02"),
            Some(b"\xff|2018-01-02"),
            Some(br#"{"symbol":"MSFT"}"#),
            Some(br#"{"symbol":"MSFT","time":"2018-01-02"#),
            Some(br#"{"symbol":7,"time":"2018-01-02"}"#),
        ];
        for key in keys {
            let (reason, message) = dead(&source(), (key, None));
            assert_eq!(reason, Reason::UnreadableKey, "{key:?}: {message}");
            assert!(!message.is_empty());
        }
    }

    #[test]
    fn revisions_are_integers_and_tombstones_have_them_too() {
        let source = SourcePlan { revision_field: Some("rev".to_owned()), ..source() };
        let with = |value: &str| GOOD.replace('{', &format!("{{\"rev\":{value},"));
        let good = with("-4");
        let key = r#"{"symbol":"MSFT","time":"2018-01-02","rev":9}"#;
        let records = [
            (None, Some(good.as_bytes())),
            (Some(key.as_bytes()), None),
            (Some(&b"MSFT|2018-01-02"[..]), None),
        ];
        assert_eq!(decode_with(&source, &records).rows.revisions, [-4, 9, 7]);
        let other = SourcePlan { revision_field: Some("version".to_owned()), ..source.clone() };
        assert_eq!(decode_with(&other, &records[2..]).rows.revisions, [i64::MAX]);
        for value in ["1.0", "\"1\"", "18446744073709551615"] {
            let (reason, message) = dead(&source, (None, Some(with(value).as_bytes())));
            assert_eq!(reason, Reason::WrongType, "{message}");
        }
        let (reason, message) = dead(&source, (None, Some(GOOD.as_bytes())));
        assert_eq!((reason, message.as_str()), (Reason::MissingField, "without `rev`"));
    }

    #[test]
    fn a_bad_record_leaves_nothing_behind_in_the_next() {
        let bad = GOOD.replace("86.1", "\"x\"").replace("MSFT", "NEW");
        let bare = r#"{"symbol":"MSFT","time":"2018-01-02","open":1,"close":2}"#;
        let records = [GOOD, &bad, bare].map(|text| (None, Some(text.as_bytes())));
        let symbols = Symbols::default();
        let mut raw = RawBatch::new(0);
        for (key, value) in records {
            raw.push(RawView { offset: 0, arrival_ms: 0, key, value, headers: &[] });
        }
        let decoded = Json::new(&source(), symbols.clone(), Texts::default()).decode(&raw);
        assert_eq!(decoded.raw_index, [0, 2]);
        assert_eq!(decoded.rows.columns[2].map_nan(), [Some(86.1), None]);
        assert_eq!(symbols.find("NEW"), None, "a dead letter must not add a symbol");
    }

    proptest! {
        #[test]
        fn any_bytes_end_in_one_place(
            key in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..40)),
            value in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..80)),
        ) {
            decode_with(&source(), &[(key.as_deref(), value.as_deref())]);
        }

        #[test]
        fn spoiled_records_end_in_one_place(
            at in 0..GOOD.len(),
            bytes in proptest::collection::vec(any::<u8>(), 0..4),
            cut in 0..4_usize,
        ) {
            let mut value = GOOD.as_bytes().to_vec();
            value.splice(at..(at + cut).min(GOOD.len()), bytes);
            let decoded = decode_with(&source(), &[(None, Some(&value)), (Some(&value), None)]);
            prop_assert!(decoded.rows.times.len() <= 2);
        }

        #[test]
        fn numbers_have_the_bits_that_their_text_has(value in any::<f64>(), exp in any::<bool>()) {
            prop_assume!(value.is_finite());
            let text = if exp { format!("{value:e}") } else { format!("{value:?}") };
            let decoded = decode(&GOOD.replace("85.95", &text));
            prop_assert_eq!(decoded.rows.columns[0][0].to_bits(), value.to_bits());
        }
    }
}
