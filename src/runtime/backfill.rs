//! A run over files: the same dataflow, as fast as it goes, one Parquet file per output at the end.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::workers::{self, Crew, Parts};
use crate::dataflow::operators::{Epoch, Wake};
use crate::dataflow::render::{Context, Recorded};
use crate::dataflow::sinks::file::{
    AlertFile, DeadLetterFile, FactorFile, FindingFile, QuarantineFile, WriteError,
};
use crate::dataflow::sources::Batches;
use crate::dataflow::sources::file::{self, ReadError};
use crate::dataflow::{Fact, Limits, Outputs, Pace};
use crate::model::{
    AlertChange, DeadLetter, FactorBatch, Finding, OutputKind, Quarantined, RowBatch, Symbols,
    Texts,
};
use crate::plan::Plan;
use crate::telemetry::{Health, Metrics};

/// What a backfill reads and writes.
#[derive(Clone, Debug)]
pub struct BackfillOptions {
    /// CSV, Parquet or Arrow files, in order.
    pub input: Vec<PathBuf>,
    /// Folder of the output files.
    pub output: PathBuf,
    /// Worker threads.
    pub workers: usize,
}

/// A backfill that failed.
#[derive(Debug, thiserror::Error)]
pub enum BackfillError {
    /// The input cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The output cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The folder cannot be made.
    #[error("cannot make the folder {}: {error}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// The dataflow could not be run.
    #[error("{0}")]
    Run(String),
}

/// A file that was written.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Written {
    /// Output of the pipeline.
    pub output: &'static str,
    /// The file.
    pub path: PathBuf,
    /// Rows in it.
    pub rows: u64,
}

/// What is told about progress: rows that went in so far, and all of them.
pub(super) type Progress = Box<dyn FnMut(u64, u64) + Send>;

/// Runs `plan` over files. All outputs of the pipeline are written, each as `OUTPUT.parquet`.
/// `progress` is told how many rows are through.
pub fn backfill(
    plan: &Arc<Plan>,
    options: &BackfillOptions,
    metrics: Arc<Metrics>,
    progress: Progress,
) -> Result<Vec<Written>, BackfillError> {
    std::fs::create_dir_all(&options.output)
        .map_err(|error| BackfillError::Folder { path: options.output.clone(), error })?;
    let symbols = Symbols::default();
    let batches = file::read(&options.input, &plan.source, &symbols, &mut |_, _| {})?;
    let files = Files::new(plan, &symbols);
    let files = run(plan, &symbols, options.workers, metrics, batches, files, progress)?;
    files.finish(plan, &symbols, &options.output)
}

