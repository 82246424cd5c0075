//! Which column of a file is which field of the source.

use std::path::Path;

use super::ReadError;
use crate::plan::{SourcePlan, UnknownFields};

/// Numbers of the columns in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Columns {
    pub(super) symbol: usize,
    pub(super) time: usize,
    pub(super) revision: Option<usize>,
    /// One per field of the source; none where the file lacks a nullable field.
    pub(super) fields: Vec<Option<usize>>,
}

impl Columns {
    /// Finds the columns by the names in the file's header.
    pub(super) fn find(
        path: &Path,
        names: &[String],
        source: &SourcePlan,
    ) -> Result<Columns, ReadError> {
        let place = |name: &str| {
            let mut places = (0..names.len()).filter(|at| names[*at] == name);
            let first = places.next();
            match places.next() {
                Some(_) => Err(ReadError::column(path, name, "is there twice")),
                None => Ok(first),
            }
        };
        let must = |name: &str| place(name)?.ok_or_else(|| missing(path, names, name));

        let symbol = must(&source.symbol_field)?;
        let dated = source.time_field == "time" && place("time")?.is_none();
        let time = match place("date")? {
            Some(date) if dated => date,
            _ => must(&source.time_field)?,
        };
        let revision = source.revision_field.as_deref().map(must).transpose()?;
        let mut fields = Vec::with_capacity(source.fields.len());
        for field in &source.fields {
            fields.push(match place(&field.name)? {
                None if !field.nullable => return Err(missing(path, names, &field.name)),
                found => found,
            });
        }
        let columns = Columns { symbol, time, revision, fields };
        if source.unknown_fields == UnknownFields::Reject
            && let Some(unknown) = (0..names.len()).find(|at| !columns.used().contains(at))
        {
            let message = "is not a field of the source, which rejects unknown fields";
            return Err(ReadError::column(path, &names[unknown], message));
        }
        Ok(columns)
    }

    /// All columns that are read.
    pub(super) fn used(&self) -> Vec<usize> {
        let all = [Some(self.symbol), Some(self.time), self.revision];
        all.into_iter().chain(self.fields.iter().copied()).flatten().collect()
    }
}

fn missing(path: &Path, names: &[String], name: &str) -> ReadError {
    let near = names
        .iter()
        .map(|other| {
            (strsim::damerau_levenshtein(&name.to_lowercase(), &other.to_lowercase()), other)
        })
        .filter(|(distance, _)| *distance <= (name.len() / 3).max(1))
        .min_by_key(|(distance, _)| *distance);
    let near = near.map_or(String::new(), |(_, near)| format!("did you mean `{near}`? "));
    let message = format!("is missing; {near}the file has: {}", names.join(", "));
    ReadError::column(path, name, message)
}
