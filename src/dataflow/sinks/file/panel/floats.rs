//! A column of factors in a row group of Parquet, encoded by hand: plain numbers, neither
//! compressed nor in a dictionary, nulls left out.
//!
//! The library's way looks at every cell several times (levels, places of what is there, limits,
//! a codec that gains little on numbers that are noise), and takes longer than the factors
//! themselves. Here a page is the numbers as they come, behind the header that
//! <https://parquet.apache.org/docs/file-format/> prescribes. No statistics: nobody looks for
//! ranges of a factor in a file that is ordered by time.

use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use parquet::basic::{Compression, Encoding};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::{ChunkReader, Length};
use parquet::schema::types::ColumnDescPtr;

/// Rows of a page, a time more or less.
const PAGE_ROWS: usize = 1 << 15;

/// Pages that were written and may be filled again: memory that is new costs the system more than
/// the numbers that go into it.
#[derive(Clone, Default)]
pub(super) struct Spare(Arc<Mutex<Vec<Vec<f64>>>>);

impl Spare {
    fn take(&self) -> Option<Vec<f64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// Takes back the pages of a chunk that nobody needs any more.
    pub(super) fn put(&self, chunk: Shared) {
        let pages = Arc::into_inner(chunk.0).map(|chunk| chunk.pages).unwrap_or_default();
        let mut spare = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        spare.extend(pages.into_iter().map(|page| {
            let mut values = page.values;
            values.clear();
            values
        }));
    }
}

/// Collects the cells of a column.
pub(super) struct Column {
    spare: Spare,
    values: Vec<f64>,
    /// Whether cells are there: a bit each, eight to a byte, from the lowest on.
    there: Vec<u8>,
    rows: usize,
    chunk: Chunk,
}

/// A column of a row group, encoded.
#[derive(Default)]
pub(super) struct Chunk {
    pages: Vec<Page>,
    rows: u64,
}

/// Header and levels, then the numbers.
struct Page {
    head: Vec<u8>,
    values: Vec<f64>,
}

impl Column {
    pub(super) fn new(spare: Spare) -> Column {
        let (values, there, chunk) = Default::default();
        Column { spare, values, there, rows: 0, chunk }
    }

    /// Appends the cells of the next time.
    pub(super) fn push(&mut self, row: &[f64]) {
        if row.iter().all(|value| !value.is_nan()) {
            self.values.extend_from_slice(row);
            self.mark(row.len(), |_| true);
        } else {
            self.values.extend(row.iter().copied().filter(|value| !value.is_nan()));
            self.mark(row.len(), |i| row.get(i).is_some_and(|value| !value.is_nan()));
        }
        if self.rows >= PAGE_ROWS {
            self.end_page();
        }
    }

    /// Notes of the next `count` cells whether they are there.
    #[inline(always)]
    fn mark(&mut self, count: usize, is_there: impl Fn(usize) -> bool) {
        let mut at = 0;
        while at < count {
            let bit = self.rows % 8;
            let many = (8 - bit).min(count - at);
            let bits = (0..many).fold(0, |bits, i| bits | u8::from(is_there(at + i)) << i);
            match self.there.last_mut().filter(|_| bit > 0) {
                Some(last) => *last |= bits << bit,
                None => self.there.push(bits),
            }
            at += many;
            self.rows += many;
        }
    }

    fn end_page(&mut self) {
        if self.rows == 0 {
            return;
        }
        let mut levels = Vec::new();
        if self.values.len() == self.rows || self.values.is_empty() {
            // One run of equal levels.
            varint((self.rows as u64) << 1, &mut levels);
            levels.push(u8::from(!self.values.is_empty()));
        } else {
            varint((self.there.len() as u64) << 1 | 1, &mut levels);
            levels.append(&mut self.there);
        }
        let size = 4 + levels.len() + self.values.len() * size_of::<f64>();
        let mut head = header(self.rows, size);
        head.extend_from_slice(&(levels.len() as u32).to_le_bytes());
        head.extend_from_slice(&levels);
        let next = self.spare.take();
        let next = next.unwrap_or_else(|| Vec::with_capacity(self.values.capacity()));
        let values = std::mem::replace(&mut self.values, next);
        self.chunk.pages.push(Page { head, values });
        self.chunk.rows += self.rows as u64;
        self.there.clear();
        self.rows = 0;
    }

    /// Gives what was collected.
    pub(super) fn cut(&mut self) -> Chunk {
        self.end_page();
        std::mem::take(&mut self.chunk)
    }
}

