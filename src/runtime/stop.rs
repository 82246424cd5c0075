//! The wish to stop, carried from a signal or a caller to a run.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::dataflow::{End, Pace};
use crate::telemetry::Health;

/// Tells a run to stop; clones tell the same run.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<(Mutex<bool>, Condvar)>);

impl Stop {
    /// Nobody wishes to stop yet.
    pub fn new() -> Stop {
        Stop::default()
    }

    /// Asks the run to finish what it has read, commit it, and end.
    pub fn ask(&self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.1.notify_all();
    }

    /// Whether someone asked.
    pub fn asked(&self) -> bool {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until someone asks, at most for `time`. Whether someone did.
    pub fn wait(&self, time: Duration) -> bool {
        let until = Instant::now() + time;
        let mut asked = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        while !*asked {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.0.1.wait_timeout(asked, left);
            asked = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// Carries the wish to a run, until there is one or the run ends by itself.
    pub(super) fn carry_to(&self, pace: &Pace, health: &Health) {
        while pace.end() == End::No {
            if self.wait(Duration::from_millis(50)) {
                health.set_draining();
                pace.finish(End::Drain);
            }
        }
    }
}
