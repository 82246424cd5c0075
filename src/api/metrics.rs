//! `/metrics`: all metrics in the text format of Prometheus.

use axum::http::StatusCode;
use axum::response::Response;

use super::{Query, Route, State, text};
use crate::telemetry::{Condition, Metrics};

pub(super) const ROUTE: Route = Route { path: "/metrics", about: "metrics for Prometheus", answer };

fn answer(state: &State, _query: &Query) -> Response {
    let ready = state.health.ready();
    // Health is asked at the moment of the scrape, so the metric cannot differ from the probe.
    state.metrics.ready.set(f64::from(u8::from(ready.passes())));
    for check in &ready.checks {
        if Condition::ALL.iter().any(|condition| condition.name() == check.name) {
            let holds = f64::from(u8::from(check.fault.is_none()));
            state.metrics.condition.with([&check.name]).set(holds);
        }
    }
    match state.metrics.render() {
        Ok(body) => text(StatusCode::OK, Metrics::CONTENT_TYPE, body),
        Err(error) => {
            tracing::error!(%error, "metrics cannot be written");
            text(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", format!("{error}\n"))
        }
    }
}
