//! Event time of a run: what is closed and what may still change, from the signals of the source.
//! Every operator that needs it keeps its own, fed with the same signals epoch by epoch, so that
//! all agree without sharing anything.

mod bar_clock;

use crate::model::{Mark, Span, Time};

use super::signal::Signal;
use bar_clock::BarClock;

/// See the module. What it says holds for the epochs applied so far.
#[derive(Clone, Debug)]
pub struct EventTime {
    clock: BarClock,
    /// Marks that wait for the end of a replay, while there is one.
    replay: Option<Vec<Mark>>,
}

impl EventTime {
    /// Before the first signal. `lateness` is how long a time stays open after newer ones,
    /// `corrections` how many closed times may still change.
    pub fn new(lateness: Span, corrections: usize) -> EventTime {
        EventTime { clock: BarClock::new(lateness, corrections), replay: None }
    }

    /// Takes in the signals of one epoch. The order within the epoch does not matter, except that
    /// a source's begin and end stand where they stand.
    pub fn apply<'a>(&mut self, signals: impl IntoIterator<Item = &'a Signal>) {
        let mut marks: Vec<Mark> = Vec::new();
        let (mut resume, mut end) = (None, false);
        for signal in signals {
            match signal {
                Signal::Partition(partition) => {
                    let silent = Mark { partition: *partition, times: Vec::new(), idle: false };
                    marks.push(silent);
                }
                Signal::Mark(mark) => marks.push(mark.clone()),
                Signal::Replay => self.replay = Some(Vec::new()),
                Signal::Resume { closed_through } => resume = Some(*closed_through),
                Signal::End => end = true,
            }
        }
        if let Some(waiting) = &mut self.replay {
            waiting.append(&mut marks);
        }
        if let Some(closed_through) = resume {
            marks = self.replay.take().unwrap_or_default();
            // What was closed then is closed now, though an idle partition may hold it back today.
            self.clock.apply(&marks);
            self.clock.close_through(closed_through.unwrap_or(Time::MIN));
        } else if self.replay.is_none() && !marks.is_empty() {
            self.clock.apply(&marks);
        }
        if end {
            self.clock.close_through(Time::MAX);
        }
    }

    /// Times up to here, inclusive, are closed.
    pub fn watermark(&self) -> Time {
        self.clock.watermark()
    }

    /// Rows of times before this are late.
    pub fn horizon(&self) -> Time {
        self.clock.horizon()
    }

    /// Whether a replay is under way: nothing closes.
    pub fn replaying(&self) -> bool {
        self.replay.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(nanos: i64) -> Time {
        Time::from_nanos(nanos)
    }

    fn mark(partition: i32, times: &[i64]) -> Signal {
        let times = times.iter().map(|t| time(*t)).collect();
        Signal::Mark(Mark { partition, times, idle: false })
    }

    #[test]
    fn nothing_closes_during_a_replay_and_the_record_decides_at_its_end() {
        let mut event_time = EventTime::new(Span::default(), 2);
        event_time.apply(&[Signal::Replay, Signal::Partition(0), Signal::Partition(1)]);
        event_time.apply(&[mark(0, &[10, 20, 30, 40])]);
        assert_eq!((event_time.watermark(), event_time.horizon()), (Time::MIN, Time::MIN));
        // Partition 1 was idle when times up to 30 closed, and is silent still.
        event_time.apply(&[Signal::Resume { closed_through: Some(time(30)) }]);
        assert_eq!((event_time.watermark(), event_time.horizon()), (time(30), time(20)));
        event_time.apply(&[mark(1, &[35])]);
        assert_eq!(event_time.watermark(), time(34));
    }

    #[test]
    fn a_partition_that_has_not_spoken_holds_everything() {
        let mut event_time = EventTime::new(Span::default(), 1);
        event_time.apply(&[Signal::Partition(0), Signal::Partition(1), mark(0, &[10])]);
        assert_eq!(event_time.watermark(), Time::MIN);
        event_time.apply(&[Signal::End]);
        assert_eq!(event_time.watermark(), Time::MAX);
    }
}
