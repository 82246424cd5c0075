//! What is allowed in a pipeline but may not be meant.

use super::Plan;
use crate::model::{Action, OutputKind};

/// Sentences about a plan that its author may want to know. None of them is an error.
pub fn notes(plan: &Plan) -> Vec<String> {
    let missing = |kind| plan.output(kind).is_none();
    let quarantines = plan.checks.iter().any(|check| check.action == Action::Quarantine);
    let mut notes = Vec::new();
    let mut note = |holds: bool, text: &str| {
        if holds {
            notes.push(text.to_owned());
        }
    };
    note(
        missing(OutputKind::DeadLetters),
        "outputs.dead_letters is not named: records that cannot be read are counted and not kept",
    );
    note(
        missing(OutputKind::Quarantine) && quarantines,
        "outputs.quarantine is not named: rows that fail a check or come too late are counted and \
         not kept",
    );
    note(
        missing(OutputKind::Quarantine) && !quarantines,
        "outputs.quarantine is not named: rows that come too late are counted and not kept",
    );
    let (factors, checks) = (!plan.factors.outputs.is_empty(), !plan.checks.is_empty());
    for (kind, fed, what) in [
        (OutputKind::Factors, factors, "factors"),
        (OutputKind::Findings, checks, "checks"),
        (OutputKind::Alerts, !plan.alerts.is_empty(), "alerts"),
    ] {
        let name = kind.name();
        note(
            missing(kind) && fed,
            &format!("outputs.{name} is not named: there are {what}, but {name} are not written"),
        );
        note(!missing(kind) && !fed, &format!("outputs.{name} is named, but there are no {what}"));
    }
    notes
}
