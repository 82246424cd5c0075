//! `/livez`, `/readyz` and `/startupz`: the status code is for machines, `?verbose` for people.

use axum::http::StatusCode;
use axum::response::Response;

use super::{Query, Route, text};
use crate::telemetry::Verdict;

pub(super) const LIVE: Route = Route {
    path: "/livez",
    about: "200 while every worker steps; never depends on Kafka",
    answer: |state, query| answer(&state.health.live((state.clock)()), query),
};

pub(super) const READY: Route = Route {
    path: "/readyz",
    about: "200 while rows flow from the brokers to the outputs, else 503 and why",
    answer: |state, query| answer(&state.health.ready(), query),
};

pub(super) const STARTED: Route = Route {
    path: "/startupz",
    about: "200 once the workers run",
    answer: |state, query| answer(&state.health.started(), query),
};

fn answer(verdict: &Verdict, query: &Query) -> Response {
    let passes = verdict.passes();
    let verbose = query.has("verbose");
    let mut body = String::new();
    for check in &verdict.checks {
        match &check.fault {
            Some(fault) => body.push_str(&format!("[-] {}: {fault}\n", check.name)),
            None if verbose => body.push_str(&format!("[+] {}\n", check.name)),
            None => {}
        }
    }
    body.push_str(if passes { "ok\n" } else { "failed\n" });
    let status = if passes { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    text(status, "text/plain; charset=utf-8", body)
}
