//! `weir schema`: the JSON Schema of pipeline files.

use super::{Outcome, Terminal};
use crate::{dataflow, plan};

/// Print the JSON Schema of pipeline files, for editors.
#[derive(Debug, clap::Args)]
pub(super) struct Schema {}

impl Schema {
    pub(super) fn execute(&self, terminal: &mut Terminal) -> anyhow::Result<Outcome> {
        terminal.json(&plan::schema(&dataflow::catalog()))?;
        Ok(Outcome::Good)
    }
}
