//! Factor results in columns: what appeared and what disappeared at one time.

use serde::{Deserialize, Serialize};

use super::{SymbolId, Time};

/// Factor values of some symbols at one time. `diff` = +1 says that these rows are now true, -1
/// that they no longer are; a revision is both, the old rows first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FactorBatch {
    /// The time of all rows.
    pub time: Time,
    /// Symbol of each row; each at most once.
    pub symbols: Vec<SymbolId>,
    /// `columns[factor][row]`, missing = NaN, in the order of the pipeline's factors.
    pub columns: Vec<Vec<f64>>,
    /// +1 or -1.
    pub diff: i8,
}
