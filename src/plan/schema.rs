//! JSON Schema of pipeline files with all kinds of check and all layouts that exist.

use super::Catalog;
use crate::config::{self, CheckSchema};

/// The schema of pipeline files. It stands in `schemas/`, so that editors complete by it.
pub fn schema(catalog: &Catalog) -> serde_json::Value {
    let layouts: Vec<_> =
        catalog.layouts.iter().map(|layout| (layout.name, layout.summary)).collect();
    config::schema(&layouts, |generator| {
        let check = |member: &&'static dyn super::CheckMember| CheckSchema {
            name: member.name(),
            summary: member.summary(),
            options: member.schema(generator),
        };
        catalog.checks.iter().map(check).collect()
    })
}
