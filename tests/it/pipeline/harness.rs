//! A pipeline file with topics of its own, and the program running it.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::bars::{self, Bar};
use super::outputs::{self, Outputs, compacted};
pub(super) use super::producer::Producer;
use super::running::WEIR;
pub(super) use super::running::{Running, sum};
use crate::broker::{Broker, Read};

/// What a test may want otherwise in its pipeline file.
#[derive(Clone)]
pub(super) struct Settings {
    /// Name of the pipeline, if it is not that of the job.
    pub(super) pipeline: Option<String>,
    pub(super) partitions: i32,
    pub(super) lateness: &'static str,
    pub(super) corrections: usize,
    /// Long enough that a slow machine does not look like a silent partition.
    pub(super) idle_timeout: &'static str,
    /// Further lines of the source.
    pub(super) source: &'static str,
    pub(super) checks: &'static str,
    /// Lines under `factors`.
    pub(super) factors: &'static str,
    pub(super) alerts: &'static str,
    pub(super) delivery: &'static str,
    /// Layout of the factors; [`Job::outputs`] reads rows only.
    pub(super) layout: &'static str,
    /// Further lines under `kafka`.
    pub(super) kafka: &'static str,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            pipeline: None,
            partitions: 1,
            lateness: "12h",
            corrections: 20,
            idle_timeout: "30s",
            source: "",
            checks: "  - finite\n  - positive: [open, high, low, close]\n  - ohlc_order\n  \
                     - return_jump: {of: close, above: 0.5, action: flag}\n",
            factors: FACTORS,
            alerts: "[]",
            delivery: "",
            layout: "row",
            kafka: "",
        }
    }
}

/// Formulas that compare symbols.
pub(super) const FACTORS: &str = "
  momentum_5: close / delay(close, 5) - 1
  reversal: rank(-delta(close, 3))
  vol_adj: zscore(ts_mean(close, 10) / ts_std(close, 10))
  crowd: ts_corr(rank(close), rank(volume), 6)
  gap: close / vwap - 1
  peers: ts_mean(group_neutralize(close / delay(close, 1) - 1, sector), 3)
  place: group_rank(volume, sector)
  tilt: group_zscore(close / delay(close, 2), sector)";

/// Formulas that do not.
pub(super) const TIME_SERIES: &str = "
  momentum_5: close / delay(close, 5) - 1
  vol_adj: ts_mean(close, 10) / ts_std(close, 10)
  smooth: ema(close, 8)
  gap: close / vwap - 1";

/// A pipeline with its topics.
pub(super) struct Job<'b> {
    broker: &'b Broker,
    /// Name of the pipeline, and how its topics begin.
    pub(super) name: String,
    /// The topic it reads.
    pub(super) input: String,
    folder: TempDir,
    starts: std::cell::Cell<usize>,
}

/// Which topic.
#[derive(Clone, Copy, Debug)]
pub(super) enum Output {
    Factors,
    Findings,
    Alerts,
    Quarantine,
    DeadLetters,
    Progress,
}

impl Output {
    fn suffix(self) -> &'static str {
        match self {
            Output::Factors => "factors",
            Output::Findings => "findings",
            Output::Alerts => "alerts",
            Output::Quarantine => "quarantine",
            Output::DeadLetters => "dead-letters",
            Output::Progress => "progress",
        }
    }
}

