//! `weir health`: is a running pipeline well? What a container's health check calls.

use std::time::Duration;

use super::{Outcome, Terminal};
use crate::api::probe;

/// Ask a running pipeline whether it is well.
#[derive(Debug, clap::Args)]
pub(super) struct Health {
    /// The page to ask: /livez, /readyz or /startupz of the pipeline's address.
    #[arg(long, default_value = "http://127.0.0.1:8000/livez")]
    url: String,
    /// How long to wait for the answer, in seconds.
    #[arg(long, default_value_t = 5)]
    timeout: u64,
}

impl Health {
    pub(super) fn execute(&self, terminal: &mut Terminal) -> anyhow::Result<Outcome> {
        match probe(&self.url, Duration::from_secs(self.timeout)) {
            Ok(answer) => {
                terminal.line(answer.body.trim_end());
                Ok(if answer.status == 200 { Outcome::Good } else { Outcome::Bad })
            }
            Err(error) => {
                terminal.error(&format!("error: {error}"));
                Ok(Outcome::Bad)
            }
        }
    }
}
