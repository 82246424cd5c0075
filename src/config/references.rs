//! `${VAR}`, `${VAR:-default}` and `file:PATH` in values. Resolved on parsed scalars only, so what
//! a variable holds can never change the shape of the file; keys and comments stay as they are.

use std::path::Path;

use super::diagnostic::Diagnostics;
use super::document::Place;
use super::node::{Kind, Node, Scalar};

/// Files behind `file:` hold secrets, not data.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Where references are looked up.
#[derive(Clone, Copy)]
pub struct Environment<'a> {
    /// Value of a variable, if it is set.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// Folder that paths after `file:` start from.
    pub folder: &'a Path,
}

impl std::fmt::Debug for Environment<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Environment").field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// Resolves the references of all values below `node`.
pub(super) fn resolve(
    node: &mut Node,
    environment: Environment<'_>,
    diagnostics: &Diagnostics<'_>,
) {
    match &mut node.kind {
        Kind::List(items) => {
            items.iter_mut().for_each(|item| resolve(item, environment, diagnostics));
        }
        Kind::Map(entries) => {
            entries.iter_mut().for_each(|(_, value)| resolve(value, environment, diagnostics));
        }
        Kind::Scalar(scalar) => {
            if let Err((place, message, hint)) =
                resolve_scalar(scalar, node.place, environment, diagnostics)
            {
                diagnostics.report(place, message, Some(hint));
                scalar.unresolved = true;
            }
        }
    }
}

type Failure = (Place, String, String);

fn resolve_scalar(
    scalar: &mut Scalar,
    place: Place,
    environment: Environment<'_>,
    diagnostics: &Diagnostics<'_>,
) -> Result<(), Failure> {
    let written = scalar.text.clone();
    if !written.contains("${") && !written.starts_with("file:") {
        return Ok(());
    }
    let mut values = Vec::new();
    let mut text =
        expand(&written, environment, &mut values).map_err(|(start, end, message, hint)| {
            (diagnostics.document().inside(place, &written, start, end), message, hint)
        })?;
    if let (true, Some(path)) = (written.starts_with("file:"), text.strip_prefix("file:")) {
        text = read(&environment.folder.join(path.trim()))
            .map_err(|(message, hint)| (place, message, hint))?;
        values.push((written.clone(), text.clone()));
    }
    for (reference, value) in values {
        diagnostics.stands_for(place, &reference, &value);
    }
    *scalar = Scalar { text, plain: true, resolved: true, unresolved: false };
    Ok(())
}

/// Replaces variables; an error says which bytes of the text are meant. `values` gets references
/// and what they stand for.
fn expand(
    written: &str,
    environment: Environment<'_>,
    values: &mut Vec<(String, String)>,
) -> Result<String, (usize, usize, String, String)> {
    let mut text = String::new();
    let mut rest = written;
    while let Some(at) = rest.find("${") {
        let (before, after) = rest.split_at(at);
        // `$${` is a literal `${`.
        if let Some(kept) = before.strip_suffix('$') {
            text.push_str(kept);
            text.push_str("${");
            rest = after.get(2..).unwrap_or_default();
            continue;
        }
        text.push_str(before);
        let start = written.len() - after.len();
        let Some(close) = after.find('}') else {
            let hint = "write ${NAME} or ${NAME:-default}; a literal `${` is `$${`";
            let message = "`${` is not closed".to_owned();
            return Err((start, written.len(), message, hint.to_owned()));
        };
        let inner = after.get(2..close).unwrap_or_default();
        rest = after.get(close + 1..).unwrap_or_default();
        let end = start + close + 1;
        let (name, default) = match inner.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inner, None),
        };
        let good = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !good {
            let hint = "write ${NAME} or ${NAME:-default}; a literal `${` is `$${`";
            let message = format!("`{name}` is not the name of a variable");
            return Err((start, end, message, hint.to_owned()));
        }
        // As in a shell, `:-` also stands in for an empty variable.
        let value = (environment.variable)(name);
        if let Some(value) = &value {
            values.push((format!("${{{inner}}}"), value.clone()));
        }
        match (value, default) {
            (Some(value), None) => text.push_str(&value),
            (Some(value), Some(_)) if !value.is_empty() => text.push_str(&value),
            (_, Some(default)) => text.push_str(default),
            (None, None) => {
                let message = format!("the environment variable `{name}` is not set");
                let hint = format!("set it, or give a default: ${{{name}:-...}}");
                return Err((start, end, message, hint));
            }
        }
    }
    text.push_str(rest);
    Ok(text)
}

fn read(path: &Path) -> Result<String, (String, String)> {
    let hint = || "paths after `file:` start from the folder of the pipeline file".to_owned();
    let shown = path.display();
    let fail = |why: &dyn std::fmt::Display| (format!("cannot read {shown}: {why}"), hint());
    let size = std::fs::metadata(path).map_err(|error| fail(&error))?.len();
    if size > MAX_FILE_BYTES {
        return Err(fail(&"it is longer than 1 MiB"));
    }
    let text = std::fs::read_to_string(path).map_err(|error| fail(&error))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str) -> Result<String, (usize, usize, String)> {
        let variable = |name: &str| match name {
            "A" => Some("one: ${A}".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        let environment = Environment { variable: &variable, folder: Path::new(".") };
        expand(text, environment, &mut Vec::new())
            .map_err(|(start, end, message, _)| (start, end, message))
    }

    #[test]
    fn replaces_variables_once() {
        for (text, value) in [
            ("${A}", "one: ${A}"),
            ("x${A}y${B:-z}", "xone: ${A}yz"),
            ("${EMPTY:-d}${EMPTY}", "d"),
            ("$${A} $5 ${B:-}", "${A} $5 "),
        ] {
            assert_eq!(expanded(text).as_deref(), Ok(value), "{text}");
        }
    }

    #[test]
    fn says_which_reference_is_bad() {
        let unset = "the environment variable `B` is not set".to_owned();
        assert_eq!(expanded("x ${B} ${C}"), Err((2, 6, unset)));
        assert_eq!(expanded("x ${B"), Err((2, 5, "`${` is not closed".to_owned())));
        let name = "`1x` is not the name of a variable".to_owned();
        assert_eq!(expanded("${1x}"), Err((0, 5, name)));
    }
}