impl<'b> Job<'b> {
    /// A pipeline with a new input topic.
    pub(super) fn new(broker: &'b Broker, what: &str, settings: &Settings) -> Job<'b> {
        let input = broker.topic(&format!("{what}-bars"), settings.partitions, &[]);
        Job::reading(broker, what, &input, settings)
    }

    /// A pipeline that reads a topic that is there, or will be.
    pub(super) fn reading(
        broker: &'b Broker,
        what: &str,
        input: &str,
        settings: &Settings,
    ) -> Job<'b> {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let job = Job {
            broker,
            name: broker.name(what),
            input: input.to_owned(),
            folder,
            starts: std::cell::Cell::new(0),
        };
        std::fs::write(job.file(), job.text(settings)).expect("it can be written");
        job
    }

    fn text(&self, settings: &Settings) -> String {
        let Settings { lateness, corrections, idle_timeout, alerts, .. } = settings;
        let Settings { factors: formulas, delivery, .. } = settings;
        let fields = "{open: f64, high: f64, low: f64, close: f64, volume: f64, vwap: \"f64?\", sector: \"string?\"}";
        let factors = self.topic(Output::Factors);
        let outputs: String = [Output::Findings, Output::Alerts, Output::Quarantine]
            .iter()
            .map(|o| format!("  {}: {}\n", o.suffix(), self.topic(*o)))
            .collect();
        format!(
            "pipeline: {name}\nkafka:\n  brokers: \"{brokers}\"\n{kafka}\
             sources:\n  bars:\n    topic: {input}\n    key: [symbol, time]\n    \
             fields: {fields}\n    lateness: {lateness}\n    corrections: {corrections} bars\n    \
             idle_timeout: {idle_timeout}\n{source}checks:\n{checks}factors:{formulas}\n\
             alerts: {alerts}\noutputs:\n  factors: {{topic: {factors}, layout: {layout}}}\n{outputs}  dead_letters: {dead}\n\
             delivery:\n  progress_topic: {progress}\n  transactional_id: {id}\n{delivery}",
            name = settings.pipeline.as_ref().unwrap_or(&self.name),
            id = self.name,
            brokers = self.broker.address,
            kafka = settings.kafka,
            layout = settings.layout,
            input = self.input,
            source = settings.source,
            checks = settings.checks,
            dead = self.topic(Output::DeadLetters),
            progress = self.topic(Output::Progress),
        )
    }

    /// Writes the pipeline file anew, changed.
    pub(super) fn change(&self, settings: &Settings, change: impl Fn(&str) -> String) {
        let text = self.text(settings);
        let changed = change(&text);
        assert_ne!(changed, text, "nothing changed");
        std::fs::write(self.file(), changed).expect("it can be written");
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("pipeline.yaml")
    }

    pub(super) fn topic(&self, output: Output) -> String {
        format!("{}-{}", self.name, output.suffix())
    }

    /// Writes bars to the input, each symbol to one partition, in order.
    pub(super) fn produce(&self, bars: &[Bar]) {
        let producer = Producer::new(self.broker, &self.input, self.partitions());
        bars.iter().for_each(|bar| producer.bar(bar));
        producer.finish();
    }

    pub(super) fn producer(&self) -> Producer {
        Producer::new(self.broker, &self.input, self.partitions())
    }

    fn partitions(&self) -> i32 {
        let found = self.broker.admin.partitions(&self.input).expect("the broker answers");
        found.expect("the topic is there").len() as i32
    }

    /// Starts the program.
    pub(super) fn start(&self, arguments: &[&str]) -> Running {
        let number = self.starts.replace(self.starts.get() + 1);
        let log = self.folder.path().join(format!("{number}.log"));
        Running::start(&self.file(), log, arguments)
    }

    /// All records of an output.
    pub(super) fn read(&self, output: Output) -> Vec<Read> {
        self.broker.read(&self.topic(output))
    }

    /// What holds now.
    pub(super) fn outputs(&self) -> Outputs {
        let factors = self.read(Output::Factors);
        let findings = self.read(Output::Findings);
        let quarantine = self.read(Output::Quarantine);
        let detail = |record: &Read| outputs::json(record)["detail"].as_str().unwrap().to_owned();
        Outputs {
            factors: compacted(&factors)
                .into_iter()
                .map(|(key, record)| (key, outputs::factors_of(record)))
                .collect(),
            findings: compacted(&findings)
                .into_iter()
                .map(|(key, record)| (key, detail(record)))
                .collect(),
            quarantine: compacted(&quarantine)
                .into_iter()
                .map(|(key, record)| (key, outputs::header(record, "weir.reason")))
                .collect(),
        }
    }

    /// Waits until what holds is what a backfill says.
    pub(super) fn expect(&self, running: &mut Running, expected: &Outputs) {
        let since = Instant::now();
        loop {
            running.assert_runs();
            let found = self.outputs();
            if found == *expected {
                return;
            }
            assert!(
                since.elapsed() < Duration::from_secs(60),
                "{}: found | expected\n{}\n{}",
                self.name,
                found.difference(expected),
                running.log()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// The newest progress record.
    pub(super) fn progress(&self) -> Value {
        let records = self.read(Output::Progress);
        records.last().map(outputs::json).expect("there is one")
    }

    /// What a backfill of these rows puts out.
    pub(super) fn backfill(&self, bars: &[Bar]) -> Outputs {
        let input = self.folder.path().join("bars.csv");
        let output = self.folder.path().join("backfill");
        std::fs::write(&input, bars::csv(bars)).expect("it can be written");
        let done = Command::new(WEIR)
            .arg("backfill")
            .arg(self.file())
            .arg(format!("--input=bars={}", input.display()))
            .arg(format!("--output={}", output.display()))
            .output()
            .expect("the program starts");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        outputs::of_backfill(&output)
    }
}
