//! `/`: what this process is and which pages it has.

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::{Query, ROUTES, Route, State, text};

pub(super) const ROUTE: Route = Route { path: "/", about: "this page", answer };

fn answer(state: &State, _query: &Query) -> Response {
    let pages: serde_json::Map<String, Value> =
        ROUTES.iter().map(|route| (route.path.to_owned(), route.about.into())).collect();
    let body = json!({
        "service": "weir",
        "version": env!("CARGO_PKG_VERSION"),
        "pipeline": state.pipeline,
        "pages": pages,
    });
    text(StatusCode::OK, "application/json", format!("{body:#}\n"))
}
