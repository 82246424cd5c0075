//! Symbols as small numbers, so that the hot path never compares strings.

use std::sync::{Arc, PoisonError, RwLock};

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

/// A symbol of one running pipeline: its column in the panel. Numbers are given in order of
/// arrival, so nothing that a user sees may depend on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SymbolId(pub u32);

impl SymbolId {
    /// As an index into a column of symbols.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// All symbols of a running pipeline, shared by its workers. A worker that meets a symbol often
/// keeps its number in a map of its own and does not come here again.
#[derive(Clone, Debug, Default)]
pub struct Symbols(Arc<RwLock<Table>>);

#[derive(Debug, Default)]
struct Table {
    ids: FxHashMap<Arc<str>, SymbolId>,
    names: Vec<Arc<str>>,
}

impl Symbols {
    /// The number of `name`, a new one if it was never seen.
    pub fn intern(&self, name: &str) -> SymbolId {
        if let Some(id) = self.find(name) {
            return id;
        }
        let mut table = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(id) = table.ids.get(name) {
            return *id;
        }
        let id = SymbolId(u32::try_from(table.names.len()).unwrap_or(u32::MAX));
        let name: Arc<str> = Arc::from(name);
        table.names.push(Arc::clone(&name));
        table.ids.insert(name, id);
        id
    }

    /// The number of `name` if it was seen.
    pub fn find(&self, name: &str) -> Option<SymbolId> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).ids.get(name).copied()
    }

    /// The name behind a number that this table gave.
    pub fn name(&self, id: SymbolId) -> Arc<str> {
        let table = self.0.read().unwrap_or_else(PoisonError::into_inner);
        table.names.get(id.index()).cloned().unwrap_or_else(|| Arc::from("?"))
    }

    /// How many symbols there are.
    pub fn len(&self) -> usize {
        self.0.read().unwrap_or_else(PoisonError::into_inner).names.len()
    }

    /// Whether no symbol was seen yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
