//! Factor values of a whole run, one row per time and symbol, in little more memory than they need.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{Float64Builder, StringBuilder};
use arrow_array::{ArrayRef, RecordBatch, TimestampNanosecondArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use rustc_hash::{FxHashMap, FxHashSet};

use super::{WriteError, time_type, write};
use crate::model::{FactorBatch, SymbolId, Symbols, Time};

/// Collects the factor values of a run: what was inserted and not retracted.
#[derive(Debug)]
pub struct FactorFile {
    factors: usize,
    blocks: BTreeMap<Time, Block>,
    /// Retractions that came before what they retract; empty at the end.
    owed: Block,
    owed_times: Vec<Time>,
}

/// Rows of one time, in any order.
#[derive(Debug, Default)]
struct Block {
    symbols: Vec<SymbolId>,
    /// Row by row, so that a block is two pieces of memory however many factors there are.
    values: Vec<f64>,
}

/// Most cells of a batch on its way into the file.
const BATCH_CELLS: usize = 1 << 22;

impl FactorFile {
    /// Nothing yet, for rows of `factors` values.
    pub fn new(factors: usize) -> FactorFile {
        FactorFile {
            factors,
            blocks: BTreeMap::new(),
            owed: Block::default(),
            owed_times: Vec::new(),
        }
    }

    /// Takes in a batch of +1 or -1. Old rows need not come before new ones.
    pub fn apply(&mut self, batch: &FactorBatch) {
        if batch.diff < 0 { self.retract(batch) } else { self.insert(batch) }
    }

    /// How many rows there are now.
    pub fn rows(&self) -> u64 {
        self.blocks.values().map(|block| block.symbols.len() as u64).sum()
    }

    fn insert(&mut self, batch: &FactorBatch) {
        let block = self.blocks.entry(batch.time).or_default();
        if block.symbols.is_empty() {
            // Most times come as one batch: no more memory than that.
            block.symbols.reserve_exact(batch.symbols.len());
            block.values.reserve_exact(batch.symbols.len() * self.factors);
        }
        let mut row = Vec::with_capacity(self.factors);
        for (number, symbol) in batch.symbols.iter().enumerate() {
            row.clear();
            row.extend(batch.columns.iter().map(|column| column[number]));
            let owed = (0..self.owed_times.len()).find(|at| {
                self.owed_times[*at] == batch.time
                    && self.owed.symbols[*at] == *symbol
                    && same(self.owed.row(*at, self.factors), &row)
            });
            match owed {
                Some(at) => {
                    self.owed_times.swap_remove(at);
                    self.owed.swap_remove(at, self.factors);
                }
                None => block.push(*symbol, &row),
            }
        }
    }

    fn retract(&mut self, batch: &FactorBatch) {
        let factors = self.factors;
        let mut nothing = Block::default();
        let block = self.blocks.get_mut(&batch.time).unwrap_or(&mut nothing);
        // Positions by symbol, looked up only: a symbol is there more than once only while a
        // revision is half in.
        let mut rows: FxHashMap<SymbolId, Vec<usize>> = FxHashMap::default();
        let wanted: FxHashSet<SymbolId> = batch.symbols.iter().copied().collect();
        for (at, symbol) in block.symbols.iter().enumerate() {
            if wanted.contains(symbol) {
                rows.entry(*symbol).or_default().push(at);
            }
        }
        let mut gone = Vec::with_capacity(batch.symbols.len());
        let mut row = Vec::with_capacity(factors);
        for (number, symbol) in batch.symbols.iter().enumerate() {
            row.clear();
            row.extend(batch.columns.iter().map(|column| column[number]));
            let candidates = rows.get_mut(symbol);
            let found = candidates.and_then(|candidates| {
                let at = candidates.iter().position(|at| same(block.row(*at, factors), &row))?;
                Some(candidates.swap_remove(at))
            });
            match found {
                Some(at) => gone.push(at),
                None => {
                    self.owed_times.push(batch.time);
                    self.owed.push(*symbol, &row);
                }
            }
        }
        // From the back, so that the rows that are moved forward are never among those to go.
        gone.sort_unstable();
        for at in gone.into_iter().rev() {
            block.swap_remove(at, factors);
        }
        if block.symbols.is_empty() {
            self.blocks.remove(&batch.time);
        }
    }

    /// Writes the file: columns `time`, `symbol` and one per name in `names` (missing = null),
    /// sorted by time and symbol. Gives the number of rows.
    ///
    /// # Errors
    /// When the file cannot be written, or what was applied does not add up.
    pub fn finish(
        self,
        path: &Path,
        symbols: &Symbols,
        names: &[String],
    ) -> Result<u64, WriteError> {
        let inconsistent = |what: String| WriteError::Inconsistent { path: path.to_owned(), what };
        if let (Some(time), Some(symbol)) = (self.owed_times.first(), self.owed.symbols.first()) {
            let symbol = symbols.name(*symbol);
            return Err(inconsistent(format!("row {symbol}|{time} was retracted unseen")));
        }
        if names.len() != self.factors {
            let (have, want) = (self.factors, names.len());
            return Err(inconsistent(format!("rows of {have} values for {want} factors")));
        }
        let schema = schema(path, names)?;
        let rows = self.rows();
        let (names_of, places) = alphabetical(symbols);
        let mut out = Columns::new(self.factors);
        let batch_rows = (BATCH_CELLS / (self.factors + 2)).max(1);
        write(path, Arc::clone(&schema), names, |put| {
            for (time, block) in self.blocks {
                let order = block.order(&places);
                if let Some(twice) = order.windows(2).find(|pair| pair[0].0 == pair[1].0) {
                    let symbol = symbols.name(block.symbols[twice[0].1]);
                    return Err(inconsistent(format!("row {symbol}|{time} is there twice")));
                }
                for (_, at) in order {
                    let name = names_of.get(block.symbols[at].index()).map_or("?", |name| name);
                    out.push(time, name, block.row(at, self.factors));
                    if out.times.len() == batch_rows {
                        put(out.take(path, &schema)?)?;
                    }
                }
            }
            if out.times.is_empty() { Ok(()) } else { put(out.take(path, &schema)?) }
        })?;
        Ok(rows)
    }
}

/// The name of each symbol, by its number, and its place in the order of names.
fn alphabetical(symbols: &Symbols) -> (Vec<Arc<str>>, Vec<u32>) {
    let count = u32::try_from(symbols.len()).unwrap_or(u32::MAX);
    let names: Vec<Arc<str>> = (0..count).map(|id| symbols.name(SymbolId(id))).collect();
    let mut order: Vec<usize> = (0..names.len()).collect();
    order.sort_by(|a, b| names[*a].cmp(&names[*b]));
    let mut places = vec![0; names.len()];
    for (place, id) in (0..).zip(order) {
        places[id] = place;
    }
    (names, places)
}

/// Whether two rows hold the same bits, all kinds of NaN being one.
fn same(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len()
        && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()))
}

