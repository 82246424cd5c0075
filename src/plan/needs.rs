//! What a factor set needs: the fields of an input, and which of its sub-formulas.

use rustc_hash::{FxHashMap, FxHashSet};

use super::FactorSet;
use crate::config;
use crate::formula;

/// A field that formulas need and that is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingField {
    /// Its name.
    pub field: String,
    /// The formulas that need it, in their order.
    pub formulas: Vec<String>,
    /// The column that is perhaps meant.
    pub near: Option<String>,
}

impl FactorSet {
    /// The fields that its formulas read from an input with these columns, in the order in which
    /// they are met, and those that the input lacks.
    pub fn fields(&self, columns: &[&str]) -> (Vec<String>, Vec<MissingField>) {
        let (mut used, mut missing) = (Vec::new(), Vec::<MissingField>::new());
        let lets = self.let_numbers();
        for formula in &self.formulas {
            let mut seen = vec![false; self.lets.len()];
            for field in self.needs(&formula.text, &lets, columns, &mut seen) {
                if columns.contains(&field.as_str()) {
                    if !used.contains(&field) {
                        used.push(field);
                    }
                    continue;
                }
                match missing.iter_mut().find(|known| known.field == field) {
                    Some(known) => known.formulas.push(formula.name.clone()),
                    None => {
                        let formulas = vec![formula.name.clone()];
                        let near = config::nearest(&field, columns.iter().copied());
                        let near = near.map(str::to_owned);
                        missing.push(MissingField { field, formulas, near });
                    }
                }
            }
        }
        (used, missing)
    }

    /// The sub-formulas by name.
    fn let_numbers(&self) -> FxHashMap<&str, usize> {
        self.lets.iter().enumerate().map(|(at, one)| (one.name.as_str(), at)).collect()
    }

    /// The fields that a formula needs, in the order in which they are met; sub-formulas that were
    /// looked at are marked in `seen`. A chain of them may be long, so this does not recurse.
    fn needs(
        &self,
        text: &str,
        lets: &FxHashMap<&str, usize>,
        columns: &[&str],
        seen: &mut [bool],
    ) -> Vec<String> {
        let mut needed = Vec::new();
        let mut met = FxHashSet::default();
        let mut open = vec![(mentioned(text), self.lets.len())];
        while let Some((names, limit)) = open.last_mut() {
            let Some(name) = names.next() else {
                open.pop();
                continue;
            };
            let there = |name: &str| columns.contains(&self.renamed(name));
            let sub_formula = lets.get(name).copied().filter(|at| at < limit);
            if let Some((at, found)) = sub_formula.and_then(|at| Some((at, self.lets.get(at)?))) {
                if seen.get_mut(at).is_some_and(|seen| !std::mem::replace(seen, true)) {
                    open.push((mentioned(&found.text), at));
                }
                continue;
            }
            let parts: &[&str] = match name {
                _ if self.parameters.iter().any(|(known, _)| known == name) => &[],
                _ if there(name) => &[name],
                "nan" => &[],
                "returns" => &["close"],
                "vwap" if there("amount") => &["amount", "volume"],
                "amount" if there("vwap") => &["vwap", "volume"],
                _ => &[name],
            };
            let parts = parts.iter().map(|part| self.renamed(part).to_owned());
            needed.extend(parts.filter(|part| met.insert(part.clone())));
        }
        needed
    }

    /// What the input calls a field of the set.
    fn renamed<'a>(&'a self, name: &'a str) -> &'a str {
        self.renames.iter().find(|(from, _)| from == name).map_or(name, |(_, to)| to)
    }

    /// Reads the field that its formulas call `from` from the column `to`.
    ///
    /// # Errors
    /// None of its formulas reads such a field.
    pub fn rename(&mut self, from: &str, to: &str) -> Result<(), String> {
        let mut plain = self.clone();
        plain.renames.clear();
        let (_, fields) = plain.fields(&[]);
        let mut names: Vec<&str> = fields.iter().map(|lack| lack.field.as_str()).collect();
        // What is derived may also be made from these.
        for (series, parts) in [("vwap", ["amount", "volume"]), ("amount", ["vwap", "volume"])] {
            if names.contains(&series) {
                names.extend(parts);
            }
        }
        if !names.contains(&from) {
            let near = config::suggestion(from, "fields", &names);
            let near = near.map_or(String::new(), |near| format!("; {near}"));
            return Err(format!("{} reads no field `{from}`{near}", self.name));
        }
        self.renames.retain(|(known, _)| known != from);
        self.renames.push((from.to_owned(), to.to_owned()));
        Ok(())
    }

