//! Encoders: changes of an output's collection in, records out. They know nothing of transports.
//!
//! What every encoder holds to:
//! - It is given the changes of one epoch, consolidated (a fact that came and went within the epoch
//!   is not among them), or in the order in which they came about.
//! - A key that lost its value and got no new one becomes a tombstone; one that got a new value
//!   becomes one record, whether it had a value before or not.
//! - The digest of a record is what its key lost and gained, without the revision. Summed over all
//!   records it is a function of what the collection holds, however the changes fell into epochs.
//! - `replay` takes changes in exactly as `encode` does and builds no records.
//!
//! A layout of the factors is one file here and one line in [`LAYOUTS`].

mod alerts;
mod dead_letters;
mod factor_rows;
mod factors_columns;
mod factors_frame;
mod factors_row;
mod findings;
pub mod headers;
mod quarantine;
pub mod schemas;

pub use alerts::Alerts;
pub use dead_letters::DeadLetters;
pub use factors_frame::FactorsFrame;
pub use factors_row::FactorsRow;
pub use findings::Findings;
pub use quarantine::Quarantine;

use crate::model::{Digest, FactorBatch, Record, Symbols};
use crate::plan::Layout;

/// All layouts of the factors; pipelines that name none get the first.
const LAYOUTS: &[&FactorsLayout] =
    &[&factors_row::ROW, &factors_frame::FRAME, &factors_columns::COLUMNS];

/// A layout: what pipelines know of it, and what writes it.
struct FactorsLayout {
    layout: Layout,
    encoder: fn(&FactorsContext<'_>) -> Result<FactorsEncoder, EncodeError>,
}

/// An encoder of factors. Its digest is the sum over rows, the same for all layouts. Where a
/// layout has records of whole times, a change of a time comes as all its rows: those that were,
/// if any, and then those that are.
pub type FactorsEncoder = Box<dyn Encoder<Change = FactorBatch>>;

/// What an encoder of factors is built from.
#[derive(Clone, Copy, Debug)]
pub struct FactorsContext<'a> {
    /// Name of the pipeline.
    pub pipeline: &'a str,
    /// Names of the factors in the order of the columns.
    pub factors: &'a [String],
    /// Names of the symbols.
    pub symbols: &'a Symbols,
}

/// The layouts that pipelines may name.
pub fn layouts() -> &'static [&'static Layout] {
    static ALL: [&Layout; LAYOUTS.len()] = {
        let mut all = [&LAYOUTS[0].layout; LAYOUTS.len()];
        let mut at = 0;
        while at < LAYOUTS.len() {
            all[at] = &LAYOUTS[at].layout;
            at += 1;
        }
        all
    };
    &ALL
}

/// The encoder of a layout.
pub fn factors(
    layout: &Layout,
    context: &FactorsContext<'_>,
) -> Result<FactorsEncoder, EncodeError> {
    let found = LAYOUTS.iter().find(|known| known.layout.name == layout.name);
    let found = found.ok_or_else(|| EncodeError::Layout(layout.name.to_owned()))?;
    (found.encoder)(context)
}

/// Encodes the changes of one output.
pub trait Encoder {
    /// One change, or a batch of them.
    type Change;

    /// Gives a record to `emit` for every key that changed. `revision` is the number of the commit
    /// that will carry them.
    fn encode(
        &mut self,
        changes: &[Self::Change],
        revision: u64,
        emit: &mut dyn FnMut(Record),
    ) -> Result<(), EncodeError>;

    /// What [`encode`](Encoder::encode) would add to the digest, for changes whose records are
    /// already where they belong.
    fn replay(&mut self, changes: &[Self::Change]) -> Result<Digest, EncodeError> {
        let mut digest = Digest::default();
        self.encode(changes, 0, &mut |record| digest += record.digest)?;
        Ok(digest)
    }
}

/// Why changes cannot be encoded.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// Arrow refuses to write a frame.
    #[error("cannot write the frame of {time}: {source}")]
    Frame {
        /// Time of the frame.
        time: crate::model::Time,
        /// What Arrow says.
        source: arrow_schema::ArrowError,
    },
    /// A plan has a layout that is not among [`layouts`].
    #[error("nothing writes the layout `{0}`: use one of those of the catalogue")]
    Layout(String),
    /// A record cannot be written as JSON.
    #[error("cannot write a record as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// Changes summed up: each fact once, with its sum, in the order of the facts; what cancels out is
/// gone. Facts of one key stand together where the key is what they are ordered by first.
fn consolidate<C: Ord>(changes: &[(C, i64)]) -> Vec<(&C, i64)> {
    let mut sums: Vec<(&C, i64)> = changes.iter().map(|(change, diff)| (change, *diff)).collect();
    sums.sort_by(|a, b| a.0.cmp(b.0));
    sums.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        if same {
            kept.1 += next.1;
        }
        same
    });
    sums.retain(|(_, diff)| *diff != 0);
    sums
}

/// `digest` counted `times` times; negative numbers retract.
fn times(digest: Digest, times: i64) -> Digest {
    let mut sum = Digest::default();
    let one = if times < 0 { digest.retracted() } else { digest };
    for _ in 0..times.unsigned_abs() {
        sum += one;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consolidates() {
        let changes = [("b", 1), ("a", 1), ("b", -1), ("a", 2), ("c", -1)];
        assert_eq!(consolidate(&changes), [(&"a", 3), (&"c", -1)]);
    }

    #[test]
    fn counts_digests() {
        let one = Digest::of("o", b"k", b"v");
        let mut zero = times(one, 3);
        zero += times(one, -3);
        assert_eq!(zero, Digest::default());
        assert_eq!(times(one, 1), one);
    }
}
