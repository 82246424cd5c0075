//! Numbers, times and keys as the demo writes them.

use std::time::Duration;

/// A key up to the day of its time: `AAPL|2018-01-02` of `AAPL|2018-01-02T00:00:00Z`.
pub(super) fn day_of_key(key: &str) -> &str {
    const REST: &str = "T00:00:00Z";
    key.strip_suffix(REST).unwrap_or(key)
}

/// `12345` as `12,345`.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `83.4 s` as `1:23.4`.
pub(super) fn clock(at: Duration) -> String {
    let tenths = at.as_millis() / 100;
    format!("{}:{:02}.{}", tenths / 600, tenths / 10 % 60, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_numbers_times_and_keys() {
        let written: Vec<String> = [0, 999, 1_000, 1_234_567].map(thousands).to_vec();
        assert_eq!(written, ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(clock(Duration::from_millis(83_460)), "1:23.4");
        assert_eq!(day_of_key("AAPL|2018-01-02T00:00:00Z"), "AAPL|2018-01-02");
        assert_eq!(day_of_key("AAPL|2018-01-02T09:31:00Z"), "AAPL|2018-01-02T09:31:00Z");
    }
}
