//! The command line: one file per command.

use std::ffi::OsString;
use std::process::ExitCode;

pub mod demo;

/// Runs the program with its arguments, the program's name first.
pub fn main(_arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    ExitCode::SUCCESS
}
