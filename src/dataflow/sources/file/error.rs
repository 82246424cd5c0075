//! What can be wrong with an input file, and where.

use std::fmt;
use std::path::{Path, PathBuf};

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be opened.
    #[error("cannot open {}: {error}", path.display())]
    Open {
        /// File.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// The name does not say what the file is.
    #[error("{}: the name must end in .csv, .parquet, .arrow, .feather or .arrows (an Arrow stream)", path.display())]
    Extension {
        /// File.
        path: PathBuf,
    },
    /// The file as a whole is not what its name says.
    #[error("{}: {message}", path.display())]
    Format {
        /// File.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// A column is missing, there twice, or should not be there.
    #[error("{}: column `{column}` {message}", path.display())]
    Column {
        /// File.
        path: PathBuf,
        /// Column.
        column: String,
        /// What is wrong and what would be right.
        message: String,
    },
    /// The file has no rows.
    #[error("{}: has no rows", path.display())]
    Empty {
        /// File.
        path: PathBuf,
    },
    /// Two rows of one symbol have the same time.
    #[error(
        "{}: {second}: a second row of `{symbol}` at {time}, the first is {first}; keep one of them",
        path.display()
    )]
    Twice {
        /// File.
        path: PathBuf,
        /// The symbol.
        symbol: String,
        /// The time, as in the file or in RFC 3339.
        time: String,
        /// The row that comes first in the file.
        first: Place,
        /// The other.
        second: Place,
    },
    /// The file is not what it was a moment ago.
    #[error("{}: was changed while it was read; run again when it is whole", path.display())]
    Changed {
        /// File.
        path: PathBuf,
    },
    /// Rows wait on the disk for their turn, and cannot be written there or read from there.
    #[error("cannot sort {} in {}: {error}; set TMPDIR to a folder with room", path.display(), folder.display())]
    Spill {
        /// File that is read.
        path: PathBuf,
        /// Folder of the temporary file.
        folder: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// One cell cannot be read.
    #[error("{}: {place}, column `{column}`: {message}", path.display())]
    Cell {
        /// File.
        path: PathBuf,
        /// Row.
        place: Place,
        /// Column.
        column: String,
        /// What is wrong and what would be right.
        message: String,
    },
}

/// A row in a file, counted as its readers count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Line of a text file; the header is line 1.
    Line(u64),
    /// Row of a table; the first is row 1.
    Row(u64),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Line(number) => write!(f, "line {number}"),
            Place::Row(number) => write!(f, "row {number}"),
        }
    }
}

impl ReadError {
    pub(super) fn open(path: &Path, error: std::io::Error) -> ReadError {
        ReadError::Open { path: path.to_owned(), error }
    }

    pub(super) fn format(path: &Path, message: impl fmt::Display) -> ReadError {
        ReadError::Format { path: path.to_owned(), message: message.to_string() }
    }

    pub(super) fn column(path: &Path, column: &str, message: impl Into<String>) -> ReadError {
        ReadError::Column {
            path: path.to_owned(),
            column: column.to_owned(),
            message: message.into(),
        }
    }

    pub(super) fn cell(
        path: &Path,
        place: Place,
        column: &str,
        message: impl Into<String>,
    ) -> ReadError {
        ReadError::Cell {
            path: path.to_owned(),
            place,
            column: column.to_owned(),
            message: message.into(),
        }
    }
}
