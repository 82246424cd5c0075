//! The command line: one file per command.

mod backfill;
mod bench;
mod check;
mod compute;
pub mod demo;
mod explain;
mod functions;
mod health;
mod load;
mod output;
mod run;
mod schema;
mod sets;
mod summary;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use output::{Format, Terminal};

/// How a command ended; the process's exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// 0: done, and what was asked about is good.
    Good,
    /// 1: done, and what was asked about is bad, or the run was stopped by a fault.
    Bad,
    /// 2: wrong usage or configuration.
    Usage,
    /// 3: Kafka cannot be reached or refuses.
    Unreachable,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> ExitCode {
        ExitCode::from(match outcome {
            Outcome::Good => 0,
            Outcome::Bad => 1,
            Outcome::Usage => 2,
            Outcome::Unreachable => 3,
        })
    }
}

const AFTER_HELP: &str = "\
Exit codes: 0 good; 1 what was asked about is bad, or a fault stopped the run; 2 wrong usage or
configuration; 3 Kafka cannot be reached or refuses.";

/// Stream processing for market data: factors, data quality and alerts that stay right when the
/// past is corrected.
#[derive(Debug, Parser)]
#[command(name = "weir", version, about, after_help = AFTER_HELP, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Demo),
    Run(run::Run),
    Check(check::Check),
    Explain(explain::Explain),
    Backfill(backfill::Backfill),
    Compute(compute::Compute),
    Bench(bench::Bench),
    Functions(functions::Functions),
    Schema(schema::Schema),
    Health(health::Health),
}

/// Runs the program with its arguments, the program's name first.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            let outcome = if error.use_stderr() { Outcome::Usage } else { Outcome::Good };
            // A closed pipe is the reader's wish, not a fault.
            drop(error.print());
            return outcome.into();
        }
    };
    let mut terminal = Terminal::standard();
    let result = match &arguments.command {
        Command::Demo(command) => command.execute(&mut terminal),
        Command::Run(command) => command.execute(&mut terminal),
        Command::Check(command) => command.execute(&mut terminal),
        Command::Explain(command) => command.execute(&mut terminal),
        Command::Backfill(command) => command.execute(&mut terminal),
        Command::Compute(command) => command.execute(&mut terminal),
        Command::Bench(command) => command.execute(&mut terminal),
        Command::Functions(command) => command.execute(&mut terminal),
        Command::Schema(command) => command.execute(&mut terminal),
        Command::Health(command) => command.execute(&mut terminal),
    };
    match result {
        Ok(outcome) => outcome.into(),
        Err(error) => {
            terminal.error(&format!("error: {error:#}"));
            Outcome::Bad.into()
        }
    }
}
