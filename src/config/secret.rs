//! Text that is never printed.

use std::fmt;

use serde::{Deserialize, Deserializer, de};

use super::diagnostic::Diagnostics;
use super::document::Place;
use super::node::{Kind, Node};

/// Text that may be secret: neither `Debug` nor `Display` show it, and it cannot be serialised.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The text itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// Whether the librdkafka setting of this name may hold a secret.
pub fn is_secret(setting: &str) -> bool {
    let setting = setting.to_lowercase();
    setting.starts_with("sasl.")
        || ["password", "secret", "key", "token"].iter().any(|word| setting.contains(word))
}

/// Hides the values of secret Kafka settings that stand in the file itself, which they should not:
/// lines are shown in messages.
pub(super) fn mask(root: &Node, diagnostics: &Diagnostics<'_>) {
    let entries = |node: &'_ Node| match &node.kind {
        Kind::Map(entries) => entries.clone(),
        _ => Vec::new(),
    };
    let below = |node: &Node, name: &str| {
        entries(node).into_iter().find(|(key, _)| key.key() == name).map(|(_, value)| value)
    };
    let settings = below(root, "kafka").and_then(|kafka| below(&kafka, "settings"));
    for (key, value) in settings.iter().flat_map(entries) {
        let text = value.key();
        let reference = text.starts_with("file:") || text.starts_with("${") && text.ends_with('}');
        if is_secret(key.key()) && !reference {
            diagnostics.mask(value.place);
        }
    }
}

/// Hides what follows a name that may be a secret's in a line that is not YAML.
pub(super) fn mask_line(line: usize, diagnostics: &Diagnostics<'_>) {
    let document = diagnostics.document();
    let text = document.line_text(line);
    let lower = text.to_lowercase();
    let word =
        ["password", "secret", "token", "sasl.", ".key", ".pem"].iter().find_map(|w| lower.find(w));
    let start = document.line_start(line);
    if let Some(colon) = word.and_then(|word| text.get(word..)?.find(':').map(|at| word + at)) {
        diagnostics.mask(Place { start: start + colon + 1, end: start + text.len() });
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Secret;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text, a number, true or false")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Secret, E> {
                Ok(Secret::new(text))
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<Secret, E> {
                Ok(Secret::new(value.to_string()))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Secret, E> {
                Ok(Secret::new(value.to_string()))
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Secret, E> {
                Ok(Secret::new(value.to_string()))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl schemars::JsonSchema for Secret {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Setting".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": ["string", "number", "boolean"] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_not_printed() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret} {secret:?} {:?}", Some(&secret)), "*** *** Some(***)");
        assert_eq!(secret.expose(), "hunter2");
    }

    #[test]
    fn settings_with_secrets_are_known_by_name() {
        for name in
            ["sasl.username", "ssl.key.password", "ssl.key.pem", "my.Token", "client.secret"]
        {
            assert!(is_secret(name), "{name}");
        }
        assert!(!is_secret("linger.ms"));
    }
}
