//! Texts of text fields as small numbers, so that groups are compared as numbers.

use std::sync::{Arc, PoisonError, RwLock};

use rustc_hash::FxHashMap;

/// Longest text of a text field in bytes: names of groups, not prose.
pub const MAX_TEXT_BYTES: usize = 256;

/// All texts of a run, shared by its workers. Numbers are given in order of arrival and mean only
/// that two texts are the same or not: they never leave the run, and no result may depend on them.
#[derive(Clone, Debug, Default)]
pub struct Texts(Arc<RwLock<FxHashMap<Box<str>, u32>>>);

impl Texts {
    /// The number of `text` as it stands in a column, a new one if it was never seen. Whole, and
    /// not negative.
    pub fn number(&self, text: &str) -> f64 {
        if let Some(number) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(text) {
            return f64::from(*number);
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let next = u32::try_from(known.len()).unwrap_or(u32::MAX);
        f64::from(*known.entry(Box::from(text)).or_insert(next))
    }

    /// How many texts there are.
    pub fn len(&self) -> usize {
        self.0.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether no text was seen yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Why a text cannot stand in a text field, if so. An empty one is missing, which is another matter.
pub fn text_fault(text: &str) -> Option<String> {
    let bytes = text.len();
    (bytes > MAX_TEXT_BYTES)
        .then(|| format!("has {bytes} bytes, at most {MAX_TEXT_BYTES} are accepted"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_have_equal_numbers() {
        let texts = Texts::default();
        let other = texts.clone();
        assert_eq!(texts.number("Energy"), 0.0);
        assert_eq!(other.number("Technology"), 1.0);
        assert_eq!((texts.number("Technology"), other.number("Energy")), (1.0, 0.0));
        assert_eq!(texts.len(), 2);
    }
}