impl Block {
    fn row(&self, at: usize, factors: usize) -> &[f64] {
        self.values.get(at * factors..(at + 1) * factors).unwrap_or(&[])
    }

    fn push(&mut self, symbol: SymbolId, row: &[f64]) {
        self.symbols.push(symbol);
        self.values.extend_from_slice(row);
    }

    /// Takes a row out; the last one comes to its place.
    fn swap_remove(&mut self, at: usize, factors: usize) {
        self.symbols.swap_remove(at);
        let last = self.symbols.len() * factors;
        self.values.copy_within(last.., at * factors);
        self.values.truncate(last);
    }

    /// The rows as (place of the symbol, position), ascending.
    fn order(&self, places: &[u32]) -> Vec<(u32, usize)> {
        let place = |symbol: &SymbolId| places.get(symbol.index()).copied().unwrap_or(u32::MAX);
        let mut order: Vec<_> =
            self.symbols.iter().enumerate().map(|(at, symbol)| (place(symbol), at)).collect();
        order.sort_unstable();
        order
    }
}

fn schema(path: &Path, names: &[String]) -> Result<SchemaRef, WriteError> {
    let mut fields =
        vec![Field::new("time", time_type(), false), Field::new("symbol", DataType::Utf8, false)];
    for name in names {
        if fields.iter().any(|field| field.name() == name) {
            return Err(WriteError::Name { path: path.to_owned(), column: name.clone() });
        }
        fields.push(Field::new(name, DataType::Float64, true));
    }
    Ok(Arc::new(Schema::new(fields)))
}

