//! What a running pipeline shows on its pages: every metric that rules and dashboards look at, with
//! values that add up.

use weir::model::Time;

use super::bars::{CLOSE, sp500};
use super::harness::{Job, Output, Settings, sum};
use crate::broker::{self, eventually};
use crate::monitoring::{exported, used_metrics};

/// Series that a run without trouble, and without a limit on its container, need not have.
const ONLY_WITH_A_CAUSE: [&str; 1] = ["weir_cpu_limit_cores"];

#[test]
fn pipeline_shows_metrics_that_add_up() {
    let Some(broker) = broker::shared("pipeline_shows_metrics_that_add_up") else { return };
    let alerts = "[{name: dirty, when: violations(positive) > 0 in 1h, severity: critical}]";
    let job = Job::new(&broker, "p", &Settings { partitions: 2, alerts, ..Settings::default() });
    let bars = sp500(20, 30);
    let mut running = job.start(&["--workers", "2"]);
    running.wait_ready();
    let producer = job.producer();
    bars.iter().for_each(|bar| producer.bar(bar));
    producer.bar(&bars[500].with(CLOSE, "-1"));
    producer.bar(&bars[510].scaled(1.01));
    producer.send(1, None, Some(b"?"));
    producer.finish();
    let read = bars.len() + 3;
    running.wait_read(read);
    eventually("everything is committed", || {
        let text = running.get("/metrics").body;
        let committed = sum(&text, "weir_record_latency_seconds_count", &[]);
        (committed == read as f64 && sum(&text, "weir_epochs_in_flight", &[]) <= 2.0).then_some(())
    });
    // A page is counted once it was asked for.
    running.get("/livez");
    let text = running.get("/metrics").body;

    assert_complete(&text);
    let committed = job.progress();
    let last = Time::parse(&bars[bars.len() - 1].day).expect("a day").nanos();
    let factors = job.read(Output::Factors).len() as f64;
    for (name, labels, expected) in [
        ("weir_source_records_total", &[][..], read as f64),
        ("weir_source_lag_records", &[], 0.0),
        ("weir_source_assigned_partitions", &[], 2.0),
        ("weir_source_connected", &[], 2.0),
        ("weir_source_parked", &[], 0.0),
        ("weir_source_faults_total", &[], 0.0),
        ("weir_rows", &["outcome=\"accepted\""], bars.len() as f64),
        ("weir_rows", &["outcome=\"superseded\""], 1.0),
        ("weir_rows", &["outcome=\"quarantined\""], 1.0),
        ("weir_rows", &["outcome=\"late\""], 0.0),
        ("weir_dead_letters_total", &[], 1.0),
        ("weir_dead_letters_total", &["reason=\"malformed\""], 1.0),
        ("weir_findings_open", &["check=\"positive\""], 1.0),
        ("weir_findings_opened_total", &["check=\"positive\""], 1.0),
        ("weir_findings_retracted_total", &[], 0.0),
        ("weir_alerts_active", &["severity=\"critical\""], 1.0),
        ("weir_alert_transitions_total", &["state=\"firing\""], 1.0),
        ("weir_factor_rows_total", &[], factors),
        ("weir_revisions_total", &[], factors - bars.len() as f64),
        ("weir_output_records_total", &["output=\"factors\""], factors),
        ("weir_output_records_total", &["output=\"dead_letters\""], 1.0),
        ("weir_output_records_total", &["output=\"quarantine\""], 1.0),
        ("weir_transactions_total", &["result=\"aborted\""], 0.0),
        ("weir_transactions_total", &["result=\"unknown\""], 0.0),
        ("weir_replaying", &[], 0.0),
        ("weir_ready", &[], 1.0),
        ("weir_condition", &[], 5.0),
        ("weir_build_info", &[], 1.0),
        ("weir_closed_through_timestamp_seconds", &[], last as f64 / 1e9),
    ] {
        let found = sum(&text, name, labels);
        assert_eq!(found, expected, "{name} {labels:?}\n{text}");
    }
    assert_eq!(committed["closed_through"], last);
    assert_moving(&text);
    let page = running.get("/nothing");
    assert_eq!(page.status, 404);
    running.stop();
}

/// What has no value that could be known before.
fn assert_moving(text: &str) {
    for (name, labels) in [
        ("weir_source_bytes_total", &[][..]),
        ("weir_source_last_record_timestamp_seconds", &[]),
        ("weir_watermark_timestamp_seconds", &[]),
        ("weir_factor_cells_total", &[]),
        ("weir_panel_state_bytes", &[]),
        ("weir_output_bytes_total", &["output=\"factors\""]),
        ("weir_transactions_total", &["result=\"committed\""]),
        ("weir_commit_duration_seconds_count", &[]),
        ("weir_record_latency_seconds_sum", &[]),
        ("weir_last_commit_timestamp_seconds", &[]),
        ("weir_epochs_total", &[]),
        ("weir_worker_last_step_timestamp_seconds", &["worker=\"1\""]),
        ("weir_http_requests_total", &["route=\"/livez\"", "code=\"200\""]),
        ("process_resident_memory_bytes", &[]),
    ] {
        assert!(sum(text, name, labels) > 0.0, "{name} {labels:?}\n{text}");
    }
}

/// Everything is there that rules and dashboards look at.
fn assert_complete(text: &str) {
    let known = exported(text);
    for metric in used_metrics() {
        let ours = metric.starts_with("weir_") || metric.starts_with("process_");
        assert!(
            !ours || known.contains(&metric) || ONLY_WITH_A_CAUSE.contains(&metric.as_str()),
            "{metric} is looked at and not exported:\n{text}"
        );
    }
}
