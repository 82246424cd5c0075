//! Rows for tests: real daily bars in made-up sectors, as JSON records and as CSV files.

use std::collections::BTreeMap;
use std::fmt::Write as _;

const SP500: &str = include_str!("../../../src/cli/demo/sp500.csv");
/// Columns after symbol and time.
pub(super) const FIELDS: [&str; 6] = ["open", "high", "low", "close", "volume", "vwap"];
pub(super) const CLOSE: usize = 3;

/// A row: the numbers stay the texts that they are in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bar {
    pub(super) symbol: String,
    pub(super) day: String,
    pub(super) values: [String; 6],
    /// Empty for none.
    pub(super) sector: String,
}

impl Bar {
    pub(super) fn key(&self) -> String {
        format!("{}|{}", self.symbol, self.day)
    }

    /// The key that outputs use.
    pub(super) fn output_key(&self) -> String {
        format!("{}|{}", self.symbol, instant(&self.day))
    }

    pub(super) fn json(&self) -> String {
        let mut text = format!(r#"{{"symbol":"{}","time":"{}""#, self.symbol, self.day);
        for (field, value) in FIELDS.iter().zip(&self.values) {
            let value = if value.is_empty() { "null" } else { value };
            write!(text, r#","{field}":{value}"#).unwrap();
        }
        let sector = if self.sector.is_empty() { "null" } else { &format!("{:?}", self.sector) };
        write!(text, r#","sector":{sector}}}"#).unwrap();
        text
    }

    /// The same bar with prices `factor` times as high: it passes the same checks.
    pub(super) fn scaled(&self, factor: f64) -> Bar {
        let scale = |field: usize, text: &String| match text.parse::<f64>() {
            Ok(value) if field != 4 => (value * factor).to_string(),
            _ => text.clone(),
        };
        let mut bar = self.clone();
        for field in 0..FIELDS.len() {
            bar.values[field] = scale(field, &self.values[field]);
        }
        bar
    }

    /// The same bar in another sector, or in none.
    pub(super) fn moved(&self, sector: &str) -> Bar {
        Bar { sector: sector.to_owned(), ..self.clone() }
    }

    /// The same bar with another value of a field.
    pub(super) fn with(&self, field: usize, value: &str) -> Bar {
        let mut bar = self.clone();
        value.clone_into(&mut bar.values[field]);
        bar
    }
}

/// The instant that a day begins at.
pub(super) fn instant(day: &str) -> String {
    format!("{day}T00:00:00Z")
}

/// Names of sectors that bars may move to: one is empty, which is none, one has no member yet.
pub(super) const SECTORS: [&str; 5] = ["Energy", "Utilities", "能源", "Nobody's \"own\"", ""];

/// The sector of a symbol at day number `day`: some have none, some are alone in theirs, and every
/// fifteen days they move on.
fn sector(symbol: &str, day: usize) -> String {
    let number = symbol.bytes().map(usize::from).sum::<usize>() + day / 15;
    match number % 7 {
        0 => String::new(),
        1 => format!("only {symbol}"),
        number => SECTORS[number % 3].to_owned(),
    }
}

/// The first `symbols` symbols on the first `days` days, day by day.
pub(super) fn sp500(symbols: usize, days: usize) -> Vec<Bar> {
    let mut by_day: BTreeMap<&str, BTreeMap<&str, Bar>> = BTreeMap::new();
    for line in SP500.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let values = std::array::from_fn(|field| cells[field + 2].to_owned());
        let (symbol, day) = (cells[0].to_owned(), cells[1].to_owned());
        let bar = Bar { symbol, day, values, sector: String::new() };
        by_day.entry(cells[1]).or_default().insert(cells[0], bar);
    }
    let days = by_day.into_values().take(days).enumerate();
    days.flat_map(|(day, bars)| {
        let bars = bars.into_values().take(symbols);
        bars.map(move |bar| Bar { sector: sector(&bar.symbol, day), ..bar })
    })
    .collect()
}

/// A CSV file of the rows.
pub(super) fn csv(bars: &[Bar]) -> String {
    let mut text = format!("symbol,time,{},sector\n", FIELDS.join(","));
    for bar in bars {
        let sector = bar.sector.replace('"', "\"\"");
        let values = bar.values.join(",");
        writeln!(text, "{},{},{values},\"{sector}\"", bar.symbol, bar.day).unwrap();
    }
    text
}

/// A small generator, so that a run can be repeated from its seed.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`.
    pub(super) fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    /// The seed of a run: WEIR_TEST_SEED, or a new one, which is printed.
    #[allow(clippy::print_stderr, reason = "a failed run must be repeatable")]
    pub(super) fn seed(test: &str) -> u64 {
        use std::hash::{BuildHasher, RandomState};
        let given = std::env::var("WEIR_TEST_SEED").ok().and_then(|text| text.parse().ok());
        let seed = given.unwrap_or_else(|| RandomState::new().hash_one(test));
        eprintln!("{test}: WEIR_TEST_SEED={seed}");
        seed
    }
}
