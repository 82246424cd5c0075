//! Event time: nanoseconds since the Unix epoch in UTC.

use std::fmt;

use chrono::{DateTime, NaiveDate, SecondsFormat};
use serde::{Deserialize, Serialize};

use super::Span;

/// An instant in event time, nanoseconds since 1970-01-01T00:00:00Z. Ordered, exact, and printed
/// as RFC 3339.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Time(i64);

/// A text that is neither an RFC 3339 instant nor a date.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "`{0}` is not a time: write RFC 3339 (2018-01-02T09:31:00Z) or a date (2018-01-02) \
     between the years 1678 and 2261"
)]
pub struct TimeError(pub String);

impl Time {
    /// Before every other time; the watermark of a source that has seen nothing.
    pub const MIN: Time = Time(i64::MIN);
    /// After every other time; the watermark of a source that has ended.
    pub const MAX: Time = Time(i64::MAX);

    /// From nanoseconds since the Unix epoch.
    pub const fn from_nanos(nanos: i64) -> Time {
        Time(nanos)
    }

    /// From milliseconds since the Unix epoch; saturates at the ends of the range.
    pub const fn from_millis(millis: i64) -> Time {
        Time(millis.saturating_mul(1_000_000))
    }

    /// Nanoseconds since the Unix epoch.
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Milliseconds since the Unix epoch, rounded down.
    pub const fn millis(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Reads an RFC 3339 instant, or a date as its midnight in UTC.
    pub fn parse(text: &str) -> Result<Time, TimeError> {
        match fixed_form(text.as_bytes()) {
            Some(time) => Ok(time),
            None => Time::parse_any_form(text),
        }
    }

    fn parse_any_form(text: &str) -> Result<Time, TimeError> {
        let error = || TimeError(text.chars().take(64).collect());
        let nanos = match NaiveDate::parse_from_str(text, "%Y-%m-%d") {
            Ok(date) => date.and_hms_opt(0, 0, 0).and_then(|t| t.and_utc().timestamp_nanos_opt()),
            Err(_) => {
                DateTime::parse_from_rfc3339(text).map_err(|_| error())?.timestamp_nanos_opt()
            }
        };
        nanos.map(Time).ok_or_else(error)
    }

    /// This time moved later by `span`; saturates.
    pub const fn plus(self, span: Span) -> Time {
        Time(self.0.saturating_add(span.nanos()))
    }

    /// This time moved earlier by `span`; saturates, and the two ends stay where they are.
    pub const fn minus(self, span: Span) -> Time {
        match self {
            Time::MIN | Time::MAX => self,
            Time(nanos) => Time(nanos.saturating_sub(span.nanos())),
        }
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text =
            DateTime::from_timestamp_nanos(self.0).to_rfc3339_opts(SecondsFormat::AutoSi, true);
        f.write_str(&text)
    }
}

/// Reads `YYYY-MM-DD` and `YYYY-MM-DDTHH:MM:SS[.fraction]Z`, the forms that feeds write, many
/// times faster than the general way. None for everything else, right or wrong.
fn fixed_form(text: &[u8]) -> Option<Time> {
    let number = |range: std::ops::Range<usize>| {
        text.get(range)?.iter().try_fold(0_i64, |number, byte| {
            byte.is_ascii_digit().then(|| number * 10 + i64::from(byte - b'0'))
        })
    };
    let is = |place: usize, byte: u8| text.get(place) == Some(&byte);
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    if !(is(4, b'-') && is(7, b'-') && (1678..=2261).contains(&year)) {
        return None;
    }
    let seconds_of_date = days_since_epoch(year, month, day)? * 86_400;
    if text.len() == 10 {
        return Some(Time(seconds_of_date * 1_000_000_000));
    }
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let marked = is(10, b'T') && is(13, b':') && is(16, b':') && text.last() == Some(&b'Z');
    if !marked || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let digits = match text.len() {
        20 => 0,
        22..=30 if is(19, b'.') => text.len() - 21,
        _ => return None,
    };
    let mut nanos = number(20..20 + digits)?;
    for _ in digits..9 {
        nanos *= 10;
    }
    let seconds = seconds_of_date + hour * 3_600 + minute * 60 + second;
    Some(Time(seconds * 1_000_000_000 + nanos))
}

/// Days from 1970-01-01 to a date of the Gregorian calendar; none if there is no such date.
fn days_since_epoch(year: i64, month: i64, day: i64) -> Option<i64> {
    const BEFORE_MONTH: [i64; 13] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365];
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let place = usize::try_from(month).ok()?;
    let before = *BEFORE_MONTH.get(place.checked_sub(1)?)?;
    let length = BEFORE_MONTH.get(place)? - before + i64::from(leap && month == 2);
    if day < 1 || day > length {
        return None;
    }
    let years = year - 1;
    let days_before_year = years * 365 + years / 4 - years / 100 + years / 400;
    Some(days_before_year + before + i64::from(leap && month > 2) + day - 1 - 719_162)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fast_way_reads_what_the_general_way_reads() {
        for day in (-100_000_i64..106_000).step_by(17) {
            let general = DateTime::from_timestamp_nanos(day * 86_400_000_000_000 + day * 7_919);
            for text in [
                general.format("%Y-%m-%d").to_string(),
                general.to_rfc3339_opts(SecondsFormat::Secs, true),
                general.to_rfc3339_opts(SecondsFormat::Nanos, true),
                general.to_rfc3339_opts(SecondsFormat::Millis, true),
            ] {
                let fast = fixed_form(text.as_bytes());
                assert_eq!(fast, Time::parse_any_form(&text).ok(), "{text}");
                assert!(fast.is_some(), "{text}");
            }
        }
    }

    #[test]
    fn the_fast_way_leaves_odd_forms_to_the_general_way() {
        for text in [
            "2018-02-29",
            "2018-00-01",
            "2018-01-00",
            "2018-04-31",
            "1900-02-29",
            "2018-01-02T",
            "2018-01-02T24:00:00Z",
            "2018-01-02T00:00:60Z",
            "2018-01-02T00:00:00.Z",
            "2018-01-02T00:00:00",
            "2018-01-02T00:00:00.0000000001Z",
            "2018-01-02T00:00:00,5Z",
            "2018-01-02T00:00:00+00:00",
            "1677-09-21",
            "2262-04-11",
            "0001-01-01",
            "2018/01/02",
        ] {
            assert_eq!(fixed_form(text.as_bytes()), None, "{text}");
        }
        assert!(fixed_form(b"2000-02-29").is_some() && fixed_form(b"2020-02-29").is_some());
    }

    #[test]
    fn reads_instants_and_dates_and_prints_rfc3339() {
        for (text, printed) in [
            ("2018-01-02", "2018-01-02T00:00:00Z"),
            ("2018-01-02T09:31:00Z", "2018-01-02T09:31:00Z"),
            ("2018-01-02T09:31:00.25+08:00", "2018-01-02T01:31:00.250Z"),
        ] {
            assert_eq!(Time::parse(text).map(|t| t.to_string()), Ok(printed.to_owned()));
        }
    }

    #[test]
    fn refuses_what_is_no_time() {
        for text in ["", "2018", "2018-13-01", "9999-01-01", "yesterday", "2018-01-02 09:31"] {
            assert!(Time::parse(text).is_err(), "{text}");
        }
    }
}
