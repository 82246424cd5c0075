//! What people read about a function: the text of `weir functions` and of `docs/functions.md`.

use serde::{Serialize, Serializer};

use super::{Exactness, Family, Parameter, Signature};

/// What a function's own file says about it, beside its signature. `x[i]` is the value of x i bars
/// before the current one, `y'` the result of the bar before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference {
    /// One value, written out.
    pub formula: &'static str,
    /// What missing inputs do to it.
    pub missing: &'static str,
    /// Where the definition is from: a paper, a program's documentation, or factors of a library.
    pub source: &'static str,
    /// What one value costs.
    pub cost: Cost,
    /// A formula with it, over the fields of a bar, the groups `sector` and `industry`, and
    /// `index_close`, a series of the market.
    pub example: &'static str,
}

/// Series and functions that follow from others, where there is no field of their name: as they are
/// written, and what they stand for.
pub const DERIVED: [(&str, &str); 4] = [
    ("returns", "close / delay(close, 1) - 1"),
    ("vwap", "amount / volume"),
    ("amount", "vwap * volume"),
    ("adv(n)", "ts_mean(volume, n)"),
];

/// What one value of a function costs, by its window n and the number of symbols.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// The same for every window.
    Constant,
    /// Every input of the window is looked at.
    Window,
    /// The sorted window is kept from bar to bar; after a correction it is sorted anew.
    SortedWindow,
    /// A least-squares fit of k series over the window.
    Fit,
    /// Some passes over the row of all symbols.
    Row,
    /// The row of all symbols is sorted.
    SortedRow,
}

impl Reference {
    /// Of functions that nobody described.
    pub const NONE: Reference =
        Reference { formula: "", missing: "", source: "", cost: Cost::Constant, example: "" };
}

impl Cost {
    /// In words.
    pub const fn describe(self) -> &'static str {
        match self {
            Cost::Constant => "O(1)",
            Cost::Window => "O(n): directly over the window",
            Cost::SortedWindow => "O(n): one value goes into the sorted window and one out",
            Cost::Fit => "O(n k^2): sums over the window, then k equations are solved",
            Cost::Row => "O(1): passes over the row of all symbols",
            Cost::SortedRow => "O(log symbols): sort of the row of all symbols",
        }
    }
}

impl Family {
    /// In the order in which people are told of them.
    pub const ALL: [Family; 4] =
        [Family::Elementwise, Family::TimeSeries, Family::Recursive, Family::CrossSection];

    /// What its functions look at.
    pub const fn describe(self) -> &'static str {
        match self {
            Family::Elementwise => "of one symbol at one time",
            Family::TimeSeries => {
                "of one symbol, over a window of times that ends at the current one"
            }
            Family::Recursive => "of one symbol, over all times up to the current one",
            Family::CrossSection => "across the symbols of one time",
        }
    }
}

impl Serialize for Family {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Family::Elementwise => "elementwise",
            Family::TimeSeries => "time_series",
            Family::Recursive => "recursive",
            Family::CrossSection => "cross_section",
        })
    }
}

/// Everything that people are told about a function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Description {
    /// Name in formulas.
    pub name: &'static str,
    /// As it is called: `ts_corr(x, y, n)`, `x <= y`.
    pub call: String,
    /// What it gives.
    pub summary: &'static str,
    /// What it looks at.
    pub family: Family,
    /// One value, written out.
    pub formula: &'static str,
    /// What its arguments must be, those that are not plain series.
    pub arguments: Vec<String>,
    /// What missing inputs do to it.
    pub missing: &'static str,
    /// How many bars before the current one it reads.
    pub look_back: &'static str,
    /// Whether its results carry rounding error, and how it compares.
    pub results: String,
    /// What one value costs.
    pub cost: &'static str,
    /// Where the definition is from.
    pub source: &'static str,
    /// A formula with it.
    pub example: &'static str,
}

impl Signature {
    /// The same function with what people should know of it.
    #[must_use]
    pub const fn explained(self, reference: Reference) -> Signature {
        Signature { reference, ..self }
    }

    /// As it stands in formulas: signs between their arguments.
    pub fn written(&self) -> String {
        match (self.name, self.parameters) {
            ("neg", _) => "-x".to_owned(),
            (sign, [x, y]) if !sign.starts_with(|c: char| c.is_ascii_alphabetic()) => {
                format!("{} {sign} {}", x.name(), y.name())
            }
            _ => self.display(),
        }
    }

    /// Everything that people are told about it.
    pub fn describe(&self) -> Description {
        let Reference { formula, missing, source, cost, example } = self.reference;
        Description {
            name: self.name,
            call: self.written(),
            summary: self.summary,
            family: self.family,
            formula,
            arguments: self.parameters.iter().filter_map(|p| p.constraint()).collect(),
            missing,
            look_back: self.look_back(),
            results: self.results(),
            cost: cost.describe(),
            source,
            example,
        }
    }

    fn look_back(&self) -> &'static str {
        match self.family {
            Family::Elementwise | Family::CrossSection => "0 bars",
            Family::Recursive => "all bars",
            Family::TimeSeries if self.reach(2) == 2 => "n bars",
            Family::TimeSeries => "n - 1 bars",
        }
    }

    fn results(&self) -> String {
        let exact = match self.exactness {
            Exactness::Always => "exact",
            Exactness::Inherited => "exact where the arguments are",
            Exactness::Never => "rounded",
        };
        let ties = if self.compares { "; compares on the tie grid" } else { "" };
        format!("{exact}{ties}")
    }
}

impl Parameter {
    /// What an argument must be, for those that are not plain series.
    fn constraint(self) -> Option<String> {
        Some(match self {
            Parameter::Series(_) => return None,
            Parameter::Window(name, least) => format!("{name}: a constant, at least {least}"),
            Parameter::Constant(name) => format!("{name}: a constant"),
            Parameter::Fraction(name) => format!("{name}: a constant between 0 and 1"),
            Parameter::Group(name) => format!("{name}: a field whose equal values make the groups"),
            Parameter::Rest(name) => {
                format!("{name}1, ..., {name}k: one or more series, at most 7")
            }
        })
    }
}

impl Description {
    /// What there is to say, each with its title, in reading order; without call and summary.
    pub fn items(&self) -> Vec<(&'static str, String)> {
        let arguments = self.arguments.join("; ");
        let all = [
            ("formula", self.formula),
            ("arguments", &arguments),
            ("missing", self.missing),
            ("look-back", self.look_back),
            ("results", &self.results),
            ("cost", self.cost),
            ("source", self.source),
            ("example", self.example),
        ];
        let said = all.into_iter().filter(|(_, text)| !text.is_empty());
        said.map(|(title, text)| (title, text.to_owned())).collect()
    }
}
