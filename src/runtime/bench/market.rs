//! Synthetic market data: bars of any number of symbols, the same at every run.

use crate::model::{RowBatch, SymbolId, Symbols, Time};
use crate::plan::FieldPlan;

/// Milliseconds between two bars.
pub(super) const BAR_MS: i64 = 60_000;

/// What a column holds, judged by the field's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Open,
    High,
    Low,
    Close,
    Volume,
    Vwap,
    Amount,
    /// One of so many groups, fixed per symbol.
    Group(u64),
    /// A number of which nothing is known.
    Other,
}

/// A market of so many symbols, walked at random.
#[derive(Debug)]
pub(super) struct Market {
    columns: Vec<Column>,
    symbols: Vec<SymbolId>,
    /// Close of the bar before, by symbol.
    closes: Vec<f64>,
    bar: i64,
}

/// One row: open, high, low, close, volume, vwap.
type Bar = [f64; 6];

impl Market {
    /// The symbols whose number leaves the rest `part` when divided by `parts`.
    pub(super) fn new(
        fields: &[FieldPlan],
        symbols: &Symbols,
        count: usize,
        (part, parts): (usize, usize),
    ) -> Market {
        let mine = (0..count).filter(|s| s % parts == part);
        let mine: Vec<SymbolId> = mine.map(|s| symbols.intern(&format!("S{s:06}"))).collect();
        let closes = mine.iter().map(|s| 5.0 + 200.0 * noise(s.0.into(), 0, 0)).collect();
        Market { columns: fields.iter().map(column).collect(), symbols: mine, closes, bar: 0 }
    }

    /// The time of a bar.
    pub(super) fn time(bar: i64) -> Time {
        Time::from_millis((bar + 1) * BAR_MS)
    }

    /// How many bars were made.
    pub(super) fn bars(&self) -> i64 {
        self.bar
    }

    /// The next bar of all symbols, as rows of a partition.
    pub(super) fn next(&mut self, partition: i32, offset: i64) -> RowBatch {
        let mut rows = RowBatch::new(partition, self.columns.len());
        rows.reserve(self.symbols.len());
        for at in 0..self.symbols.len() {
            let symbol = self.symbols[at];
            let bar = walk(symbol, self.bar, self.closes[at]);
            self.closes[at] = bar[3];
            self.push(&mut rows, symbol, self.bar, offset, &bar);
        }
        self.bar += 1;
        rows
    }

    /// A newer version of a row of one of the last `horizon` bars, chosen by `number`.
    pub(super) fn correction(
        &self,
        partition: i32,
        offset: i64,
        horizon: i64,
        number: u64,
    ) -> Option<RowBatch> {
        let back = 1 + (noise(number, 1, 7) * horizon.min(self.bar) as f64) as i64;
        let at = (noise(number, 2, 7) * self.symbols.len() as f64) as usize;
        let (symbol, close) = (self.symbols.get(at)?, self.closes.get(at)?);
        let mut rows = RowBatch::new(partition, self.columns.len());
        let bar = walk(*symbol, number as i64, *close);
        self.push(&mut rows, *symbol, (self.bar - back).max(0), offset, &bar);
        Some(rows)
    }

    fn push(&self, rows: &mut RowBatch, symbol: SymbolId, bar: i64, offset: i64, values: &Bar) {
        let [open, high, low, close, volume, vwap] = *values;
        let time = Market::time(bar);
        rows.offsets.push(offset + rows.offsets.len() as i64);
        rows.arrivals_ms.push(time.nanos() / 1_000_000);
        rows.revisions.push(0);
        rows.symbols.push(symbol);
        rows.times.push(time);
        rows.deleted.push(false);
        rows.violations.push(0);
        for (field, (column, kind)) in rows.columns.iter_mut().zip(&self.columns).enumerate() {
            column.push(match kind {
                Column::Open => open,
                Column::High => high,
                Column::Low => low,
                Column::Close => close,
                Column::Volume => volume,
                Column::Vwap => vwap,
                Column::Amount => vwap * volume,
                Column::Group(groups) => (u64::from(symbol.0) % groups) as f64,
                Column::Other => 1.0 + noise(symbol.0.into(), bar, 20 + field as u64),
            });
        }
    }
}

fn column(field: &FieldPlan) -> Column {
    match field.name.as_str() {
        "open" => Column::Open,
        "high" => Column::High,
        "low" => Column::Low,
        "close" => Column::Close,
        "volume" => Column::Volume,
        "vwap" => Column::Vwap,
        "amount" => Column::Amount,
        "sector" => Column::Group(11),
        "industry" => Column::Group(60),
        "subindustry" => Column::Group(160),
        _ if field.text => Column::Group(60),
        _ => Column::Other,
    }
}

/// A bar after one that closed at `last`: prices in cents, a volume in lots.
fn walk(symbol: SymbolId, bar: i64, last: f64) -> Bar {
    let step = |kind| noise(symbol.0.into(), bar, kind) + noise(symbol.0.into(), bar, kind + 8);
    let cents = |x: f64| (x * 100.0).round() / 100.0;
    let open = cents(last * (1.0 + 0.004 * (step(1) - 1.0)));
    let close = cents((open * (1.0 + 0.02 * (step(2) - 1.0))).max(0.05));
    let high = cents(open.max(close) * (1.0 + 0.004 * step(3)));
    let low = cents((open.min(close) * (1.0 - 0.004 * step(4))).max(0.01));
    let volume = (1_000.0 * (1.0 + 30.0 * step(5) * step(6))).round() * 100.0;
    [open, high, low, close, volume, cents((high + low + close) / 3.0)]
}

/// A number in [0, 1) that depends on nothing but the arguments (Splitmix64's finisher).
fn noise(symbol: u64, bar: i64, kind: u64) -> f64 {
    let seed = (symbol << 40) ^ ((bar as u64) << 8) ^ kind;
    let mut z = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}
