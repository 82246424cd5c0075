//! `weir compute`: factors of a file of bars.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::sets::{choose, parameter, rename, rename_fields, set_parameters};
use super::summary::{Summary, grouped};
use super::{Format, Outcome, Terminal};
use crate::config::TimeOfDay;
use crate::dataflow::factors::Panel;
use crate::dataflow::sinks::file::PanelFile;
use crate::dataflow::sources::file::Scan;
use crate::plan::{FactorError, FactorSet, MissingField, shipped};
use crate::runtime;
use crate::runtime::{ComputeError, ComputeOptions, State, StateError};

/// Compute factors of a file of bars.
///
/// The input has the columns symbol, time or date, and fields of any name: numbers, or text where
/// formulas group by it. The output has a row for every time and symbol, and a column per factor.
#[derive(Debug, clap::Args)]
pub(super) struct Compute {
    /// Factor sets: alpha101, alpha158, alpha360, gtja191, ta, cn, or the path of a YAML file.
    factors: Vec<String>,
    /// Bars: a .parquet, .csv, .arrow or .feather file, or .arrows, an Arrow stream.
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    /// Where to write the factors: a file with one of these endings. Without it, a head and a
    /// summary are printed.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// A factor of your own; may be given again.
    #[arg(short = 'e', long = "formula", value_name = "NAME = FORMULA")]
    formulas: Vec<String>,
    /// What the input calls a field of the sets: close=adj_close. May be given again.
    #[arg(long, value_name = "FIELD=COLUMN", value_parser = rename)]
    rename: Vec<(String, String)>,
    /// A value for a parameter of the sets, in place of theirs; may be given again.
    #[arg(short = 'p', long = "parameter", value_name = "NAME=VALUE", value_parser = parameter)]
    parameters: Vec<(String, f64)>,
    /// When a session, a trading day of 24 hours, begins, in UTC: what session_first and
    /// session_last go by.
    #[arg(long, value_name = "HH:MM", default_value = "00:00")]
    day_begins: TimeOfDay,
    /// Which symbols count in cross-sections: all of the file at all times, or each from its first
    /// row on, as in a pipeline. After a state, new symbols do so in any case.
    #[arg(long, value_enum, default_value_t)]
    universe: Universe,
    /// Only these factors of the sets.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    only: Vec<String>,
    /// Not these factors of the sets.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    except: Vec<String>,
    /// Threads that compute, one for each core if not given; values do not depend on it. With one,
    /// reading and writing are done by it as well.
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// Memory for sorting a file that is not ordered by time; what is more waits on the disk.
    #[arg(long, value_name = "SIZE", default_value = "2 GiB", value_parser = size)]
    memory: usize,
    /// Go on from a state that --save-state wrote: the input has newer bars only, of the same
    /// fields, and so has the output. Values have the same bits as in one run over all bars.
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Write the state at the end of the input, for --state of the next run; it may be that file.
    #[arg(long, value_name = "FILE")]
    save_state: Option<PathBuf>,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Which symbols count in cross-sections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Universe {
    /// All of the file at all times.
    #[default]
    All,
    /// Each from its first row on, as in a pipeline.
    Seen,
}

impl Compute {
    pub(super) fn execute(&self, terminal: &mut Terminal) -> anyhow::Result<Outcome> {
        let sets = match self.sets(terminal) {
            Ok(sets) => sets,
            Err(outcome) => return Ok(outcome),
        };
        // Before the work, not after it.
        if let Some(Err(error)) = self.output.as_deref().map(PanelFile::check_name) {
            terminal.error(&format!("error: {error}"));
            return Ok(Outcome::Usage);
        }
        if let Some(state) = &self.save_state
            && [Some(&self.input), self.output.as_ref()].contains(&Some(state))
        {
            let state = state.display();
            terminal.error(&format!("error: --save-state: {state} is the input or the output"));
            return Ok(Outcome::Usage);
        }
        let Err(error) = self.run(&sets, terminal) else { return Ok(Outcome::Good) };
        match error.downcast_ref() {
            Some(ComputeError::Factors(FactorError::Missing(missing))) => {
                missing.iter().for_each(|lack| terminal.error(&lacking(lack)));
                let file = self.input.display();
                terminal.error(&format!(
                    "{file}: add the columns, or leave the formulas out with --except or --only"
                ));
            }
            Some(ComputeError::Factors(FactorError::Formulas(all))) => {
                all.iter().for_each(|diagnostic| terminal.error(&format!("{diagnostic}\n")));
            }
            Some(
                ComputeError::Factors(_)
                | ComputeError::Column(_)
                | ComputeError::State(
                    StateError::Version { .. }
                    | StateError::Formulas { .. }
                    | StateError::Old { .. },
                ),
            ) => {
                terminal.error(&format!("error: {error}"));
            }
            _ => return Err(error),
        }
        Ok(Outcome::Usage)
    }

