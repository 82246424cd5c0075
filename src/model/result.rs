//! Factor results in columns: what appeared and what disappeared at one time.

use std::ops::Deref;
use std::sync::Arc;

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
    pub columns: Vec<Column>,
    /// +1 or -1.
    pub diff: i8,
}

/// One factor of a batch. A clone shares the numbers: whoever sends a column on and keeps it for a
/// revision does not copy it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(from = "Vec<f64>", into = "Vec<f64>")]
pub struct Column {
    /// There may be more numbers than the column has.
    numbers: Arc<Vec<f64>>,
    len: usize,
}

impl Column {
    /// The first `len` of numbers that somebody else keeps as well.
    pub fn sharing(numbers: &Arc<Vec<f64>>, len: usize) -> Column {
        Column { numbers: Arc::clone(numbers), len: len.min(numbers.len()) }
    }

    /// The numbers, to be changed; copied first if a clone still shares them.
    pub fn to_mut(&mut self) -> &mut [f64] {
        let numbers = Arc::make_mut(&mut self.numbers);
        numbers.get_mut(..self.len).unwrap_or_default()
    }
}

impl Deref for Column {
    type Target = [f64];

    fn deref(&self) -> &[f64] {
        self.numbers.get(..self.len).unwrap_or_default()
    }
}

impl PartialEq for Column {
    fn eq(&self, other: &Column) -> bool {
        **self == **other
    }
}

impl From<Vec<f64>> for Column {
    fn from(numbers: Vec<f64>) -> Column {
        Column { len: numbers.len(), numbers: Arc::new(numbers) }
    }
}

impl From<Column> for Vec<f64> {
    fn from(column: Column) -> Vec<f64> {
        let mut numbers = Arc::unwrap_or_clone(column.numbers);
        numbers.truncate(column.len);
        numbers
    }
}

impl FromIterator<f64> for Column {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Column {
        values.into_iter().collect::<Vec<f64>>().into()
    }
}
