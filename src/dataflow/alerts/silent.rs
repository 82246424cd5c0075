//! `silent(SOURCE) > SPAN`: nothing arrived from a source for longer than a span.

use std::sync::Arc;

use super::comparison::{after_greater, place, span};
use crate::model::{Span, Time};
use crate::plan::{Condition, ConditionMember, OptionError, Situation};

/// The member.
#[derive(Debug)]
pub(super) struct Silent;

#[derive(Debug)]
struct Rule {
    source: String,
    limit: Span,
}

impl ConditionMember for Silent {
    fn name(&self) -> &'static str {
        "silent"
    }

    fn form(&self) -> &'static str {
        "silent(SOURCE) > SPAN"
    }

    fn summary(&self) -> &'static str {
        "no record arrived from the source for longer than the span"
    }

    fn example(&self) -> &'static str {
        "silent(bars) > 60s"
    }

    fn build(
        &self,
        argument: &str,
        rest: &str,
        sources: &[&str],
        _checks: &[&str],
    ) -> Result<Arc<dyn Condition>, OptionError> {
        place(argument, sources, "source")?;
        let limit = span(after_greater(rest, self.form())?, self.form())?;
        Ok(Arc::new(Rule { source: argument.trim().to_owned(), limit }))
    }
}

impl Condition for Rule {
    /// Silence counts from the newest arrival, or from when the source was first looked at if that
    /// is later: a pipeline that starts on an old topic is not told of silence at once.
    fn holds(&self, situation: &dyn Situation) -> Option<(i64, String)> {
        let started = situation.started_ms();
        let heard = situation.last_arrival_ms().map_or(started, |last| last.max(started));
        let over = heard.saturating_add(self.limit.millis());
        (situation.now_ms() > over).then(|| {
            let since = Time::from_millis(heard);
            (over, format!("nothing from {} for over {}, since {since}", self.source, self.limit))
        })
    }

    fn window_ms(&self) -> i64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Fixed;
    use super::*;

    fn rule(text: &str) -> Arc<dyn Condition> {
        Silent.build("bars", text, &["bars"], &[]).unwrap()
    }

    #[test]
    fn holds_when_more_than_the_span_has_passed() {
        let rule = rule("> 60s");
        let heard = Fixed { now: 61_000, last: Some(1_000), ..Fixed::default() };
        assert_eq!(rule.holds(&heard), None, "exactly the span is not longer than the span");
        let silent = Fixed { now: 61_001, ..heard };
        let (starts, summary) = rule.holds(&silent).unwrap();
        assert_eq!(starts, 61_000);
        assert_eq!(summary, "nothing from bars for over 1m, since 1970-01-01T00:00:01Z");
    }

    #[test]
    fn counts_from_the_start_when_nothing_newer_arrived() {
        let rule = rule("> 60s");
        for last in [None, Some(5)] {
            let at = |now| Fixed { now, started: 100_000, last, ..Fixed::default() };
            assert_eq!(rule.holds(&at(160_000)), None);
            assert_eq!(rule.holds(&at(160_001)).unwrap().0, 160_000);
        }
    }

    #[test]
    fn a_broker_clock_ahead_of_ours_is_not_silence() {
        let rule = rule("> 1ms");
        let ahead = Fixed { now: 10, last: Some(99), ..Fixed::default() };
        assert_eq!(rule.holds(&ahead), None);
    }

    #[test]
    fn names_an_unknown_source() {
        let error = Silent.build("bar", "> 60s", &["bars"], &[]).unwrap_err();
        assert_eq!(error.message, "there is no source `bar`; did you mean `bars`?");
    }
}
