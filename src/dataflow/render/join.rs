//! Puts the parts of a time together that several panels computed: the factors of all symbols, in
//! the order of the pipeline, as one panel would give them out.
//!
//! A part has some of the factors of all symbols, or all factors of some symbols. A panel says only
//! what changed in its part, so the factors of all times that may still change are kept here. They
//! are the columns that were sent on, not copies of them.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use super::Context;
use super::panel::whole_times;
use super::rows::event_time;
use crate::dataflow::event_time::EventTime;
use crate::dataflow::operators::{Epoch, Epochal, Fork, Input, Work};
use crate::dataflow::signal::Signal;
use crate::model::{Column, FactorBatch, SymbolId, Time};
use crate::plan::Placement;
use crate::telemetry::Metrics;

/// The factors of this worker's share of the times.
pub(super) struct Join {
    tables: Tables,
    event_time: EventTime,
    held: Rc<Cell<usize>>,
    metrics: Arc<Metrics>,
}

impl Join {
    /// `held` is told how many bytes are kept.
    pub(super) fn new(
        context: &Context,
        workers: usize,
        placement: &Placement,
        held: Rc<Cell<usize>>,
    ) -> Join {
        let factors = context.plan.factors.outputs.len();
        let shares = match placement {
            Placement::ByFactor(shares) => shares.clone(),
            Placement::OneWorker | Placement::BySymbol => {
                vec![(0..factors).collect(); workers]
            }
        };
        Join {
            tables: Tables::new(factors, shares, whole_times(&context.plan)),
            event_time: event_time(context),
            held,
            metrics: Arc::clone(&context.metrics),
        }
    }
}

impl Epochal for Join {
    type Left = (usize, FactorBatch);
    type Right = Signal;
    type A = FactorBatch;
    type B = ();
    type C = ();

    fn epoch(
        &mut self,
        _: Epoch,
        input: Input<(usize, FactorBatch), Signal>,
        out: &mut Fork<FactorBatch, (), ()>,
    ) -> Work {
        // What was admitted in this epoch was judged by the horizon before it.
        let revised = self.tables.apply(input.left, &mut out.a);
        self.event_time.apply(&input.right);
        self.tables.forget(self.event_time.horizon());
        self.held.set(self.tables.bytes());
        let rows = out.a.iter().filter(|batch| batch.diff > 0).map(|batch| batch.symbols.len());
        self.metrics.factor_rows.inc_by(rows.sum::<usize>() as u64);
        self.metrics.revisions.inc_by(revised as u64);
        Work::Done
    }
}

/// The factors of times that may still change.
pub(super) struct Tables {
    factors: usize,
    /// By worker: which factors its parts have.
    shares: Vec<Vec<usize>>,
    /// Whether a change is given out as all rows of its time.
    whole_times: bool,
    tables: BTreeMap<Time, Table>,
}

/// All rows of a time.
#[derive(Debug, Default)]
struct Table {
    /// Ascending.
    symbols: Vec<SymbolId>,
    /// By factor.
    columns: Vec<Column>,
}

/// What the parts say of a time.
#[derive(Debug, Default)]
struct Changes {
    /// Symbols of old rows, by part.
    gone: Vec<Vec<SymbolId>>,
    /// New rows and the worker that computed them.
    come: Vec<(usize, FactorBatch)>,
}

impl Tables {
    pub(super) fn new(factors: usize, shares: Vec<Vec<usize>>, whole_times: bool) -> Tables {
        Tables { factors, shares, whole_times, tables: BTreeMap::new() }
    }

    /// Takes in all parts of an epoch, each with the number of its worker. Gives out what changed,
    /// oldest time first, and returns how many rows were given out before.
    pub(super) fn apply(
        &mut self,
        parts: Vec<(usize, FactorBatch)>,
        out: &mut Vec<FactorBatch>,
    ) -> usize {
        let mut times: BTreeMap<Time, Changes> = BTreeMap::new();
        for (worker, batch) in parts {
            let changes = times.entry(batch.time).or_default();
            if batch.diff < 0 {
                changes.gone.push(batch.symbols);
            } else {
                changes.come.push((worker, batch));
            }
        }
        let mut revised = 0;
        for (time, mut changes) in times {
            // Parts come in any order.
            changes.come.sort_by_key(|(worker, _)| *worker);
            revised += self.change(time, changes, out);
        }
        revised
    }

    /// Forgets the times before `horizon`.
    pub(super) fn forget(&mut self, horizon: Time) {
        self.tables = self.tables.split_off(&horizon);
    }

    /// Bytes of what is kept.
    pub(super) fn bytes(&self) -> usize {
        let row = size_of::<SymbolId>() + self.factors * size_of::<f64>();
        self.tables.values().map(|table| table.symbols.len() * row).sum()
    }

