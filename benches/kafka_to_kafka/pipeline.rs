//! Weir itself: the pipeline of the tour, with checks, ranks, findings and alerts, one worker.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use weir::dataflow::{self, Limits as EpochLimits};
use weir::plan::{self, Plan};
use weir::runtime::{self, LiveOptions, Stop};
use weir::telemetry::{Health, Limits, Metrics};

use crate::Job;

const PIPELINE: &str = r#"
pipeline: "${NAME}"
kafka: { brokers: "${BROKERS}" }
sources:
  bars:
    topic: "${INPUT}"
    format: json
    key: [symbol, time]
    fields: { open: f64, high: f64, low: f64, close: f64, volume: f64, vwap: "f64?" }
    lateness: 5s
    corrections: 20 bars
checks:
  - positive: [open, high, low, close]
  - ohlc_order
  - return_jump: { of: close, above: 0.5, action: flag }
factors:
  momentum_5: close / delay(close, 5) - 1
  reversal: rank(-delta(close, 3))
  vol_adj: zscore(ts_mean(close, 10) / ts_std(close, 10))
alerts:
  - { name: feed_silent, when: silent(bars) > 60s, severity: critical }
  - { name: dirty_feed, when: violations(ohlc_order) > 5 in 10m, severity: warning }
outputs:
  factors: "${OUTPUT}"
  findings: "${OUTPUT}-findings"
  alerts: "${OUTPUT}-alerts"
  quarantine: "${OUTPUT}-quarantine"
  dead_letters: "${OUTPUT}-dead-letters"
delivery: { commit_interval: "${COMMIT}" }
"#;

/// Runs the pipeline in this process, as `weir run` does.
pub(crate) fn run(job: &Job) {
    let plan = Arc::new(load(job));
    let stop = Stop::new();
    let options = LiveOptions {
        workers: 1,
        limits: EpochLimits::default(),
        restate: false,
        embedded: false,
        metrics: Arc::new(Metrics::new("bench", Limits::default()).expect("metrics")),
        health: Health::new(Duration::from_secs(600)),
        stop: stop.clone(),
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !job.stop.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(20));
            }
            stop.ask();
        });
        runtime::run(&plan, &options).expect("the pipeline runs");
    });
}

fn load(job: &Job) -> Plan {
    let variables = |name: &str| {
        Some(match name {
            "NAME" => job.transactional_id.clone(),
            "BROKERS" => job.brokers.clone(),
            "INPUT" => job.input.clone(),
            "OUTPUT" => job.output.clone(),
            "COMMIT" => format!("{}ms", job.commit.as_millis()),
            _ => return None,
        })
    };
    plan::load_text("bench", PIPELINE, Path::new("."), &variables, &dataflow::catalog())
        .expect("the pipeline is good")
}