/// A batch that is being filled.
struct Columns {
    times: Vec<i64>,
    symbols: StringBuilder,
    factors: Vec<Float64Builder>,
}

impl Columns {
    fn new(factors: usize) -> Columns {
        Columns {
            times: Vec::new(),
            symbols: StringBuilder::new(),
            factors: (0..factors).map(|_| Float64Builder::new()).collect(),
        }
    }

    fn push(&mut self, time: Time, symbol: &str, row: &[f64]) {
        self.times.push(time.nanos());
        self.symbols.append_value(symbol);
        for (column, value) in self.factors.iter_mut().zip(row) {
            column.append_option((!value.is_nan()).then_some(*value));
        }
    }

    fn take(&mut self, path: &Path, schema: &SchemaRef) -> Result<RecordBatch, WriteError> {
        let times = TimestampNanosecondArray::from(std::mem::take(&mut self.times));
        let mut columns: Vec<ArrayRef> =
            vec![Arc::new(times.with_timezone("UTC")), Arc::new(self.symbols.finish())];
        columns.extend(self.factors.iter_mut().map(|column| Arc::new(column.finish()) as ArrayRef));
        RecordBatch::try_new(Arc::clone(schema), columns)
            .map_err(|error| WriteError::Parquet { path: path.to_owned(), error: error.into() })
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::Array;
    use arrow_array::cast::AsArray;
    use arrow_array::types::{Float64Type, TimestampNanosecondType};
    use proptest::prelude::*;

    use super::super::testing::read;
    use super::*;

    fn batch(time: i64, rows: &[(u32, f64, f64)], diff: i8) -> FactorBatch {
        FactorBatch {
            time: Time::from_nanos(time),
            symbols: rows.iter().map(|row| SymbolId(row.0)).collect(),
            columns: vec![
                rows.iter().map(|row| row.1).collect(),
                rows.iter().map(|row| row.2).collect(),
            ],
            diff,
        }
    }

    fn names() -> Vec<String> {
        vec!["a".to_owned(), "b".to_owned()]
    }

    fn symbols() -> Symbols {
        let symbols = Symbols::default();
        for name in ["Z", "A", "M"] {
            symbols.intern(name);
        }
        symbols
    }

    type Row = (i64, String, Option<u64>, Option<u64>);

    fn written(file: FactorFile) -> Vec<Row> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("factors.parquet");
        let rows = file.finish(&path, &symbols(), &names()).unwrap();
        let mut all = Vec::new();
        for batch in read(&path) {
            let time = batch["time"].as_primitive::<TimestampNanosecondType>();
            let symbol = batch["symbol"].as_string::<i32>();
            let value = |name: &str, row: usize| {
                let column = batch[name].as_primitive::<Float64Type>();
                (!column.is_null(row)).then(|| column.value(row).to_bits())
            };
            for row in 0..batch.num_rows() {
                let symbol = symbol.value(row).to_owned();
                all.push((time.value(row), symbol, value("a", row), value("b", row)));
            }
        }
        assert_eq!(all.len() as u64, rows);
        all
    }

    #[test]
    fn rows_are_sorted_by_time_and_symbol_and_missing_is_null() {
        let mut file = FactorFile::new(2);
        file.apply(&batch(2, &[(0, 1.0, f64::NAN), (1, -0.0, f64::INFINITY)], 1));
        file.apply(&batch(1, &[(2, 3.0, 4.0)], 1));
        let bits = |value: f64| Some(value.to_bits());
        assert_eq!(
            written(file),
            [
                (1, "M".to_owned(), bits(3.0), bits(4.0)),
                (2, "A".to_owned(), bits(-0.0), bits(f64::INFINITY)),
                (2, "Z".to_owned(), bits(1.0), None),
            ]
        );
    }

