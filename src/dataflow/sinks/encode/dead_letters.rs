//! Records that could not be read, as they came, with headers that say where from and why. Key and
//! value are the original's: a dead letter with no value is a tombstone that named no row, so the
//! topic must not be compacted.

use super::headers::{HeaderSet, Stage};
use super::{EncodeError, Encoder};
use crate::model::{DeadLetter, Digest, OutputKind, Record};

/// Encodes dead letters.
#[derive(Debug)]
pub struct DeadLetters {
    headers: HeaderSet,
}

impl DeadLetters {
    /// With these headers.
    pub fn new(headers: HeaderSet) -> DeadLetters {
        DeadLetters { headers }
    }
}

impl Encoder for DeadLetters {
    type Change = DeadLetter;

    fn encode(
        &mut self,
        letters: &[DeadLetter],
        _revision: u64,
        emit: &mut dyn FnMut(Record),
    ) -> Result<(), EncodeError> {
        for letter in letters {
            let why = (Stage::Decode, letter.reason.code(), letter.message.as_str());
            emit(Record {
                output: OutputKind::DeadLetters,
                key: letter.original.key.clone(),
                value: letter.original.value.clone(),
                headers: self.headers.write(letter.coordinates, why, &letter.original.headers),
                digest: digest(letter),
            });
        }
        Ok(())
    }

    fn replay(&mut self, letters: &[DeadLetter]) -> Result<Digest, EncodeError> {
        let mut sum = Digest::default();
        for letter in letters {
            sum += digest(letter);
        }
        Ok(sum)
    }
}

/// The digest of a dead letter: which record it is, and why.
fn digest(letter: &DeadLetter) -> Digest {
    let key = format!("{}|{}", letter.coordinates.partition, letter.coordinates.offset);
    Digest::of(OutputKind::DeadLetters.name(), key.as_bytes(), letter.reason.code().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::super::headers::{Origin, tests::set};
    use super::*;
    use crate::model::{Coordinates, RawRecord, Reason};
    use crate::plan::HeaderPrefix;

    #[test]
    fn keeps_the_record_and_says_why() {
        let letter = |offset, value: Option<&[u8]>| DeadLetter {
            coordinates: Coordinates { partition: 1, offset, arrival_ms: 5 },
            original: RawRecord {
                key: Some(b"\xffkey".to_vec()),
                value: value.map(<[u8]>::to_vec),
                headers: vec![("h".to_owned(), b"v".to_vec())],
            },
            reason: Reason::Malformed,
            message: "ends in the middle of a string".to_owned(),
        };
        let letters = [letter(3, Some(b"{\"sym")), letter(4, None)];
        let mut encoder = DeadLetters::new(set(HeaderPrefix::Connect));
        let (mut out, mut sum) = (Vec::new(), Digest::default());
        encoder
            .encode(&letters, 1, &mut |record| {
                sum += record.digest;
                out.push(record);
            })
            .unwrap();
        assert_eq!(out[0].key, letters[0].original.key);
        assert_eq!(out[0].value, letters[0].original.value);
        assert_eq!(out[1].value, None);
        let origin = Origin::read(&out[0].headers).unwrap();
        assert_eq!((origin.stage, origin.partition, origin.offset), (Stage::Decode, 1, 3));
        assert_eq!((&*origin.reason, &*origin.message), ("malformed", &*letters[0].message));
        assert_eq!(out[0].headers.last().unwrap().0, "h");
        let mut split = encoder.replay(&letters[1..]).unwrap();
        split += encoder.replay(&letters[..1]).unwrap();
        assert_eq!(split, sum);
        assert_ne!(out[0].digest, out[1].digest);
    }
}
