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
    /// Windows, distances and states count a symbol's own bars (`clock: traded`), instead of all
    /// times.
    pub traded: bool,
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
}

impl Mode {
    /// The default, for constants.
    pub const PLAIN: Mode = Mode { partial: false, qlib: false, raw_ties: false, traded: false };

    /// As it is written behind a function's name in the text of a node; empty for the default.
    pub(super) fn suffix(self) -> String {
        let marks = [
            (self.partial, "@partial"),
            (self.qlib, "@qlib"),
            (self.raw_ties, "@raw"),
            (self.traded, "@traded"),
        ];
        marks.iter().filter(|(on, _)| *on).map(|(_, mark)| *mark).collect()
    }
}
