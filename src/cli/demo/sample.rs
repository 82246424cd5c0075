//! The real bars that the demo replays; `README.md` here names their source and licence.

use std::collections::BTreeMap;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::model::Time;

const SAMPLE: &[u8] = include_bytes!("sp500.csv");

/// A daily bar, as the file has it and as it is sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bar {
    /// Symbol.
    pub symbol: String,
    /// Day, `2018-01-02`.
    pub time: String,
    /// First price.
    pub open: f64,
    /// Highest price.
    pub high: f64,
    /// Lowest price.
    pub low: f64,
    /// Last price.
    pub close: f64,
    /// Shares traded.
    pub volume: u64,
    /// Typical price.
    pub vwap: Option<f64>,
}

/// The bars of one trading day by symbol.
#[derive(Clone, Debug)]
pub struct Day {
    /// The day as event time.
    pub time: Time,
    /// Its bars, ascending by symbol.
    pub bars: Vec<Bar>,
}

impl Bar {
    /// The bar as the JSON text of a record.
    pub fn json(&self) -> anyhow::Result<Vec<u8>> {
        Ok(serde_json::to_vec(self)?)
    }
}

/// All days of the sample in order.
pub fn sample() -> anyhow::Result<Vec<Day>> {
    let mut days: BTreeMap<Time, Vec<Bar>> = BTreeMap::new();
    for (line, bar) in (2..).zip(csv::Reader::from_reader(SAMPLE).deserialize()) {
        let bar: Bar = bar.with_context(|| format!("the demo's sample, line {line}"))?;
        days.entry(Time::parse(&bar.time)?).or_default().push(bar);
    }
    let day = |(time, mut bars): (Time, Vec<Bar>)| {
        bars.sort_by(|a, b| a.symbol.cmp(&b.symbol));
        Day { time, bars }
    };
    Ok(days.into_iter().map(day).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_whole_and_good() {
        let days = sample().unwrap();
        assert_eq!(days.len(), 120);
        for day in &days {
            assert_eq!(day.bars.len(), 120, "{}", day.time);
            assert!(day.bars.is_sorted_by(|a, b| a.symbol < b.symbol));
            for bar in &day.bars {
                let inside = |price: f64| bar.low <= price && price <= bar.high;
                assert!(bar.low > 0.0 && inside(bar.open) && inside(bar.close), "{bar:?}");
            }
        }
        // No jump that the demo's own check would flag: what it finds, the demo put there.
        for (before, day) in days.iter().zip(&days[1..]) {
            for (a, b) in before.bars.iter().zip(&day.bars) {
                assert!(a.symbol == b.symbol && (b.close / a.close - 1.0).abs() < 0.5, "{b:?}");
            }
        }
    }
}
