//! Rules for the names that a user gives.

use super::Resolver;
use crate::config::Spanned;

/// Longest name.
const MAX_LENGTH: usize = 100;
/// Longest topic that Kafka takes.
const MAX_TOPIC: usize = 249;

/// Whether a name can stand in a formula.
pub(super) fn is_identifier(name: &str) -> bool {
    name.len() <= MAX_LENGTH
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn is_pipeline_name(name: &str) -> bool {
    name.len() <= MAX_LENGTH
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c))
}

fn is_topic(name: &str) -> bool {
    !matches!(name, "" | "." | "..")
        && name.len() <= MAX_TOPIC
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}

impl Resolver<'_> {
    /// Reports a name that is not an identifier; `what` says whose name it is.
    pub(super) fn identifier<S: AsRef<str>>(self, name: &Spanned<S>, what: &str) {
        let text = name.value.as_ref();
        if !is_identifier(text) {
            let message = format!("`{text}` cannot be the name of {what}");
            self.report(name.place, message, "use letters, digits and `_`, not a digit first");
        }
    }

    pub(super) fn pipeline_name(self, name: &Spanned<&String>) {
        if !is_pipeline_name(name.value) {
            let message = format!("`{}` cannot be the name of a pipeline", name.value);
            let hint = "use small letters, digits, `-` and `_`, a letter first";
            self.report(name.place, message, hint);
        }
    }

    pub(super) fn topic(self, topic: &Spanned<&String>) {
        if !is_topic(topic.value) {
            let message = format!("`{}` cannot be the name of a topic", topic.value);
            let hint = "use letters, digits, `.`, `_` and `-`, at most 249 of them";
            self.report(topic.place, message, hint);
        }
    }
}
