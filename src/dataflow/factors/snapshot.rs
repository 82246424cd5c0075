//! Snapshots of panels as bytes: rows of numbers, and behind them what says whose they are.
//!
//! | bytes | content |
//! |---|---|
//! | 8 | `weirst01`: the number of the format |
//! | sections | rows of f64, little-endian, one for each symbol and one for a symbol never seen |
//! | footer | JSON: what the writer says about itself, times and symbols, names and checksums of the sections in their order |
//! | 8, 8 | XXH3 of the footer, its length, both u64 little-endian |
//! | 8 | `weirst01` again: a file that was cut off does not end with it |
//!
//! The footer comes last, as in Parquet, so that rows are written as they stand in the panels,
//! without a copy. A table of Arrow does not hold columns of different lengths, and one file per node
//! would not be one file: numbers as they are can be read by anything as well. Every byte is covered
//! by a checksum or compared.

use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::panel::{Frame, Panel, Snapshot};

const MAGIC: [u8; 8] = *b"weirst01";
/// Checksum, length and magic.
const TAIL: u64 = 24;

/// Why a panel was not written down, or does not go on from what was.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// It is at work.
    #[error("the panel has open times or corrections under way: finish them first")]
    Busy,
    /// The system says so.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Something else.
    #[error("it is no state of weir")]
    Other,
    /// Of a format that this program does not know.
    #[error("it has the format {0}, this weir reads {own}", own = String::from_utf8_lossy(&MAGIC))]
    Format(String),
    /// Cut off, or with other bytes than were written.
    #[error("it is damaged: {0}")]
    Damaged(String),
}

#[derive(Debug, Serialize, Deserialize)]
struct Footer {
    about: serde_json::Value,
    frame: Frame,
    sections: Vec<Entry>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    name: String,
    rows: usize,
    xxh3: u64,
}

/// Writes the state of panels that computed parts of one graph over the same rows, as one panel of
/// the whole would write it. `about` is for the reader.
///
/// # Errors
/// A panel is at work; the output cannot be written.
pub fn write_snapshot(
    out: &mut dyn Write,
    about: &impl Serialize,
    panels: &[Panel],
) -> Result<(), SnapshotError> {
    let snapshots: Vec<Snapshot<'_>> =
        panels.iter().map(Panel::snapshot).collect::<Result<_, _>>()?;
    // What several panels have, one has the most rows of: its windows are the longest.
    let deepest = snapshots.iter().map(Snapshot::frame).max_by_key(|frame| frame.times());
    let Some(frame) = deepest.cloned() else { return Err(SnapshotError::Other) };
    let mut all = BTreeMap::new();
    for snapshot in &snapshots {
        for section in snapshot.sections() {
            let known = all.entry(&section.name).or_insert((snapshot, section));
            if known.1.rows < section.rows {
                *known = (snapshot, section);
            }
        }
    }
    out.write_all(&MAGIC)?;
    let mut sections = Vec::with_capacity(all.len());
    let (mut row, mut bytes) = (Vec::new(), Vec::new());
    for (snapshot, section) in all.into_values() {
        let mut hash = Xxh3::new();
        for number in 0..section.rows {
            snapshot.row(section, number, &mut row);
            bytes.clear();
            bytes.extend(row.iter().flat_map(|value| value.to_le_bytes()));
            hash.update(&bytes);
            out.write_all(&bytes)?;
        }
        let (name, rows) = (section.name.clone(), section.rows);
        sections.push(Entry { name, rows, xxh3: hash.digest() });
    }
    let about = serde_json::to_value(about).map_err(io::Error::from)?;
    let footer = serde_json::to_vec(&Footer { about, frame, sections }).map_err(io::Error::from)?;
    out.write_all(&footer)?;
    out.write_all(&xxh3_64(&footer).to_le_bytes())?;
    out.write_all(&(footer.len() as u64).to_le_bytes())?;
    out.write_all(&MAGIC)?;
    Ok(())
}

/// A snapshot that is being read.
#[derive(Debug)]
pub struct SnapshotReader<R> {
    input: R,
    about: serde_json::Value,
    frame: Frame,
    /// By name: where it begins, rows and checksum.
    sections: BTreeMap<String, (u64, usize, u64)>,
}

