//! Measures of the demo: rows over time, latencies.

use std::collections::VecDeque;
use std::time::Duration;

/// Length in milliseconds of the pieces of time in which rows are counted.
const PIECE_MS: u64 = 250;
/// How many such pieces are kept.
const PIECES: usize = 240;
/// How many latencies are kept.
const SAMPLES: usize = 6_000;

/// Rows counted in pieces of time.
#[derive(Debug, Default)]
pub(super) struct Pulse(VecDeque<(u64, u64)>);

/// The newest latencies.
#[derive(Debug, Default)]
pub(super) struct Latencies(VecDeque<f64>);

fn piece(now: Duration) -> u64 {
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX) / PIECE_MS
}

impl Pulse {
    /// Counts a row.
    pub(super) fn count(&mut self, now: Duration) {
        let piece = piece(now);
        match self.0.back_mut() {
            Some((last, rows)) if *last == piece => *rows += 1,
            _ => self.0.push_back((piece, 1)),
        }
        if self.0.len() > PIECES {
            self.0.pop_front();
        }
    }

    /// Rows in the last pieces of time up to now, oldest first, pieces without rows included.
    pub(super) fn last(&self, now: Duration, pieces: usize) -> Vec<u64> {
        let now = piece(now);
        let first = (now + 1).saturating_sub(pieces as u64);
        let mut pulse = vec![0; usize::try_from(now + 1 - first).unwrap_or(0)];
        for (piece, rows) in &self.0 {
            let place = piece.checked_sub(first).and_then(|place| usize::try_from(place).ok());
            if let Some(slot) = place.and_then(|place| pulse.get_mut(place)) {
                *slot = *rows;
            }
        }
        pulse
    }

    /// Rows per second over the last two seconds, without the piece that is not over yet.
    pub(super) fn rate(&self, now: Duration) -> u64 {
        let pulse = self.last(now, 9);
        let whole = pulse.split_last().map_or(&[][..], |(_, whole)| whole);
        let span_ms = whole.len() as u64 * PIECE_MS;
        (whole.iter().sum::<u64>() * 1_000).checked_div(span_ms).unwrap_or(0)
    }
}

impl Latencies {
    /// Takes in a latency.
    pub(super) fn add(&mut self, latency: Duration) {
        self.0.push_back(latency.as_secs_f64() * 1e3);
        if self.0.len() > SAMPLES {
            self.0.pop_front();
        }
    }

    /// The median and the 99th percentile in milliseconds; none before the first.
    pub(super) fn quantiles(&self) -> Option<(f64, f64)> {
        let mut sorted: Vec<f64> = self.0.iter().copied().collect();
        sorted.sort_by(f64::total_cmp);
        let at = |share: f64| sorted.get(((sorted.len() as f64 - 1.0) * share).round() as usize);
        Some((*at(0.5)?, *at(0.99)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn counts_rows_in_pieces_of_time() {
        let mut pulse = Pulse::default();
        assert_eq!((pulse.last(ms(0), 3), pulse.rate(ms(0))), (vec![0], 0));
        for at in [0, 249, 250, 1_100] {
            pulse.count(ms(at));
        }
        assert_eq!(pulse.last(ms(1_300), 4), [0, 0, 1, 0]);
        assert_eq!(pulse.last(ms(1_300), 9), [2, 1, 0, 0, 1, 0]);
        // Four rows in the five pieces that are over.
        assert_eq!(pulse.rate(ms(1_300)), 4_000 / 1_250);
        for at in (0..100_000).step_by(10) {
            pulse.count(ms(2_000 + at));
        }
        assert_eq!(pulse.rate(ms(101_999)), 100);
        assert_eq!(pulse.rate(ms(110_000)), 0);
    }

    #[test]
    fn quantiles_of_the_newest() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.quantiles(), None);
        latencies.add(ms(7));
        assert_eq!(latencies.quantiles(), Some((7.0, 7.0)));
        for at in 1..=SAMPLES as u64 {
            latencies.add(ms(at));
        }
        let (median, high) = latencies.quantiles().unwrap();
        assert_eq!((median.round(), high.round()), (3001.0, 5940.0));
    }
}
