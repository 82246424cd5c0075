//! `violations(CHECK) > N in SPAN`: more than N rows that arrived in the last span fail a check.

use std::sync::Arc;

use super::comparison::{after_greater, place, span, wrong};
use crate::model::Span;
use crate::plan::{Condition, ConditionMember, OptionError, Situation};

/// The member.
#[derive(Debug)]
pub(super) struct Violations;

#[derive(Debug)]
struct Rule {
    check: u16,
    name: String,
    limit: usize,
    window: Span,
}

impl ConditionMember for Violations {
    fn name(&self) -> &'static str {
        "violations"
    }

    fn form(&self) -> &'static str {
        "violations(CHECK) > N in SPAN"
    }

    fn summary(&self) -> &'static str {
        "more than N open findings of the check stem from records of the last span"
    }

    fn example(&self) -> &'static str {
        "violations(ohlc_order) > 5 in 10m"
    }

    fn build(
        &self,
        argument: &str,
        rest: &str,
        _sources: &[&str],
        checks: &[&str],
    ) -> Result<Arc<dyn Condition>, OptionError> {
        let form = self.form();
        let check = place(argument, checks, "check")?;
        let check = u16::try_from(check)
            .map_err(|_| wrong(format!("check number {check} is too large, the most is 65535")))?;
        let limits = after_greater(rest, form)?;
        let (count, window) = limits.split_once(" in ").ok_or_else(|| {
            wrong(format!("`{limits}` does not say in which span; write `{form}`"))
        })?;
        let count = count.trim();
        let limit = count.parse().map_err(|_| {
            wrong(format!("`{count}` is not a whole number of findings; write `{form}`"))
        })?;
        let window = span(window.trim(), form)?;
        Ok(Arc::new(Rule { check, name: argument.trim().to_owned(), limit, window }))
    }
}

impl Condition for Rule {
    /// Starts when the finding arrived that was one too many among those in the window.
    fn holds(&self, situation: &dyn Situation) -> Option<(i64, String)> {
        let after = situation.now_ms().saturating_sub(self.window.millis());
        let arrivals = situation.arrivals_of_findings(self.check, after);
        arrivals.get(self.limit).map(|starts| {
            let (count, Rule { name, window, .. }) = (arrivals.len(), self);
            let summary = format!("{count} violations of {name} in {window}");
            (*starts, summary)
        })
    }

    fn window_ms(&self) -> i64 {
        self.window.millis()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Fixed;
    use super::*;

    const CHECKS: [&str; 2] = ["positive", "ohlc_order"];

    #[test]
    fn holds_when_one_too_many_is_in_the_window() {
        let rule = Violations.build("ohlc_order", "> 2 in 10s", &[], &CHECKS).unwrap();
        assert_eq!(rule.window_ms(), 10_000);
        let arrivals = vec![(1, 1_000), (1, 2_000), (0, 2_500), (1, 3_000), (1, 4_000)];
        let at = |now| Fixed { now, arrivals: arrivals.clone(), ..Fixed::default() };
        assert_eq!(rule.holds(&at(2_999)), None);
        let (starts, summary) = rule.holds(&at(3_000)).unwrap();
        assert_eq!(starts, 3_000);
        assert_eq!(summary, "3 violations of ohlc_order in 10s");
        // The first has just left the half-open window, the third of the rest is at 4 s.
        assert_eq!(rule.holds(&at(11_000)).unwrap().0, 4_000);
        assert_eq!(rule.holds(&at(12_000)), None);
    }

    #[test]
    fn zero_means_any() {
        let rule = Violations.build("positive", "> 0 in 1m", &[], &CHECKS).unwrap();
        let one = Fixed { now: 9, arrivals: vec![(0, 9)], ..Fixed::default() };
        assert_eq!(rule.holds(&one).unwrap().0, 9);
    }

    #[test]
    fn says_what_is_wrong() {
        let form = "write `violations(CHECK) > N in SPAN`";
        for (rest, says) in [
            ("> 5", format!("`5` does not say in which span; {form}")),
            ("> five in 10m", format!("`five` is not a whole number of findings; {form}")),
            ("> -1 in 10m", format!("`-1` is not a whole number of findings; {form}")),
            ("> 5 in 0s", format!("`0s` is too short, the least is 1ms; {form}")),
        ] {
            let error = Violations.build("positive", rest, &[], &CHECKS).unwrap_err();
            assert_eq!(error.message, says, "{rest}");
        }
        let error = Violations.build("positiv", "> 5 in 10m", &[], &CHECKS).unwrap_err();
        assert_eq!(error.message, "there is no check `positiv`; did you mean `positive`?");
    }
}
