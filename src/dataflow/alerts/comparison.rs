//! Reads the parts of a condition that members share: `> LIMIT`, lengths of time, names.

use crate::model::Span;
use crate::plan::OptionError;

/// The text after the `>` that every condition begins its right side with.
pub(super) fn after_greater<'a>(rest: &'a str, form: &str) -> Result<&'a str, OptionError> {
    let rest = rest.trim();
    let end = rest.find(|c: char| !"<>=!".contains(c)).unwrap_or(rest.len());
    let (sign, limit) = rest.split_at(end);
    match sign {
        ">" if limit.trim().is_empty() => {
            Err(wrong(format!("nothing follows `>`; write `{form}`")))
        }
        ">" => Ok(limit.trim()),
        "" if rest.is_empty() => {
            Err(wrong(format!("there is nothing to compare with; write `{form}`")))
        }
        "" => Err(wrong(format!("expected `>` before `{rest}`; write `{form}`"))),
        other => Err(wrong(format!("`{other}` is not offered here, only `>`; write `{form}`"))),
    }
}

/// A length of time above zero.
pub(super) fn span(text: &str, form: &str) -> Result<Span, OptionError> {
    let span: Span = text.parse().map_err(|e| wrong(format!("{e}; write `{form}`")))?;
    if span.millis() == 0 {
        return Err(wrong(format!("`{text}` is too short, the least is 1ms; write `{form}`")));
    }
    Ok(span)
}

/// The place of `name` among `names`; `what` they are is for the message.
pub(super) fn place(name: &str, names: &[&str], what: &str) -> Result<usize, OptionError> {
    let name = name.trim();
    if name.is_empty() {
        return Err(wrong(format!("the name of a {what} is missing between the parentheses")));
    }
    names.iter().position(|candidate| *candidate == name).ok_or_else(|| {
        let nearest = names
            .iter()
            .map(|candidate| (strsim::osa_distance(name, candidate), *candidate))
            .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 3)
            .min();
        let hint = match nearest {
            Some((_, candidate)) => format!("did you mean `{candidate}`?"),
            None if names.is_empty() => format!("this pipeline has no {what}"),
            None => format!("there are: {}", names.join(", ")),
        };
        wrong(format!("there is no {what} `{name}`; {hint}"))
    })
}

/// An error about the condition as a whole.
pub(super) fn wrong(message: String) -> OptionError {
    OptionError { path: Vec::new(), message }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &str = "silent(SOURCE) > SPAN";

    #[test]
    fn takes_what_follows_the_sign() {
        assert_eq!(after_greater(" > 60s ", FORM), Ok("60s"));
        assert_eq!(after_greater(">60s", FORM), Ok("60s"));
    }

    #[test]
    fn says_what_is_wrong_with_a_comparison() {
        for (rest, says) in [
            ("", "there is nothing to compare with; write `silent(SOURCE) > SPAN`"),
            ("> ", "nothing follows `>`; write `silent(SOURCE) > SPAN`"),
            ("60s", "expected `>` before `60s`; write `silent(SOURCE) > SPAN`"),
            (">= 60s", "`>=` is not offered here, only `>`; write `silent(SOURCE) > SPAN`"),
            ("< 60s", "`<` is not offered here, only `>`; write `silent(SOURCE) > SPAN`"),
        ] {
            assert_eq!(after_greater(rest, FORM), Err(wrong(says.to_owned())), "{rest}");
        }
        assert!(span("0s", FORM).is_err_and(|e| e.message.contains("too short")));
        assert!(span("soon", FORM).is_err_and(|e| e.message.starts_with("`soon` is not a length")));
    }

    #[test]
    fn names_the_nearest_name() {
        let names = ["positive", "ohlc_order"];
        assert_eq!(place("ohlc_order", &names, "check"), Ok(1));
        let says = |name, names| place(name, names, "check").unwrap_err().message;
        assert_eq!(
            says("ohlc_ordr", &names),
            "there is no check `ohlc_ordr`; did you mean `ohlc_order`?"
        );
        assert_eq!(says("x", &names), "there is no check `x`; there are: positive, ohlc_order");
        assert_eq!(says("x", &[]), "there is no check `x`; this pipeline has no check");
        assert_eq!(says(" ", &names), "the name of a check is missing between the parentheses");
    }
}