    fn sets(&self, terminal: &mut Terminal) -> Result<Vec<FactorSet>, Outcome> {
        if self.factors.is_empty() && self.formulas.is_empty() {
            let names: Vec<_> = shipped().collect();
            terminal.error(&format!(
                "error: nothing to compute: name a factor set ({}), the path of one, or -e 'NAME = FORMULA'",
                names.join(", ")
            ));
            return Err(Outcome::Usage);
        }
        let named = self.factors.iter().map(|name| FactorSet::load(name));
        let written = self.formulas.iter().map(|text| FactorSet::written(text));
        let (mut sets, mut good) = (Vec::new(), true);
        for set in named.chain(written) {
            match set {
                Ok(set) => sets.push(set),
                Err(all) => {
                    all.iter().for_each(|diagnostic| terminal.error(&format!("{diagnostic}\n")));
                    good = false;
                }
            }
        }
        if !good {
            return Err(Outcome::Usage);
        }
        sets.iter_mut().for_each(|set| set.rules.mode.day_begins = self.day_begins.minutes);
        let chosen = choose(&mut sets[..], self.factors.len(), &self.only, &self.except);
        let chosen = chosen.and_then(|()| set_parameters(&mut sets, &self.parameters));
        match chosen.and_then(|()| rename_fields(&mut sets[..self.factors.len()], &self.rename)) {
            Ok(()) => Ok(sets),
            Err(message) => {
                terminal.error(&format!("error: {message}"));
                Err(Outcome::Usage)
            }
        }
    }

    fn run(&self, sets: &[FactorSet], terminal: &mut Terminal) -> anyhow::Result<()> {
        let began = Instant::now();
        let compute = runtime::Compute::new(sets, &self.input)?;
        for (name, meaning) in compute.derived() {
            terminal.error(&format!("note: {name} is derived: {meaning}"));
        }
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let threads = self.threads.map_or(cores, NonZeroUsize::get);
        let universe = match self.universe {
            Universe::All => runtime::Universe::All,
            Universe::Seen => runtime::Universe::Seen,
        };
        let options = ComputeOptions { threads, memory_bytes: self.memory, universe };
        let state = self.state.as_deref().map(|path| compute.open_state(path)).transpose()?;
        let scanning = Bar::new(terminal.interactive(), "{bytes}/{total_bytes} looked at");
        let scan = compute.scan(state.as_ref(), &scanning.progress())?;
        scanning.finish();
        if let Some((state, through)) = state.as_ref().and_then(|s| Some((s, s.through()?))) {
            let (known, all) = (state.symbols(), scan.symbols.len());
            terminal.error(&format!(
                "note: goes on from {through} with {} symbols, {} of them new",
                grouped(all as u64),
                grouped((all - known) as u64)
            ));
        }
        if let Some(bytes) = compute.spilled(&scan, options) {
            terminal.error(&format!(
                "note: {} is not ordered by time and larger than --memory: {} MiB wait in {}",
                self.input.display(),
                bytes.div_ceil(1 << 20),
                std::env::temp_dir().display()
            ));
        }
        let panels = self.results(&compute, &scan, state, options, terminal)?;
        if let Some(path) = &self.save_state {
            let bytes = compute.save(path, &scan, &panels)?;
            let (path, size) = (path.display(), bytes.div_ceil(1 << 20));
            terminal.error(&format!("note: {path}: the state for the next bars, {size} MiB"));
        }
        let seconds = began.elapsed().as_secs_f64();
        let values = scan.rows as f64 * compute.factors().count() as f64;
        terminal.error(&format!(
            "{} rows in {seconds:.1} s: {} rows/s, {} values/s",
            grouped(scan.rows),
            grouped((scan.rows as f64 / seconds) as u64),
            grouped((values / seconds) as u64),
        ));
        Ok(())
    }