/// The header of a data page (version 1) in Thrift's compact protocol, for a body of `size` bytes.
fn header(rows: usize, size: usize) -> Vec<u8> {
    /// A field that is a 32-bit number and whose id is one more than that of the field before.
    const NEXT_I32: u8 = 0x15;
    /// A field that is a structure and whose id is two more.
    const STRUCT_IN_TWO: u8 = 0x2c;
    const END: u8 = 0;
    const DATA_PAGE: usize = 0;
    const PLAIN: usize = 0;
    const RLE: usize = 3;
    let mut head = Vec::with_capacity(40);
    let next = |value: usize, head: &mut Vec<u8>| {
        head.push(NEXT_I32);
        // Zigzag of a number that is not negative.
        varint((value as u64) << 1, head);
    };
    for value in [DATA_PAGE, size, size] {
        next(value, &mut head);
    }
    head.push(STRUCT_IN_TWO);
    for value in [rows, PLAIN, RLE, RLE] {
        next(value, &mut head);
    }
    head.extend([END, END]);
    head
}

/// Seven bits to a byte, the lowest first.
fn varint(mut value: u64, to: &mut Vec<u8>) {
    while value >= 0x80 {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

impl Chunk {
    fn bytes(&self) -> usize {
        self.pages.iter().map(Page::bytes).sum()
    }

    /// What the file says about it.
    pub(super) fn describe(&self, column: ColumnDescPtr) -> Result<ColumnCloseResult> {
        let bytes = self.bytes();
        let metadata = ColumnChunkMetaData::builder(column)
            .set_compression(Compression::UNCOMPRESSED)
            .set_encodings(vec![Encoding::PLAIN, Encoding::RLE])
            .set_num_values(self.rows as i64)
            .set_total_compressed_size(bytes as i64)
            .set_total_uncompressed_size(bytes as i64)
            .set_data_page_offset(0)
            .build()?;
        Ok(ColumnCloseResult {
            bytes_written: bytes as u64,
            rows_written: self.rows,
            metadata,
            bloom_filter: None,
            column_index: None,
            offset_index: None,
        })
    }
}

impl Page {
    fn bytes(&self) -> usize {
        self.head.len() + self.values.len() * size_of::<f64>()
    }

    /// Copies bytes from a place on, as many as fit: of the head, or whole numbers.
    fn copy(&self, from: usize, to: &mut [u8]) -> usize {
        if let Some(head) = self.head.get(from..).filter(|head| !head.is_empty()) {
            let count = head.len().min(to.len());
            to[..count].copy_from_slice(&head[..count]);
            return count;
        }
        let (number, inside) = ((from - self.head.len()) / 8, (from - self.head.len()) % 8);
        let rest = self.values.get(number..).unwrap_or_default();
        if inside > 0 || to.len() < 8 {
            let Some(first) = rest.first().map(|value| value.to_le_bytes()) else { return 0 };
            let count = (8 - inside).min(to.len());
            to[..count].copy_from_slice(&first[inside..inside + count]);
            return count;
        }
        let count = rest.len().min(to.len() / 8);
        for (bytes, value) in to.chunks_exact_mut(8).zip(&rest[..count]) {
            bytes.copy_from_slice(&value.to_le_bytes());
        }
        count * 8
    }
}

/// A chunk as the library wants to read it.
#[derive(Clone)]
pub(super) struct Shared(pub(super) Arc<Chunk>);

/// Reads a chunk from its beginning.
pub(super) struct Reading {
    chunk: Arc<Chunk>,
    page: usize,
    place: usize,
}

impl Read for Reading {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        let mut filled = 0;
        while let Some(page) = self.chunk.pages.get(self.page).filter(|_| filled < to.len()) {
            let count = page.copy(self.place, &mut to[filled..]);
            filled += count;
            self.place += count;
            if self.place == page.bytes() {
                (self.page, self.place) = (self.page + 1, 0);
            }
        }
        Ok(filled)
    }
}

impl Length for Shared {
    fn len(&self) -> u64 {
        self.0.bytes() as u64
    }
}

impl ChunkReader for Shared {
    type T = Reading;

    /// From the beginning only: nothing else is asked for when a chunk is appended.
    fn get_read(&self, start: u64) -> Result<Reading> {
        if start > 0 {
            return Err(ParquetError::EOF(format!("a chunk is read from byte 0, not {start}")));
        }
        Ok(Reading { chunk: Arc::clone(&self.0), page: 0, place: 0 })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let mut bytes = vec![0; length];
        self.get_read(start)?.read_exact(&mut bytes)?;
        Ok(bytes.into())
    }
}
