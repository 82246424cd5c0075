//! The pace of a run: which epoch is open, what the clock says in it, and whether the run is still
//! replaying what an earlier one committed. Shared by the sources, the ticker and the delivery.

use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::operators::{Epoch, Wake};

/// Where a run stands between what was committed before it and its own new epochs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Input up to the committed offsets is read again; nothing goes out.
    Replaying,
    /// The one epoch in which the replayed state catches up with the recorded one.
    Resuming,
    /// New input.
    Live,
}

/// The open epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Its number.
    pub epoch: Epoch,
    /// The clock when it was opened, milliseconds.
    pub now_ms: i64,
    /// The run's phase in it.
    pub phase: Phase,
}

/// How the run is to end, if it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Not yet.
    No,
    /// Finish what was read, commit it, then stop.
    Drain,
    /// Stop at once; what is not committed is read again by the next run.
    Abort,
}

/// Limits of a run's epochs.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// An epoch with records is open at least this long, unless it is full.
    pub interval: Duration,
    /// An epoch without records is closed after this time, so that the clock goes on.
    pub idle: Duration,
    /// How many epochs may be open or on their way to a commit.
    pub in_flight: u64,
    /// How many records one worker reads into an epoch.
    pub records: usize,
}

impl Default for Limits {
    /// Sized for a commit each 20 ms: a few epochs per commit, and a bound on what is held in
    /// memory of 16 x 20,000 records per worker when commits do not come through.
    fn default() -> Limits {
        Limits {
            interval: Duration::from_millis(5),
            idle: Duration::from_millis(200),
            in_flight: 16,
            records: 20_000,
        }
    }
}

/// See the module.
#[derive(Debug)]
pub struct Pace {
    limits: Limits,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    now: Now,
    opened: Instant,
    has_records: bool,
    full: bool,
    /// Partitions whose replay is not finished.
    replaying: BTreeSet<i32>,
    /// Whether the resuming epoch has been announced in the dataflow.
    announced: bool,
    /// All epochs below are committed (or suppressed).
    delivered: Epoch,
    end: End,
    /// Why the run must be begun again, if it must.
    failure: Option<String>,
    wakes: Vec<Wake>,
    /// Parts of the source that have not yet said what they read.
    unbegun: usize,
}

