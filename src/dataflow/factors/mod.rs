//! Factors: the operators of the formula language and the panel that keeps their values right.
//!
//! An operator is one file in the folder of its family and one line in that folder's slice. It
//! gives a [`Signature`] to the language, a kernel that works on whole rows of symbols, and, for
//! tests, a twin: the same definition for a single cell, as plainly as it can be said.

mod blocks;
mod cross_section;
mod elementwise;
mod grid;
mod groups;
mod least_squares;
mod math;
mod panel;
#[cfg(test)]
mod random;
mod recursive;
mod rolling;
mod simd;
mod snapshot;
mod sorted;
mod split;
mod sum;
#[cfg(test)]
mod testing;
mod window;

use std::fmt;
use std::ops::Range;

use crate::formula::{Mode, Signature};

pub use panel::{Cost, Emit, Frame, Late, Panel, PanelError, Rows, Section, Snapshot, Stats, kept};
pub use simd::Level;
pub use snapshot::{SnapshotError, SnapshotReader, write_snapshot};
pub use split::split;

use blocks::{Blocked, Cuts};
use cross_section::Scratch;
use sorted::Sorted;
use window::Window;

/// An operator.
#[derive(Debug)]
pub(crate) struct Member {
    /// What the language knows of it.
    pub(crate) signature: Signature,
    /// What computes it.
    pub(crate) kernel: Kernel,
    /// The same, cell by cell.
    #[cfg(test)]
    pub(crate) twin: Twin,
}

/// What computes an operator. Rows are slices with one number per symbol, missing = NaN.
#[derive(Clone, Copy)]
pub(crate) enum Kernel {
    /// Rows of the arguments to a row.
    Elementwise(fn(Level, &[&[f64]], &mut [f64])),
    /// Windows of the arguments to a row.
    Rolling(Rolling),
    /// The same, and from sorted windows where these are kept: with the same bits.
    Sorted(Rolling, Pick),
    /// The same, in blocks where windows are long.
    Blocked(Rolling, Blocked),
    /// Rows of the members of the universe to a row. May not depend on the order of the symbols.
    CrossSection(fn(Level, &[&[f64]], How<'_>, &mut Scratch, &mut [f64])),
    /// The state of the time before and rows of the arguments to the state of this time.
    Recursive(Recursive),
    /// The same, with a further argument: the row of the session's number, the same for all symbols
    /// and another one in every session.
    Sessions(Recursive),
    /// The same in two ways: beginning with the first input, or with the mean of the first n if
    /// the rules say so.
    Seeded {
        /// With the first input.
        first: Recursive,
        /// With a mean.
        mean: Recursive,
    },
}

/// Computes a row from the sorted windows of all symbols.
pub(crate) type Pick = fn(Level, &Sorted, How<'_>, &mut [f64]);

/// How an operator is to be computed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct How<'a> {
    /// Whether the first argument carries rounding error and is compared on the tie grid.
    pub(crate) inexact: bool,
    /// The rules of the set of formulas.
    pub(crate) mode: Mode,
    /// The window parameter; with partial windows there may be fewer rows.
    pub(crate) n: usize,
    /// All constant arguments, the window included.
    pub(crate) params: &'a [f64],
    /// Where the blocks of a long window begin.
    pub(crate) cuts: Cuts<'a>,
}

impl How<'_> {
    /// A constant argument.
    pub(crate) fn param(&self, at: usize) -> f64 {
        self.params.get(at).copied().unwrap_or(f64::NAN)
    }
}

/// A kernel that goes on from the state of the time before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recursive {
    /// One for each number of the state. Takes its row from the time before to this time, in place;
    /// missing = none yet. The rows are those of the arguments at this time, and then those of the
    /// other numbers of the state at the time before, in order.
    pub(crate) state: &'static [fn(Level, &[&[f64]], How<'_>, &mut [f64])],
    /// What is seen of the state.
    pub(crate) result: Outcome,
}

/// What the result of a recursive operator is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome {
    /// The last number of the state.
    State,
    /// The same where the first argument is there: elsewhere the state lives on unseen.
    Masked,
    /// Made from the rows of the whole state and those of the arguments, all at this time.
    Of(fn(Level, &[&[f64]], &mut [f64])),
}

/// A kernel down the symbols' columns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rolling {
    /// Computes the symbols of `range` into a slice of its length; the range's ends are multiples
    /// of eight. Windows have as many rows as `reads` says; where they may be partial, as many of
    /// them as there are.
    pub(crate) run: fn(Level, &[Window<'_>], How<'_>, Range<usize>, &mut [f64]),
    /// Which rows it looks at.
    pub(crate) reads: Reads,
}

