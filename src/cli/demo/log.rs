//! The last events of the demo, as lines.

use std::collections::VecDeque;
use std::time::Duration;

/// How many events are kept.
const KEPT: usize = 200;

/// What kind of event a line of the log tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// A fault was put into the feed.
    Fault,
    /// Something was found wrong and kept out or flagged.
    Found,
    /// Something was put right.
    Mended,
    /// An alert fires.
    Alarm,
    /// Anything else.
    Note,
}

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When, from the start.
    pub at: Duration,
    /// Its kind.
    pub tone: Tone,
    /// One word: `fault`, `finding`, `alert`.
    pub label: &'static str,
    /// What happened.
    pub text: String,
}

/// The newest entries.
#[derive(Debug, Default)]
pub(super) struct Log {
    entries: VecDeque<Entry>,
    /// How many there ever were.
    count: u64,
}

impl Log {
    pub(super) fn push(&mut self, entry: Entry) {
        self.count += 1;
        self.entries.push_back(entry);
        if self.entries.len() > KEPT {
            self.entries.pop_front();
        }
    }

    /// Oldest first.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.entries.iter()
    }

    /// Entries since the first `seen` that ever were, as far as they are kept, and how many there
    /// are now.
    pub(super) fn since(&self, seen: u64) -> (impl Iterator<Item = &Entry>, u64) {
        let fresh = usize::try_from(self.count.saturating_sub(seen)).unwrap_or(usize::MAX);
        (self.entries.iter().skip(self.entries.len().saturating_sub(fresh)), self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_seen_once_while_it_is_kept() {
        let mut log = Log::default();
        let (mut seen, mut texts) = (0, Vec::new());
        for number in 0..KEPT + 50 {
            let (at, tone, label) = (Duration::ZERO, Tone::Note, "note");
            log.push(Entry { at, tone, label, text: number.to_string() });
            if number % 7 == 0 {
                let (fresh, count) = log.since(seen);
                texts.extend(fresh.map(|entry| entry.text.clone()));
                seen = count;
            }
        }
        let expected: Vec<_> = (0..texts.len()).map(|number| number.to_string()).collect();
        assert_eq!(texts, expected);
        assert_eq!(log.since(0).0.count(), KEPT);
        assert_eq!(log.iter().next_back().unwrap().text, (KEPT + 49).to_string());
    }
}
