//! From the text of a symbol to its number, without the shared table in the usual case.

use rustc_hash::FxHashMap;

use crate::model::{SymbolId, Symbols};

/// Longest symbol in bytes.
pub(super) const MAX_SYMBOL_BYTES: usize = 64;

/// Symbols that this worker has met, before the table that all workers share.
#[derive(Debug)]
pub(super) struct Names {
    known: FxHashMap<Box<str>, SymbolId>,
    shared: Symbols,
}

impl Names {
    pub(super) fn new(shared: Symbols) -> Names {
        Names { known: FxHashMap::default(), shared }
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
        let shared = Symbols::default();
        let (mut one, mut other) = (Names::new(shared.clone()), Names::new(shared));
        let id = one.intern("MSFT");
        assert_eq!(other.intern("AAPL"), SymbolId(1));
        assert_eq!((one.intern("MSFT"), other.intern("MSFT")), (id, id));
        assert_eq!(one.find("AAPL"), None);
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
