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

#[cfg(test)]
mod tests {
    use super::*;

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
