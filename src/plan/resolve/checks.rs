//! Checks: names to members, options to rules.

use serde_json::Value as Json;

use super::Resolver;
use super::names::is_identifier;
use crate::config::{Check, Entries, Place, Spanned, Value, advice, nearest, suggestion};
use crate::model::{Action, Severity};
use crate::plan::{CheckContext, CheckMember, CheckPlan, FieldPlan, Rule};

/// One bit per check in `RowBatch::violations`.
const MAX_CHECKS: usize = 64;
/// Options that every check has.
const COMMON: [&str; 3] = ["action", "severity", "as"];
const ACTIONS: [Action; 2] = [Action::Flag, Action::Quarantine];
const SEVERITIES: [Severity; 4] =
    [Severity::Info, Severity::Warning, Severity::Error, Severity::Critical];

/// All checks of a pipeline.
#[derive(Default)]
pub(super) struct Checks {
    pub(super) plans: Vec<CheckPlan>,
    /// Names of all checks, also of those that could not be built.
    pub(super) names: Vec<String>,
    /// Name of the member and options of each plan.
    pub(super) options: Vec<(&'static str, Json)>,
}

/// What all checks may be given.
#[derive(Default)]
struct Common {
    name: Option<Spanned<String>>,
    action: Option<(Place, Action)>,
    severity: Option<Severity>,
}

impl Resolver<'_> {
    /// The checks. Without fields only names are looked at.
    pub(super) fn checks(self, checks: &[Spanned<Check>], fields: Option<&[FieldPlan]>) -> Checks {
        let mut all = Checks::default();
        if let Some(one_too_many) = checks.get(MAX_CHECKS) {
            let message = format!("a pipeline has at most {MAX_CHECKS} checks");
            self.report(one_too_many.place, message, "");
        }
        for check in checks {
            let check = &check.value;
            let (common, own) = match &check.options {
                Some(options) => self.split(options),
                None => (Common::default(), Json::Object(serde_json::Map::new())),
            };
            let name = common.name.clone().unwrap_or_else(|| check.name.clone());
            let taken = all.names.contains(&name.value);
            all.names.push(name.value.clone());
            let Some(member) = self.member(&check.name) else { continue };
            if taken {
                let message = format!("there is a check `{}` already", name.value);
                let hint = format!("give this one a name of its own: `as: {}_2`", name.value);
                self.report(name.place, message, hint);
            }
            let good = check.options.as_ref().is_none_or(|options| self.known(member, options));
            let Some(fields) = fields.filter(|_| good) else { continue };
            if let Some(plan) = self.build(member, check, name.value, &common, &own, fields) {
                all.plans.push(plan);
                all.options.push((member.name(), own));
            }
        }
        all
    }

