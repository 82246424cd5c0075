//! Parquet, any writer's, read batch by batch.

use std::fs::File;
use std::path::{Path, PathBuf};

use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::arrays::{self, Arrays};
use super::columns::Columns;
use super::table::Table;
use super::{ColumnKind, PIECE_ROWS, Pieces, ReadError};
use crate::plan::SourcePlan;

/// A file that is being read.
pub(super) struct Reader {
    path: PathBuf,
    names: Vec<String>,
    columns: Columns,
    batches: ParquetRecordBatchReader,
    size: u64,
    rows: u64,
    total: u64,
}

impl Reader {
    pub(super) fn open(path: &Path, source: &SourcePlan) -> Result<Reader, ReadError> {
        let (builder, size) = open(path)?;
        let names: Vec<String> =
            builder.schema().fields().iter().map(|field| field.name().clone()).collect();
        let columns = Columns::find(path, &names, source)?;
        let mask = ProjectionMask::roots(builder.parquet_schema(), columns.used());
        let total = builder.metadata().file_metadata().num_rows().max(1).unsigned_abs();
        let batches = builder
            .with_projection(mask)
            .with_batch_size(PIECE_ROWS)
            .build()
            .map_err(|error| ReadError::format(path, error))?;
        Ok(Reader { path: path.to_owned(), names, columns, batches, size, rows: 0, total })
    }
}

impl Pieces for Reader {
    fn next(&mut self, table: &mut Table<'_>) -> Result<bool, ReadError> {
        let Some(batch) = self.batches.next() else { return Ok(false) };
        let batch = batch.map_err(|error| ReadError::format(&self.path, error))?;
        let arrays = Arrays { path: &self.path, columns: &self.columns, names: &self.names };
        arrays.append(table, &batch, self.rows)?;
        self.rows += batch.num_rows() as u64;
        Ok(true)
    }

    fn done(&mut self) -> u64 {
        (u128::from(self.size) * u128::from(self.rows) / u128::from(self.total)) as u64
    }
}

/// The columns of a file and their types.
pub(super) fn columns(path: &Path) -> Result<Vec<(String, ColumnKind)>, ReadError> {
    let (builder, _) = open(path)?;
    Ok(arrays::kinds(builder.schema()))
}

fn open(path: &Path) -> Result<(ParquetRecordBatchReaderBuilder<File>, u64), ReadError> {
    let file = File::open(path).map_err(|error| ReadError::open(path, error))?;
    let size = file.metadata().map_err(|error| ReadError::open(path, error))?.len();
    let builder = ParquetRecordBatchReaderBuilder::try_new(file)
        .map_err(|error| ReadError::format(path, format!("is not a Parquet file: {error}")))?;
    Ok((builder, size))
}
