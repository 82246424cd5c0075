//! A pipeline file with topics of its own, and the program running it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use serde_json::Value;
use tempfile::TempDir;
use weir::api::{Probe, probe};

use super::bars::{self, Bar};
use super::outputs::{self, Outputs, compacted};
use crate::broker::{Broker, Read, eventually};

const WEIR: &str = env!("CARGO_BIN_EXE_weir");

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
            alerts: "[]",
            delivery: "",
            layout: "row",
            kafka: "",
        }
    }
}

const FACTORS: &str = "
  momentum_5: close / delay(close, 5) - 1
  reversal: rank(-delta(close, 3))
  vol_adj: zscore(ts_mean(close, 10) / ts_std(close, 10))
  crowd: ts_corr(rank(close), rank(volume), 6)
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
        let Settings { lateness, corrections, idle_timeout, alerts, delivery, .. } = settings;
        let fields = "{open: f64, high: f64, low: f64, close: f64, volume: f64, vwap: \"f64?\"}";
        let factors = self.topic(Output::Factors);
        let outputs: String = [Output::Findings, Output::Alerts, Output::Quarantine]
            .iter()
            .map(|o| format!("  {}: {}\n", o.suffix(), self.topic(*o)))
            .collect();
        format!(
            "pipeline: {name}\nkafka:\n  brokers: \"{brokers}\"\n{kafka}\
             sources:\n  bars:\n    topic: {input}\n    key: [symbol, time]\n    \
             fields: {fields}\n    lateness: {lateness}\n    corrections: {corrections} bars\n    \
             idle_timeout: {idle_timeout}\n{source}checks:\n{checks}factors:{FACTORS}\n\
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
        let child = Command::new(WEIR)
            .arg("run")
            .arg(self.file())
            .args(["--listen", "127.0.0.1:0", "--log-format", "json"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log).expect("a log can be made"))
            .spawn()
            .expect("the program starts");
        Running { child, log, address: String::new() }
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

/// Writes to the input of a pipeline.
pub(super) struct Producer {
    producer: BaseProducer,
    topic: String,
    partitions: i32,
}

impl Producer {
    fn new(broker: &Broker, topic: &str, partitions: i32) -> Producer {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &broker.address).set("enable.idempotence", "true");
        config.set("message.max.bytes", "20000000").set("linger.ms", "2");
        let producer = config.create().expect("the settings are valid");
        Producer { producer, topic: topic.to_owned(), partitions }
    }

    /// Every symbol has its partition.
    pub(super) fn partition(&self, symbol: &str) -> i32 {
        symbol.bytes().map(i32::from).sum::<i32>() % self.partitions
    }

    pub(super) fn bar(&self, bar: &Bar) {
        let key = bar.key();
        self.send(self.partition(&bar.symbol), Some(key.as_bytes()), Some(bar.json().as_bytes()));
    }

    pub(super) fn delete(&self, bar: &Bar) {
        self.send(self.partition(&bar.symbol), Some(bar.key().as_bytes()), None);
    }

    pub(super) fn send(&self, partition: i32, key: Option<&[u8]>, value: Option<&[u8]>) {
        self.send_with(partition, key, value, &[]);
    }

    pub(super) fn send_with(
        &self,
        partition: i32,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[(&str, &str)],
    ) {
        let mut record = BaseRecord::<[u8], [u8]>::to(&self.topic).partition(partition);
        if !headers.is_empty() {
            let all = headers.iter().fold(OwnedHeaders::new(), |all, (key, value)| {
                all.insert(Header { key, value: Some(*value) })
            });
            record = record.headers(all);
        }
        record.key = key;
        record.payload = value;
        self.producer.send(record).map_err(|(error, _)| error).expect("there is room");
        self.producer.poll(Duration::ZERO);
    }

    /// Waits until everything is acknowledged.
    pub(super) fn finish(&self) {
        self.producer.flush(Duration::from_secs(60)).expect("the broker answers");
    }
}

/// The program.
pub(super) struct Running {
    child: Child,
    log: PathBuf,
    address: String,
}

impl Running {
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
            let (rows, dead) =
                (sum(&text, "weir_rows", &[]), sum(&text, "weir_dead_letters_total", &[]));
            if rows + dead == records as f64 {
                return;
            }
            last.clear();
            last.push_str(&text);
            assert!(
                since.elapsed() < Duration::from_secs(60),
                "{rows} rows and {dead} dead letters, not {records}:\n{}",
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
