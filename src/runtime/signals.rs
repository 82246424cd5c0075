//! The process's signals: the first asks to stop, the second stops at once.

use std::process;

use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

use super::Stop;

/// Exit code of a process that a second signal stopped: what shells give for SIGINT.
const ABORTED: i32 = 130;

#[expect(clippy::disallowed_methods, reason = "a second signal ends the process as it is")]
fn abort() -> ! {
    process::exit(ABORTED)
}

/// Asks `stop` when the process is told to end (SIGTERM, SIGINT). What is not committed by the
/// time of a second signal is read again by the next run.
pub fn stop_on_signals(stop: &Stop) -> std::io::Result<()> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let stop = stop.clone();
    let (mut terminate, mut interrupt) = {
        let _inside = runtime.enter();
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?)
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            let mut told = 0;
            loop {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                told += 1;
                if told > 1 {
                    tracing::warn!("told twice, stopping at once");
                    abort();
                }
                tracing::info!("told to stop, finishing what was read");
                stop.ask();
            }
        });
    })?;
    Ok(())
}
