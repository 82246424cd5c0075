//! A digest of a collection that does not depend on the order or the number of steps by which the
//! collection came about.

use std::fmt;
use std::ops::{AddAssign, SubAssign};

use xxhash_rust::xxh3::{xxh3_128, xxh3_128_with_seed};

/// The sum of the hashes of a collection's members, modulo 2^128. Inserting adds, retracting
/// subtracts: whichever way the same members came together, the digest is the same, so a restart
/// that replays the input in other steps can be compared with what was committed before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Digest(u128);

impl Digest {
    /// The digest of one member: `output` tells the collections of one pipeline apart.
    pub fn of(output: &str, key: &[u8], value: &[u8]) -> Digest {
        let key = xxh3_128(key);
        let low = key.to_le_bytes();
        let mut seed = [0_u8; 8];
        seed.copy_from_slice(&low[..8]);
        let value = xxh3_128_with_seed(value, u64::from_le_bytes(seed));
        Digest(value.rotate_left(1) ^ key ^ xxh3_128(output.as_bytes()))
    }

    /// The digest of the same member being retracted.
    #[must_use]
    pub fn retracted(self) -> Digest {
        Digest(self.0.wrapping_neg())
    }

    /// Reads what `Display` prints.
    pub fn parse(text: &str) -> Option<Digest> {
        u128::from_str_radix(text, 16).ok().map(Digest)
    }
}

impl AddAssign for Digest {
    fn add_assign(&mut self, other: Digest) {
        self.0 = self.0.wrapping_add(other.0);
    }
}

impl SubAssign for Digest {
    fn sub_assign(&mut self, other: Digest) {
        self.0 = self.0.wrapping_sub(other.0);
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retraction_undoes_an_insertion_whatever_the_order() {
        let (a, b) = (Digest::of("factors", b"k", b"1"), Digest::of("factors", b"k", b"2"));
        let mut one = Digest::default();
        one += a;
        one += b;
        one += a.retracted();
        let mut other = Digest::default();
        other += b;
        assert_eq!(one, other);
        assert_ne!(a, b);
        assert_eq!(Digest::parse(&one.to_string()), Some(one));
    }

    #[test]
    fn output_key_and_value_all_count() {
        let all = [
            Digest::of("factors", b"k", b"v"),
            Digest::of("alerts", b"k", b"v"),
            Digest::of("factors", b"v", b"k"),
            Digest::of("factors", b"kv", b""),
        ];
        for (i, a) in all.iter().enumerate() {
            assert!(all[..i].iter().all(|b| a != b));
        }
    }
}
