//! Factor results in columns: what appeared and what disappeared at one time.

use std::ops::{Deref, Range};
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
    /// Columns that were made together stand together.
    numbers: Arc<Vec<f64>>,
    range: Range<usize>,
}

impl Column {
    /// Columns of one number each, which cost no more than one column of all.
    pub fn singles(values: Vec<f64>) -> impl Iterator<Item = Column> {
        let numbers = Arc::new(values);
        (0..numbers.len())
            .map(move |at| Column { numbers: Arc::clone(&numbers), range: at..at + 1 })
    }

    /// The numbers, to be changed; copied first if a clone still shares them.
    pub fn to_mut(&mut self) -> &mut [f64] {
        if self.range.len() < self.numbers.len() {
            *self = Column::from(self.to_vec());
        }
        Arc::make_mut(&mut self.numbers).as_mut_slice()
    }
}

impl Deref for Column {
    type Target = [f64];

    fn deref(&self) -> &[f64] {
        self.numbers.get(self.range.clone()).unwrap_or(&[])
    }
}

impl PartialEq for Column {
    fn eq(&self, other: &Column) -> bool {
        **self == **other
    }
}

impl From<Vec<f64>> for Column {
    fn from(values: Vec<f64>) -> Column {
        let range = 0..values.len();
        Column { numbers: Arc::new(values), range }
    }
}

impl From<Column> for Vec<f64> {
    fn from(column: Column) -> Vec<f64> {
        if column.range.len() == column.numbers.len() {
            Arc::unwrap_or_clone(column.numbers)
        } else {
            column.to_vec()
        }
    }
}

impl FromIterator<f64> for Column {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Column {
        values.into_iter().collect::<Vec<f64>>().into()
    }
}