fn run(
    plan: &Arc<Plan>,
    symbols: &Symbols,
    workers: usize,
    metrics: Arc<Metrics>,
    batches: Vec<RowBatch>,
    files: Files,
    progress: Progress,
) -> Result<Files, BackfillError> {
    let pace = Arc::new(Pace::new(Limits::default(), 0, std::collections::BTreeSet::new(), false));
    let started_ms = batches.iter().flat_map(|b| b.arrivals_ms.first()).min().copied().unwrap_or(0);
    let context = Context {
        plan: Arc::clone(plan),
        symbols: symbols.clone(),
        // Files have numbered theirs already.
        texts: Texts::default(),
        recorded: Recorded { started_ms, ..Recorded::default() },
        metrics,
        profile: None,
    };
    let crew = Crew {
        context,
        pace: Arc::clone(&pace),
        health: Health::new(std::time::Duration::from_secs(3_600)),
    };
    let sizes = batches.iter().map(|batch| batch.len() as u64).collect();
    let shared =
        Arc::new(Mutex::new(Collected { files, sizes, progress, pace: Arc::clone(&pace) }));
    let rows = Mutex::new(Some(batches));
    let source = move |worker: usize, _wake: Wake| {
        let mine = if worker == 0 { lock(&rows).take() } else { None };
        Batches::new(mine.unwrap_or_default(), Arc::clone(&pace))
    };
    let outputs = {
        let shared = Arc::clone(&shared);
        move |_worker: usize| Ok(Box::new(Shared(Arc::clone(&shared))) as Box<dyn Outputs>)
    };
    workers::run(workers, crew, Parts { source, outputs }).map_err(BackfillError::Run)?;
    let collected = Arc::into_inner(shared)
        .ok_or_else(|| BackfillError::Run("a worker still holds the outputs".to_owned()))?;
    Ok(collected.into_inner().unwrap_or_else(PoisonError::into_inner).files)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The output files while they are collected.
struct Files {
    factors: FactorFile,
    findings: FindingFile,
    alerts: AlertFile,
    quarantine: QuarantineFile,
    dead_letters: DeadLetterFile,
}

impl Files {
    fn new(plan: &Plan, symbols: &Symbols) -> Files {
        Files {
            factors: FactorFile::new(plan.factors.outputs.len()),
            findings: FindingFile::new(&plan.checks, symbols.clone()),
            alerts: AlertFile::new(&plan.alerts),
            quarantine: QuarantineFile::new(&plan.checks, symbols.clone()),
            dead_letters: DeadLetterFile::default(),
        }
    }

    fn finish(
        self,
        plan: &Plan,
        symbols: &Symbols,
        folder: &Path,
    ) -> Result<Vec<Written>, BackfillError> {
        let names: Vec<String> =
            plan.factors.outputs.iter().map(|(name, _)| name.clone()).collect();
        let Files { factors, findings, alerts, quarantine, dead_letters } = self;
        let mut written = Vec::new();
        let mut note =
            |kind: OutputKind, write: &mut dyn FnMut(&Path) -> Result<u64, WriteError>| {
                let path = folder.join(format!("{}.parquet", kind.name()));
                let rows = write(&path)?;
                written.push(Written { output: kind.name(), path, rows });
                Ok::<(), WriteError>(())
            };
        let (mut factors, mut findings, mut alerts) = (Some(factors), Some(findings), Some(alerts));
        let (mut quarantine, mut dead_letters) = (Some(quarantine), Some(dead_letters));
        for kind in OutputKind::ALL {
            note(kind, &mut |path| match kind {
                OutputKind::Factors => {
                    factors.take().map_or(Ok(0), |file| file.finish(path, symbols, &names))
                }
                OutputKind::Findings => findings.take().map_or(Ok(0), |file| file.finish(path)),
                OutputKind::Alerts => alerts.take().map_or(Ok(0), |file| file.finish(path)),
                OutputKind::Quarantine => quarantine.take().map_or(Ok(0), |f| f.finish(path)),
                OutputKind::DeadLetters => dead_letters.take().map_or(Ok(0), |f| f.finish(path)),
            })?;
        }
        Ok(written)
    }
}

struct Collected {
    files: Files,
    /// Rows of each epoch.
    sizes: Vec<u64>,
    progress: Progress,
    pace: Arc<Pace>,
}

/// The outputs of all workers in one place: files are written by the run as a whole.
struct Shared(Arc<Mutex<Collected>>);

impl Outputs for Shared {
    fn factors(&mut self, _: Epoch, batches: Vec<FactorBatch>) {
        let mut collected = lock(&self.0);
        batches.iter().for_each(|batch| collected.files.factors.apply(batch));
    }

    fn findings(&mut self, _: Epoch, changes: Vec<(Finding, i64)>) {
        let mut collected = lock(&self.0);
        changes.iter().for_each(|(finding, diff)| collected.files.findings.apply(finding, *diff));
    }

    fn alerts(&mut self, _: Epoch, changes: Vec<AlertChange>) {
        let mut collected = lock(&self.0);
        changes.iter().for_each(|change| collected.files.alerts.apply(change));
    }

    fn quarantine(&mut self, _: Epoch, changes: Vec<(Quarantined, i64)>) {
        let mut collected = lock(&self.0);
        changes.iter().for_each(|(row, diff)| collected.files.quarantine.apply(row, *diff));
    }

    fn dead_letters(&mut self, _: Epoch, letters: Vec<DeadLetter>) {
        let mut collected = lock(&self.0);
        letters.iter().for_each(|letter| collected.files.dead_letters.apply(letter));
    }

    fn progress(&mut self, _: Epoch, _: Fact) {}

    fn through(&mut self, first_open: Option<Epoch>) {
        let mut collected = lock(&self.0);
        let through = first_open.unwrap_or(Epoch::MAX);
        collected.pace.delivered(through);
        let epochs = usize::try_from(through).unwrap_or(usize::MAX).min(collected.sizes.len());
        let (done, all) = (collected.sizes[..epochs].iter().sum(), collected.sizes.iter().sum());
        (collected.progress)(done, all);
    }
}
