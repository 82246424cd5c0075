//! The closed list of metrics: every name, help text, type and label the program exports.

use std::collections::HashMap;

use prometheus::process_collector::ProcessCollector;
use prometheus::{Registry, TextEncoder};

use super::family::{Counter, Entry, Family, Gauge, Histogram, Kind};
use super::limits::Limits;

/// From a write of the broker to a commit: fine where a good machine is, and beyond the 10 s of
/// the alert, which a quantile can only exceed when there is a bucket above it.
const LATENCY_SECONDS: &[f64] = &[
    0.001, 0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0,
    5.0, 10.0, 15.0, 30.0, 60.0,
];

/// Work of one request or one commit.
const DURATION_SECONDS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 30.0, 60.0,
];

/// Why the metrics could not be set up or written.
#[derive(Debug, thiserror::Error)]
#[error("metrics: {0}")]
pub struct MetricsError(#[from] prometheus::Error);

/// One metric as the list declares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Description {
    /// Full name; a histogram exports it with `_bucket`, `_sum` and `_count`.
    pub name: &'static str,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// What it says.
    pub help: &'static str,
    /// Names of its labels, beside `pipeline`, which all have.
    pub labels: &'static [&'static str],
}

/// Label values that are known before anything happened. Their series start at zero, so that the
/// first error is a step that `rate` sees.
#[derive(Clone, Copy, Debug, Default)]
pub struct KnownSeries<'a> {
    /// Codes of dead letters.
    pub reasons: &'a [&'a str],
    /// Name and severity of each check.
    pub checks: &'a [(&'a str, &'a str)],
    /// Severities of alerts.
    pub severities: &'a [&'a str],
    /// Names of outputs.
    pub outputs: &'a [&'a str],
}

macro_rules! field_type {
    ($kind:ident) => { $kind };
    ($kind:ident [$($label:literal),*]) => { Family<$kind, { <[&str]>::len(&[$($label),*]) }> };
}

macro_rules! build {
    ($entry:expr, $registry:expr, $kind:ident) => {{
        let metric = <$kind as Kind>::single($entry)?;
        $registry.register(metric.collector())?;
        metric
    }};
    ($entry:expr, $registry:expr, $kind:ident [$($label:literal),*]) => {
        Family::register($entry, $registry)?
    };
}

macro_rules! buckets {
    () => {
        &[]
    };
    ($buckets:ident) => {
        $buckets
    };
}

macro_rules! metrics {
    ($($name:literal $field:ident: $kind:ident $([$($label:literal),*])? $(in $buckets:ident)?, $help:literal;)*) => {
        /// The metrics of one pipeline in one process. Shared by all threads; every series also
        /// carries the label `pipeline`.
        #[derive(Debug)]
        pub struct Metrics {
            registry: Registry,
            $(
                #[doc = $help]
                #[doc = concat!("\n\n`", $name, "`")]
                pub $field: field_type!($kind $([$($label),*])?),
            )*
        }

        impl Metrics {
            /// The list, in the order in which it is written.
            pub const DESCRIPTIONS: &'static [Description] = &[$(Description {
                name: $name,
                kind: <$kind as Kind>::NAME,
                help: $help,
                labels: &[$($($label),*)?],
            }),*];

            fn register(registry: Registry) -> Result<Metrics, prometheus::Error> {
                $(
                    let entry = Entry {
                        name: $name,
                        help: $help,
                        labels: &[$($($label),*)?],
                        buckets: buckets!($($buckets)?),
                    };
                    let $field = build!(&entry, &registry, $kind $([$($label),*])?);
                )*
                Ok(Metrics { registry, $($field),* })
            }
        }
    };
}

