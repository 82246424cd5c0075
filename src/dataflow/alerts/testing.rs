//! A situation written down by hand, for tests of conditions.

use crate::plan::Situation;

/// What [`Situation`] answers, as plain values; arrivals are (check, milliseconds) in any order.
#[derive(Clone, Debug, Default)]
pub(super) struct Fixed {
    pub(super) now: i64,
    pub(super) started: i64,
    pub(super) last: Option<i64>,
    pub(super) arrivals: Vec<(u16, i64)>,
}

impl Situation for Fixed {
    fn now_ms(&self) -> i64 {
        self.now
    }

    fn last_arrival_ms(&self) -> Option<i64> {
        self.last
    }

    fn started_ms(&self) -> i64 {
        self.started
    }

    fn arrivals_of_findings(&self, check: u16, after_ms: i64) -> Vec<i64> {
        let mut found: Vec<_> = self
            .arrivals
            .iter()
            .filter(|(of, at)| *of == check && *at > after_ms && *at <= self.now)
            .map(|(_, at)| *at)
            .collect();
        found.sort_unstable();
        found
    }
}
