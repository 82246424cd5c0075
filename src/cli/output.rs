//! Where commands write: the terminal, or whatever stands in for it.

use std::io::{IsTerminal, Write};

/// How a command prints its result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON document, for scripts.
    Json,
}

/// Standard output and error of a command.
pub struct Terminal {
    out: Box<dyn Write>,
    err: Box<dyn Write>,
    interactive: bool,
}

impl Terminal {
    /// The process's own.
    pub fn standard() -> Terminal {
        Terminal {
            out: Box::new(std::io::stdout()),
            err: Box::new(std::io::stderr()),
            interactive: std::io::stdout().is_terminal() && std::io::stderr().is_terminal(),
        }
    }

    /// Whether a person is watching.
    pub fn interactive(&self) -> bool {
        self.interactive
    }

    /// Columns of the terminal, 100 without one.
    pub fn width(&self) -> usize {
        let size = ratatui::crossterm::terminal::size();
        size.ok().filter(|_| self.interactive).map_or(100, |(columns, _)| usize::from(columns))
    }

    /// Prints a line of the result. A reader that went away (`| head`) is no fault.
    pub fn line(&mut self, text: &str) {
        drop(writeln!(self.out, "{text}").and_then(|()| self.out.flush()));
    }

    /// Prints a line about the command itself.
    pub fn error(&mut self, text: &str) {
        drop(writeln!(self.err, "{text}").and_then(|()| self.err.flush()));
    }

    /// Prints a JSON document.
    pub fn json(&mut self, value: &impl serde::Serialize) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(value)?;
        self.line(&text);
        Ok(())
    }
}

impl std::fmt::Debug for Terminal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Terminal").field("interactive", &self.interactive).finish_non_exhaustive()
    }
}