metrics! {
    // Source. A process that replays reads records again, and these count them again.
    "weir_source_records_total" source_records: Counter["partition"], "Records read from the input topic, replayed ones again.";
    "weir_source_bytes_total" source_bytes: Counter["partition"], "Bytes of keys and values read from the input topic.";
    "weir_source_lag_records" source_lag: Gauge["partition"], "Records in the partition that were not yet read; absent while unknown.";
    "weir_source_last_record_timestamp_seconds" source_last_record: Gauge["partition"], "Broker timestamp of the newest record read.";
    "weir_source_assigned_partitions" source_partitions: Gauge["worker"], "Partitions the worker reads.";
    "weir_source_connected" source_connected: Gauge["worker"], "1 while the brokers answer the source on this worker, else 0.";
    "weir_source_parked" source_parked: Gauge["worker"], "1 while a fault keeps the source on this worker from reading, else 0.";
    "weir_source_faults_total" source_faults: Counter, "Times a fault parked the source.";

    // Rows.
    "weir_rows" rows: Gauge["outcome"], "Rows read since the recorded start of the input, by what became of them: accepted, superseded, quarantined, late, dead_lettered.";
    "weir_dead_letters_total" dead_letters: Counter["reason"], "Records that could not be decoded, those read again by a replay not counted.";
    "weir_watermark_timestamp_seconds" watermark: Gauge[], "Event time up to which rows are expected to be complete; absent until known.";
    "weir_closed_through_timestamp_seconds" closed_through: Gauge[], "Newest event time whose results were emitted; absent until there is one.";

    // Factors.
    "weir_factor_cells_total" factor_cells: Counter, "Factor values computed, recomputed ones again.";
    "weir_factor_rows_total" factor_rows: Counter, "Factor rows emitted, one per time and symbol, revisions included.";
    "weir_revisions_total" revisions: Counter, "Factor rows emitted for a key that had been emitted before.";
    "weir_panel_state_bytes" panel_state: Gauge["worker"], "Memory of the panel on this worker: fields and nodes of all kept times, and factors kept to join the parts of a time.";

    // Findings and alerts.
    "weir_findings_open" findings_open: Gauge["check", "severity"], "Findings that hold now.";
    "weir_findings_opened_total" findings_opened: Counter["check"], "Findings that began to hold.";
    "weir_findings_retracted_total" findings_retracted: Counter["check"], "Findings that a correction or deletion took back.";
    "weir_alerts_active" alerts_active: Gauge["severity"], "Alerts of the pipeline that fire now.";
    "weir_alert_transitions_total" alert_transitions: Counter["state"], "Changes of alerts of the pipeline: firing, resolved, retracted.";

    // Delivery.
    "weir_output_records_total" output_records: Counter["output"], "Records committed, tombstones included.";
    "weir_output_bytes_total" output_bytes: Counter["output"], "Bytes of keys and values committed.";
    "weir_transactions_total" transactions: Counter["result"], "Transactions by how they ended: committed, aborted, or unknown, after which the process starts over from its progress record.";
    "weir_commit_duration_seconds" commit_duration: Histogram in DURATION_SECONDS, "From the first record of a transaction to the end of its commit.";
    "weir_record_latency_seconds" record_latency: Histogram in LATENCY_SECONDS, "From the broker timestamp of an input record to the commit that made its results visible.";
    "weir_last_commit_timestamp_seconds" last_commit: Gauge[], "When the newest commit ended; absent until there is one.";

    // Engine.
    "weir_epochs_total" epochs: Counter, "Epochs that went through the whole dataflow.";
    "weir_epochs_in_flight" epochs_in_flight: Gauge, "Epochs begun by the source and not yet committed.";
    "weir_replaying" replaying: Gauge, "1 while committed input is read again after a start, else 0.";
    "weir_worker_last_step_timestamp_seconds" worker_last_step: Gauge["worker"], "When the worker last took a step.";

    // Process.
    "weir_ready" ready: Gauge, "1 while the process is ready, else 0.";
    "weir_condition" condition: Gauge["condition"], "1 while the condition of readiness holds, else 0.";
    "weir_build_info" build_info: Gauge["version"], "Always 1; the version is in the label.";
    "weir_memory_limit_bytes" memory_limit: Gauge[], "Memory the process may use: the cgroup's limit, or else the machine's memory.";
    "weir_cpu_limit_cores" cpu_limit: Gauge[], "Processors the process may use: the cgroup's quota, or else the machine's number.";

    // HTTP.
    "weir_http_requests_total" http_requests: Counter["route", "code"], "Requests answered.";
    "weir_http_request_duration_seconds" http_duration: Histogram["route"] in DURATION_SECONDS, "Time to make the answer, without sending it.";
}

