//! Factors of a table of bars: no Kafka and no workers, the panel alone, time by time.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use crate::dataflow::catalog;
use crate::dataflow::factors::{Emit, Panel, PanelError};
use crate::dataflow::sinks::file::{PanelFile, TimeForm, WriteError};
use crate::dataflow::sources::file::{self, ColumnKind, ReadError};
use crate::model::{RowBatch, Span, Symbols, Time};
use crate::plan::{
    FactorError, FactorPlan, FactorSet, FieldPlan, SourcePlan, Start, UnknownFields,
};

/// Why factors were not computed.
#[derive(Debug, thiserror::Error)]
pub enum ComputeError {
    /// The input cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The output cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The factors cannot be computed from the columns of the input.
    #[error(transparent)]
    Factors(#[from] FactorError),
    /// A column that every input has.
    #[error("{0}")]
    Column(String),
    /// A fault of ours.
    #[error(transparent)]
    Panel(#[from] PanelError),
}

/// What is to be computed, and over which file.
#[derive(Debug)]
pub struct Compute {
    factors: FactorPlan,
    source: SourcePlan,
    time: String,
    kind: ColumnKind,
}

/// The factors at one time: a column per factor with one number per symbol, missing = NaN.
#[derive(Debug)]
pub struct Section<'a> {
    /// The time.
    pub time: Time,
    /// In the order of the factors.
    pub columns: &'a [Vec<f64>],
}

/// Takes the factors time by time.
pub type TakeSection<'a> = dyn FnMut(&Section<'_>) -> Result<(), WriteError> + 'a;

impl Compute {
    /// Compiles `sets` for the columns of the file `input`: `symbol`, `time` or `date`, and fields.
    ///
    /// # Errors
    /// Fields that are missing, formulas that are wrong, a file that cannot be read.
    pub fn new(sets: &[FactorSet], input: &Path) -> Result<Compute, ComputeError> {
        let columns = file::columns(input)?;
        let known: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
        let time = ["time", "date"].into_iter().find(|name| known.contains(name));
        let (Some(time), true) = (time, known.contains(&"symbol")) else {
            let message = format!(
                "{}: a table of bars has the columns `symbol` and `time` or `date`, this one has: {}",
                input.display(),
                known.join(", ")
            );
            return Err(ComputeError::Column(message));
        };
        let kind = |name: &str| columns.iter().find(|(known, _)| known == name).map(|(_, k)| *k);
        let fields: Vec<(&str, bool)> =
            columns.iter().map(|(name, kind)| (name.as_str(), *kind == ColumnKind::Text)).collect();
        let factors = FactorPlan::new(sets, &fields, catalog().functions)?;
        let source = source(factors.fields.clone());
        let kind = kind(time).unwrap_or(ColumnKind::Text);
        Ok(Compute { factors, source, time: time.to_owned(), kind })
    }

    /// Names of the factors.
    pub fn factors(&self) -> impl Iterator<Item = &str> {
        self.factors.graph.outputs.iter().map(|(name, _)| name.as_str())
    }

    /// Series that are derived because the input lacks them: name and meaning.
    pub fn derived(&self) -> &[(&'static str, &'static str)] {
        &self.factors.derived
    }

    /// Reads the file, whole.
    ///
    /// # Errors
    /// The first thing that cannot be read.
    pub fn read(&self, input: &Path) -> Result<Bars, ComputeError> {
        let symbols = Symbols::default();
        let rows = file::read(&[input.to_owned()], &self.source, &symbols, &mut |_, _| {})?;
        let mut order: Vec<(Arc<str>, usize)> = Vec::new();
        let seen: BTreeSet<_> = rows.iter().flat_map(|batch| &batch.symbols).copied().collect();
        for id in seen {
            order.push((symbols.name(id), id.index()));
        }
        order.sort();
        let midnight = |time: &Time| time.nanos() % 86_400_000_000_000 == 0;
        let form = match self.kind {
            ColumnKind::Date => TimeForm::Date,
            ColumnKind::Instant { zoned } => TimeForm::Instant { zoned },
            _ if rows.iter().flat_map(|batch| &batch.times).all(midnight) => TimeForm::Date,
            _ => TimeForm::Instant { zoned: true },
        };
        Ok(Bars { rows, order, form })
    }

    /// How a file of the results looks.
    pub fn output(&self, bars: &Bars) -> PanelFile {
        PanelFile {
            time: self.time.clone(),
            form: bars.form,
            symbols: bars.order.iter().map(|(name, _)| Arc::clone(name)).collect(),
            factors: self.factors().map(str::to_owned).collect(),
        }
    }

    /// Computes all times, oldest first. Every symbol of the file counts at all times.
    ///
    /// # Errors
    /// What `take` gives.
    pub fn run(
        &self,
        bars: Bars,
        progress: &mut dyn FnMut(u64, u64),
        take: &mut TakeSection<'_>,
    ) -> Result<(), ComputeError> {
        let mut panel =
            Panel::new(&self.factors.graph, self.source.fields.len(), 1, Emit::Nothing)?;
        for batch in &bars.rows {
            panel.declare(batch.symbols.iter().copied());
        }
        let mut columns = vec![Vec::new(); self.factors.graph.outputs.len()];
        let total = bars.rows.iter().map(|batch| batch.len() as u64).sum();
        let mut done = 0;
        let mut rows = bars.rows.into_iter().peekable();
        while let Some(batch) = rows.next() {
            panel.apply(&batch);
            done += batch.len() as u64;
            let last = batch.times.last().copied().unwrap_or(Time::MIN);
            // A time that goes on in the next batch is not whole yet.
            let goes_on = rows.peek().and_then(|next| next.times.first()) == Some(&last);
            let through = if goes_on { last.minus(Span::from_nanos(1)) } else { last };
            loop {
                let before = panel.closed_through();
                panel.work(through, false, 1, &mut Vec::new());
                if panel.closed_through() == before {
                    break;
                }
                let Some((time, rows)) = panel.newest() else { break };
                for (column, row) in columns.iter_mut().zip(rows) {
                    let cell = |(_, at): &(Arc<str>, usize)| row.get(*at).copied();
                    column.clear();
                    column.extend(bars.order.iter().map(|s| cell(s).unwrap_or(f64::NAN)));
                }
                take(&Section { time, columns: &columns })?;
            }
            progress(done, total);
        }
        Ok(())
    }
}

/// A table of bars.
#[derive(Debug)]
pub struct Bars {
    rows: Vec<RowBatch>,
    /// Symbols by name, with their columns in the panel.
    order: Vec<(Arc<str>, usize)>,
    form: TimeForm,
}

impl Bars {
    /// How many symbols there are.
    pub fn symbols(&self) -> usize {
        self.order.len()
    }
}

fn source(fields: Vec<FieldPlan>) -> SourcePlan {
    let zero = Span::from_nanos(0);
    SourcePlan {
        name: "input".to_owned(),
        topic: String::new(),
        format: "json",
        symbol_field: "symbol".to_owned(),
        time_field: "time".to_owned(),
        revision_field: None,
        fields,
        unknown_fields: UnknownFields::Ignore,
        lateness: zero,
        corrections: 1,
        idle_timeout: zero,
        max_record_bytes: usize::MAX,
        start: Start::Earliest,
    }
}