    fn member(self, name: &Spanned<String>) -> Option<&'static dyn CheckMember> {
        let found = self.catalog.checks.iter().find(|member| member.name() == name.value);
        if found.is_none() {
            let names: Vec<_> = self.catalog.checks.iter().map(|member| member.name()).collect();
            let message = format!("there is no check `{}`", name.value);
            self.diagnostics.report(name.place, message, suggestion(&name.value, "checks", &names));
        }
        found.copied()
    }

    fn build(
        self,
        member: &'static dyn CheckMember,
        check: &Check,
        name: String,
        common: &Common,
        own: &Json,
        fields: &[FieldPlan],
    ) -> Option<CheckPlan> {
        let (action, severity) = member.defaults();
        if let Some((place, action)) = common.action
            && !member.actions().contains(&action)
        {
            let message = format!("`{}` cannot {}", member.name(), action.name());
            let can: Vec<_> = member.actions().iter().map(|a| a.name()).collect();
            let hint = match member.refusal(action) {
                Some(why) => why.to_owned(),
                None => format!("actions here: {}", can.join(", ")),
            };
            self.report(place, message, hint);
        }
        let rule: Rule = match member.build(own, CheckContext { fields }) {
            Ok(rule) => rule,
            Err(error) => {
                let place = match &check.options {
                    Some(options) => options.place_of(&error.path),
                    None => check.name.place,
                };
                let (message, hint) = advice(&error.message);
                let written = self.diagnostics.document().slice(place).trim_matches(['"', '\'']);
                let nearest = || nearest(written, fields.iter().map(|field| field.name.as_str()));
                let meant = || nearest().filter(|name| *name != written);
                let hint = hint.or_else(|| meant().map(|name| format!("did you mean `{name}`?")));
                self.diagnostics.report(place, message, hint);
                return None;
            }
        };
        let action = common.action.map_or(action, |(_, action)| action);
        let severity = common.severity.unwrap_or(severity);
        Some(CheckPlan { name, action, severity, rule })
    }

    /// Takes the options that all checks have from those of this one.
    fn split(self, options: &Spanned<Value>) -> (Common, Json) {
        let Value::Map(Entries(entries)) = &options.value else {
            return (Common::default(), options.value.to_json());
        };
        let mut common = Common::default();
        let mut own = serde_json::Map::new();
        for (key, value) in entries {
            match key.value.as_str() {
                "action" => {
                    let action = self.choice(value, &ACTIONS.map(|a| (a.name(), a)));
                    common.action = action.map(|action| (value.place, action));
                }
                "severity" => {
                    common.severity = self.choice(value, &SEVERITIES.map(|s| (s.name(), s)));
                }
                "as" => match &value.value {
                    Value::Text(name) if is_identifier(name) => {
                        common.name = Some(Spanned { place: value.place, value: name.clone() });
                    }
                    other => {
                        let message = format!("{} cannot be the name of a check", other.describe());
                        // Not the member's name, which may be another check's.
                        let name = format!("check at {}", value.place.start);
                        common.name = Some(Spanned { place: value.place, value: name });
                        let hint = "use letters, digits and `_`, not a digit first";
                        self.report(value.place, message, hint);
                    }
                },
                name => {
                    own.insert(name.to_owned(), value.value.to_json());
                }
            }
        }
        (common, Json::Object(own))
    }

    fn choice<T: Copy>(self, value: &Spanned<Value>, all: &[(&str, T)]) -> Option<T> {
        let names: Vec<_> = all.iter().map(|(name, _)| *name).collect();
        let text = match &value.value {
            Value::Text(text) => text.as_str(),
            _ => "",
        };
        let found = all.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
        if found.is_none() {
            let message =
                format!("expected one of {}, found {}", names.join(", "), value.value.describe());
            let hint = nearest(text, names).map(|name| format!("did you mean `{name}`?"));
            self.diagnostics.report(value.place, message, hint);
        }
        found
    }

    /// Reports options that the member does not have, by the schema of its options.
    fn known(self, member: &dyn CheckMember, options: &Spanned<Value>) -> bool {
        let Value::Map(Entries(entries)) = &options.value else {
            return true;
        };
        let mut generator = schemars::SchemaGenerator::default();
        let schema = member.schema(&mut generator).to_value();
        let mut names = Vec::new();
        properties(&schema, generator.definitions(), &mut names);
        names.extend(COMMON.iter().map(|name| (*name).to_owned()));
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let mut good = true;
        for (key, _) in entries.iter().filter(|(key, _)| !names.contains(&key.value.as_str())) {
            let message = format!("`{}` has no option `{}`", member.name(), key.value);
            self.diagnostics.report(key.place, message, suggestion(&key.value, "options", &names));
            good = false;
        }
        good
    }
}

/// The properties that a schema names, through references and alternatives.
fn properties(schema: &Json, definitions: &serde_json::Map<String, Json>, names: &mut Vec<String>) {
    if let Some(own) = schema.get("properties").and_then(Json::as_object) {
        names.extend(own.keys().cloned());
    }
    let reference = schema.get("$ref").and_then(Json::as_str).and_then(|r| r.rsplit('/').next());
    if let Some(target) = reference.and_then(|name| definitions.get(name)) {
        properties(target, definitions, names);
    }
    for key in ["anyOf", "oneOf", "allOf"] {
        for part in schema.get(key).and_then(Json::as_array).into_iter().flatten() {
            properties(part, definitions, names);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_properties_behind_references() {
        let definitions = serde_json::json!({ "A": { "properties": { "x": {} } } });
        let schema = serde_json::json!({ "anyOf": [{ "$ref": "#/$defs/A" }, { "type": "array" }] });
        let mut names = Vec::new();
        properties(&schema, definitions.as_object().unwrap(), &mut names);
        assert_eq!(names, ["x"]);
    }
}