/// Which rows an operator with the window parameter n looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reads {
    /// The current row and the n - 1 before it; they come oldest first.
    Window,
    /// The same, as many as there are, whatever the rules say.
    Existing,
    /// Only the row n before the current one; it comes as a window of one row.
    Lag,
    /// The row n before the current one and the current one, in this order.
    LagAndCurrent,
}

/// The definition of an operator for one cell; only called by tests.
#[cfg(test)]
#[derive(Clone, Copy)]
pub(crate) enum Twin {
    /// Of the arguments' values.
    Cell(fn(&[f64]) -> f64),
    /// Of the arguments' windows, oldest first.
    Window(fn(&[Vec<f64>], How<'_>) -> f64),
    /// Of the rows of the members of the universe.
    Row(fn(&[Vec<f64>], How<'_>) -> Vec<f64>),
    /// Of all values of the arguments up to this time, those of the session's number included if
    /// the operator reads it.
    History(fn(&[Vec<f64>], How<'_>) -> f64),
}

impl fmt::Debug for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kernel::Elementwise(_) => "elementwise",
            Kernel::Rolling(_) => "rolling",
            Kernel::Sorted(..) => "rolling, sorted",
            Kernel::Blocked(..) => "rolling, in blocks",
            Kernel::CrossSection(_) => "cross-section",
            Kernel::Recursive(_) | Kernel::Sessions(_) | Kernel::Seeded { .. } => "recursive",
        })
    }
}

#[cfg(test)]
impl fmt::Debug for Twin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("twin")
    }
}

impl Reads {
    /// How many rows before the current one the oldest row is.
    pub(crate) const fn reach(self, n: usize) -> usize {
        match self {
            Reads::Window | Reads::Existing => n.saturating_sub(1),
            Reads::Lag | Reads::LagAndCurrent => n,
        }
    }
}

/// All operators, by family.
const FAMILIES: [&[&Member]; 4] =
    [elementwise::MEMBERS, rolling::MEMBERS, recursive::MEMBERS, cross_section::MEMBERS];

const COUNT: usize = FAMILIES[0].len() + FAMILIES[1].len() + FAMILIES[2].len() + FAMILIES[3].len();

static FUNCTIONS: [&Signature; COUNT] = {
    let mut all = [&FAMILIES[0][0].signature; COUNT];
    let (mut family, mut at) = (0, 0);
    while family < FAMILIES.len() {
        let mut i = 0;
        while i < FAMILIES[family].len() {
            all[at] = &FAMILIES[family][i].signature;
            at += 1;
            i += 1;
        }
        family += 1;
    }
    all
};

/// The functions of the formula language.
pub fn functions() -> &'static [&'static Signature] {
    &FUNCTIONS
}

/// The operator of a signature.
pub(crate) fn member(signature: &Signature) -> Option<&'static Member> {
    FAMILIES.iter().flat_map(|family| family.iter()).find(|m| m.signature == *signature).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::{Family, MAX_SERIES, Parameter};

    #[test]
    fn every_function_stands_once_in_the_folder_of_its_family() {
        let families =
            [Family::Elementwise, Family::TimeSeries, Family::Recursive, Family::CrossSection];
        for (members, family) in FAMILIES.iter().zip(families) {
            for m in *members {
                let name = m.signature.name;
                assert_eq!(m.signature.family, family, "{name}");
                assert_eq!(functions().iter().filter(|f| f.name == name).count(), 1, "{name}");
                let windows =
                    m.signature.parameters.iter().filter(|p| matches!(p, Parameter::Window(..)));
                let count = windows.count();
                match family {
                    Family::TimeSeries => assert_eq!(count, 1, "{name}"),
                    Family::Recursive => assert!(count <= 1, "{name}"),
                    Family::Elementwise | Family::CrossSection => assert_eq!(count, 0, "{name}"),
                }
                let state = match m.kernel {
                    Kernel::Recursive(kernel) => kernel.state.len(),
                    Kernel::Sessions(kernel) => kernel.state.len() + 1,
                    Kernel::Seeded { first, mean } => first.state.len().max(mean.state.len()),
                    _ => 0,
                };
                let series = m.signature.parameters.iter().filter(|p| p.is_series()).count();
                assert!(series + state <= MAX_SERIES, "{name}: more rows than kernels get");
            }
        }
    }
}
