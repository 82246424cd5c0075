//! Counts and times every request, under the path of the page and never the path that was asked
//! for, which anyone could make up.

use std::time::Instant;

use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{MethodRouter, any, get};

use super::{Query, Route, State, text};

/// The handler of a page.
pub(super) fn page(route: &'static Route, state: State) -> MethodRouter {
    get(move |RawQuery(query): RawQuery| async move {
        observed(&state, route.path, || (route.answer)(&state, &Query(query.unwrap_or_default())))
    })
}

/// The handler of everything that is no page.
pub(super) fn nothing(state: State) -> MethodRouter {
    any(move || async move {
        observed(&state, "other", || {
            text(StatusCode::NOT_FOUND, "text/plain", "no such page; / lists all\n".to_owned())
        })
    })
}

fn observed(state: &State, route: &str, answer: impl FnOnce() -> Response) -> Response {
    let begin = Instant::now();
    let response = answer();
    let metrics = &state.metrics;
    metrics.http_duration.with([route]).observe(begin.elapsed().as_secs_f64());
    metrics.http_requests.with([route, response.status().as_str()]).inc();
    response
}