impl Pace {
    /// Starts at epoch 0. `replaying` names the partitions that are to be read again up to their
    /// committed offsets; none for a first start.
    pub fn new(limits: Limits, now_ms: i64, replaying: BTreeSet<i32>, resumes: bool) -> Pace {
        let phase = match (resumes, replaying.is_empty()) {
            (false, _) => Phase::Live,
            (true, true) => Phase::Resuming,
            (true, false) => Phase::Replaying,
        };
        Pace {
            limits,
            state: Mutex::new(State {
                now: Now { epoch: 0, now_ms, phase },
                opened: Instant::now(),
                has_records: false,
                full: false,
                replaying,
                announced: false,
                delivered: 0,
                end: End::No,
                failure: None,
                wakes: Vec::new(),
                unbegun: 0,
            }),
            changed: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The limits of this run.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// The open epoch.
    pub fn now(&self) -> Now {
        self.lock().now
    }

    /// How the run is to end.
    pub fn end(&self) -> End {
        self.lock().end
    }

    /// Keeps the first epoch open until so many parts of the source have begun: a partition that
    /// nobody has heard of yet must not be overtaken by the watermark of the others.
    pub fn expect(&self, parts: usize) {
        self.lock().unbegun = parts;
    }

    /// Says that a part of the source has said what it reads.
    pub fn begun(&self) {
        let mut state = self.lock();
        state.unbegun = state.unbegun.saturating_sub(1);
        self.changed.notify_all();
    }

    /// Registers a source to be woken when an epoch opens.
    pub fn add_wake(&self, wake: Wake) {
        self.lock().wakes.push(wake);
    }

    /// Says that records were read into the open epoch, and whether a worker's share is full.
    pub fn read(&self, full: bool) {
        let mut state = self.lock();
        if !state.has_records || (full && !state.full) {
            state.has_records = true;
            state.full |= full;
            self.changed.notify_all();
        }
    }

    /// Says that a partition has been read up to its committed offset.
    pub fn replayed(&self, partition: i32) {
        let mut state = self.lock();
        if state.replaying.remove(&partition) && state.replaying.is_empty() {
            self.changed.notify_all();
        }
    }

    /// Says that the resuming epoch has been announced in the dataflow; it stays open until then.
    pub fn announced(&self) {
        self.lock().announced = true;
        self.changed.notify_all();
    }

    /// Says that all epochs below `epoch` are committed or suppressed.
    pub fn delivered(&self, epoch: Epoch) {
        let mut state = self.lock();
        state.delivered = state.delivered.max(epoch);
        self.changed.notify_all();
    }

    /// How many epochs before `epoch` are not yet delivered.
    pub fn behind(&self, epoch: Epoch) -> u64 {
        epoch.saturating_sub(self.lock().delivered)
    }

    /// Epochs that are open or not yet delivered.
    pub fn in_flight(&self) -> u64 {
        let state = self.lock();
        (state.now.epoch + 1).saturating_sub(state.delivered)
    }

    /// Ends the run at once so that it is begun again, for a reason that shows then.
    pub fn fail(&self, cause: String) {
        self.lock().failure.get_or_insert(cause);
        self.finish(End::Abort);
    }

    /// Why the run must be begun again.
    pub fn failure(&self) -> Option<String> {
        self.lock().failure.clone()
    }

    /// All epochs below this are committed or suppressed.
    pub fn delivered_through(&self) -> Epoch {
        self.lock().delivered
    }

    /// Ends the run; an abort is not taken back by a later drain.
    pub fn finish(&self, end: End) {
        let mut state = self.lock();
        if state.end != End::Abort {
            state.end = end;
        }
        let wakes = state.wakes.clone();
        drop(state);
        self.changed.notify_all();
        wakes.iter().for_each(Wake::wake);
    }

    /// Opens epochs until the run ends. `clock` gives milliseconds since the Unix epoch.
    pub fn tick(&self, clock: impl Fn() -> i64) {
        while let Some(wakes) = self.open_next(&clock) {
            wakes.iter().for_each(Wake::wake);
        }
    }

    /// Waits until the open epoch may close, and opens the next. None when the run ends.
    fn open_next(&self, clock: &impl Fn() -> i64) -> Option<Vec<Wake>> {
        let mut state = self.lock();
        loop {
            if state.end != End::No {
                return None;
            }
            match self.time_left(&state) {
                Some(Duration::ZERO) => break,
                left => {
                    let wait = left.unwrap_or(self.limits.idle);
                    let waited = self.changed.wait_timeout(state, wait);
                    state = waited.unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        }
        let phase = match state.now.phase {
            Phase::Replaying if state.replaying.is_empty() => Phase::Resuming,
            Phase::Replaying => Phase::Replaying,
            Phase::Resuming | Phase::Live => Phase::Live,
        };
        state.now = Now { epoch: state.now.epoch + 1, now_ms: clock(), phase };
        state.opened = Instant::now();
        state.has_records = false;
        state.full = false;
        Some(state.wakes.clone())
    }

    /// How long the open epoch must still wait; none until something else happens.
    fn time_left(&self, state: &State) -> Option<Duration> {
        let in_flight = (state.now.epoch + 1).saturating_sub(state.delivered);
        if in_flight >= self.limits.in_flight || state.unbegun > 0 {
            return None;
        }
        match state.now.phase {
            Phase::Resuming if !state.announced => return None,
            Phase::Resuming => return Some(Duration::ZERO),
            Phase::Replaying if state.replaying.is_empty() => return Some(Duration::ZERO),
            Phase::Replaying | Phase::Live if state.full => return Some(Duration::ZERO),
            Phase::Replaying | Phase::Live => {}
        }
        let least = if state.has_records { self.limits.interval } else { self.limits.idle };
        Some(least.saturating_sub(state.opened.elapsed()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(replaying: &[i32], resumes: bool) -> Pace {
        let limits =
            Limits { interval: Duration::ZERO, idle: Duration::ZERO, in_flight: 3, records: 1 };
        Pace::new(limits, 7, replaying.iter().copied().collect(), resumes)
    }

    #[test]
    fn a_first_start_is_live() {
        assert_eq!(pace(&[], false).now(), Now { epoch: 0, now_ms: 7, phase: Phase::Live });
    }

    #[test]
    fn a_replay_is_followed_by_one_epoch_of_resuming() {
        let pace = pace(&[0, 1], true);
        let mut phases = vec![pace.now().phase];
        let step = |phases: &mut Vec<Phase>| {
            assert!(pace.open_next(&|| 8).is_some());
            pace.delivered(pace.now().epoch);
            phases.push(pace.now().phase);
        };
        pace.read(false);
        pace.replayed(0);
        step(&mut phases);
        pace.read(false);
        pace.replayed(1);
        step(&mut phases);
        assert_eq!(pace.time_left(&pace.lock()), None);
        pace.announced();
        step(&mut phases);
        let expected = [Phase::Replaying, Phase::Replaying, Phase::Resuming, Phase::Live];
        assert_eq!(phases, expected);
    }

    #[test]
    fn the_first_epoch_waits_for_all_parts_of_the_source() {
        let pace = pace(&[0], true);
        pace.expect(2);
        pace.begun();
        pace.read(true);
        pace.replayed(0);
        assert_eq!(pace.time_left(&pace.lock()), None);
        pace.begun();
        assert_eq!(pace.time_left(&pace.lock()), Some(Duration::ZERO));
    }

    #[test]
    fn epochs_in_flight_are_bounded() {
        let pace = pace(&[], false);
        assert!(pace.open_next(&|| 8).is_some());
        assert!(pace.open_next(&|| 8).is_some());
        assert_eq!(pace.time_left(&pace.lock()), None);
        pace.delivered(1);
        assert_eq!(pace.time_left(&pace.lock()), Some(Duration::ZERO));
    }

    #[test]
    fn an_ended_run_opens_no_epoch() {
        let pace = pace(&[], false);
        pace.finish(End::Abort);
        pace.finish(End::Drain);
        assert_eq!(pace.end(), End::Abort);
        assert!(pace.open_next(&|| 8).is_none());
    }
}
