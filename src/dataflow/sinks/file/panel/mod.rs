//! A whole panel of factors as a table: a row for every time and symbol, a column per factor.
//!
//! Factors come in parts, each with some of the columns, computed and encoded by a thread of its
//! own; a [`PanelSink`] joins what the parts made of the same times.

mod arrow;
mod csv;
mod floats;
mod parquet;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::types::{
    ArrowTimestampType, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType,
};
use arrow_array::{ArrayRef, Date32Array, PrimitiveArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};

use super::{Temporary, WriteError};
use crate::model::Time;

/// How times are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimeForm {
    /// As dates.
    Date,
    /// As instants.
    Instant {
        /// Nanoseconds of the unit that they count.
        unit_nanos: i64,
        /// The time zone that they name, if any.
        zone: Option<Arc<str>>,
    },
    /// As text.
    Text {
        /// Dates instead of RFC 3339.
        dates: bool,
    },
}

/// The columns of a panel's file.
#[derive(Clone, Debug)]
pub struct PanelFile {
    /// Name of the time column.
    pub time: String,
    /// How times are written.
    pub form: TimeForm,
    /// Symbols, in the order of each time's rows.
    pub symbols: Vec<Arc<str>>,
    /// Names of the factors.
    pub factors: Vec<String>,
}

/// Takes a panel in parts.
pub trait PanelSink {
    /// What takes some of the factors.
    type Part: PanelPart;

    /// After how many times parts are cut.
    fn times_per_piece(&self) -> usize;

    /// A part for these factors, by number, ascending. All parts are made before the first piece.
    ///
    /// # Errors
    /// What the kind of file refuses.
    fn part(&mut self, factors: &[usize]) -> Result<Self::Part, WriteError>;

    /// Joins what all parts, in the order in which they were made, cut after these times.
    ///
    /// # Errors
    /// What the system says.
    fn put(
        &mut self,
        times: &[Time],
        pieces: Vec<<Self::Part as PanelPart>::Piece>,
    ) -> Result<(), WriteError>;
}

/// Takes some factors of a panel.
pub trait PanelPart: Send {
    /// What it makes of them.
    type Piece: Send;

    /// Takes the factors at the next time: for each a number per symbol, missing = NaN.
    ///
    /// # Errors
    /// What the kind of file refuses.
    fn take(&mut self, time: Time, rows: &[&[f64]]) -> Result<(), WriteError>;

    /// Gives what was made of the times since the last cut.
    ///
    /// # Errors
    /// What the kind of file refuses.
    fn cut(&mut self) -> Result<Self::Piece, WriteError>;
}

/// A file of a panel that is being written.
pub struct PanelWriter {
    path: PathBuf,
    temporary: Temporary,
    kind: Kind,
    /// Part and place in it of each factor.
    places: Vec<(usize, usize)>,
    parts: usize,
}

enum Kind {
    Parquet(Box<parquet::Writer>),
    Csv(Box<csv::Writer>),
    Arrow(Box<arrow::Writer>),
}

/// A part of a file.
pub struct FilePart(PartKind);

enum PartKind {
    Parquet(parquet::Part),
    Csv(csv::Part),
    Arrow(arrow::Part),
}

/// What a part of a file made of some times.
pub struct FilePiece(PieceKind);

enum PieceKind {
    Parquet(Vec<floats::Chunk>),
    Csv(csv::Piece),
    Arrow(Vec<ArrayRef>),
}

/// Cells of a piece of a Parquet file, a row group, and of another file: what is in memory, as
/// often as there are pieces on their way.
const GROUP_CELLS: usize = 1 << 23;
const PIECE_CELLS: usize = 1 << 21;