impl<R: Read + Seek> SnapshotReader<R> {
    /// Reads what it is about, and sees whether it is whole.
    ///
    /// # Errors
    /// It is not what [`write_snapshot`] wrote.
    pub fn open(mut input: R) -> Result<SnapshotReader<R>, SnapshotError> {
        let cut_off = || SnapshotError::Damaged("its end is missing".to_owned());
        let length = input.seek(SeekFrom::End(0))?;
        let first = number_at(&mut input, length, 0)?.ok_or(SnapshotError::Other)?;
        if first != MAGIC {
            let ours = first.starts_with(&MAGIC[..6]);
            let format = || SnapshotError::Format(String::from_utf8_lossy(&first).into_owned());
            return Err(if ours { format() } else { SnapshotError::Other });
        }
        let tail = length.checked_sub(TAIL).filter(|tail| *tail >= 8).ok_or_else(cut_off)?;
        let mut number = |at| number_at(&mut input, length, at)?.ok_or_else(cut_off);
        let (hash, size, last) = (number(tail)?, number(tail + 8)?, number(tail + 16)?);
        let size = u64::from_le_bytes(size);
        let begin = tail.checked_sub(size).filter(|begin| *begin >= 8 && last == MAGIC);
        let begin = begin.ok_or_else(cut_off)?;
        input.seek(SeekFrom::Start(begin))?;
        let mut footer = vec![0; size as usize];
        input.read_exact(&mut footer)?;
        let wrong = |error: serde_json::Error| SnapshotError::Damaged(error.to_string());
        if xxh3_64(&footer) != u64::from_le_bytes(hash) {
            return Err(checksum("footer"));
        }
        let footer: Footer = serde_json::from_slice(&footer).map_err(wrong)?;
        let row_bytes = (footer.frame.symbols() as u64).saturating_add(1).saturating_mul(8);
        let (mut at, mut sections) = (8_u64, BTreeMap::new());
        for Entry { name, rows, xxh3 } in footer.sections {
            sections.insert(name, (at, rows, xxh3));
            at = at.saturating_add(row_bytes.saturating_mul(rows as u64));
        }
        if at != begin {
            return Err(SnapshotError::Damaged("rows are missing, or there are more".to_owned()));
        }
        Ok(SnapshotReader { input, about: footer.about, frame: footer.frame, sections })
    }

    /// What the writer said about it.
    ///
    /// # Errors
    /// It is not of this type.
    pub fn about<T: DeserializeOwned>(&self) -> Result<T, SnapshotError> {
        let about = serde_json::from_value(self.about.clone());
        about.map_err(|error| SnapshotError::Damaged(error.to_string()))
    }

    /// Its times and symbols.
    pub fn frame(&self) -> &Frame {
        &self.frame
    }

    /// Lets a panel that was just made, of the same formulas or some of them, go on from here. The
    /// symbol number i of the snapshot has the number `places[i]` from now on, out of `symbols`; the
    /// others were never seen.
    ///
    /// # Errors
    /// Other bytes than were written; formulas that the snapshot does not have.
    pub fn restore(
        &mut self,
        panel: Panel,
        places: &[usize],
        symbols: usize,
    ) -> Result<Panel, SnapshotError> {
        let SnapshotReader { input, frame, sections, .. } = self;
        let mut bytes = Vec::new();
        panel.restore(frame, places, symbols, &mut |name, values| {
            let missing = || SnapshotError::Damaged(format!("it has no rows of `{name}`"));
            let (at, rows, xxh3) = sections.get(name).ok_or_else(missing)?;
            bytes.resize(rows * (frame.symbols() + 1) * 8, 0);
            input.seek(SeekFrom::Start(*at))?;
            input.read_exact(&mut bytes)?;
            if xxh3_64(&bytes) != *xxh3 {
                return Err(checksum(name));
            }
            values.clear();
            let (numbers, _) = bytes.as_chunks();
            values.extend(numbers.iter().map(|number| f64::from_le_bytes(*number)));
            Ok(())
        })
    }
}

/// Eight bytes, if there are as many.
fn number_at(
    input: &mut (impl Read + Seek),
    length: u64,
    at: u64,
) -> Result<Option<[u8; 8]>, SnapshotError> {
    if at.saturating_add(8) > length {
        return Ok(None);
    }
    let mut bytes = [0; 8];
    input.seek(SeekFrom::Start(at))?;
    input.read_exact(&mut bytes)?;
    Ok(Some(bytes))
}

