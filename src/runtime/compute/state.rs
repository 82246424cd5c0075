//! The state of a computation in a file, so that the next one goes on from there and reads newer
//! bars only.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::dataflow::factors::{Panel, SnapshotError, SnapshotReader, write_snapshot};
use crate::dataflow::sinks::file::{WriteError, write_whole};
use crate::dataflow::sources::file::Scan;
use crate::model::{SymbolId, Symbols, Time};
use crate::plan::FactorPlan;

/// Operators may give other bits in another version.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Formulas that differ and are shown.
const SHOWN: usize = 3;
const ANEW: &str = "compute the whole history again with --save-state";

/// Why a computation does not go on from a state.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The file cannot be read, or is not what was written.
    #[error("cannot go on from {}: {error}{}", path.display(), advice(error))]
    Read {
        /// The state.
        path: PathBuf,
        /// What is wrong.
        error: SnapshotError,
    },
    /// Another version of Weir wrote it.
    #[error(
        "cannot go on from {}: weir {theirs} wrote it, this is {VERSION}, which may compute other \
         last digits: {ANEW}", path.display()
    )]
    Version {
        /// The state.
        path: PathBuf,
        /// Its version.
        theirs: String,
    },
    /// It has other formulas, or the same with other parameters.
    #[error("cannot go on from {}, which has other formulas: {what}; name the same, or {ANEW}", path.display())]
    Formulas {
        /// The state.
        path: PathBuf,
        /// Which.
        what: String,
    },
    /// The input has rows that the state may have seen.
    #[error(
        "{}: {rows} rows are not newer than {through}, where {} ends (the first is of {first}): \
         leave them out; for corrections of these bars, {ANEW}", input.display(), path.display()
    )]
    Old {
        /// The input.
        input: PathBuf,
        /// The state.
        path: PathBuf,
        /// The newest time of the state.
        through: Time,
        /// How many.
        rows: u64,
        /// The oldest time of the input.
        first: Time,
    },
    /// The file cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

fn advice(error: &SnapshotError) -> String {
    match error {
        SnapshotError::Damaged(_) | SnapshotError::Format(_) => {
            format!("; take a copy of it, or {ANEW}")
        }
        _ => String::new(),
    }
}

/// What the file says about itself, whatever version wrote it.
#[derive(Deserialize)]
struct Stamp {
    weir: String,
}

#[derive(Serialize, Deserialize)]
struct About {
    weir: String,
    /// Names and canonical texts.
    formulas: BTreeMap<String, String>,
    symbols: Vec<String>,
}

/// A state that a computation goes on from.
#[derive(Debug)]
pub struct State {
    path: PathBuf,
    reader: SnapshotReader<File>,
    symbols: Vec<String>,
}

impl State {
    /// Opens the state of exactly these formulas.
    pub(super) fn open(path: &Path, factors: &FactorPlan) -> Result<State, StateError> {
        let read = |error| StateError::Read { path: path.to_owned(), error };
        let file = File::open(path).map_err(|error| read(error.into()))?;
        let reader = SnapshotReader::open(file).map_err(read)?;
        let Stamp { weir: theirs } = reader.about().map_err(read)?;
        if theirs != VERSION {
            return Err(StateError::Version { path: path.to_owned(), theirs });
        }
        let about: About = reader.about().map_err(read)?;
        if let Some(what) = differing(&about.formulas, &formulas(factors)) {
            return Err(StateError::Formulas { path: path.to_owned(), what });
        }
        Ok(State { path: path.to_owned(), reader, symbols: about.symbols })
    }

    /// How many symbols it has seen.
    pub fn symbols(&self) -> usize {
        self.symbols.len()
    }

    /// The newest time that it has seen.
    pub fn through(&self) -> Option<Time> {
        self.reader.frame().closed_through()
    }

    /// Adds its symbols to those of the input, all of whose times must be newer.
    pub(super) fn join(&self, scan: &mut Scan, input: &Path) -> Result<(), StateError> {
        let old = scan.times.iter().filter(|(time, _)| Some(*time) <= self.through());
        let rows = old.map(|(_, rows)| rows).sum();
        if let (Some((first, _)), Some(through), 1..) = (scan.times.first(), self.through(), rows) {
            let (input, path, first) = (input.to_owned(), self.path.clone(), *first);
            return Err(StateError::Old { input, path, through, rows, first });
        }
        let ids = (0..scan.symbols.len()).map(|id| SymbolId(id as u32));
        let known: Vec<_> = ids.map(|id| scan.symbols.name(id)).collect();
        let all: BTreeSet<&str> = known
            .iter()
            .map(|name| &**name)
            .chain(self.symbols.iter().map(String::as_str))
            .collect();
        scan.symbols = Symbols::default();
        for name in all {
            scan.symbols.intern(name);
        }
        Ok(())
    }

    /// Lets a panel go on from here, whose symbols are those of a scan that was joined.
    pub(super) fn restore(&mut self, panel: Panel, scan: &Scan) -> Result<Panel, StateError> {
        let ids = self.symbols.iter().map(|name| scan.symbols.find(name));
        let places: Vec<usize> = ids.flatten().map(SymbolId::index).collect();
        let restored = self.reader.restore(panel, &places, scan.symbols.len());
        restored.map_err(|error| StateError::Read { path: self.path.clone(), error })
    }
}

/// Writes the state of panels that computed these formulas. Gives the bytes of the file.
pub(super) fn save(
    path: &Path,
    factors: &FactorPlan,
    symbols: &Symbols,
    panels: &[Panel],
) -> Result<u64, StateError> {
    let names = (0..symbols.len()).map(|id| symbols.name(SymbolId(id as u32)).to_string());
    let (weir, formulas) = (VERSION.to_owned(), formulas(factors));
    let about = About { weir, formulas, symbols: names.collect() };
    let bytes = write_whole(path, &mut |file| {
        let mut out = BufWriter::with_capacity(1 << 20, file);
        write_snapshot(&mut out, &about, panels).map_err(|error| match error {
            SnapshotError::Io(error) => error,
            other => std::io::Error::other(other),
        })?;
        out.flush()
    })?;
    Ok(bytes)
}

fn formulas(factors: &FactorPlan) -> BTreeMap<String, String> {
    let graph = &factors.graph;
    let text = |node: &usize| graph.nodes.get(*node).map_or("", |node| &node.text).to_owned();
    graph.outputs.iter().map(|(name, node)| (name.clone(), text(node))).collect()
}

/// What differs between the formulas of a state and those that are to be computed.
fn differing(theirs: &BTreeMap<String, String>, ours: &BTreeMap<String, String>) -> Option<String> {
    let names: BTreeSet<&String> = theirs.keys().chain(ours.keys()).collect();
    let mut all = Vec::new();
    for name in names {
        match (theirs.get(name), ours.get(name)) {
            (Some(a), Some(b)) if a == b => {}
            (Some(a), Some(b)) => all.push(format!("`{name}` is `{b}` here and `{a}` there")),
            (None, _) => all.push(format!("it has no `{name}`")),
            (_, None) => all.push(format!("it has `{name}`, which is not asked for")),
        }
    }
    let more = all.len().saturating_sub(SHOWN);
    all.truncate(SHOWN);
    if more > 0 {
        all.push(format!("and {more} more"));
    }
    (!all.is_empty()).then(|| all.join(", "))
}