impl PanelFile {
    /// Begins a file: Parquet, CSV, Arrow or an Arrow stream by its name. It appears under its name
    /// when it is whole. Missing is null, in CSV an empty cell.
    ///
    /// # Errors
    /// What the system says, two columns of one name, a name that is none of these.
    pub fn create(&self, path: &Path) -> Result<PanelWriter, WriteError> {
        PanelFile::check_name(path)?;
        let mut names: Vec<&str> = vec![&self.time, "symbol"];
        names.extend(self.factors.iter().map(String::as_str));
        names.sort_unstable();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            let (path, column) = (path.to_owned(), pair[0].to_owned());
            return Err(WriteError::Name { path, column });
        }
        let (temporary, file) = Temporary::create(path)?;
        let kind = match extension(path).as_str() {
            "csv" => Kind::Csv(Box::new(csv::Writer::new(self, path, file)?)),
            "parquet" | "pq" => Kind::Parquet(Box::new(parquet::Writer::new(self, path, file)?)),
            name => Kind::Arrow(Box::new(arrow::Writer::new(self, path, file, name == "arrows")?)),
        };
        let places = vec![(0, 0); self.factors.len()];
        Ok(PanelWriter { path: path.to_owned(), temporary, kind, places, parts: 0 })
    }

    /// Whether a name says what kind of file it is to be.
    ///
    /// # Errors
    /// It does not.
    pub fn check_name(path: &Path) -> Result<(), WriteError> {
        match extension(path).as_str() {
            "csv" | "parquet" | "pq" | "arrow" | "feather" | "ipc" | "arrows" => Ok(()),
            _ => Err(WriteError::Extension { path: path.to_owned() }),
        }
    }

    /// A time as text.
    pub fn text(&self, time: Time) -> String {
        let text = time.to_string();
        match self.form {
            TimeForm::Date | TimeForm::Text { dates: true } => {
                text.split('T').next().unwrap_or(&text).to_owned()
            }
            TimeForm::Instant { .. } | TimeForm::Text { dates: false } => text,
        }
    }

    /// A time as what typed columns hold: days or units since the Unix epoch.
    fn count(&self, time: Time) -> i64 {
        let unit = match &self.form {
            TimeForm::Instant { unit_nanos, .. } => *unit_nanos,
            TimeForm::Date | TimeForm::Text { .. } => DAY,
        };
        time.nanos().div_euclid(unit)
    }

    /// How many times make about so many cells.
    fn times_of(&self, cells: usize) -> usize {
        let columns = self.factors.len() + 2;
        (cells / columns / self.symbols.len().max(1)).max(1)
    }

    fn schema(&self) -> SchemaRef {
        let kind = match &self.form {
            TimeForm::Date => DataType::Date32,
            TimeForm::Instant { unit_nanos, zone } => {
                DataType::Timestamp(unit(*unit_nanos), zone.clone())
            }
            TimeForm::Text { .. } => DataType::Utf8,
        };
        let mut fields =
            vec![Field::new(&self.time, kind, false), Field::new("symbol", DataType::Utf8, false)];
        let factor = |name: &String| Field::new(name, DataType::Float64, true);
        fields.extend(self.factors.iter().map(factor));
        Arc::new(Schema::new(fields))
    }

    /// The time column of the rows of some times.
    fn times(&self, times: &[Time]) -> ArrayRef {
        let count = self.symbols.len();
        let counts = times.iter().flat_map(|time| std::iter::repeat_n(self.count(*time), count));
        match &self.form {
            TimeForm::Date => Arc::new(Date32Array::from_iter_values(counts.map(|d| d as i32))),
            TimeForm::Instant { unit_nanos, zone } => {
                fn instants<T>(
                    counts: impl Iterator<Item = i64>,
                    zone: Option<Arc<str>>,
                ) -> ArrayRef
                where
                    T: ArrowTimestampType,
                {
                    let array = PrimitiveArray::<T>::from_iter_values(counts);
                    Arc::new(array.with_timezone_opt(zone))
                }
                let zone = zone.clone();
                match unit(*unit_nanos) {
                    TimeUnit::Second => instants::<TimestampSecondType>(counts, zone),
                    TimeUnit::Millisecond => instants::<TimestampMillisecondType>(counts, zone),
                    TimeUnit::Microsecond => instants::<TimestampMicrosecondType>(counts, zone),
                    TimeUnit::Nanosecond => instants::<TimestampNanosecondType>(counts, zone),
                }
            }
            TimeForm::Text { .. } => {
                let mut texts = StringBuilder::new();
                for time in times {
                    let text = self.text(*time);
                    (0..count).for_each(|_| texts.append_value(&text));
                }
                Arc::new(texts.finish())
            }
        }
    }
}

const DAY: i64 = 86_400_000_000_000;

