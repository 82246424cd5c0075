//! A length of time as users write it: `20ms`, `5s`, `10m`, `1h`, `3d`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A non-negative length of time in nanoseconds.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Span(i64);

/// A text that is not a span.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a length of time: write a number and a unit (ms, s, m, h, d), like 5s")]
pub struct SpanError(pub String);

const UNITS: [(&str, i64); 7] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

impl Span {
    /// From nanoseconds; a negative number becomes zero.
    pub const fn from_nanos(nanos: i64) -> Span {
        Span(if nanos < 0 { 0 } else { nanos })
    }

    /// From milliseconds.
    pub const fn from_millis(millis: i64) -> Span {
        Span::from_nanos(millis.saturating_mul(1_000_000))
    }

    /// From seconds.
    pub const fn from_secs(secs: i64) -> Span {
        Span::from_nanos(secs.saturating_mul(1_000_000_000))
    }

    /// Nanoseconds.
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Milliseconds, rounded down.
    pub const fn millis(self) -> i64 {
        self.0 / 1_000_000
    }

    /// For waiting on the machine's clock.
    pub const fn to_std(self) -> std::time::Duration {
        std::time::Duration::from_nanos(self.0.unsigned_abs())
    }
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Span, SpanError> {
        let error = || SpanError(text.chars().take(64).collect());
        let trimmed = text.trim();
        let digits = trimmed.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = trimmed.split_at(digits);
        let number: i64 = number.parse().map_err(|_| error())?;
        let unit = unit.trim_start();
        let (_, nanos) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(error)?;
        number.checked_mul(*nanos).map(Span).ok_or_else(error)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let whole = UNITS.iter().find(|(_, nanos)| self.0 % nanos == 0);
        let (unit, nanos) = whole.copied().unwrap_or(("ns", 1));
        write!(f, "{}{unit}", self.0 / nanos)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_prints() {
        for text in ["20ms", "5s", "10m", "1h", "3d", "1500ms", "0s"] {
            assert_eq!(text.parse::<Span>().map(|s| s.to_string()), Ok(text.to_owned()));
        }
        assert_eq!("10 m".parse(), Ok(Span::from_secs(600)));
    }

    #[test]
    fn refuses_what_is_no_span() {
        for text in ["", "5", "s", "-5s", "5 parsecs", "99999999999999999999s", "1.5s"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }
}
