//! Arrow IPC: files (`.arrow`, `.feather`) and streams, told apart by how they begin.

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::{ArrowError, SchemaRef};

use super::arrays::{self, Arrays};
use super::columns::Columns;
use super::table::Table;
use super::{ColumnKind, PIECE_ROWS, Pieces, ReadError};
use crate::plan::SourcePlan;

/// How files begin that are no streams.
const MAGIC: &[u8] = b"ARROW1";

/// Bytes read from the system at a time.
const BUFFER_BYTES: usize = 1 << 18;

/// A file that is being read.
pub(super) struct Reader {
    path: PathBuf,
    names: Vec<String>,
    columns: Columns,
    batches: Batches,
    /// The batch in hand and how many of its rows were taken.
    batch: Option<(RecordBatch, usize)>,
    rows: u64,
}

enum Batches {
    File(Box<FileReader<BufReader<File>>>),
    Stream(Box<StreamReader<BufReader<File>>>),
}

impl Batches {
    fn open(path: &Path, projection: Option<Vec<usize>>) -> Result<Batches, ReadError> {
        let broken =
            |error| ReadError::format(path, format!("is not an Arrow file or stream: {error}"));
        let opened = |error| ReadError::open(path, error);
        let file = File::open(path).map_err(opened)?;
        let mut file = BufReader::with_capacity(BUFFER_BYTES, file);
        let mut start = Vec::new();
        file.by_ref().take(MAGIC.len() as u64).read_to_end(&mut start).map_err(opened)?;
        file.rewind().map_err(opened)?;
        let batches = if start == MAGIC {
            FileReader::try_new(file, projection).map(|file| Batches::File(Box::new(file)))
        } else {
            StreamReader::try_new(file, projection).map(|stream| Batches::Stream(Box::new(stream)))
        };
        batches.map_err(broken)
    }

    fn schema(&self) -> SchemaRef {
        match self {
            Batches::File(file) => file.schema(),
            Batches::Stream(stream) => stream.schema(),
        }
    }

    fn next(&mut self) -> Option<Result<RecordBatch, ArrowError>> {
        match self {
            Batches::File(file) => file.next(),
            Batches::Stream(stream) => stream.next(),
        }
    }

    /// Bytes read so far.
    fn position(&mut self) -> u64 {
        let position = match self {
            Batches::File(file) => file.get_mut().stream_position(),
            Batches::Stream(stream) => stream.get_mut().stream_position(),
        };
        position.unwrap_or(0)
    }
}

impl Reader {
    pub(super) fn open(path: &Path, source: &SourcePlan) -> Result<Reader, ReadError> {
        let schema = Batches::open(path, None)?.schema();
        let names: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
        let columns = Columns::find(path, &names, source)?;
        let mut used = columns.used();
        used.sort_unstable();
        used.dedup();
        let batches = Batches::open(path, Some(used))?;
        Ok(Reader { path: path.to_owned(), names, columns, batches, batch: None, rows: 0 })
    }
}

impl Pieces for Reader {
    fn next(&mut self, table: &mut Table<'_>) -> Result<bool, ReadError> {
        let (batch, from) = match self.batch.take() {
            Some(batch) => batch,
            None => match self.batches.next() {
                Some(Ok(batch)) => (batch, 0),
                Some(Err(error)) => return Err(ReadError::format(&self.path, error)),
                None => return Ok(false),
            },
        };
        let rows = (batch.num_rows() - from).min(PIECE_ROWS);
        let arrays = Arrays { path: &self.path, columns: &self.columns, names: &self.names };
        arrays.append(table, &batch.slice(from, rows), self.rows)?;
        self.rows += rows as u64;
        if from + rows < batch.num_rows() {
            self.batch = Some((batch, from + rows));
        }
        Ok(true)
    }

    fn done(&mut self) -> u64 {
        self.batches.position()
    }
}

/// The columns of a file and their types.
pub(super) fn columns(path: &Path) -> Result<Vec<(String, ColumnKind)>, ReadError> {
    Ok(arrays::kinds(&Batches::open(path, None)?.schema()))
}
