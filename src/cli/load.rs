//! What commands share that begin with a pipeline file.

use std::path::Path;
use std::sync::Arc;

use super::{Format, Outcome, Terminal};
use crate::dataflow;
use crate::plan::{self, Plan};

/// Loads a pipeline, or prints everything that is wrong with it.
pub(super) fn load(
    path: &Path,
    format: Format,
    terminal: &mut Terminal,
) -> anyhow::Result<Result<Arc<Plan>, Outcome>> {
    let variables = |name: &str| std::env::var(name).ok();
    match plan::load(path, &variables, &dataflow::catalog()) {
        Ok(plan) => Ok(Ok(Arc::new(plan))),
        Err(diagnostics) => {
            match format {
                Format::Json => terminal.json(&serde_json::json!({ "errors": diagnostics }))?,
                Format::Text => {
                    for diagnostic in &diagnostics {
                        terminal.error(&format!("{diagnostic}\n"));
                    }
                    let (count, s) =
                        (diagnostics.len(), if diagnostics.len() == 1 { "" } else { "s" });
                    terminal.error(&format!("{}: {count} error{s}", path.display()));
                }
            }
            Ok(Err(Outcome::Usage))
        }
    }
}
