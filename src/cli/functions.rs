//! `weir functions`: the functions of the formula language.

use super::{Format, Outcome, Terminal};
use crate::dataflow;
use crate::formula::{DERIVED, Description, Family, Signature};
use crate::plan::suggestion;

/// List the functions of formulas, or describe one.
#[derive(Debug, clap::Args)]
pub(super) struct Functions {
    /// The function to describe.
    name: Option<String>,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t)]
    output: Format,
}

impl Functions {
    pub(super) fn execute(&self, terminal: &mut Terminal) -> anyhow::Result<Outcome> {
        let functions = dataflow::catalog().functions;
        let Some(name) = &self.name else {
            match self.output {
                Format::Json => {
                    terminal.json(&functions.iter().map(|f| f.describe()).collect::<Vec<_>>())?;
                }
                Format::Text => list(functions).iter().for_each(|line| terminal.line(line)),
            }
            return Ok(Outcome::Good);
        };
        if let Some(function) = functions.iter().find(|function| function.name == name) {
            match self.output {
                Format::Json => terminal.json(&function.describe())?,
                Format::Text => {
                    describe(&function.describe()).iter().for_each(|line| terminal.line(line));
                }
            }
            return Ok(Outcome::Good);
        }
        if let Some((call, meaning)) = DERIVED.iter().find(|(call, _)| is_call_of(call, name)) {
            match self.output {
                Format::Json => {
                    terminal.json(&serde_json::json!({ "call": call, "stands_for": meaning }))?;
                }
                Format::Text => terminal.line(&format!("{call}\n  stands for {meaning}")),
            }
            return Ok(Outcome::Good);
        }
        let derived = DERIVED.iter().map(|(call, _)| name_of(call));
        let names: Vec<&str> = functions.iter().map(|f| f.name).chain(derived).collect();
        let near = suggestion(name, "functions", &names);
        let near = near.map_or(String::new(), |near| format!("; {near}"));
        terminal.error(&format!("error: there is no function `{name}`{near}"));
        Ok(Outcome::Usage)
    }
}

/// The name in a call: `adv` of `adv(n)`.
fn name_of(call: &str) -> &str {
    call.split('(').next().unwrap_or(call)
}

fn is_call_of(call: &str, name: &str) -> bool {
    name_of(call) == name
}

/// All functions, one a line.
fn list(functions: &[&Signature]) -> Vec<String> {
    let calls = functions.iter().map(|function| function.written());
    let width = calls.map(|call| call.chars().count()).max().unwrap_or(0);
    let line = |call: &str, text: &str| format!("  {call:width$}  {text}");
    let mut lines = Vec::new();
    for family in Family::ALL {
        lines.push(format!("{}:", family.describe()));
        let members = functions.iter().filter(|function| function.family == family);
        lines.extend(members.map(|function| line(&function.written(), function.summary)));
        lines.push(String::new());
    }
    lines.push("derived, where there is no field of the name:".to_owned());
    lines.extend(DERIVED.iter().map(|(call, meaning)| line(call, meaning)));
    lines.push(line("nan", "a missing value"));
    lines
}

/// One function, with everything there is to say.
fn describe(function: &Description) -> Vec<String> {
    let mut lines = vec![
        function.call.clone(),
        format!("  {}", function.summary),
        String::new(),
        format!("  {:10} {}", "computed", function.family.describe()),
    ];
    let items = function.items().into_iter();
    lines.extend(items.map(|(title, text)| format!("  {title:10} {text}")));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_every_function() {
        let functions = dataflow::catalog().functions;
        let lines = list(functions);
        for function in functions {
            let call = function.written();
            let found = lines.iter().filter(|l| l.trim_start().starts_with(&call));
            assert!(found.count() >= 1, "{call}");
        }
        assert!(lines.iter().any(|line| line.trim_start().starts_with("adv(n)")));
    }

    #[test]
    fn a_description_says_it_all() {
        let functions = dataflow::catalog().functions;
        let function = functions.iter().find(|function| function.name == "ts_rank").unwrap();
        let text = describe(&function.describe()).join("\n");
        for part in ["ts_rank(x, n)", "x[0]", "n - 1 bars", "tie grid", "O(n)", "ts_rank(close"] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}