    /// Computes into the output or onto the terminal.
    fn results(
        &self,
        compute: &runtime::Compute,
        scan: &Scan,
        state: Option<State>,
        options: ComputeOptions,
        terminal: &mut Terminal,
    ) -> anyhow::Result<Vec<Panel>> {
        let file = compute.output(scan);
        let computing =
            Bar::new(terminal.interactive(), "{human_pos}/{human_len} rows  {per_sec}  {eta}");
        let factors = file.factors.len();
        let rows = (scan.times.len() * scan.symbols.len()) as u64;
        match &self.output {
            Some(path) => {
                let mut writer = file.create(path)?;
                let progress = computing.progress();
                let panels = compute.run(scan, state, options, &mut writer, &progress)?;
                writer.finish()?;
                computing.finish();
                let path = path.display().to_string();
                match self.format {
                    Format::Text => {
                        let rows = grouped(rows);
                        terminal.line(&format!("{rows:>10} rows, {factors} factors  {path}"));
                    }
                    Format::Json => terminal
                        .json(&json!({ "output": path, "rows": rows, "factors": factors }))?,
                }
                Ok(panels)
            }
            None => {
                let mut summary = Summary::new(file);
                let progress = computing.progress();
                let panels = compute.run(scan, state, options, &mut summary, &progress)?;
                computing.finish();
                match self.format {
                    Format::Text => summary.lines().iter().for_each(|line| terminal.line(line)),
                    Format::Json => terminal.json(&summary.json())?,
                }
                Ok(panels)
            }
        }
    }
}

/// Bytes, from a text with a unit.
fn size(text: &str) -> Result<usize, String> {
    let units = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];
    let (name, unit) = units.iter().find(|(name, _)| text.ends_with(name)).unwrap_or(&("", 1));
    let number = text.trim_end_matches(name).trim().parse::<usize>().ok();
    let bytes = number.and_then(|number| number.checked_mul(*unit));
    bytes.ok_or_else(|| format!("`{text}` is not a size; write it like `2 GiB` or `512 MiB`"))
}

/// Which field is missing, and who needs it.
fn lacking(lack: &MissingField) -> String {
    const SHOWN: usize = 8;
    let names = &lack.formulas;
    let more = names.len().saturating_sub(SHOWN);
    let shown = names[..names.len().min(SHOWN)].join(", ");
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let near = lack.near.as_ref().map(|near| format!("; did you mean `{near}`?"));
    let near = near.unwrap_or_default();
    let other = match lack.field.as_str() {
        "vwap" => " (nor `amount`, which with `volume` gives it)",
        "amount" => " (nor `vwap`, which with `volume` gives it)",
        _ => "",
    };
    let field = &lack.field;
    format!("error: the input has no column `{field}`{other}, needed by {shown}{more}{near}")
}

/// A bar on the terminal, if a person is watching.
struct Bar(ProgressBar);

impl Bar {
    /// `figures` stand behind the bar, in the language of indicatif.
    fn new(shown: bool, figures: &str) -> Bar {
        if !shown {
            return Bar(ProgressBar::hidden());
        }
        let style = ProgressStyle::with_template(&format!("{{bar:32}} {figures}"));
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
        Bar(ProgressBar::new(0).with_style(style))
    }

    fn progress(&self) -> impl Fn(u64, u64) + Sync {
        let bar = self.0.clone();
        move |done, all| {
            bar.set_length(all);
            bar.set_position(done);
        }
    }

    fn finish(&self) {
        self.0.finish_and_clear();
    }
}
