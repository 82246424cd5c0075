//! Formulas to the graph, errors at their character in the file.

use std::path::Path;

use super::{Resolver, items};
use crate::config::{Entries, Field, Items, PipelineFile, Place, Spanned, Use, suggestion};
use crate::formula::{self, FieldKind, FormulaError, FormulaSet, Graph};
use crate::plan::{FactorSet, FieldPlan, Layout, shipped};

/// Columns of files of factors; layouts of records may have further ones.
const COLUMNS: [&str; 3] = ["symbol", "time", "revision"];

/// When sessions of the source begin, in minutes after midnight UTC.
fn day_begins(file: &PipelineFile) -> u16 {
    let source = file.sources.get().and_then(|all| all.0.first());
    source.and_then(|(_, source)| source.value.day_begins.get()).map_or(0, |time| time.minutes)
}

/// Names that a factor cannot have.
struct Taken<'a> {
    /// Columns of the records of factors.
    columns: &'a [&'a str],
    /// Fields of the source.
    fields: &'a [&'a str],
    /// Factors of sets that are used.
    factors: Vec<String>,
}

impl Resolver<'_> {
    /// The graph of all factors, those of used sets first; none if a formula is bad, or the fields
    /// are not known.
    pub(super) fn factors(
        self,
        file: &PipelineFile,
        fields: Option<&[FieldPlan]>,
        layout: Option<Layout>,
    ) -> Option<Graph> {
        let entries = file.factors.get().map_or(&[][..], |all| all.0.as_slice());
        let names: Vec<_> =
            fields.unwrap_or_default().iter().map(|field| field.name.as_str()).collect();
        let columns = layout.map_or(&[][..], |layout| layout.columns);
        let mut taken = Taken { columns, fields: &names, factors: Vec::new() };
        let uses = items(&file.uses);
        let mut used: Vec<Option<FactorSet>> =
            uses.iter().map(|one| self.used(one, fields)).collect();
        let day_begins = day_begins(file);
        used.iter_mut().flatten().for_each(|set| set.rules.mode.day_begins = day_begins);
        for (one, set) in uses.iter().zip(&used) {
            for name in set.iter().flat_map(FactorSet::names) {
                self.name(name, one.place, &taken);
            }
        }
        let names_of = |set: &Option<FactorSet>| -> Vec<String> {
            set.iter().flat_map(FactorSet::names).map(str::to_owned).collect()
        };
        taken.factors = used.iter().flat_map(names_of).collect();
        for (name, _) in entries {
            self.identifier(name, "a factor");
            self.name(&name.value, name.place, &taken);
        }
        fields?;
        let used: Vec<FactorSet> = used.into_iter().collect::<Option<_>>()?;
        let mut sets: Vec<FormulaSet<'_>> = used.iter().map(FactorSet::formula_set).collect();
        let count = |set: &FormulaSet<'_>| set.lets.len() + set.formulas.len();
        let before: usize = sets.iter().map(count).sum();
        let formulas = entries.iter().map(|(n, text)| (n.value.as_str(), text.value.as_str()));
        let mut own = FormulaSet { formulas: formulas.collect(), ..FormulaSet::default() };
        own.rules.mode.day_begins = day_begins;
        sets.push(own);
        let kind = |text: bool| if text { FieldKind::Group } else { FieldKind::Number };
        let kinds: Vec<_> = fields?.iter().map(|f| (f.name.as_str(), kind(f.text))).collect();
        match formula::compile_sets(&sets, &kinds, self.catalog.functions) {
            Ok(mut graph) => match graph.join_outputs() {
                Ok(()) => Some(graph),
                Err(names) => {
                    names.iter().for_each(|name| self.differs(name, uses, &sets));
                    None
                }
            },
            Err(errors) => {
                let (of_sets, own): (Vec<_>, Vec<_>) =
                    errors.into_iter().partition(|error| error.factor < before);
                self.of_sets(&of_sets, uses, &sets);
                for error in own {
                    let Some((_, text)) = entries.get(error.factor - before) else { continue };
                    let document = self.diagnostics.document();
                    let place = document.inside(text.place, &text.value, error.start, error.end);
                    self.diagnostics.report(place, error.message, error.help);
                }
                None
            }
        }
    }

    /// Says that sets have different factors of one name.
    fn differs(self, name: &str, uses: &[Spanned<Use>], sets: &[FormulaSet<'_>]) {
        let has = |set: &FormulaSet<'_>| set.formulas.iter().any(|(known, _)| *known == name);
        let mut both = uses.iter().zip(sets).filter(|(_, set)| has(set)).map(|(one, _)| one);
        if let (Some(first), Some(second)) = (both.next(), both.next()) {
            let (one, other) = (&first.value.name.value, &second.value.name.value);
            let message = format!("`{name}` is one formula in `{one}` and another in `{other}`");
            let hint = format!("leave one of them out: {{{other}: {{except: [{name}]}}}}");
            self.report(second.place, message, hint);
        }
    }

    /// Reports what is wrong with formulas of used sets, where each set is used: the fields of this
    /// source do not fit them. Which mostly is one fault in many formulas, so the first will do.
    fn of_sets(self, errors: &[FormulaError], uses: &[Spanned<Use>], sets: &[FormulaSet<'_>]) {
        let mut start = 0;
        for (one, set) in uses.iter().zip(sets) {
            let end = start + set.lets.len() + set.formulas.len();
            let mut own = errors.iter().filter(|error| (start..end).contains(&error.factor));
            if let Some(error) = own.next() {
                let formula = set.lets.iter().chain(&set.formulas).nth(error.factor - start);
                let (set, formula) = (&one.value.name.value, formula.map_or("", |(name, _)| name));
                let more = match own.count() {
                    0 => String::new(),
                    more => format!(" (and {more} more like it)"),
                };
                let message = format!("`{set}`, {formula}: {}{more}", error.message);
                self.diagnostics.report(one.place, message, error.help.clone());
            }
            start = end;
        }
    }

    /// Says so where the name of a factor is taken.
    fn name(self, name: &str, place: Place, all: &Taken<'_>) {
        let taken = match () {
            () if COLUMNS.contains(&name) => "a column of every output record",
            () if all.columns.contains(&name) => "a column of this layout's records",
            () if all.fields.contains(&name) => "a field",
            () if all.factors.iter().any(|known| known == name) => "a factor of a set that is used",
            () => return,
        };
        let message = format!("`{name}` is the name of {taken}");
        self.report(place, message, "give the factor another name");
    }

    /// Gives parameters of a set the values that the pipeline has for them; whether all were good.
    fn parameters(self, set: &mut FactorSet, given: &Field<Entries<f64>>) -> bool {
        let mut good = true;
        for (name, value) in given.get().map_or(&[][..], |all| all.0.as_slice()) {
            if let Err(message) = set.set_parameter(&name.value, value.value) {
                self.report(name.place, message, "");
                good = false;
            }
        }
        good
    }

    /// Reads fields of a set from those that the pipeline names; whether all were good.
    fn renames(self, set: &mut FactorSet, given: &Field<Entries<String>>, fields: &[&str]) -> bool {
        let mut good = true;
        for (from, to) in given.get().map_or(&[][..], |all| all.0.as_slice()) {
            if let Err(message) = set.rename(&from.value, &to.value) {
                self.report(from.place, message, "");
                good = false;
            }
            if !fields.contains(&to.value.as_str()) {
                let message = format!("`{}` is no field of the source", to.value);
                let hint = suggestion(&to.value, "fields", fields);
                self.diagnostics.report(to.place, message, hint);
                good = false;
            }
        }
        good
    }

    /// A set that is used, as far as it is chosen; none if it was not found or cannot be computed.
    fn used(self, one: &Spanned<Use>, fields: Option<&[FieldPlan]>) -> Option<FactorSet> {
        let (name, choice) = (&one.value.name, &one.value.choice);
        let path = Path::new(self.diagnostics.document().path());
        let beside = path.with_file_name(&name.value).display().to_string();
        let known = shipped().any(|set| set == name.value);
        // What is neither a shipped set nor looks like a path is a name that was mistyped.
        let is_path = name.value.contains(['.', '/']);
        let loaded = FactorSet::load(if known || !is_path { &name.value } else { &beside });
        let mut set = match loaded {
            Ok(set) => set,
            Err(all) => {
                let first = all.into_iter().next()?;
                let sets: Vec<_> = shipped().collect();
                let hint = format!("shipped sets: {}", sets.join(", "));
                let message = format!("factor set `{}`: {}", name.value, first.message);
                self.report(name.place, message, first.hint.unwrap_or(hint));
                return None;
            }
        };
        let texts = |all: Option<&Items<String>>| -> Vec<String> {
            all.map_or(&[][..], |all| &all.0).iter().map(|one| one.value.clone()).collect()
        };
        if let Err(message) = set.keep(&texts(choice.only.get()), &texts(choice.except.get())) {
            self.report(one.place, message, "");
            return None;
        }
        if !self.parameters(&mut set, &choice.parameters) {
            return None;
        }
        let names: Vec<&str> = fields?.iter().map(|field| field.name.as_str()).collect();
        if !self.renames(&mut set, &choice.fields, &names) {
            return None;
        }
        let (_, missing) = set.fields(&names);
        for lack in &missing {
            let (field, count) = (&lack.field, lack.formulas.len());
            let example = lack.formulas.first().map_or("", String::as_str);
            let message = format!(
                "`{}`: {count} {} the field `{field}`, which the source does not have",
                name.value,
                if count == 1 { "factor needs" } else { "factors need" },
            );
            let hint = format!("declare it, or leave them out: {{except: [{example}, ...]}}");
            self.report(name.place, message, hint);
        }
        missing.is_empty().then_some(set)
    }
}
