//! The program while it runs: its pages, its log, and its end.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use weir::api::{Probe, probe};

use crate::broker::eventually;

pub(super) const WEIR: &str = env!("CARGO_BIN_EXE_weir");

/// The program.
pub(super) struct Running {
    child: Child,
    log: PathBuf,
    address: String,
}

impl Running {
    /// Starts it on a pipeline file. What it says goes to the file `log`.
    pub(super) fn start(pipeline: &Path, log: PathBuf, arguments: &[&str]) -> Running {
        let child = Command::new(WEIR)
            .arg("run")
            .arg(pipeline)
            .args(["--listen", "127.0.0.1:0", "--log-format", "json"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log).expect("a log can be made"))
            .spawn()
            .expect("the program starts");
        Running { child, log, address: String::new() }
    }

    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub(super) fn assert_runs(&mut self) {
        if let Some(status) = self.child.try_wait().expect("it can be asked") {
            panic!("the program ended with {status}:\n{}", self.log());
        }
    }

    /// Asks a page of the program, once it listens.
    pub(super) fn get(&mut self, path: &str) -> Probe {
        if self.address.is_empty() {
            let log = self.log.clone();
            self.address = eventually("the program listens", || {
                self.assert_runs();
                address(&log)
            });
        }
        probe(&format!("http://{}{path}", self.address), Duration::from_secs(20))
            .expect("it answers")
    }

    pub(super) fn wait_ready(&mut self) {
        eventually("it is ready", || {
            self.assert_runs();
            (self.get("/readyz").status == 200).then_some(())
        });
    }

    /// The sum of the samples of a metric that have all these labels.
    pub(super) fn metric(&mut self, name: &str, labels: &[&str]) -> f64 {
        sum(&self.get("/metrics").body, name, labels)
    }

    /// Waits until all records were read and have a place.
    pub(super) fn wait_read(&mut self, records: usize) {
        let mut last = String::new();
        let since = Instant::now();
        loop {
            self.assert_runs();
            let text = self.get("/metrics").body;
            let rows = sum(&text, "weir_rows", &[]);
            if rows == records as f64 {
                return;
            }
            last.clear();
            last.push_str(&text);
            assert!(
                since.elapsed() < Duration::from_secs(60),
                "{rows} records have a place, not {records}:\n{}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// kill -9.
    pub(super) fn kill(mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it ends");
    }

    pub(super) fn signal_term(&self) {
        let done = Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status();
        assert!(done.expect("there is kill").success());
    }

    /// Waits for the end.
    pub(super) fn wait(&mut self) -> ExitStatus {
        let child = &mut self.child;
        eventually("the program ends", || child.try_wait().expect("it can be asked"))
    }

    /// SIGTERM, and a good end.
    pub(super) fn stop(mut self) {
        self.signal_term();
        let status = self.wait();
        assert!(status.success(), "{status}:\n{}", self.log());
    }
}

impl Drop for Running {
    #[allow(clippy::print_stderr, reason = "a failed test shows what the program said")]
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        if std::thread::panicking() {
            eprintln!("{}", self.log());
        }
    }
}

fn address(log: &Path) -> Option<String> {
    let text = std::fs::read_to_string(log).ok()?;
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter_map(|line| Some(line["address"].as_str()?.to_owned())).next()
}

/// The sum of the samples of a metric that have all these labels, written `name="value"`.
pub(super) fn sum(text: &str, name: &str, labels: &[&str]) -> f64 {
    let of_name = |line: &&str| {
        let rest = line.strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with(['{', ' ']))
            && labels.iter().all(|label| line.contains(label))
    };
    let value = |line: &str| line.rsplit(' ').next().and_then(|text| text.parse::<f64>().ok());
    text.lines().filter(of_name).filter_map(value).sum()
}
