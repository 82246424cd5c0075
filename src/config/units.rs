//! Values that are written with a unit or in a form of their own: `5s`, `20 bars`, `1 MiB`, `f64?`.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserialize, Deserializer};

use crate::model::Span;

/// A length of time: `20ms`, `5s`, `10m`, `1h`, `3d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Length(pub Span);

/// A number of bars: `20 bars`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bars(pub usize);

/// A number of bytes: `1 MiB`, `512 KiB` or `100000`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bytes(pub usize);

/// Type of a field: `f64` or `string`, with a `?` behind it where a value may be absent or null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldType {
    /// Whether it holds text, which makes groups, instead of numbers.
    pub text: bool,
    /// Whether it may be absent or null.
    pub nullable: bool,
}

/// A time of day in UTC: `22:00`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeOfDay {
    /// Minutes after midnight, less than a day.
    pub minutes: u16,
}

/// More bars than this do not fit into memory at any useful number of symbols.
const MAX_BARS: usize = 1_000_000;

impl FromStr for Length {
    type Err = String;

    fn from_str(text: &str) -> Result<Length, String> {
        text.parse().map(Length).map_err(|error: crate::model::SpanError| error.to_string())
    }
}

impl FromStr for Bars {
    type Err = String;

    fn from_str(text: &str) -> Result<Bars, String> {
        let number = text.strip_suffix("bars").or_else(|| text.strip_suffix("bar"));
        match number.map(|number| number.trim().parse::<usize>()) {
            Some(Ok(bars)) if bars <= MAX_BARS => Ok(Bars(bars)),
            Some(Ok(_)) => Err(format!("`{text}` are more than {MAX_BARS} bars")),
            _ => Err(format!("`{text}` is not a number of bars; write it like `20 bars`")),
        }
    }
}

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Bytes, String> {
        let (number, unit) = [("KiB", 1 << 10), ("MiB", 1 << 20)]
            .iter()
            .find_map(|(name, bytes)| text.strip_suffix(name).map(|number| (number, *bytes)))
            .unwrap_or((text, 1));
        let bytes = number.trim().parse::<usize>().ok().and_then(|n| n.checked_mul(unit));
        // Kafka's lengths are 32 bits.
        bytes.filter(|bytes| (1..=1 << 30).contains(bytes)).map(Bytes).ok_or_else(|| {
            format!("`{text}` is not a size up to 1024 MiB; write it like `1 MiB` or `512 KiB`")
        })
    }
}

impl FromStr for TimeOfDay {
    type Err = String;

    fn from_str(text: &str) -> Result<TimeOfDay, String> {
        let number = |digits: &str, end: u16| {
            let two = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
            digits.parse::<u16>().ok().filter(|number| two && *number < end)
        };
        let parts = text.split_once(':');
        let parts = parts.and_then(|(h, m)| Some((number(h, 24)?, number(m, 60)?)));
        match parts {
            Some((hours, minutes)) => Ok(TimeOfDay { minutes: hours * 60 + minutes }),
            None => Err(format!("`{text}` is not a time of day; write it in UTC like `22:00`")),
        }
    }
}

impl FromStr for FieldType {
    type Err = String;

    fn from_str(text: &str) -> Result<FieldType, String> {
        let (name, nullable) = match text.strip_suffix('?') {
            Some(name) => (name, true),
            None => (text, false),
        };
        match name {
            "f64" => Ok(FieldType { text: false, nullable }),
            "string" => Ok(FieldType { text: true, nullable }),
            _ => Err(format!(
                "`{text}` is not a type of a field; write `f64` for numbers, `string` for the names \
                 of groups, and a `?` behind it if values may be absent"
            )),
        }
    }
}

/// Reads what is written as text through `FromStr`.
struct Visitor<T>(&'static str, std::marker::PhantomData<T>);

impl<T: FromStr<Err = String>> de::Visitor<'_> for Visitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        number.to_string().parse().map_err(E::custom)
    }
}

macro_rules! written_as_text {
    ($($name:ident: $expected:literal, $description:literal, $pattern:literal, $($kind:literal),+;)*) => {$(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$name, D::Error> {
                deserializer.deserialize_any(Visitor($expected, std::marker::PhantomData))
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "description": $description,
                    "type": [$($kind),+],
                    "pattern": $pattern,
                })
            }
        }
    )*};
}

written_as_text! {
    Length: "a length of time like `5s`", "A length of time: 20ms, 5s, 10m, 1h, 3d.",
        r"^[0-9]+ *(ns|us|ms|s|m|h|d)$|\$\{", "string";
    Bars: "a number of bars like `20 bars`", "A number of bars: 20 bars.",
        r"^[0-9]+ *bars?$|\$\{", "string";
    Bytes: "a size like `1 MiB`", "A number of bytes: 1 MiB, 512 KiB or 100000.",
        r"^[0-9]+ *(KiB|MiB)?$|\$\{", "string", "integer";
    TimeOfDay: "a time of day like `22:00`", "A time of day in UTC: 22:00.",
        r"^([01][0-9]|2[0-3]):[0-5][0-9]$|\$\{", "string";
    FieldType: "a type like `f64` or `string?`",
        "f64 for numbers, string for names of groups; a ? behind it where a value may be absent or null.",
        r"^(f64|string)\??$", "string";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_units() {
        assert_eq!("20 bars".parse(), Ok(Bars(20)));
        assert_eq!("1bar".parse(), Ok(Bars(1)));
        assert_eq!("1 MiB".parse(), Ok(Bytes(1 << 20)));
        assert_eq!("17".parse(), Ok(Bytes(17)));
        assert_eq!("f64?".parse(), Ok(FieldType { text: false, nullable: true }));
        assert_eq!("string".parse(), Ok(FieldType { text: true, nullable: false }));
        assert_eq!("22:05".parse(), Ok(TimeOfDay { minutes: 22 * 60 + 5 }));
        assert_eq!("00:00".parse(), Ok(TimeOfDay::default()));
        assert_eq!("5s".parse(), Ok(Length(Span::from_secs(5))));
    }

    #[test]
    fn refuses_the_rest() {
        for text in ["20", "bars", "-1 bars", "2000000 bars"] {
            assert!(text.parse::<Bars>().is_err(), "{text}");
        }
        for text in ["", "0", "1 GiB", "-1", "1025 MiB"] {
            assert!(text.parse::<Bytes>().is_err(), "{text}");
        }
        for text in ["f32", "text", "f64??", "?", ""] {
            assert!(text.parse::<FieldType>().is_err(), "{text}");
        }
        for text in ["", "22", "24:00", "12:60", "9:30", "09:3", "+9:30", "09:30:00", "-1:00"] {
            assert!(text.parse::<TimeOfDay>().is_err(), "{text}");
        }
        assert!("5".parse::<Length>().is_err());
    }
}
