//! What the language must know of a function: its arguments, its family, where rounding matters.

use super::Reference;

/// The kinds of operator, by what one output cell reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// The same symbol and time.
    Elementwise,
    /// The same symbol, a window of times ending at this one.
    TimeSeries,
    /// The same symbol, all times up to this one.
    Recursive,
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
    /// A constant number from 0 to 1.
    Fraction(&'static str),
    /// A field whose equal values make groups of symbols.
    Group(&'static str),
    /// One or more series, all that are left.
    Rest(&'static str),
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
    /// What people should know of it beside this.
    pub reference: Reference,
}

impl Parameter {
    /// The name in signatures.
    pub const fn name(self) -> &'static str {
        match self {
            Parameter::Series(name)
            | Parameter::Window(name, _)
            | Parameter::Constant(name)
            | Parameter::Fraction(name)
            | Parameter::Group(name)
            | Parameter::Rest(name) => name,
        }
    }

    /// Whether it takes series, not constants.
    pub const fn is_series(self) -> bool {
        matches!(self, Parameter::Series(_) | Parameter::Group(_) | Parameter::Rest(_))
    }
}

impl Signature {
    /// As shown to people: `ts_corr(x, y, n)`.
    pub fn display(&self) -> String {
        let name = |p: &Parameter| match p {
            Parameter::Rest(name) => format!("{name}1, ..., {name}k"),
            p => p.name().to_owned(),
        };
        let names: Vec<_> = self.parameters.iter().map(name).collect();
        format!("{}({})", self.name, names.join(", "))
    }

    /// How many bars before the current one a function with a window of `bars` may read. Windows
    /// count the current bar, except those of `delay` and `delta`, which are distances.
    pub fn reach(&self, bars: usize) -> usize {
        match self.family {
            Family::Recursive => usize::MAX,
            Family::TimeSeries if matches!(self.name, "delay" | "delta") => bars,
            Family::TimeSeries => bars.saturating_sub(1),
            Family::Elementwise | Family::CrossSection => 0,
        }
    }

    /// How many arguments it takes with `given` of them written: as many, if that is allowed.
    pub fn arity(&self, given: usize) -> usize {
        let rest = self.parameters.iter().any(|p| matches!(p, Parameter::Rest(_)));
        if rest { given.max(self.parameters.len()) } else { self.parameters.len() }
    }

    /// Whether a parameter comes as rows: series do, and to elementwise functions everything.
    pub fn is_row(&self, parameter: Parameter) -> bool {
        parameter.is_series() || self.family == Family::Elementwise
    }

    /// The parameter of each of `given` arguments.
    pub fn spread(&self, given: usize) -> impl Iterator<Item = Parameter> + use<'_> {
        let more = given.saturating_sub(self.parameters.len());
        self.parameters.iter().flat_map(move |p| {
            let times = if matches!(p, Parameter::Rest(_)) { 1 + more } else { 1 };
            std::iter::repeat_n(*p, times)
        })
    }
}
