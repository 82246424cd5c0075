//! From the text of a symbol or a group to its number, without the shared tables in the usual case.

use rustc_hash::FxHashMap;

use crate::model::{SymbolId, Symbols, Texts};

/// Longest symbol in bytes.
pub(super) const MAX_SYMBOL_BYTES: usize = 64;

/// Symbols and texts that this worker has met, before the tables that all workers share.
#[derive(Debug)]
pub(super) struct Names {
    known: FxHashMap<Box<str>, SymbolId>,
    shared: Symbols,
    known_texts: FxHashMap<Box<str>, f64>,
    shared_texts: Texts,
}

impl Names {
    pub(super) fn new(shared: Symbols, shared_texts: Texts) -> Names {
        let (known, known_texts) = (FxHashMap::default(), FxHashMap::default());
        Names { known, shared, known_texts, shared_texts }
    }

    /// The number of a symbol that was met before, which says that it is a right one as well.
    pub(super) fn find(&self, symbol: &str) -> Option<SymbolId> {
        self.known.get(symbol).copied()
    }

    /// The number of a symbol that [`fault`] finds nothing wrong with.
    pub(super) fn intern(&mut self, symbol: &str) -> SymbolId {
        if let Some(id) = self.find(symbol) {
            return id;
        }
        let id = self.shared.intern(symbol);
        self.known.insert(Box::from(symbol), id);
        id
    }

    /// The number of a text that was met before.
    pub(super) fn find_text(&self, text: &str) -> Option<f64> {
        self.known_texts.get(text).copied()
    }

    /// The number of a text that nothing is wrong with.
    pub(super) fn intern_text(&mut self, text: &str) -> f64 {
        if let Some(number) = self.find_text(text) {
            return number;
        }
        let number = self.shared_texts.number(text);
        self.known_texts.insert(Box::from(text), number);
        number
    }
}

/// Why a text cannot be a symbol, if so. `|` separates symbol and time in keys; control
/// characters make keys that nobody can type.
pub(super) fn fault(symbol: &str) -> Option<String> {
    if symbol.is_empty() {
        Some("is empty".to_owned())
    } else if symbol.len() > MAX_SYMBOL_BYTES {
        Some(format!("has {} bytes, at most {MAX_SYMBOL_BYTES} are accepted", symbol.len()))
    } else if symbol.contains('|') {
        Some("contains `|`, which separates symbol and time in keys".to_owned())
    } else if symbol.contains(char::is_control) {
        Some("contains a control character".to_owned())
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_number_everywhere() {
        let (shared, texts) = (Symbols::default(), Texts::default());
        let mut one = Names::new(shared.clone(), texts.clone());
        let mut other = Names::new(shared, texts);
        let id = one.intern("MSFT");
        assert_eq!(other.intern("AAPL"), SymbolId(1));
        assert_eq!((one.intern("MSFT"), other.intern("MSFT")), (id, id));
        assert_eq!(one.find("AAPL"), None);
        let number = one.intern_text("Energy");
        assert_ne!(other.intern_text("Technology"), number);
        assert_eq!((one.find_text("Energy"), other.find_text("Energy")), (Some(number), None));
        assert_eq!(other.intern_text("Energy"), number);
    }

    #[test]
    fn odd_symbols() {
        for good in ["A", "BRK.B", "600000.SH", "上证", "^GSPC", &"x".repeat(64)] {
            assert_eq!(fault(good), None, "{good}");
        }
        for bad in ["", "A|B", "A\n", "A\u{85}", &"x".repeat(65)] {
            assert!(fault(bad).is_some(), "{bad:?}");
        }
    }
}
