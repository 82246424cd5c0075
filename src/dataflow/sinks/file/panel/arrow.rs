//! A panel as Arrow IPC, a file or a stream, not compressed: it can be mapped into memory.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::builder::Float64Builder;
use arrow_array::{ArrayRef, RecordBatch, StringArray};
use arrow_ipc::writer::{FileWriter, StreamWriter};
use arrow_schema::{ArrowError, SchemaRef};

use super::PanelFile;
use crate::dataflow::sinks::file::WriteError;
use crate::model::Time;

/// Bytes that are given to the system at a time.
const BUFFER_BYTES: usize = 1 << 20;

pub(super) struct Writer {
    pub(super) file: PanelFile,
    path: PathBuf,
    schema: SchemaRef,
    out: Out,
}

enum Out {
    File(FileWriter<BufWriter<File>>),
    Stream(StreamWriter<BufWriter<File>>),
}

/// Columns of some factors.
pub(super) struct Part(Vec<Float64Builder>);

impl Part {
    pub(super) fn new(columns: usize) -> Part {
        Part((0..columns).map(|_| Float64Builder::new()).collect())
    }

    pub(super) fn take(&mut self, rows: &[&[f64]]) {
        for (column, row) in self.0.iter_mut().zip(rows) {
            if row.iter().all(|value| !value.is_nan()) {
                column.append_slice(row);
            } else {
                column.extend(row.iter().map(|value| (!value.is_nan()).then_some(*value)));
            }
        }
    }

    pub(super) fn cut(&mut self) -> Vec<ArrayRef> {
        self.0.iter_mut().map(|column| Arc::new(column.finish()) as ArrayRef).collect()
    }
}

impl Writer {
    pub(super) fn new(
        file: &PanelFile,
        path: &Path,
        out: File,
        stream: bool,
    ) -> Result<Writer, WriteError> {
        let (schema, out) = (file.schema(), BufWriter::with_capacity(BUFFER_BYTES, out));
        let out = match stream {
            true => StreamWriter::try_new(out, &schema).map(Out::Stream),
            false => FileWriter::try_new(out, &schema).map(Out::File),
        };
        let path = path.to_owned();
        match out {
            Ok(out) => Ok(Writer { file: file.clone(), path, schema, out }),
            Err(error) => Err(WriteError::Arrow { path, error }),
        }
    }

    pub(super) fn put(&mut self, times: &[Time], factors: Vec<ArrayRef>) -> Result<(), WriteError> {
        let symbols = times.iter().flat_map(|_| self.file.symbols.iter().map(AsRef::<str>::as_ref));
        let mut columns: Vec<ArrayRef> =
            vec![self.file.times(times), Arc::new(StringArray::from_iter_values(symbols))];
        columns.extend(factors);
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns);
        let written = batch.and_then(|batch| match &mut self.out {
            Out::File(out) => out.write(&batch),
            Out::Stream(out) => out.write(&batch),
        });
        written.map_err(|error| self.failed(error))
    }

    fn failed(&self, error: ArrowError) -> WriteError {
        WriteError::Arrow { path: self.path.clone(), error }
    }

    pub(super) fn finish(mut self) -> Result<(), WriteError> {
        let ended = match &mut self.out {
            Out::File(out) => out.finish().and_then(|()| Ok(out.get_mut().flush()?)),
            Out::Stream(out) => out.finish().and_then(|()| Ok(out.get_mut().flush()?)),
        };
        ended.map_err(|error| self.failed(error))
    }
}
