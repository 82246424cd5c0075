//! `weir functions`: the functions of the formula language.

use super::{Outcome, Terminal};
use crate::dataflow;
use crate::formula::{Exactness, Family, Signature};
use crate::plan::suggestion;

/// List the functions of formulas, or describe one.
#[derive(Debug, clap::Args)]
pub(super) struct Functions {
    /// The function to describe.
    name: Option<String>,
}

const FAMILIES: [(Family, &str); 4] = [
    (Family::Elementwise, "of one symbol at one time"),
    (Family::TimeSeries, "of one symbol, over a window of times that ends at the current one"),
    (Family::Recursive, "of one symbol, over all times up to the current one"),
    (Family::CrossSection, "across the symbols of one time"),
];

impl Functions {
    pub(super) fn execute(&self, terminal: &mut Terminal) -> anyhow::Result<Outcome> {
        let functions = dataflow::catalog().functions;
        let Some(name) = &self.name else {
            let width = functions.iter().map(|f| written(f).len()).max().unwrap_or(0);
            for (family, title) in FAMILIES {
                terminal.line(&format!("{title}:"));
                for function in functions.iter().filter(|f| f.family == family) {
                    let text = written(function);
                    terminal.line(&format!("  {text:width$}  {}", function.summary));
                }
                terminal.line("");
            }
            terminal.line("derived: returns, vwap, amount, adv(n), nan");
            return Ok(Outcome::Good);
        };
        let Some(function) = functions.iter().find(|function| function.name == name) else {
            let names: Vec<&str> = functions.iter().map(|function| function.name).collect();
            let near = suggestion(name, "functions", &names);
            let near = near.map_or(String::new(), |near| format!("; {near}"));
            terminal.error(&format!("error: there is no function `{name}`{near}"));
            return Ok(Outcome::Usage);
        };
        describe(function).iter().for_each(|line| terminal.line(line));
        Ok(Outcome::Good)
    }
}

/// As it is written in formulas.
fn written(function: &Signature) -> String {
    match (function.name, function.parameters) {
        ("neg", _) => "-x".to_owned(),
        (sign, [x, y]) if !sign.starts_with(|c: char| c.is_ascii_alphabetic()) => {
            format!("{} {sign} {}", x.name(), y.name())
        }
        _ => function.display(),
    }
}

fn describe(function: &Signature) -> Vec<String> {
    let title = FAMILIES.iter().find(|(family, _)| *family == function.family);
    let look_back = match function.family {
        Family::Elementwise | Family::CrossSection => "0 bars".to_owned(),
        Family::Recursive => "all bars".to_owned(),
        Family::TimeSeries if function.reach(2) == 2 => "n bars".to_owned(),
        Family::TimeSeries => "n - 1 bars".to_owned(),
    };
    let exact = match function.exactness {
        Exactness::Always => "exact",
        Exactness::Inherited => "exact where the arguments are",
        Exactness::Never => "rounded",
    };
    let ties = if function.compares { ", compares on the tie grid" } else { "" };
    vec![
        written(function),
        format!("  {}", function.summary),
        format!("  computed: {}", title.map_or("", |(_, title)| title)),
        format!("  look-back: {look_back}"),
        format!("  results: {exact}{ties}"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_is_described() {
        for function in dataflow::catalog().functions {
            let lines = describe(function);
            assert!(lines.iter().all(|line| line.trim().len() > 1), "{lines:?}");
        }
        let signs: Vec<String> = dataflow::catalog().functions.iter().map(|f| written(f)).collect();
        assert!(signs.contains(&"x <= y".to_owned()) && signs.contains(&"-x".to_owned()));
    }
}
