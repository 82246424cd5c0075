//! What a set of formulas may choose: the places where the published references differ.

/// How windows and comparisons treat what the references treat differently. Part of a node's
/// identity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mode {
    /// Windows use the inputs that are there (`min_periods: 1`), instead of being missing unless
    /// all are.
    pub partial: bool,
    /// The rules of Qlib: correlations and fits of nearly constant windows are missing, a missing
    /// input counts as the extreme, positions count from the oldest time there is.
    pub qlib: bool,
    /// Comparisons look at the values as they are, not on the tie grid.
    pub raw_ties: bool,
    /// Variances, deviations and covariances divide by the number of values (ddof 0), instead of
    /// one less.
    pub population: bool,
    /// `ema` and `rma` begin with the mean of the first n inputs, instead of with the first.
    pub mean_seed: bool,
    /// Windows, distances and states count a symbol's own bars (`clock: traded`), instead of all
    /// times.
    pub traded: bool,
    /// When sessions begin, in minutes after midnight UTC.
    pub day_begins: u16,
}

/// The rules of a set of formulas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// What nodes remember of them.
    pub mode: Mode,
    /// Windows that are no whole numbers are cut off instead of rounded half up.
    pub floor_windows: bool,
}

impl Rules {
    /// Full windows, the tie grid, windows rounded.
    pub const WORLDQUANT: Rules = Rules { mode: Mode::PLAIN, floor_windows: false };
    /// Windows use what is there, and the rules of Qlib.
    pub const QLIB: Rules =
        Rules { mode: Mode { partial: true, qlib: true, ..Mode::PLAIN }, floor_windows: false };
    /// TA-Lib: averages begin with a mean, deviations are those of a population.
    pub const TA: Rules = Rules {
        mode: Mode { population: true, mean_seed: true, ..Mode::PLAIN },
        floor_windows: false,
    };
    /// The Chinese terminals as MyTT has them: averages begin with the first value, deviations are
    /// those of a population.
    pub const CN: Rules =
        Rules { mode: Mode { population: true, ..Mode::PLAIN }, floor_windows: false };
}

impl Mode {
    /// The default, for constants.
    pub const PLAIN: Mode = Mode {
        partial: false,
        qlib: false,
        raw_ties: false,
        population: false,
        mean_seed: false,
        traded: false,
        day_begins: 0,
    };

    /// As it is written behind a function's name in the text of a node; empty for the default.
    pub(super) fn suffix(self) -> String {
        let marks = [
            (self.partial, "@partial"),
            (self.qlib, "@qlib"),
            (self.raw_ties, "@raw"),
            (self.population, "@population"),
            (self.mean_seed, "@mean_seed"),
            (self.traded, "@traded"),
        ];
        let mut marks: String = marks.iter().filter(|(on, _)| *on).map(|(_, mark)| *mark).collect();
        if self.day_begins > 0 {
            marks.push_str(&format!("@{:02}:{:02}", self.day_begins / 60, self.day_begins % 60));
        }
        marks
    }
}
