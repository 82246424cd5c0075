//! From a pipeline file to a plan: names looked up, formulas compiled, defaults filled in. Goes on
//! after an error as long as there is something to look at, so that several come at once.

mod alerts;
mod checks;
mod factors;
mod kafka;
mod names;
mod outputs;
mod source;
mod version;

#[cfg(test)]
mod tests;

use std::path::Path;

use super::{Catalog, Plan};
use crate::config::{
    self, Diagnostic, Diagnostics, Document, Environment, Field, Items, PipelineFile, Place,
    Spanned,
};

/// Values of environment variables.
pub type Variables<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// Loads the pipeline file at `path`. Variables are looked up in `variables`, files of `file:`
/// references beside the pipeline file.
///
/// # Errors
/// Everything that is wrong with the file, in its order; also that it cannot be read.
pub fn load(
    path: &Path,
    variables: &Variables<'_>,
    catalog: &Catalog,
) -> Result<Plan, Vec<Diagnostic>> {
    let shown = path.display().to_string();
    let failed = |message: String, hint: &str| {
        vec![Diagnostic::of_file(&shown, message, Some(hint.to_owned()))]
    };
    let bytes = std::fs::read(path).map_err(|error| {
        failed(format!("cannot read the file: {error}"), "name a pipeline file")
    })?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        failed(format!("byte {at} is not UTF-8"), "a pipeline file is YAML text in UTF-8")
    })?;
    load_text(&shown, &text, path.parent().unwrap_or(Path::new(".")), variables, catalog)
}

/// Loads a pipeline from `text`; `path` is what messages call it, `folder` where `file:`
/// references start from.
///
/// # Errors
/// Everything that is wrong with the text, in its order.
pub fn load_text(
    path: &str,
    text: &str,
    folder: &Path,
    variables: &Variables<'_>,
    catalog: &Catalog,
) -> Result<Plan, Vec<Diagnostic>> {
    let document = Document::new(path, text);
    let diagnostics = Diagnostics::new(&document);
    let environment = Environment { variable: variables, folder };
    let resolver = Resolver { diagnostics: &diagnostics, catalog };
    let plan = config::read(&diagnostics, environment).and_then(|file| resolver.plan(&file));
    match plan {
        Some(plan) if diagnostics.is_empty() => Ok(plan),
        _ => Err(diagnostics.into_sorted()),
    }
}

/// What all parts of resolving need.
#[derive(Clone, Copy)]
struct Resolver<'a> {
    diagnostics: &'a Diagnostics<'a>,
    catalog: &'a Catalog,
}

impl Resolver<'_> {
    /// The plan; none only if something was reported.
    fn plan(self, file: &Spanned<PipelineFile>) -> Option<Plan> {
        let top = Place { end: file.place.start, ..file.place };
        let file = &file.value;
        let name = self.require(&file.pipeline, "pipeline", top).map(|name| {
            self.pipeline_name(&name);
            name.value.clone()
        });
        let kafka = self.kafka(file, top);
        let (fields, source) = self.source(file, top);
        let fields = fields.as_deref();
        let checks = self.checks(items(&file.checks), fields);
        let source_names: Vec<_> = self.source_names(file);
        let alerts = self.alerts(
            items(&file.alerts),
            name.as_deref().unwrap_or_default(),
            &source_names,
            &checks.names,
        );
        let source_topic = source.as_ref().map(|source| source.topic.as_str());
        let delivery = self.delivery(&file.delivery, name.as_deref().unwrap_or_default());
        let outputs = self.outputs(&file.outputs, source_topic, &delivery, &file.delivery);
        let layout = outputs.iter().find_map(|output| output.layout);
        let factors = self.factors(file, fields, layout);
        let mut plan = Plan {
            name: name?,
            version: String::new(),
            kafka: kafka?,
            source: source?,
            checks: checks.plans,
            factors: factors?,
            alerts,
            outputs,
            delivery,
        };
        plan.version = version::version(&plan, &checks.options);
        Some(plan)
    }

    fn report(self, place: Place, message: impl Into<String>, hint: impl Into<String>) {
        let hint: String = hint.into();
        self.diagnostics.report(place, message, (!hint.is_empty()).then_some(hint));
    }

    /// The value of a key that must be there.
    fn require<'f, T>(self, field: &'f Field<T>, name: &str, of: Place) -> Option<Spanned<&'f T>> {
        let found = field.spanned();
        // A value that is there but not readable is reported already.
        if found.is_none() && field.place.is_none() {
            self.report(of, format!("`{name}` is missing"), "");
        }
        found
    }
}

/// The elements of a list that need not be there.
fn items<T>(field: &Field<Items<T>>) -> &[Spanned<T>] {
    field.get().map_or(&[], |items| items.0.as_slice())
}