impl Metrics {
    /// What becomes of a row: label values of `weir_rows`.
    pub const OUTCOMES: [&'static str; 5] =
        ["accepted", "superseded", "quarantined", "late", "dead_lettered"];
    /// How transactions end: label values of `weir_transactions_total`.
    pub const RESULTS: [&'static str; 3] = ["committed", "aborted", "unknown"];
    /// What alerts do: label values of `weir_alert_transitions_total`.
    pub const TRANSITIONS: [&'static str; 3] = ["firing", "resolved", "retracted"];

    /// The metrics of a pipeline, in a registry of their own.
    pub fn new(pipeline: &str, limits: Limits) -> Result<Metrics, MetricsError> {
        let labels = HashMap::from([("pipeline".to_owned(), pipeline.to_owned())]);
        let metrics = Metrics::register(Registry::new_custom(None, Some(labels))?)?;
        metrics.registry.register(Box::new(ProcessCollector::for_self()))?;
        metrics.build_info.with([env!("CARGO_PKG_VERSION")]).set(1.0);
        if let Some(bytes) = limits.memory_bytes {
            metrics.memory_limit.with([]).set(bytes as f64);
        }
        if let Some(cores) = limits.cpu_cores {
            metrics.cpu_limit.with([]).set(cores);
        }
        for outcome in Metrics::OUTCOMES {
            metrics.rows.with([outcome]);
        }
        for result in Metrics::RESULTS {
            metrics.transactions.with([result]);
        }
        for state in Metrics::TRANSITIONS {
            metrics.alert_transitions.with([state]);
        }
        Ok(metrics)
    }

    /// Starts the series whose labels the plan knows at zero.
    pub fn expect(&self, known: KnownSeries<'_>) {
        for reason in known.reasons {
            self.dead_letters.with([reason]);
        }
        for (check, severity) in known.checks {
            self.findings_open.with([check, severity]);
            self.findings_opened.with([check]);
            self.findings_retracted.with([check]);
        }
        for severity in known.severities {
            self.alerts_active.with([severity]);
        }
        for output in known.outputs {
            self.output_records.with([output]);
            self.output_bytes.with([output]);
        }
    }

    /// Sets back what a run counts up and down from its beginning, for one that begins again in
    /// the same process.
    pub fn begin_again(&self, severities: &[&str]) {
        for outcome in Metrics::OUTCOMES {
            self.rows.with([outcome]).set(0.0);
        }
        for severity in severities {
            self.alerts_active.with([severity]).set(0.0);
        }
    }

    /// All metrics in the text format of Prometheus.
    pub fn render(&self) -> Result<String, MetricsError> {
        Ok(TextEncoder::new().encode_to_string(&self.registry.gather())?)
    }

    /// Content type of [`Metrics::render`].
    pub const CONTENT_TYPE: &'static str = "text/plain; version=0.0.4; charset=utf-8";
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn metrics() -> Metrics {
        Metrics::new("bars", Limits::default()).unwrap()
    }

    #[test]
    fn names_follow_the_conventions() {
        let mut seen = HashSet::new();
        for metric in Metrics::DESCRIPTIONS {
            let name = metric.name;
            assert!(seen.insert(name), "{name} stands twice");
            assert!(name.starts_with("weir_"), "{name}");
            assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{name}");
            assert_eq!(name.ends_with("_total"), metric.kind == "counter", "{name}");
            assert!(metric.kind != "histogram" || name.ends_with("_seconds"), "{name}");
            assert!(!name.contains("_ms") && !name.contains("_kb"), "{name}: base units");
            assert!(metric.help.ends_with('.'), "{name}: help is a sentence");
            for label in metric.labels {
                assert!(!["symbol", "offset", "message", "pipeline"].contains(label), "{name}");
            }
        }
    }

    #[test]
    fn every_series_names_the_pipeline_and_known_ones_start_at_zero() {
        let metrics = metrics();
        metrics.expect(KnownSeries { reasons: &["malformed"], ..KnownSeries::default() });
        let text = metrics.render().unwrap();
        assert!(
            text.contains("weir_dead_letters_total{reason=\"malformed\",pipeline=\"bars\"} 0"),
            "{text}"
        );
        assert!(text.contains("process_resident_memory_bytes{pipeline=\"bars\"}"), "{text}");
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            assert!(line.contains("pipeline=\"bars\""), "{line}");
        }
    }

    #[test]
    fn a_timestamp_is_absent_until_known() {
        let metrics = metrics();
        assert!(!metrics.render().unwrap().contains("weir_watermark_timestamp_seconds"));
        metrics.watermark.with([]).set(12.0);
        let line = "weir_watermark_timestamp_seconds{pipeline=\"bars\"} 12\n";
        assert!(metrics.render().unwrap().contains(line));
        metrics.watermark.remove([]);
        metrics.watermark.remove([]);
        assert!(!metrics.render().unwrap().contains("weir_watermark_timestamp_seconds"));
    }

    #[test]
    fn latencies_beyond_the_alert_have_buckets() {
        for buckets in [LATENCY_SECONDS, DURATION_SECONDS] {
            assert!(buckets.is_sorted_by(|a, b| a < b));
            assert!(buckets.iter().filter(|&&bound| bound > 10.0).count() >= 2);
        }
    }

    #[test]
    fn local_counters_show_after_the_flush() {
        let metrics = metrics();
        let shared = metrics.source_records.with(["0"]);
        let local = shared.local();
        local.inc_by(3);
        assert_eq!(shared.get(), 0);
        local.flush();
        assert_eq!(shared.get(), 3);
    }
}