    /// Which of its sub-formulas its formulas use.
    pub(super) fn used_lets(&self) -> Vec<bool> {
        let mut used = vec![false; self.lets.len()];
        let lets = self.let_numbers();
        for formula in &self.formulas {
            self.needs(&formula.text, &lets, &[], &mut used);
        }
        used
    }
}

/// The names that a formula mentions, each once; `volume` where it calls `adv`.
fn mentioned(text: &str) -> impl Iterator<Item = &str> {
    let (values, functions) = formula::names(text);
    let adv = functions.contains(&"adv").then_some("volume");
    values.into_iter().chain(adv)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_what_an_input_lacks_and_who_needs_it() {
        let text = "factor_set: a\nlet:\n  d: high - low\nformulas:\n  x: d / close\n  y: cap * returns + adv(5)\n  z: vwap\n";
        let set = FactorSet::read("a.yaml", text).unwrap();
        let (used, missing) = set.fields(&["close", "high", "amount", "volume"]);
        assert_eq!(used, ["high", "close", "volume", "amount"]);
        let lack = |field: &str, formula: &str| MissingField {
            field: field.to_owned(),
            formulas: vec![formula.to_owned()],
            near: None,
        };
        assert_eq!(missing, [lack("low", "x"), lack("cap", "y")]);
    }

    #[test]
    fn long_chains_of_sub_formulas_are_followed() {
        let mut text = "factor_set: a\nlet:\n  d0: close\n".to_owned();
        let count = 20_000;
        for at in 1..=count {
            text.push_str(&format!("  d{at}: d{} + d{}\n", at - 1, at - 1));
        }
        text.push_str(&format!("formulas:\n  x: d{count}\n  y: d1\n"));
        let set = FactorSet::read("a.yaml", &text).unwrap();
        assert_eq!(set.fields(&["close"]), (vec!["close".to_owned()], vec![]));
        let mut few = set;
        few.keep(&["y".to_owned()], &[]).unwrap();
        assert_eq!(few.lets.len(), 2);
    }

    fn file() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "factor_set: a\n",
            "formulas:\n",
            "let:\n",
            "parameters: { n: 3 }\n",
            "parameters:\n",
            "rules: { min_periods: 1 }\n",
            "profile: qlib\n",
            "  x: ts_mean(close, n)\n",
            "  y: rank(x)\n",
            "  d: close - open\n",
            "  n: 5\n",
            "  e: d / d\n",
            "  z: vwap + e\n",
            "  x: \"\"\n",
            " : ",
            "- ",
            "[",
            "}",
            "\"",
            "\t",
            "  ",
            "n",
            "\n",
            "#",
            "&a ",
            "*a",
            "|\n",
        ]);
        prop::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn any_file_is_a_set_or_errors(
            text in prop_oneof![
                file(),
                file().prop_map(|text| format!("factor_set: a\nformulas:\n  x: close\n{text}")),
                prop::collection::vec(any::<u8>(), 0..120)
                    .prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
            ],
        ) {
            match FactorSet::read("a.yaml", &text) {
                Err(errors) => prop_assert!(!errors.is_empty()),
                Ok(set) => {
                    let names: Vec<String> = set.names().map(str::to_owned).collect();
                    let columns = [("close", false), ("open", false)];
                    let functions = crate::plan::fakes::catalog().functions;
                    let plan = crate::plan::FactorPlan::new(&[set], &columns, functions);
                    if let Ok(plan) = plan {
                        let outputs: Vec<_> =
                            plan.graph.outputs.iter().map(|(name, _)| name.clone()).collect();
                        prop_assert_eq!(outputs, names);
                    }
                }
            }
        }
    }
}
