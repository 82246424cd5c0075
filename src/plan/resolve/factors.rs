//! Formulas to the graph, errors at their character in the file.

use super::Resolver;
use crate::config::{Entries, Field};
use crate::formula::{self, Graph};
use crate::plan::{FieldPlan, Layout};

/// Columns of files of factors; layouts of records may have further ones.
const COLUMNS: [&str; 3] = ["symbol", "time", "revision"];

impl Resolver<'_> {
    /// The graph of all factors; none if a formula is bad, or the fields are not known.
    pub(super) fn factors(
        self,
        factors: &Field<Entries<String>>,
        fields: Option<&[FieldPlan]>,
        layout: Option<Layout>,
    ) -> Option<Graph> {
        let columns = layout.map_or(&[][..], |layout| layout.columns);
        let entries = factors.get().map_or(&[][..], |all| all.0.as_slice());
        for (name, _) in entries {
            self.identifier(name, "a factor");
            let taken = match () {
                () if COLUMNS.contains(&name.value.as_str()) => "a column of every output record",
                () if columns.contains(&name.value.as_str()) => "a column of this layout's records",
                () if fields.unwrap_or_default().iter().any(|f| f.name == name.value) => "a field",
                () => continue,
            };
            let message = format!("`{}` is the name of {taken}", name.value);
            self.report(name.place, message, "give the factor another name");
        }
        let names: Vec<_> = fields?.iter().map(|field| field.name.as_str()).collect();
        let formulas: Vec<_> =
            entries.iter().map(|(n, text)| (n.value.as_str(), text.value.as_str())).collect();
        match formula::compile(&formulas, &names, self.catalog.functions) {
            Ok(graph) => Some(graph),
            Err(errors) => {
                for error in errors {
                    let Some((_, text)) = entries.get(error.factor) else { continue };
                    let document = self.diagnostics.document();
                    let place = document.inside(text.place, &text.value, error.start, error.end);
                    self.diagnostics.report(place, error.message, error.help);
                }
                None
            }
        }
    }
}