    #[test]
    fn what_does_not_add_up_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("factors.parquet");
        let finish = |file: FactorFile| file.finish(&path, &symbols(), &names()).unwrap_err();
        let mut file = FactorFile::new(2);
        file.apply(&batch(0, &[(1, 1.0, 1.0)], -1));
        assert!(finish(file).to_string().contains("A|1970-01-01T00:00:00Z was retracted unseen"));
        let mut file = FactorFile::new(2);
        file.apply(&batch(0, &[(1, 1.0, 1.0)], 1));
        file.apply(&batch(0, &[(1, 2.0, 1.0)], 1));
        assert!(finish(file).to_string().contains("is there twice"));
        assert!(finish(FactorFile::new(1)).to_string().contains("for 2 factors"));
        let twice = FactorFile::new(2).finish(&path, &symbols(), &["a".into(), "time".into()]);
        assert!(twice.unwrap_err().to_string().contains("`time`"));
        assert!(!path.exists());
    }

    #[test]
    fn equal_rows_make_equal_bytes_whatever_the_way() {
        let folder = tempfile::tempdir().unwrap();
        let bytes = |file: FactorFile, symbols: &Symbols| {
            let path = folder.path().join("factors.parquet");
            file.finish(&path, symbols, &names()).unwrap();
            std::fs::read(path).unwrap()
        };
        let mut straight = FactorFile::new(2);
        straight.apply(&batch(1, &[(0, 1.0, 2.0), (1, 3.0, f64::NAN)], 1));
        straight.apply(&batch(2, &[(2, 5.0, 6.0)], 1));
        let expected = bytes(straight, &symbols());

        // The same names under other numbers, later times first, one row wrong at first.
        let renamed = Symbols::default();
        for name in ["M", "Z", "A"] {
            renamed.intern(name);
        }
        let mut crooked = FactorFile::new(2);
        crooked.apply(&batch(2, &[(0, 5.0, 6.0)], 1));
        crooked.apply(&batch(1, &[(2, 3.0, -f64::NAN), (1, 9.0, 9.0)], 1));
        crooked.apply(&batch(1, &[(1, 9.0, 9.0)], -1));
        crooked.apply(&batch(1, &[(1, 1.0, 2.0)], 1));
        assert_eq!(bytes(crooked, &renamed), expected);
    }

    #[test]
    fn nothing_makes_an_empty_file() {
        assert_eq!(written(FactorFile::new(2)), []);
    }

    fn value() -> impl Strategy<Value = f64> {
        prop::sample::select(vec![0.0, -0.0, 1.5, f64::NAN, f64::NEG_INFINITY])
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Against a map: revisions in any order of old and new, in any grouping.
        #[test]
        fn only_net_rows_are_there(
            edits in prop::collection::vec((0..3_i64, 0..3_u32, prop::option::of((value(), value()))), 0..60),
            new_first in any::<bool>(),
        ) {
            let mut truth: BTreeMap<(i64, u32), (f64, f64)> = BTreeMap::new();
            let mut file = FactorFile::new(2);
            for (time, symbol, new) in edits {
                let old = truth.remove(&(time, symbol));
                let change = |row: Option<(f64, f64)>, diff| {
                    row.map(|(a, b)| batch(time, &[(symbol, a, b)], diff))
                };
                let mut changes = [change(old, -1), change(new, 1)];
                if new_first {
                    changes.reverse();
                }
                for change in changes.iter().flatten() {
                    file.apply(change);
                }
                if let Some(new) = new {
                    truth.insert((time, symbol), new);
                }
            }
            prop_assert_eq!(file.rows(), truth.len() as u64);
            let bits = |value: f64| (!value.is_nan()).then(|| value.to_bits());
            let mut expected: Vec<Row> = truth
                .iter()
                .map(|((time, symbol), (a, b))| {
                    let name = symbols().name(SymbolId(*symbol)).to_string();
                    (*time, name, bits(*a), bits(*b))
                })
                .collect();
            expected.sort();
            prop_assert_eq!(written(file), expected);
        }

        #[test]
        fn batches_of_many_rows(rows in prop::collection::btree_map(0..3_u32, (value(), value()), 0..4), keep in 0..3_u32) {
            let all: Vec<_> = rows.iter().map(|(id, (a, b))| (*id, *a, *b)).collect();
            let gone: Vec<_> = all.iter().rev().filter(|row| row.0 != keep).copied().collect();
            let mut file = FactorFile::new(2);
            file.apply(&batch(7, &gone, -1));
            file.apply(&batch(7, &all, 1));
            file.apply(&batch(7, &gone, 1));
            file.apply(&batch(7, &gone, -1));
            prop_assert_eq!(file.rows(), u64::from(rows.contains_key(&keep)));
            prop_assert_eq!(written(file).len(), usize::from(rows.contains_key(&keep)));
        }
    }
}
