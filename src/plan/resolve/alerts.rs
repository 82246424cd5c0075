//! Alert rules: conditions to members, labels to fingerprints.

use xxhash_rust::xxh3::xxh3_64;

use super::Resolver;
use crate::config::{Alert, Place, Spanned, advice, suggestion};
use crate::model::Severity;
use crate::plan::AlertPlan;

/// Labels that every alert has.
const LABELS: [&str; 3] = ["alertname", "pipeline", "severity"];

/// A condition as written, taken apart: `name(argument) rest`.
struct Written<'a> {
    name: &'a str,
    argument: &'a str,
    rest: &'a str,
}

impl<'a> Written<'a> {
    fn parse(when: &'a str) -> Option<Written<'a>> {
        let (name, rest) = when.split_once('(')?;
        let (argument, rest) = rest.split_once(')')?;
        let name = name.trim();
        let written = Written { name, argument: argument.trim(), rest: rest.trim() };
        super::names::is_identifier(name).then_some(written)
    }
}

impl Resolver<'_> {
    pub(super) fn alerts(
        self,
        alerts: &[Spanned<Alert>],
        pipeline: &str,
        sources: &[&str],
        checks: &[String],
    ) -> Vec<AlertPlan> {
        let checks: Vec<_> = checks.iter().map(String::as_str).collect();
        let mut names: Vec<&str> = Vec::new();
        let mut plans = Vec::new();
        for alert in alerts {
            let at = Place { end: alert.place.start, ..alert.place };
            if let Some(name) = self.require(&alert.value.name, "name", at) {
                self.identifier(&name, "an alert");
                if names.contains(&name.value.as_str()) {
                    let message = format!("there is an alert `{}` already", name.value);
                    self.report(name.place, message, "give this one another name");
                }
                names.push(name.value);
            }
            plans.extend(self.alert(&alert.value, at, pipeline, (sources, &checks)));
        }
        plans
    }

    fn alert(
        self,
        alert: &Alert,
        at: Place,
        pipeline: &str,
        (sources, checks): (&[&str], &[&str]),
    ) -> Option<AlertPlan> {
        let labels = self.labels(alert);
        let when = self.require(&alert.when, "when", at)?;
        let condition = self.condition(&when, sources, checks)?;
        let name = alert.name.get()?.clone();
        let severity = alert.severity.or(Severity::Warning);
        let mut set = labels.clone();
        set.extend([
            ("alertname".to_owned(), name.clone()),
            ("pipeline".to_owned(), pipeline.to_owned()),
            ("severity".to_owned(), severity.name().to_owned()),
        ]);
        let fingerprint = fingerprint(set);
        let when = when.value.clone();
        Some(AlertPlan { name, when, condition, severity, labels, fingerprint })
    }

    fn condition(
        self,
        when: &Spanned<&String>,
        sources: &[&str],
        checks: &[&str],
    ) -> Option<std::sync::Arc<dyn crate::plan::Condition>> {
        let forms: Vec<_> = self.catalog.conditions.iter().map(|member| member.form()).collect();
        let forms = || format!("conditions: {}", forms.join(", "));
        let Some(written) = Written::parse(when.value) else {
            let message = format!("`{}` is not a condition", when.value);
            self.report(when.place, message, forms());
            return None;
        };
        let member = self.catalog.conditions.iter().find(|member| member.name() == written.name);
        let Some(member) = member else {
            let names: Vec<_> = self.catalog.conditions.iter().map(|m| m.name()).collect();
            let message = format!("there is no condition `{}`", written.name);
            let hint = match crate::config::nearest(written.name, names.iter().copied()) {
                Some(_) => suggestion(written.name, "conditions", &names),
                None => Some(forms()),
            };
            self.diagnostics.report(self.part(when, written.name), message, hint);
            return None;
        };
        match member.build(written.argument, written.rest, sources, checks) {
            Ok(condition) => Some(condition),
            Err(error) => {
                let place = match error.path.first().map(String::as_str) {
                    Some("argument") => self.part(when, written.argument),
                    Some("rest") => self.part(when, written.rest),
                    // The message quotes what it is about.
                    _ => match error.message.split('`').nth(1).filter(|part| !part.is_empty()) {
                        Some(quoted) if when.value.contains(quoted) => {
                            let start = when.value.find(quoted).unwrap_or(0);
                            let part = when.value.get(start..start + quoted.len());
                            self.part(when, part.unwrap_or(when.value))
                        }
                        _ => when.place,
                    },
                };
                let (message, hint) = advice(&error.message);
                let hint = hint.unwrap_or_else(|| format!("write it like {}", member.form()));
                self.report(place, message, hint);
                None
            }
        }
    }

    /// The place of a part of the condition; `part` is a slice of its text.
    fn part(self, when: &Spanned<&String>, part: &str) -> Place {
        let start = (part.as_ptr() as usize).saturating_sub(when.value.as_ptr() as usize);
        let end = start + part.len();
        self.diagnostics.document().inside(when.place, when.value, start, end)
    }

    fn labels(self, alert: &Alert) -> Vec<(String, String)> {
        let entries = alert.labels.get().map_or(&[][..], |all| all.0.as_slice());
        for (name, _) in entries {
            self.identifier(name, "a label");
            if LABELS.contains(&name.value.as_str()) {
                let message = format!("every alert has the label `{}` already", name.value);
                self.report(name.place, message, "give the label another name");
            }
        }
        let mut labels: Vec<_> =
            entries.iter().map(|(name, value)| (name.value.clone(), value.value.clone())).collect();
        labels.sort();
        labels
    }
}

/// Identity of a label set, whatever its order.
fn fingerprint(mut labels: Vec<(String, String)>) -> String {
    labels.sort();
    let mut bytes = Vec::new();
    for text in labels.iter().flat_map(|(name, value)| [name, value]) {
        bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    format!("{:016x}", xxh3_64(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn a_fingerprint_is_of_the_set() {
        let one = fingerprint(vec![pair("a", "1"), pair("b", "2")]);
        assert_eq!(one, fingerprint(vec![pair("b", "2"), pair("a", "1")]));
        assert_ne!(one, fingerprint(vec![pair("a", "1b"), pair("", "2")]));
        assert_eq!(one.len(), 16);
    }

    #[test]
    fn conditions_come_apart() {
        let parts = |when| Written::parse(when).map(|w| (w.name, w.argument, w.rest));
        assert_eq!(parts("silent(bars) > 60s"), Some(("silent", "bars", "> 60s")));
        assert_eq!(parts(" f ( a , b )"), Some(("f", "a , b", "")));
        assert_eq!(parts("silent > 60s"), None);
        assert_eq!(parts("silent(bars"), None);
        assert_eq!(parts("1 (x)"), None);
    }
}
