//! What the language must know of a function: its arguments, its family, where rounding matters.

/// The three kinds of operator, by what one output cell reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// The same symbol and time.
    Elementwise,
    /// The same symbol, a window of times ending at this one.
    TimeSeries,
    /// The same time, all symbols.
    CrossSection,
}

/// One argument of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parameter {
    /// A series of numbers.
    Series(&'static str),
    /// A constant number of bars, at least the given minimum; rounded half up.
    Window(&'static str, u32),
    /// Any constant number. Elementwise operators get it as a row, like a series.
    Constant(&'static str),
}

/// Whether a function's results carry rounding error, which decides whether ranks of them use the
/// tie grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exactness {
    /// Always exact, like `rank`.
    Always,
    /// Exact where all arguments are, like `max`.
    Inherited,
    /// Never, like `ts_std`.
    Never,
}

/// A function of the language.
#[derive(Clone, Copy, Debug)]
pub struct Signature {
    /// The name in formulas, or the operator's sign (`+`, `<=`, `neg`).
    pub name: &'static str,
    /// Kind of operator.
    pub family: Family,
    /// Arguments in order.
    pub parameters: &'static [Parameter],
    /// One sentence for people: what it gives.
    pub summary: &'static str,
    /// Whether its results carry rounding error.
    pub exactness: Exactness,
    /// Whether it compares values, so that an inexact argument is rounded to the tie grid first.
    pub compares: bool,
}

impl Parameter {
    /// The name in signatures.
    pub const fn name(self) -> &'static str {
        match self {
            Parameter::Series(name) | Parameter::Window(name, _) | Parameter::Constant(name) => {
                name
            }
        }
    }
}

impl Signature {
    /// As shown to people: `ts_corr(x, y, n)`.
    pub fn display(&self) -> String {
        let names: Vec<_> = self.parameters.iter().map(|p| p.name()).collect();
        format!("{}({})", self.name, names.join(", "))
    }

    /// How many bars before the current one a time-series function with a window of `bars` may
    /// read. By the language's convention the windows of `ts_` functions count the current bar;
    /// all others may reach `bars` back, like `delay`.
    pub fn reach(&self, bars: usize) -> usize {
        if self.name.starts_with("ts_") { bars.saturating_sub(1) } else { bars }
    }
}
