//! A panel as CSV: parts write their cells, the writer puts them side by side.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use super::PanelFile;
use crate::dataflow::sinks::file::WriteError;
use crate::model::Time;

/// Bytes that are given to the system at a time.
const BUFFER_BYTES: usize = 1 << 18;

pub(super) struct Writer {
    pub(super) file: PanelFile,
    path: PathBuf,
    out: BufWriter<File>,
    /// Symbols as they stand in a cell.
    symbols: Vec<String>,
}

/// Cells of some factors.
#[derive(Default)]
pub(super) struct Part(Piece);

/// Cells of some factors at some times: time by time, symbol by symbol, factor by factor.
#[derive(Default)]
pub(super) struct Piece {
    columns: usize,
    text: Vec<u8>,
    /// Where each cell ends.
    ends: Vec<u32>,
}

impl Part {
    pub(super) fn take(&mut self, rows: &[&[f64]]) {
        let Piece { columns, text, ends } = &mut self.0;
        *columns = rows.len();
        for symbol in 0..rows.first().map_or(0, |row| row.len()) {
            for row in rows {
                number(row.get(symbol).copied().unwrap_or(f64::NAN), text);
                ends.push(text.len() as u32);
            }
        }
    }

    pub(super) fn cut(&mut self) -> Piece {
        std::mem::take(&mut self.0)
    }
}

impl Piece {
    fn cell(&self, row: usize, column: usize) -> &[u8] {
        let at = row * self.columns + column;
        let end = |at: usize| self.ends.get(at).map_or(0, |end| *end as usize);
        let start = at.checked_sub(1).map_or(0, end);
        self.text.get(start..end(at)).unwrap_or_default()
    }
}

/// Appends the shortest text that reads as the same number; nothing for NaN.
fn number(value: f64, text: &mut Vec<u8>) {
    let size = value.abs();
    let written = if value.is_nan() {
        Ok(())
    } else if value == 0.0 || size.is_infinite() || (1e-5..1e16).contains(&size) {
        write!(text, "{value}")
    } else {
        write!(text, "{value:e}")
    };
    debug_assert!(written.is_ok(), "a vector takes everything");
}

/// A text as a cell: in quotes where it must be.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

impl Writer {
    pub(super) fn new(file: &PanelFile, path: &Path, out: File) -> Result<Writer, WriteError> {
        let mut out = BufWriter::with_capacity(BUFFER_BYTES, out);
        let names = [file.time.as_str(), "symbol"].into_iter();
        let names = names.chain(file.factors.iter().map(String::as_str));
        let header = names.map(quoted).collect::<Vec<_>>().join(",");
        writeln!(out, "{header}")
            .map_err(|e| WriteError::Io { path: path.to_owned(), error: e })?;
        let symbols = file.symbols.iter().map(|symbol| quoted(symbol)).collect();
        Ok(Writer { file: file.clone(), path: path.to_owned(), out, symbols })
    }

    pub(super) fn put(
        &mut self,
        times: &[Time],
        pieces: &[Piece],
        places: &[(usize, usize)],
    ) -> Result<(), WriteError> {
        let written = self.write(times, pieces, places);
        written.map_err(|error| WriteError::Io { path: self.path.clone(), error })
    }

    fn write(
        &mut self,
        times: &[Time],
        pieces: &[Piece],
        places: &[(usize, usize)],
    ) -> std::io::Result<()> {
        let mut row = 0;
        for time in times {
            let time = self.file.text(*time);
            for symbol in &self.symbols {
                self.out.write_all(time.as_bytes())?;
                self.out.write_all(b",")?;
                self.out.write_all(symbol.as_bytes())?;
                for (part, column) in places {
                    self.out.write_all(b",")?;
                    let cell = pieces.get(*part).map(|piece| piece.cell(row, *column));
                    self.out.write_all(cell.unwrap_or_default())?;
                }
                self.out.write_all(b"\n")?;
                row += 1;
            }
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<(), WriteError> {
        self.out.flush().map_err(|error| WriteError::Io { path: self.path, error })
    }
}
