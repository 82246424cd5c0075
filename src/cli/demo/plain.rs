//! The demo without a terminal: one line per event, and one about progress now and then.

use super::log::Entry;
use super::state::DemoState;
use super::text::{clock, thousands};

/// An event as a line.
pub fn entry(entry: &Entry) -> String {
    format!("{:>7}  {:<8} {}", clock(entry.at), entry.label, entry.text)
}

/// How far the demo is, as a line.
pub fn progress(state: &DemoState) -> String {
    let latency = match state.latency_ms() {
        Some((median, high)) => format!(", latency p50 {median:.0} ms p99 {high:.0} ms"),
        None => String::new(),
    };
    format!(
        "{:>7}  {:<8} {} day {}/{}: {} rows ({}/s), {} cells, {} rows revised, {} findings open, {} \
         dead letters{latency}",
        clock(state.now),
        "progress",
        state.date(),
        state.day + 1,
        state.day_count(),
        thousands(state.rows_in),
        thousands(state.rate()),
        thousands(state.cells_out),
        thousands(state.revisions),
        state.findings_open(),
        state.dead_letters,
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::testing::{play, rules};
    use super::super::{DemoState, Scenario};
    use super::*;

    #[test]
    fn tells_every_event_once() {
        let scenario = Scenario::new(Duration::from_secs(20)).unwrap();
        let mut state = DemoState::new(&scenario, "momentum_5", &rules(&scenario), "");
        let (mut lines, mut seen) = (Vec::new(), 0);
        play(&scenario, None, &mut |at, event, _| {
            state.apply(Duration::from_millis(at.unsigned_abs()), event);
            let (fresh, now) = state.log_since(seen);
            lines.extend(fresh.map(entry));
            seen = now;
        });
        let all: Vec<String> = state.log().map(entry).collect();
        assert_eq!(lines, all, "the log is long enough for the whole demo");
        for (place, fault) in scenario.faults.iter().enumerate() {
            let told = format!("fault    {}: {}", fault.name, fault.subject);
            assert!(lines.iter().any(|line| line.ends_with(&told)), "{place}: {told}");
        }
        let dirty = "alert    dirty_feed fires: 6 violations of ohlc_order in 10m";
        assert!(lines.iter().any(|line| line.ends_with(dirty)), "{lines:#?}");
        let now = progress(&state);
        assert!(now.contains("day 120/120: 14,415 rows"), "{now}");
        assert!(now.contains("1 findings open, 3 dead letters"), "{now}");
    }
}