fn checksum(what: &str) -> SnapshotError {
    SnapshotError::Damaged(format!("the checksum of `{what}` is not that of its bytes"))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::super::testing::Builder;
    use super::super::{Emit, Panel};
    use super::*;
    use crate::formula::{Graph, Mode};
    use crate::model::{SymbolId, Time};

    fn graph() -> Graph {
        let mut builder = Builder::default();
        let x = builder.field(0);
        let traded = Mode { traded: true, ..Mode::PLAIN };
        let mean = builder.call("ts_mean", &[x], &[3.0]);
        let own = builder.call_with("delay", &[x], &[2.0], traded);
        let ema = builder.call("ema", &[x], &[4.0]);
        for (name, node) in [("mean", mean), ("own", own), ("ema", ema)] {
            builder.output(name, node);
        }
        builder.0
    }

    fn panel() -> Panel {
        Panel::new(&graph(), 1, 1, Emit::Nothing).expect("a panel")
    }

    fn stored() -> Vec<u8> {
        let mut panel = panel();
        for t in 1..6 {
            for symbol in (0..2).filter(|s| *s == 0 || t % 2 == 0) {
                let row = [t as f64 + f64::from(symbol)];
                panel.set(SymbolId(symbol), Time::from_nanos(t), Some(&row)).expect("in time");
            }
            panel.work(Time::from_nanos(t), false, usize::MAX, &mut Vec::new());
        }
        let mut bytes = Vec::new();
        write_snapshot(&mut bytes, &"a test", &[panel]).expect("nothing waits");
        bytes
    }

    fn read(bytes: &[u8]) -> Result<Panel, SnapshotError> {
        let mut reader = SnapshotReader::open(Cursor::new(bytes))?;
        assert_eq!(reader.about::<String>()?, "a test");
        reader.restore(panel(), &[0, 1], 2)
    }

    #[test]
    fn a_byte_that_is_another_one_is_an_error() {
        let good = stored();
        read(&good).expect("as it was written");
        let mut bytes = good.clone();
        for at in 0..good.len() {
            for bit in 0..8 {
                bytes[at] ^= 1 << bit;
                assert!(read(&bytes).is_err(), "bit {bit} of byte {at}");
                bytes[at] = good[at];
            }
        }
        for end in 0..good.len() {
            let error = read(&good[..end]).expect_err("the end is missing").to_string();
            assert!(error.contains("its end is missing") || end < 8, "{end}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_error(
            at in 0_usize..2_000, gone in 0_usize..40, new in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let good = stored();
            let mut bytes = good.clone();
            let at = at % good.len();
            bytes.splice(at..(at + gone).min(good.len()), new);
            prop_assert!(read(&bytes).is_err() || bytes == good);
        }
    }

    #[test]
    fn says_what_is_wrong() {
        let good = stored();
        let mut later = good.clone();
        later[7] = b'2';
        let mut reader = SnapshotReader::open(Cursor::new(&good)).expect("as it was written");
        let mut builder = Builder::default();
        let x = builder.field(0);
        let other = builder.call("ts_max", &[x], &[3.0]);
        builder.output("other", other);
        let other = Panel::new(&builder.0, 1, 1, Emit::Nothing).expect("a panel");
        let mut error = |panel, places: &[usize]| {
            let restored: Result<Panel, SnapshotError> = reader.restore(panel, places, 2);
            restored.expect_err("does not fit").to_string()
        };
        assert!(error(other, &[0, 1]).starts_with("it is damaged: it has no rows of `0 ts_max"));
        for places in [&[0][..], &[1, 1], &[0, 2]] {
            assert!(error(panel(), places).contains("symbols contradict"));
        }
        for (bytes, expected) in [
            (&b""[..], "it is no state of weir"),
            (b"PAR1 it is not", "it is no state of weir"),
            (&later, "it has the format weirst02, this weir reads weirst01"),
            (&good[..good.len() - 1], "it is damaged: its end is missing"),
        ] {
            assert_eq!(read(bytes).expect_err("not what was written").to_string(), expected);
        }
    }
}
