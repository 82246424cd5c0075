//! The outputs of a backfill as Parquet files, one per output, written when the run is over; the
//! panel of `weir compute`, written while it is computed.
//!
//! A file appears under its name only when it is whole: it is written beside, as `.NAME.tmp`, and
//! renamed at the end. What is in it is what holds at the end of the run, in an order that does not
//! depend on how it came about, so that equal inputs give equal bytes.

mod factors;
mod panel;
mod records;
mod tables;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, DataType, SchemaRef, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;

pub use factors::FactorFile;
pub use panel::{FilePart, FilePiece, PanelFile, PanelPart, PanelSink, PanelWriter, TimeForm};
pub use records::{Cell, CellKind, RecordFile};
pub use tables::{AlertFile, DeadLetterFile, FindingFile, QuarantineFile};

/// Why an output file cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The system refuses.
    #[error("cannot write {}: {error}", path.display())]
    Io {
        /// File or folder.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// Parquet refuses.
    #[error("cannot write {}: {error}", path.display())]
    Parquet {
        /// File.
        path: PathBuf,
        /// What the library says.
        error: ParquetError,
    },
    /// Arrow refuses.
    #[error("cannot write {}: {error}", path.display())]
    Arrow {
        /// File.
        path: PathBuf,
        /// What the library says.
        error: ArrowError,
    },
    /// The name does not say what the file is to be.
    #[error(
        "cannot write {}: the name must end in .parquet, .csv, .arrow, .feather or .arrows (an Arrow stream)",
        path.display()
    )]
    Extension {
        /// File.
        path: PathBuf,
    },
    /// Two columns would have one name.
    #[error("cannot write {}: two columns would be called `{column}`: rename the factor", path.display())]
    Name {
        /// File.
        path: PathBuf,
        /// Name.
        column: String,
    },
    /// Something was retracted that is not there, or is there twice.
    #[error(
        "cannot write {}: {what}; this is a fault in weir: report it with the pipeline", path.display()
    )]
    Inconsistent {
        /// File.
        path: PathBuf,
        /// What does not fit.
        what: String,
    },
}

/// Cells of a row group: what the writer holds in memory, compressed, until the group is full.
const ROW_GROUP_CELLS: usize = 1 << 24;

/// How times are written: instants in UTC, nanoseconds.
fn time_type() -> DataType {
    DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()))
}

/// Writes a Parquet file from the batches that `fill` hands over. `plain` names columns whose
/// values hardly repeat: they are written without a dictionary.
fn write(
    path: &Path,
    schema: SchemaRef,
    plain: &[String],
    fill: impl FnOnce(&mut dyn FnMut(RecordBatch) -> Result<(), WriteError>) -> Result<(), WriteError>,
) -> Result<(), WriteError> {
    let io = |error| WriteError::Io { path: path.to_owned(), error };
    let parquet = |error| WriteError::Parquet { path: path.to_owned(), error };
    let (temporary, file) = Temporary::create(path)?;

    let row_group = (ROW_GROUP_CELLS / schema.fields().len().max(1)).clamp(1 << 12, 1 << 20);
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).map_err(parquet)?))
        .set_max_row_group_row_count(Some(row_group))
        .set_created_by(format!("weir {}", env!("CARGO_PKG_VERSION")));
    for column in plain {
        let column = ColumnPath::new(vec![column.clone()]);
        properties = properties.set_column_dictionary_enabled(column, false);
    }
    let mut writer =
        ArrowWriter::try_new(file, schema, Some(properties.build())).map_err(parquet)?;
    fill(&mut |batch| writer.write(&batch).map_err(parquet))?;
    let file = writer.into_inner().map_err(parquet)?;
    // Before the rename, so that a crash of the machine cannot leave the name on half a file.
    file.sync_all().map_err(io)?;
    temporary.keep()
}

/// Writes a file of any kind, which appears under its name only when `fill` is done with it and it
/// is on the disk. Gives its bytes.
///
/// # Errors
/// What the system says.
pub fn write_whole(
    path: &Path,
    fill: &mut dyn FnMut(&File) -> io::Result<()>,
) -> Result<u64, WriteError> {
    let io = |error| WriteError::Io { path: path.to_owned(), error };
    let (temporary, file) = Temporary::create(path)?;
    fill(&file).map_err(io)?;
    file.sync_all().map_err(io)?;
    let bytes = file.metadata().map_err(io)?.len();
    temporary.keep()?;
    Ok(bytes)
}

/// A file beside the one that is to be written; removed unless it is kept.
struct Temporary {
    path: PathBuf,
    name: PathBuf,
    kept: bool,
}

impl Temporary {
    /// Creates it, and the folder that it is in.
    fn create(path: &Path) -> Result<(Temporary, File), WriteError> {
        let io = |error| WriteError::Io { path: path.to_owned(), error };
        let file_name = path.file_name().ok_or_else(|| io(io::ErrorKind::InvalidInput.into()))?;
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(file_name);
        hidden.push(".tmp");
        let name = path.with_file_name(hidden);
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder).map_err(io)?;
        }
        let file = File::create(&name).map_err(io)?;
        Ok((Temporary { path: path.to_owned(), name, kept: false }, file))
    }

    /// Gives it the name of the file that was to be written.
    fn keep(mut self) -> Result<(), WriteError> {
        let renamed = fs::rename(&self.name, &self.path);
        self.kept = renamed.is_ok();
        renamed.map_err(|error| WriteError::Io { path: self.path.clone(), error })
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.kept {
            // The error that led here is the one to report.
            drop(fs::remove_file(&self.name));
        }
    }
}

#[cfg(test)]
mod testing {
    //! Reading back what was written.

    use std::path::Path;

    use arrow_array::RecordBatch;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    /// All batches of a file.
    pub(super) fn read(path: &Path) -> Vec<RecordBatch> {
        let file = std::fs::File::open(path).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
        reader.map(|batch| batch.unwrap()).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::Int64Array;
    use arrow_schema::{Field, Schema};

    use super::*;

    fn schema() -> SchemaRef {
        Arc::new(Schema::new(vec![Field::new("x", DataType::Int64, false)]))
    }

    fn batch(values: Vec<i64>) -> RecordBatch {
        RecordBatch::try_new(schema(), vec![Arc::new(Int64Array::from(values))]).unwrap()
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/er/out.parquet");
        write(&path, schema(), &[], |put| put(batch(vec![1, 2, 3]))).unwrap();
        let before = fs::read(&path).unwrap();
        let outcome = write(&path, schema(), &[], |put| {
            put(batch(vec![4]))?;
            Err(WriteError::Name { path: path.clone(), column: "x".to_owned() })
        });
        assert!(outcome.is_err());
        assert_eq!(fs::read(&path).unwrap(), before);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        write(&path, schema(), &[], |put| put(batch(vec![1, 2, 3]))).unwrap();
        assert_eq!(fs::read(&path).unwrap(), before);
    }

    #[test]
    fn errors_name_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let error = write(&file.join("x.parquet"), schema(), &[], |_| Ok(())).unwrap_err();
        assert!(error.to_string().contains("x.parquet"), "{error}");
        assert!(write(Path::new("/"), schema(), &[], |_| Ok(())).is_err());
    }
}
