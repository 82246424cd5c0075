//! Random bars, and bars of the odd kinds that break careless arithmetic.

use std::collections::BTreeMap;

use weir::model::Time;

use super::library::{FIELDS, GROUPS, NUMBERS};

/// Splitmix64.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Random {
        Random(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in 0..n.
    pub(super) fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    /// A number in [0, 1).
    pub(super) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(super) fn shuffle<T>(&mut self, all: &mut [T]) {
        for i in (1..all.len()).rev() {
            all.swap(i, self.below(i + 1));
        }
    }
}

/// The seeds of this run: the one that was asked for, or as many as there are rounds.
pub(super) fn seeds() -> Vec<u64> {
    let asked = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    match asked("WEIR_SEED") {
        Some(seed) => vec![seed],
        None => (1..=asked("WEIR_ROUNDS").unwrap_or(1)).collect(),
    }
}

/// How many fields come first that are a symbol's own; the other numbers are the whole market's.
const OWN: usize = 8;

/// Numbers by time and symbol: fields, or factors.
pub(super) type Table = BTreeMap<(usize, u32), Vec<f64>>;

/// Event time of a number of a bar. Odd numbers are free for times that should not be there.
pub(super) fn time(bar: usize) -> Time {
    Time::from_millis(bar as i64 * 60_000)
}

/// One row with groups that hardly change; `market` is the same for all symbols of a bar.
fn row(random: &mut Random, symbol: u32, close: f64, volume: f64, market: [f64; 5]) -> Vec<f64> {
    let cents = |x: f64| (x * 100.0).round() / 100.0;
    let open = cents(close * (0.99 + 0.02 * random.unit()));
    let high = cents(open.max(close) * (1.0 + 0.01 * random.unit()));
    let low = cents(open.min(close) * (1.0 - 0.01 * random.unit()));
    let vwap = (high + low + close) / 3.0;
    let mut row = vec![open, high, low, close, volume, vwap * volume, vwap, close * 1e6];
    row.extend(market);
    assert_eq!(row.len(), NUMBERS.len());
    let moves = u32::from(random.below(50) == 0);
    row.extend([2, 3, 5].map(|parts| f64::from((symbol + moves) % parts)));
    row
}

/// A market: prices in whole cents, gaps, a symbol that is listed late, one that trades once, days
/// without volume, and now and then a value that is missing or odd. Only every third symbol has
/// none of it, so that the longest windows are full there. Bars have even numbers.
pub(super) fn market(random: &mut Random, bars: usize, symbols: u32) -> Table {
    let mut table = Table::new();
    let mut closes: Vec<f64> = (0..symbols).map(|_| 20.0 + random.unit()).collect();
    for bar in (0..bars).map(|bar| bar * 2 + 2) {
        let market = [0.0; 5].map(|_| random.unit() - 0.5);
        for symbol in 0..symbols {
            let close = &mut closes[symbol as usize];
            *close =
                (((*close * 0.9 + 2.0) * (0.95 + 0.1 * random.unit())) * 100.0).round() / 100.0;
            let late = symbol == 1 && bar < bars / 2;
            let once = symbol == 2 && bar != 2 * (bars / 3);
            let orderly = symbol % 3 == 0;
            if late || once || (random.below(40) == 0 && !orderly) {
                continue;
            }
            let quiet = random.below(30) == 0 && !orderly;
            let volume = if quiet { 0.0 } else { 1.0 + random.below(2000) as f64 };
            let mut row = row(random, symbol, *close, volume, market);
            if random.below(60) == 0 && !orderly {
                let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 1e300, 5e-324];
                row[random.below(OWN)] = odd[random.below(odd.len())];
            }
            table.insert((bar, symbol), row);
        }
    }
    table
}

/// Another version of a row, or a row that should not be there.
pub(super) fn wrong(random: &mut Random, row: Option<&Vec<f64>>) -> Vec<f64> {
    let mut wrong = match row {
        Some(row) => row.clone(),
        None => row_of(random),
    };
    for _ in 0..1 + random.below(3) {
        let at = random.below(FIELDS);
        wrong[at] = match random.below(6) {
            0 => f64::NAN,
            1 if at < NUMBERS.len() => f64::INFINITY,
            _ if at < NUMBERS.len() => 100.0 * random.unit(),
            _ => random.below(4) as f64,
        };
    }
    wrong
}

fn row_of(random: &mut Random) -> Vec<f64> {
    let (symbol, close) = (random.below(30) as u32, 1.0 + random.unit());
    row(random, symbol, close, 10.0, [0.5; 5])
}

/// Bars that are all of one kind.
pub(super) fn odd(kind: &str, random: &mut Random, bars: usize, symbols: u32) -> Table {
    let mut table = market(random, bars, symbols);
    let names = NUMBERS.len();
    assert_eq!(names + GROUPS.len(), FIELDS);
    let same = |value: f64| move |row: &mut Vec<f64>| row[..names].fill(value);
    let mut every = |change: &dyn Fn(&mut Vec<f64>)| table.values_mut().for_each(change);
    match kind {
        "constant" => every(&same(7.25)),
        "zero" => every(&same(0.0)),
        "negative zero" => every(&same(-0.0)),
        "infinite" => every(&same(f64::INFINITY)),
        "missing" => every(&same(f64::NAN)),
        "denormal" => every(&|row| row[..names].iter_mut().for_each(|v| *v *= 1e-310)),
        "huge" => every(&|row| row[..names].iter_mut().for_each(|v| *v *= 1e304)),
        "largest" => every(&same(f64::MAX)),
        "alternating" => {
            for ((bar, _), row) in &mut table {
                row[..names].fill(if bar % 4 == 0 { f64::MAX } else { f64::MIN });
            }
        }
        "tied" => {
            let mut first: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
            for ((bar, _), row) in &mut table {
                let first = first.entry(*bar).or_insert_with(|| row.clone());
                row[..names].copy_from_slice(&first[..names]);
            }
        }
        "groups of one" => {
            for ((_, symbol), row) in &mut table {
                row[names..].fill(f64::from(*symbol));
            }
        }
        "no group" => every(&|row| row[names..].fill(f64::NAN)),
        "one symbol" => table.retain(|(_, symbol), _| *symbol == 0),
        "as usual" => {}
        other => panic!("{other}"),
    }
    table
}
