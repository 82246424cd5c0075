//! Messages of others in our words: what is wrong, apart from what to do about it.

/// A message as what is wrong and what to do. Members give one sentence for both; what serde says
/// about types is brought into the words of this program.
pub fn advice(message: &str) -> (String, Option<String>) {
    let typed = message.strip_prefix("invalid type: ");
    if let Some((found, expected)) = typed.and_then(|rest| rest.split_once(", expected ")) {
        return (format!("expected {}, found {}", expectation(expected), finding(found)), None);
    }
    if let Some(field) = message.strip_prefix("missing field ") {
        return (format!("{field} is missing"), None);
    }
    let starts = ["; ", ": did you mean", ": write "].map(|start| message.find(start));
    let split = starts.into_iter().flatten().min();
    let (what, advice) = message.split_at(split.unwrap_or(message.len()));
    let advice = advice.get(2..).filter(|advice| !advice.is_empty());
    (what.to_owned(), advice.map(str::to_owned))
}

/// What serde expects, for people.
pub(super) fn expectation(expected: &str) -> &str {
    match expected {
        "u16" | "u32" | "u64" | "usize" => "a whole number",
        "f64" => "a number",
        "a boolean" => "true or false",
        "a string" => "text",
        "a sequence" => "a list",
        other => other,
    }
}

/// What serde found, for people.
fn finding(found: &str) -> String {
    let kinds = [
        ("string \"", "the text `", "`"),
        ("integer ", "the number ", ""),
        ("floating point ", "the number ", ""),
        ("boolean ", "", ""),
        ("sequence", "a list", ""),
        ("map", "a map", ""),
        ("null", "nothing", ""),
    ];
    for (start, ours, end) in kinds {
        if let Some(rest) = found.strip_prefix(start) {
            let rest = if end.is_empty() { rest } else { rest.trim_end_matches('"') };
            return format!("{ours}{rest}{end}");
        }
    }
    found.to_owned()
}

#[cfg(test)]
mod tests {
    use super::advice;

    #[test]
    fn tells_what_is_wrong_from_what_to_do() {
        let cases = [
            ("`a` is bad", "`a` is bad", None),
            ("`a` is bad; write `b`", "`a` is bad", Some("write `b`")),
            ("no `a`: did you mean `b`?", "no `a`", Some("did you mean `b`?")),
            ("`5` is no span: write 5s; or 6s", "`5` is no span", Some("write 5s; or 6s")),
            ("missing field `above`", "`above` is missing", None),
            (
                "invalid type: string \"x\", expected f64",
                "expected a number, found the text `x`",
                None,
            ),
            (
                "invalid type: integer `3`, expected a string",
                "expected text, found the number `3`",
                None,
            ),
            ("invalid type: null, expected a sequence", "expected a list, found nothing", None),
        ];
        for (message, what, hint) in cases {
            assert_eq!(advice(message), (what.to_owned(), hint.map(str::to_owned)));
        }
    }
}
