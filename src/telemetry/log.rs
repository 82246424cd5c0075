//! Logs: text for people or JSON for machines, to standard error unless told otherwise.

use std::fs::File;
use std::io::IsTerminal;
use std::sync::Mutex;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

/// How a line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// Where lines go.
#[derive(Debug, Default)]
pub enum LogTarget {
    /// Standard error.
    #[default]
    Stderr,
    /// A file; for commands that draw on the terminal.
    File(File),
}

/// How to log.
#[derive(Debug, Default)]
pub struct LogOptions {
    /// How a line looks.
    pub format: LogFormat,
    /// What is logged: a level, or `info,weir::dataflow=debug`. Without it the environment
    /// variable [`LogOptions::VARIABLE`] decides, and without that `info`.
    pub filter: Option<String>,
    /// Where lines go.
    pub target: LogTarget,
}

/// Why logs could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter cannot be read.
    #[error("log filter `{0}` cannot be read: {1}; write a level (info) or info,weir::api=debug")]
    Filter(String, String),
    /// Logs were set up before.
    #[error("logs are set up already: call this once, in main")]
    Again,
}

impl LogOptions {
    /// Environment variable with the filter.
    pub const VARIABLE: &'static str = "WEIR_LOG";

    /// Sets up logs for the whole process, once.
    pub fn init(self) -> Result<(), LogError> {
        let colours = match self.target {
            LogTarget::Stderr => {
                std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none()
            }
            LogTarget::File(_) => false,
        };
        let text = match self.filter {
            Some(text) => text,
            None => std::env::var(LogOptions::VARIABLE).unwrap_or_else(|_| "info".to_owned()),
        };
        let writer = match self.target {
            LogTarget::Stderr => BoxMakeWriter::new(std::io::stderr),
            LogTarget::File(file) => BoxMakeWriter::new(Mutex::new(file)),
        };
        let subscriber = subscriber(self.format, filter(&text)?, colours, writer);
        tracing::subscriber::set_global_default(subscriber).map_err(|_| LogError::Again)
    }
}

fn filter(text: &str) -> Result<EnvFilter, LogError> {
    EnvFilter::builder()
        .parse(text)
        .map_err(|error| LogError::Filter(text.to_owned(), error.to_string()))
}

fn subscriber(
    format: LogFormat,
    filter: EnvFilter,
    colours: bool,
    writer: BoxMakeWriter,
) -> Box<dyn tracing::Subscriber + Send + Sync> {
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    match format {
        LogFormat::Text => Box::new(builder.with_ansi(colours).finish()),
        LogFormat::Json => Box::new(builder.json().flatten_event(true).finish()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Seek, SeekFrom};

    use super::*;

    fn logged(format: LogFormat, text: &str) -> String {
        let mut file = tempfile::tempfile().unwrap();
        let writer = BoxMakeWriter::new(Mutex::new(file.try_clone().unwrap()));
        let subscriber = subscriber(format, filter(text).unwrap(), false, writer);
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(partition = 3, "source connected");
            tracing::debug!("a detail");
        });
        let mut text = String::new();
        file.seek(SeekFrom::Start(0)).unwrap();
        file.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn text_is_plain_and_filtered() {
        let text = logged(LogFormat::Text, "info");
        assert!(text.contains("source connected") && text.contains("partition=3"), "{text}");
        assert!(!text.contains("a detail") && !text.contains('\u{1b}'), "{text}");
        assert!(logged(LogFormat::Text, "weir=debug").contains("a detail"));
        assert_eq!(logged(LogFormat::Text, "off"), "");
    }

    #[test]
    fn json_is_one_object_per_line() {
        let text = logged(LogFormat::Json, "debug");
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0]["message"], "source connected");
        assert_eq!(lines[0]["partition"], 3);
        assert_eq!(lines[0]["level"], "INFO");
    }

    #[test]
    fn a_bad_filter_is_named() {
        let error = filter("weir=loud").unwrap_err().to_string();
        assert!(error.contains("`weir=loud`") && error.contains("info"), "{error}");
    }
}
