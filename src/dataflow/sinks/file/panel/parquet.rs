//! A panel as Parquet: parts encode their columns, the writer puts them into row groups.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::column::writer::{ColumnCloseResult, ColumnWriter, get_column_writer};
use parquet::data_type::ByteArray;
use parquet::errors::Result;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedFileWriter, SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnPath;

use super::floats::{Chunk, Column, Shared, Spare};
use super::{PanelFile, TimeForm};
use crate::dataflow::sinks::file::WriteError;
use crate::model::Time;

/// Bytes that are given to the system at a time.
const BUFFER_BYTES: usize = 1 << 18;

pub(super) struct Writer {
    pub(super) file: PanelFile,
    path: PathBuf,
    out: SerializedFileWriter<BufWriter<File>>,
    /// The symbols of the row group before, with how many times it had.
    symbols: Option<(usize, Bytes, ColumnCloseResult)>,
    spare: Spare,
}

/// Columns of some factors.
pub(super) struct Part(Vec<Column>);

impl Part {
    pub(super) fn take(&mut self, rows: &[&[f64]]) {
        for (column, row) in self.0.iter_mut().zip(rows) {
            column.push(row);
        }
    }

    pub(super) fn cut(&mut self) -> Vec<Chunk> {
        self.0.iter_mut().map(Column::cut).collect()
    }
}

impl Writer {
    pub(super) fn new(
        file: &PanelFile,
        path: &Path,
        out: File,
    ) -> std::result::Result<Writer, WriteError> {
        let mut file = file.clone();
        if let TimeForm::Instant { unit_nanos: unit_nanos @ 1_000_000_000, .. } = &mut file.form {
            // Parquet has no seconds.
            *unit_nanos = 1_000_000;
        }
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::UNCOMPRESSED)
            .set_statistics_enabled(EnabledStatistics::None)
            .set_offset_index_disabled(true)
            .set_created_by(format!("weir {}", env!("CARGO_PKG_VERSION")));
        for column in [&file.time, "symbol"] {
            // Readers skip row groups by these.
            let column = ColumnPath::new(vec![column.to_owned()]);
            properties = properties.set_column_statistics_enabled(column, EnabledStatistics::Chunk);
        }
        let out = BufWriter::with_capacity(BUFFER_BYTES, out);
        let out = ArrowWriter::try_new(out, file.schema(), Some(properties.build()))
            .and_then(ArrowWriter::into_serialized_writer);
        match out {
            Ok((out, _)) => Ok(Writer {
                file,
                path: path.to_owned(),
                out,
                symbols: None,
                spare: Spare::default(),
            }),
            Err(error) => Err(WriteError::Parquet { path: path.to_owned(), error }),
        }
    }

    pub(super) fn part(&self, factors: &[usize]) -> Part {
        Part(factors.iter().map(|_| Column::new(self.spare.clone())).collect())
    }

    /// Writes a row group.
    pub(super) fn put(
        &mut self,
        times: &[Time],
        factors: Vec<Chunk>,
    ) -> std::result::Result<(), WriteError> {
        self.group(times, factors)
            .map_err(|error| WriteError::Parquet { path: self.path.clone(), error })
    }

    fn group(&mut self, times: &[Time], factors: Vec<Chunk>) -> Result<()> {
        if times.is_empty() {
            return Ok(());
        }
        let (time_bytes, time) = self.encode(0, |column| self.write_times(times, column))?;
        let (symbol_bytes, symbol) = match self.symbols.take() {
            Some((count, bytes, close)) if count == times.len() => (bytes, close),
            _ => self.encode(1, |column| self.write_symbols(times.len(), column))?,
        };
        let columns = self.out.schema_descr().columns().to_vec();
        let mut group = self.out.next_row_group()?;
        group.append_column(&time_bytes, time)?;
        group.append_column(&symbol_bytes, symbol.clone())?;
        for (chunk, column) in factors.into_iter().zip(&columns[2..]) {
            let close = chunk.describe(Arc::clone(column))?;
            let chunk = Shared(Arc::new(chunk));
            group.append_column(&chunk, close)?;
            self.spare.put(chunk);
        }
        group.close()?;
        self.symbols = Some((times.len(), symbol_bytes, symbol));
        Ok(())
    }

    /// Encodes a column by the library.
    fn encode(
        &self,
        column: usize,
        write: impl FnOnce(&mut ColumnWriter<'_>) -> Result<()>,
    ) -> Result<(Bytes, ColumnCloseResult)> {
        let description = self.out.schema_descr().column(column);
        let mut bytes = TrackedWrite::new(Vec::new());
        let pages = Box::new(SerializedPageWriter::new(&mut bytes));
        let mut writer = get_column_writer(description, Arc::clone(self.out.properties()), pages);
        write(&mut writer)?;
        let close = writer.close()?;
        Ok((bytes.into_inner()?.into(), close))
    }

    fn write_symbols(&self, times: usize, column: &mut ColumnWriter<'_>) -> Result<()> {
        let ColumnWriter::ByteArrayColumnWriter(column) = column else { return Ok(()) };
        let symbols: Vec<ByteArray> =
            self.file.symbols.iter().map(|symbol| symbol.as_bytes().to_vec().into()).collect();
        for _ in 0..times {
            column.write_batch(&symbols, None, None)?;
        }
        Ok(())
    }

    fn write_times(&self, times: &[Time], column: &mut ColumnWriter<'_>) -> Result<()> {
        let count = self.file.symbols.len();
        for time in times {
            // A time after the other, so that little of it is there twice.
            match column {
                ColumnWriter::Int32ColumnWriter(column) => {
                    let days = vec![self.file.count(*time) as i32; count];
                    column.write_batch(&days, None, None)?;
                }
                ColumnWriter::Int64ColumnWriter(column) => {
                    column.write_batch(&vec![self.file.count(*time); count], None, None)?;
                }
                ColumnWriter::ByteArrayColumnWriter(column) => {
                    let text: ByteArray = self.file.text(*time).into_bytes().into();
                    column.write_batch(&vec![text; count], None, None)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    pub(super) fn finish(self) -> std::result::Result<(), WriteError> {
        let flushed = self.out.into_inner().and_then(|mut out| Ok(out.flush()?));
        flushed.map_err(|error| WriteError::Parquet { path: self.path, error })
    }
}