fn unit(nanos: i64) -> TimeUnit {
    match nanos {
        1_000_000_000 => TimeUnit::Second,
        1_000_000 => TimeUnit::Millisecond,
        1_000 => TimeUnit::Microsecond,
        _ => TimeUnit::Nanosecond,
    }
}

fn extension(path: &Path) -> String {
    path.extension().and_then(|e| e.to_str()).unwrap_or("").to_ascii_lowercase()
}

impl PanelWriter {
    /// Ends the file and gives it its name.
    ///
    /// # Errors
    /// What the system says.
    pub fn finish(self) -> Result<(), WriteError> {
        match self.kind {
            Kind::Parquet(writer) => writer.finish()?,
            Kind::Csv(writer) => writer.finish()?,
            Kind::Arrow(writer) => writer.finish()?,
        }
        self.temporary.keep()
    }
}

impl PanelSink for PanelWriter {
    type Part = FilePart;

    fn times_per_piece(&self) -> usize {
        match &self.kind {
            Kind::Parquet(writer) => writer.file.times_of(GROUP_CELLS),
            Kind::Csv(writer) => writer.file.times_of(PIECE_CELLS),
            Kind::Arrow(writer) => writer.file.times_of(PIECE_CELLS),
        }
    }

    fn part(&mut self, factors: &[usize]) -> Result<FilePart, WriteError> {
        for (place, factor) in factors.iter().enumerate() {
            if let Some(known) = self.places.get_mut(*factor) {
                *known = (self.parts, place);
            }
        }
        self.parts += 1;
        Ok(FilePart(match &self.kind {
            Kind::Parquet(writer) => PartKind::Parquet(writer.part(factors)),
            Kind::Csv(_) => PartKind::Csv(csv::Part::default()),
            Kind::Arrow(_) => PartKind::Arrow(arrow::Part::new(factors.len())),
        }))
    }

    fn put(&mut self, times: &[Time], pieces: Vec<FilePiece>) -> Result<(), WriteError> {
        match &mut self.kind {
            Kind::Parquet(writer) => {
                let chunks = pieces.into_iter().map(|piece| match piece.0 {
                    PieceKind::Parquet(chunks) => chunks,
                    _ => Vec::new(),
                });
                let chunks = sorted(&self.places, chunks.collect());
                writer.put(times, chunks)
            }
            Kind::Csv(writer) => {
                let all = pieces.into_iter().filter_map(|piece| match piece.0 {
                    PieceKind::Csv(piece) => Some(piece),
                    _ => None,
                });
                writer.put(times, &all.collect::<Vec<_>>(), &self.places)
            }
            Kind::Arrow(writer) => {
                let arrays = pieces.into_iter().map(|piece| match piece.0 {
                    PieceKind::Arrow(arrays) => arrays,
                    _ => Vec::new(),
                });
                let arrays = sorted(&self.places, arrays.collect());
                writer.put(times, arrays)
            }
        }
    }
}

/// What belongs to each factor, in their order.
fn sorted<T>(places: &[(usize, usize)], parts: Vec<Vec<T>>) -> Vec<T> {
    let mut parts: Vec<_> =
        parts.into_iter().map(|part| part.into_iter().map(Some).collect::<Vec<_>>()).collect();
    let take = |(part, place): &(usize, usize)| parts.get_mut(*part)?.get_mut(*place)?.take();
    places.iter().filter_map(take).collect()
}

impl PanelPart for FilePart {
    type Piece = FilePiece;

    fn take(&mut self, _time: Time, rows: &[&[f64]]) -> Result<(), WriteError> {
        match &mut self.0 {
            PartKind::Parquet(part) => part.take(rows),
            PartKind::Csv(part) => part.take(rows),
            PartKind::Arrow(part) => part.take(rows),
        }
        Ok(())
    }

    fn cut(&mut self) -> Result<FilePiece, WriteError> {
        Ok(FilePiece(match &mut self.0 {
            PartKind::Parquet(part) => PieceKind::Parquet(part.cut()),
            PartKind::Csv(part) => PieceKind::Csv(part.cut()),
            PartKind::Arrow(part) => PieceKind::Arrow(part.cut()),
        }))
    }
}

impl std::fmt::Debug for PanelWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PanelWriter").field("path", &self.path).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for FilePart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FilePart").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for FilePiece {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FilePiece").finish_non_exhaustive()
    }
}
