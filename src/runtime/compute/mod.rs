//! Factors of a table of bars: no Kafka and no workers, panels alone, time by time.
//!
//! The factors are split into lanes, each with a panel of its own over the part of the graph that
//! they need. A lane's results do not depend on the others, and a factor is computed whole in one
//! lane, so the number of lanes does not change a bit.

mod lane;
mod state;

use std::path::{Path, PathBuf};

use crate::dataflow::catalog;
use crate::dataflow::factors::{Emit, Panel, PanelError, split};
use crate::dataflow::sinks::file::{PanelFile, PanelSink, TimeForm, WriteError};
use crate::dataflow::sources::file::{self, Bars, ColumnKind, ReadError, Scan};
use crate::model::SymbolId;
use crate::plan::{FactorError, FactorPlan, FactorSet, SourcePlan};
use lane::Lane;

pub use state::{State, StateError};

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
    /// The state cannot be gone on from, or not be written.
    #[error(transparent)]
    State(#[from] StateError),
    /// A fault of ours.
    #[error(transparent)]
    Panel(#[from] PanelError),
}

/// What is to be computed, and over which file.
#[derive(Debug)]
pub struct Compute {
    factors: FactorPlan,
    source: SourcePlan,
    input: PathBuf,
    time: String,
    kind: ColumnKind,
}

/// How much a computation may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ComputeOptions {
    /// Threads that compute; reading and writing have two more, unless it is one.
    pub threads: usize,
    /// Bytes of rows that may be held while a file that is not ordered by time is sorted.
    pub memory_bytes: usize,
    /// Which symbols count in cross-sections.
    pub universe: Universe,
}

/// Which symbols count in cross-sections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Universe {
    /// All of the file, at all times.
    #[default]
    All,
    /// Each from its first row on, as in a pipeline.
    Seen,
}

/// Is told how much is done, and of how much.
pub type ComputeProgress<'a> = dyn Fn(u64, u64) + Sync + 'a;

impl Compute {
    /// Compiles `sets` for the columns of the file `input`: `symbol`, `time` or `date`, and fields.
    ///
    /// # Errors
    /// Fields that are missing, formulas that are wrong, a file that cannot be read.
    pub fn new(sets: &[FactorSet], input: &Path) -> Result<Compute, ComputeError> {
        let columns = file::columns(input)?;
        if columns.is_empty() {
            return Err(ReadError::Empty { path: input.to_owned() }.into());
        }
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
        let kind = columns.iter().find(|(known, _)| known == time).map(|(_, kind)| kind.clone());
        let fields: Vec<(&str, bool)> =
            columns.iter().map(|(name, kind)| (name.as_str(), *kind == ColumnKind::Text)).collect();
        let factors = FactorPlan::new(sets, &fields, catalog().functions)?;
        let source = SourcePlan::bare(factors.fields.clone(), 1);
        let kind = kind.unwrap_or(ColumnKind::Text);
        Ok(Compute { factors, source, input: input.to_owned(), time: time.to_owned(), kind })
    }

    /// Names of the factors.
    pub fn factors(&self) -> impl Iterator<Item = &str> {
        self.factors.graph.outputs.iter().map(|(name, _)| name.as_str())
    }

    /// Series that are derived because the input lacks them: name and meaning.
    pub fn derived(&self) -> &[(&'static str, &'static str)] {
        &self.factors.derived
    }

    /// Opens a state that [`Compute::save`] wrote.
    ///
    /// # Errors
    /// A file that cannot be read, is damaged, or is of other formulas or another version.
    pub fn open_state(&self, path: &Path) -> Result<State, ComputeError> {
        Ok(State::open(path, &self.factors)?)
    }

    /// Looks at the symbols and times of the file, and adds the symbols of the state. `progress` is
    /// told bytes.
    ///
    /// # Errors
    /// The first thing that cannot be read; a file without rows, or with rows that are not newer
    /// than the state.
    pub fn scan(
        &self,
        state: Option<&State>,
        progress: &ComputeProgress<'_>,
    ) -> Result<Scan, ComputeError> {
        let mut scan = file::scan(&self.input, &self.source, &mut |done, all| progress(done, all))?;
        if let Some(state) = state {
            state.join(&mut scan, &self.input)?;
        }
        Ok(scan)
    }

    /// Bytes that wait on the disk because the file is neither ordered by time nor small enough.
    pub fn spilled(&self, scan: &Scan, options: ComputeOptions) -> Option<u64> {
        Bars::spilled(&self.source, scan, options.memory_bytes)
    }

    /// How a file of the results looks.
    pub fn output(&self, scan: &Scan) -> PanelFile {
        let midnight = |time: i64| time % 86_400_000_000_000 == 0;
        let dates = scan.times.iter().all(|(time, _)| midnight(time.nanos()));
        let form = match &self.kind {
            ColumnKind::Date => TimeForm::Date,
            ColumnKind::Instant { unit_nanos, zone } => {
                TimeForm::Instant { unit_nanos: *unit_nanos, zone: zone.clone() }
            }
            _ if file::has_types(&self.input) => TimeForm::Text { dates },
            _ if dates => TimeForm::Date,
            _ => TimeForm::Instant { unit_nanos: 1, zone: Some("UTC".into()) },
        };
        let symbols = (0..scan.symbols.len()).map(|id| scan.symbols.name(SymbolId(id as u32)));
        PanelFile {
            time: self.time.clone(),
            form,
            symbols: symbols.collect(),
            factors: self.factors().map(str::to_owned).collect(),
        }
    }

    /// Computes all times, oldest first, into `sink`. After a state, symbols that it does not know
    /// count from their first row on, whatever the universe. `progress` is told rows. Gives what
    /// [`Compute::save`] writes.
    ///
    /// # Errors
    /// What cannot be read; two rows of a symbol at a time; what `sink` gives; a damaged state.
    pub fn run<S: PanelSink>(
        &self,
        scan: &Scan,
        mut state: Option<State>,
        options: ComputeOptions,
        sink: &mut S,
        progress: &ComputeProgress<'_>,
    ) -> Result<Vec<Panel>, ComputeError> {
        let mut lanes = Vec::new();
        for factors in split(&self.factors.graph, options.threads) {
            let graph = self.factors.graph.part(&factors);
            let part = sink.part(&factors)?;
            let mut panel = Panel::new(&graph, self.source.fields.len(), 1, Emit::Nothing)?;
            match (&mut state, options.universe) {
                (Some(state), _) => panel = state.restore(panel, scan)?,
                (None, Universe::All) => {
                    panel.declare((0..scan.symbols.len()).map(|id| SymbolId(id as u32)));
                }
                (None, Universe::Seen) => panel.reserve(scan.symbols.len()),
            }
            lanes.push(Lane::new(panel, part, sink.times_per_piece()));
        }
        let bars = Bars::open(&self.input, &self.source, scan, options.memory_bytes)?;
        match options.threads {
            0 | 1 => lane::alone(bars, lanes, sink, &|done| progress(done, scan.rows)),
            _ => lane::together(bars, lanes, sink, &|done| progress(done, scan.rows)),
        }
    }

    /// Writes down where [`Compute::run`] ended, for a later one to go on from. Gives the bytes of
    /// the file, which is there as a whole or not at all.
    ///
    /// # Errors
    /// What the system says.
    pub fn save(&self, path: &Path, scan: &Scan, panels: &[Panel]) -> Result<u64, ComputeError> {
        Ok(state::save(path, &self.factors, &scan.symbols, panels)?)
    }
}
