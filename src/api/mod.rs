//! HTTP: probes, metrics and an index, on a thread of their own beside the dataflow.

mod index;
mod metrics;
mod observe;
mod probe;
mod probes;
mod server;

use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::telemetry::{Health, Metrics};

pub use probe::{Probe, ProbeError, probe};
pub use server::{ApiError, DEFAULT_LISTEN, Server, parse_listen, serve};

/// Milliseconds since the Unix epoch; the wall clock itself lives in `runtime/clock.rs`.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// What the routes look at.
#[derive(Clone)]
pub struct State {
    /// Name of the pipeline.
    pub pipeline: String,
    /// Health of the process.
    pub health: Health,
    /// Metrics of the process.
    pub metrics: Arc<Metrics>,
    /// The clock that the workers' steps are stamped with.
    pub clock: Clock,
}

/// One page. A new page is a file and a line in [`ROUTES`].
struct Route {
    path: &'static str,
    about: &'static str,
    answer: fn(&State, &Query) -> Response,
}

/// All pages.
const ROUTES: &[&Route] =
    &[&index::ROUTE, &probes::LIVE, &probes::READY, &probes::STARTED, &metrics::ROUTE];

/// What stands after the `?`.
struct Query(String);

impl Query {
    /// Whether a name is there, with or without a value.
    fn has(&self, name: &str) -> bool {
        self.0.split('&').any(|pair| pair.split('=').next() == Some(name))
    }
}

/// The pages as a router; each counts its requests under its own path, all others under `other`.
fn router(state: State) -> Router {
    let mut router = Router::new();
    for route in ROUTES {
        router = router.route(route.path, observe::page(route, state.clone()));
    }
    router.fallback(observe::nothing(state))
}

/// An answer in plain text that nobody may keep.
fn text(status: StatusCode, content_type: &'static str, body: String) -> Response {
    let headers = [(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, "no-store")];
    (status, headers, body).into_response()
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("pipeline", &self.pipeline).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::atomic::{AtomicI64, Ordering};
    use std::time::Duration;

    use super::*;
    use crate::telemetry::{Condition, Limits, Signal};

    struct Process {
        server: Server,
        health: Health,
        now: Arc<AtomicI64>,
    }

    fn start() -> Process {
        let now = Arc::new(AtomicI64::new(1_000));
        let clock = Arc::clone(&now);
        let health = Health::new(Duration::from_secs(10));
        let state = State {
            pipeline: "bars".to_owned(),
            health: health.clone(),
            metrics: Arc::new(Metrics::new("bars", Limits::default()).unwrap()),
            clock: Arc::new(move || clock.load(Ordering::Relaxed)),
        };
        let server = serve("127.0.0.1:0".parse().unwrap(), state).unwrap();
        Process { server, health, now }
    }

    fn get(process: &Process, path: &str) -> Probe {
        let url = format!("http://{}{path}", process.server.address());
        probe(&url, Duration::from_secs(20)).unwrap()
    }

    fn all_good(health: &Health) -> Vec<Signal> {
        let signals: Vec<Signal> =
            Condition::ALL.into_iter().map(|condition| health.signal(condition, "test")).collect();
        signals.iter().for_each(Signal::good);
        signals
    }

    #[test]
    fn readiness_follows_the_broker_both_ways() {
        let process = start();
        assert_eq!(get(&process, "/readyz").status, 503);
        let signals = all_good(&process.health);
        assert_eq!(get(&process, "/readyz"), Probe { status: 200, body: "ok\n".to_owned() });

        signals[1].bad("127.0.0.1:9092: connection refused");
        let away = get(&process, "/readyz");
        assert_eq!(away.status, 503);
        assert_eq!(
            away.body,
            "[-] broker_connected: test: 127.0.0.1:9092: connection refused\nfailed\n"
        );
        assert_eq!(get(&process, "/livez").status, 200, "life does not ask about the broker");

        signals[1].good();
        let back = get(&process, "/readyz?verbose");
        assert_eq!(back.status, 200);
        assert!(back.body.contains("[+] broker_connected\n"), "{}", back.body);

        process.health.set_draining();
        assert_eq!(get(&process, "/readyz").status, 503);
    }

    #[test]
    fn life_ends_when_a_worker_stands_still() {
        let process = start();
        let worker = process.health.worker(1_000);
        process.now.store(11_001, Ordering::Relaxed);
        let dead = get(&process, "/livez");
        assert_eq!(dead.status, 503);
        assert!(dead.body.contains("worker 0: no step for 10001 ms"), "{}", dead.body);
        worker.store(11_000, Ordering::Relaxed);
        assert_eq!(get(&process, "/livez").status, 200);
    }

    #[test]
    fn the_start_is_over_when_the_workers_run() {
        let process = start();
        assert_eq!(get(&process, "/startupz").status, 503);
        process.health.set_started();
        assert_eq!(get(&process, "/startupz").status, 200);
    }

    #[test]
    fn metrics_tell_readiness_and_count_requests_by_page() {
        let process = start();
        get(&process, "/readyz");
        get(&process, "/made/up");
        get(&process, "/metrics");
        let text = get(&process, "/metrics").body;
        for line in [
            "weir_ready{pipeline=\"bars\"} 0",
            "weir_condition{condition=\"broker_connected\",pipeline=\"bars\"} 0",
            "weir_http_requests_total{code=\"503\",route=\"/readyz\",pipeline=\"bars\"} 1",
            "weir_http_requests_total{code=\"404\",route=\"other\",pipeline=\"bars\"} 1",
            "weir_http_requests_total{code=\"200\",route=\"/metrics\",pipeline=\"bars\"} 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
        let _signals = all_good(&process.health);
        assert!(get(&process, "/metrics").body.contains("weir_ready{pipeline=\"bars\"} 1\n"));
    }

    #[test]
    fn the_index_lists_every_page_and_each_answers() {
        let process = start();
        let index: serde_json::Value = serde_json::from_str(&get(&process, "/").body).unwrap();
        assert_eq!(index["pipeline"], "bars");
        let pages = index["pages"].as_object().unwrap();
        assert_eq!(pages.len(), ROUTES.len(), "no path twice");
        for path in pages.keys() {
            assert_ne!(get(&process, path).status, 404, "{path}");
        }
    }

    #[test]
    fn a_taken_port_is_an_error_that_names_it() {
        let process = start();
        let address = process.server.address();
        let state = State {
            pipeline: String::new(),
            health: Health::new(Duration::ZERO),
            metrics: Arc::new(Metrics::new("", Limits::default()).unwrap()),
            clock: Arc::new(|| 0),
        };
        let error = serve(address, state).unwrap_err();
        assert!(matches!(error, ApiError::Bind { .. }), "{error}");
        assert!(error.to_string().contains(&address.to_string()), "{error}");
    }

    #[test]
    fn a_stopped_server_frees_its_port() {
        let process = start();
        let address = process.server.address();
        process.server.stop();
        assert!(std::net::TcpListener::bind(address).is_ok());
    }

    #[test]
    fn addresses_as_users_write_them() {
        for (text, expected) in [
            ("8000", Some("0.0.0.0:8000")),
            (":0", Some("0.0.0.0:0")),
            ("127.0.0.1:9", Some("127.0.0.1:9")),
            ("[::1]:9", Some("[::1]:9")),
            ("70000", None),
            ("localhost:8000", None),
            ("", None),
        ] {
            let expected: Option<SocketAddr> = expected.map(|text| text.parse().unwrap());
            assert_eq!(parse_listen(text).ok(), expected, "{text}");
        }
    }
}