    fn change(&mut self, time: Time, changes: Changes, out: &mut Vec<FactorBatch>) -> usize {
        let Changes { gone, come: parts } = changes;
        let gone = union(gone.iter());
        let come = union(parts.iter().map(|(_, batch)| &batch.symbols));
        let mut table = self.tables.remove(&time).unwrap_or_default();
        let mut give = |table: &Table, changed: &[SymbolId], diff| {
            let Table { symbols, columns } =
                if self.whole_times { table.clone() } else { table.rows(changed) };
            if !symbols.is_empty() {
                out.push(FactorBatch { time, symbols, columns, diff });
            }
        };
        give(&table, &gone, -1);
        if table.symbols.is_empty() && self.fit(&parts) {
            table = self.assemble(parts);
        } else {
            table.reshape(&gone, &come, self.factors);
            for (worker, batch) in parts {
                table.write(&batch, self.shares.get(worker).map_or(&[], Vec::as_slice));
            }
        }
        give(&table, &come, 1);
        if !table.symbols.is_empty() {
            self.tables.insert(time, table);
        }
        gone.len()
    }

    /// Whether the parts have the same symbols and together every factor once.
    fn fit(&self, parts: &[(usize, FactorBatch)]) -> bool {
        let Some((_, first)) = parts.first() else { return false };
        let columns: usize = parts.iter().map(|(_, batch)| batch.columns.len()).sum();
        columns == self.factors && parts.iter().all(|(_, batch)| batch.symbols == first.symbols)
    }

    /// A new time from parts that fit; no number is copied.
    fn assemble(&self, parts: Vec<(usize, FactorBatch)>) -> Table {
        let mut table =
            Table { columns: vec![Column::default(); self.factors], ..Table::default() };
        for (worker, batch) in parts {
            let share = self.shares.get(worker).map_or(&[][..], Vec::as_slice);
            for (factor, column) in share.iter().zip(batch.columns) {
                table.columns[*factor] = column;
            }
            table.symbols = batch.symbols;
        }
        table
    }
}

impl Clone for Table {
    /// Shares the columns.
    fn clone(&self) -> Table {
        Table { symbols: self.symbols.clone(), columns: self.columns.clone() }
    }
}

impl Table {
    /// The rows of some symbols, those that have one.
    fn rows(&self, symbols: &[SymbolId]) -> Table {
        if symbols == self.symbols {
            return self.clone();
        }
        let places: Vec<usize> = symbols.iter().filter_map(|symbol| self.place(*symbol)).collect();
        let pick = |column: &Column| places.iter().map(|place| column[*place]).collect();
        Table {
            symbols: places.iter().map(|place| self.symbols[*place]).collect(),
            columns: self.columns.iter().map(pick).collect(),
        }
    }

    fn place(&self, symbol: SymbolId) -> Option<usize> {
        self.symbols.binary_search(&symbol).ok()
    }

    /// Takes out the rows of symbols that went and makes place for those that came, ascending both;
    /// what is in both stays.
    fn reshape(&mut self, gone: &[SymbolId], come: &[SymbolId], factors: usize) {
        let stays = |symbol: &SymbolId| {
            gone.binary_search(symbol).is_err() || come.binary_search(symbol).is_ok()
        };
        let old = std::mem::take(&mut self.symbols);
        let kept: Vec<SymbolId> = old.iter().copied().filter(stays).collect();
        self.symbols = union([kept.as_slice(), come].into_iter());
        self.columns.resize(factors, Column::default());
        if self.symbols == old {
            return;
        }
        let from: Vec<Option<usize>> =
            self.symbols.iter().map(|symbol| old.binary_search(symbol).ok()).collect();
        for column in &mut self.columns {
            let value = |place: &Option<usize>| place.map_or(f64::NAN, |place| column[place]);
            *column = from.iter().map(value).collect();
        }
    }

    /// Writes a part over what is there.
    fn write(&mut self, part: &FactorBatch, factors: &[usize]) {
        let places: Vec<Option<usize>> =
            part.symbols.iter().map(|symbol| self.place(*symbol)).collect();
        for (factor, values) in factors.iter().zip(&part.columns) {
            let Some(column) = self.columns.get_mut(*factor) else { continue };
            let column = column.to_mut();
            for (place, value) in places.iter().zip(values.iter()) {
                if let Some(place) = place {
                    column[*place] = *value;
                }
            }
        }
    }
}

/// All symbols of some lists, ascending.
fn union<'a, L: AsRef<[SymbolId]> + ?Sized + 'a>(
    lists: impl Iterator<Item = &'a L>,
) -> Vec<SymbolId> {
    let mut all: Vec<SymbolId> = Vec::new();
    for list in lists {
        // Parts of a time that closes have the same symbols.
        if all != list.as_ref() {
            all.extend_from_slice(list.as_ref());
        }
    }
    all.sort_unstable();
    all.dedup();
    all
}
