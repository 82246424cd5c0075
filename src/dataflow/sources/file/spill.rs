//! Rows that wait in a temporary file until their times come.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::ReadError;
use super::table::Table;
use crate::model::{SymbolId, Time};

/// Rows in parts. Each part collects a block in memory and appends it to the one file when it is
/// full; blocks of a part are read again in their order.
pub(super) struct Spill {
    path: PathBuf,
    name: PathBuf,
    file: File,
    end: u64,
    fields: usize,
    block_bytes: usize,
    parts: Vec<Part>,
}

#[derive(Clone, Default)]
struct Part {
    block: Vec<u8>,
    /// Where its blocks are: place and length.
    written: Vec<(u64, usize)>,
}

/// Share of the memory that blocks may take.
const SHARE: usize = 4;
/// Smallest and largest block.
const BLOCK_BYTES: (usize, usize) = (1 << 12, 1 << 20);

impl Spill {
    /// An empty file for the rows of `path`, in so many parts.
    pub(super) fn new(
        path: &Path,
        parts: usize,
        fields: usize,
        memory: usize,
    ) -> Result<Spill, ReadError> {
        let folder = std::env::temp_dir();
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        let mut number = 0;
        let (name, file) = loop {
            let name = folder.join(format!(".weir-{}-{number}.rows", std::process::id()));
            match options.open(&name) {
                Ok(file) => break (name, file),
                Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => number += 1,
                Err(error) => {
                    return Err(ReadError::Spill { path: path.to_owned(), folder, error });
                }
            }
        };
        let block_bytes = (memory / SHARE / parts.max(1)).clamp(BLOCK_BYTES.0, BLOCK_BYTES.1);
        let parts = vec![Part::default(); parts];
        Ok(Spill { path: path.to_owned(), name, file, end: 0, fields, block_bytes, parts })
    }

    /// Bytes of a row: time, place, symbol, fields.
    pub(super) const fn row_bytes(fields: usize) -> usize {
        8 + 8 + 4 + 8 * fields
    }

    /// Appends a row of a table to a part.
    pub(super) fn push(
        &mut self,
        part: usize,
        table: &Table<'_>,
        row: usize,
    ) -> Result<(), ReadError> {
        let Some(waiting) = self.parts.get_mut(part) else { return Ok(()) };
        let block = &mut waiting.block;
        block.extend_from_slice(&table.time[row].nanos().to_le_bytes());
        block.extend_from_slice(&table.place[row].to_le_bytes());
        block.extend_from_slice(&table.symbol[row].0.to_le_bytes());
        for column in &table.fields {
            block.extend_from_slice(&column[row].to_bits().to_le_bytes());
        }
        if block.len() >= self.block_bytes { self.write(part) } else { Ok(()) }
    }

    /// Writes what is still in memory.
    pub(super) fn flush(&mut self) -> Result<(), ReadError> {
        for part in 0..self.parts.len() {
            self.write(part)?;
            self.parts[part].block = Vec::new();
        }
        Ok(())
    }

    fn write(&mut self, part: usize) -> Result<(), ReadError> {
        let part = &mut self.parts[part];
        if part.block.is_empty() {
            return Ok(());
        }
        let written = self.file.write_all(&part.block);
        part.written.push((self.end, part.block.len()));
        self.end += part.block.len() as u64;
        part.block.clear();
        written.map_err(|error| self.failed(error))
    }

    /// Appends the rows of a part to a table.
    pub(super) fn load(&mut self, part: usize, table: &mut Table<'_>) -> Result<(), ReadError> {
        let mut block = Vec::new();
        for (start, length) in std::mem::take(&mut self.parts[part].written) {
            block.resize(length, 0);
            let read = self.file.seek(SeekFrom::Start(start));
            let read = read.and_then(|_| self.file.read_exact(&mut block));
            read.map_err(|error| self.failed(error))?;
            for row in block.chunks_exact(Spill::row_bytes(self.fields)) {
                let word = |at: usize| {
                    let mut bytes = [0; 8];
                    bytes.copy_from_slice(&row[at..at + 8]);
                    u64::from_le_bytes(bytes)
                };
                table.time.push(Time::from_nanos(word(0) as i64));
                table.place.push(word(8));
                let symbol = [row[16], row[17], row[18], row[19]];
                table.symbol.push(SymbolId(u32::from_le_bytes(symbol)));
                for (field, column) in table.fields.iter_mut().enumerate() {
                    column.push(f64::from_bits(word(20 + 8 * field)));
                }
            }
        }
        Ok(())
    }

    fn failed(&self, error: std::io::Error) -> ReadError {
        let folder = self.name.parent().unwrap_or(Path::new(".")).to_owned();
        ReadError::Spill { path: self.path.clone(), folder, error }
    }
}

impl Drop for Spill {
    fn drop(&mut self) {
        // Nobody is left to be told; the system clears its temporary files.
        drop(std::fs::remove_file(&self.name));
    }
}
