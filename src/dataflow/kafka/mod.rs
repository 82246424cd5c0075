//! What everyone who talks to Kafka shares: client set-up, error classes, admin requests.

pub mod admin;
pub mod client;
mod context;
pub mod embedded;
mod error;
pub(in crate::dataflow) mod native;

use rdkafka::ClientConfig;
use rdkafka::config::FromClientConfigAndContext;

use crate::plan::KafkaPlan;

pub use context::{Context, Undelivered};
pub use error::{Fault, classify, code_of, refused_setting};
pub use native::flush;

/// Name of the group whose offsets lag tools may read; Weir itself never reads them.
pub fn group_of(pipeline: &str) -> String {
    format!("weir-{pipeline}")
}

/// Settings of a client: ours for all clients, then those of its kind, then what the pipeline's
/// `kafka` section says, which wins over both except where correctness hangs on ours (`fixed`).
pub fn config(
    plan: &KafkaPlan,
    client_id: &str,
    kind: &[(&str, &str)],
    fixed: &[(&str, &str)],
) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("client.id", client_id);
    // A broker that comes back is noticed within a second or two instead of ten.
    config.set("reconnect.backoff.max.ms", "1000");
    config.set("topic.metadata.refresh.interval.ms", "30000");
    for (key, value) in kind {
        config.set(*key, *value);
    }
    for (key, value) in &plan.settings {
        config.set(key, value);
    }
    config.set("bootstrap.servers", &plan.brokers);
    for (key, value) in fixed {
        config.set(*key, *value);
    }
    config
}

/// Creates a client; an error names the setting that was refused but never its value.
pub fn create<T: FromClientConfigAndContext<Context>>(
    config: &ClientConfig,
    context: Context,
) -> Result<T, String> {
    config.create_with_context(context).map_err(|error| refused_setting(&error))
}

/// Drops `client` on a thread of its own and waits for it no longer than `patience`: closing a
/// client talks to brokers, and nobody may hang because a broker is away.
pub fn close_aside<T: Send + 'static>(client: T, patience: std::time::Duration) {
    let (done, closed) = crossbeam_channel::bounded::<()>(1);
    let spawned = std::thread::Builder::new().name("kafka-close".to_owned()).spawn(move || {
        drop(client);
        drop(done);
    });
    match spawned {
        // The channel ends when the client is gone; a time-out leaves it to the thread.
        Ok(_) => {
            if closed.recv_timeout(patience) == Err(crossbeam_channel::RecvTimeoutError::Timeout) {
                tracing::debug!("a Kafka client is slow to close; leaving it behind");
            }
        }
        Err(error) => tracing::warn!(%error, "no thread to close a Kafka client on"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(settings: &[(&str, &str)]) -> KafkaPlan {
        KafkaPlan {
            brokers: "localhost:1".to_owned(),
            settings: settings.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        }
    }

    #[test]
    fn the_pipelines_settings_win_except_over_what_correctness_needs() {
        let plan = plan(&[("linger.ms", "9"), ("isolation.level", "read_uncommitted")]);
        let fixed = [("isolation.level", "read_committed")];
        let config = config(&plan, "weir-x", &[("linger.ms", "5")], &fixed);
        assert_eq!(config.get("linger.ms"), Some("9"));
        assert_eq!(config.get("isolation.level"), Some("read_committed"));
        assert_eq!(config.get("bootstrap.servers"), Some("localhost:1"));
    }

    #[test]
    fn a_refused_setting_is_named_without_its_value() {
        for (key, says) in [("no.such.setting", "no such"), ("linger.ms", "not valid")] {
            let config = config(&plan(&[(key, "secret-value")]), "weir-x", &[], &[]);
            let made: Result<rdkafka::producer::BaseProducer<Context>, String> =
                create(&config, Context::new("weir-x"));
            let error = made.err().expect("the setting is wrong");
            assert!(error.contains(key) && error.contains(says), "{error}");
            assert!(!error.contains("secret-value"), "{error}");
        }
    }

    #[test]
    fn closing_gives_up_waiting_but_not_closing() {
        struct Slow(crossbeam_channel::Receiver<()>, crossbeam_channel::Sender<()>);
        impl Drop for Slow {
            fn drop(&mut self) {
                assert!(self.0.recv().is_ok());
                assert!(self.1.send(()).is_ok());
            }
        }
        let (go, wait) = crossbeam_channel::bounded(1);
        let (report, closed) = crossbeam_channel::bounded(1);
        close_aside(Slow(wait, report), std::time::Duration::from_millis(1));
        assert!(closed.try_recv().is_err());
        go.send(()).expect("the thread waits");
        closed.recv().expect("it closes in the end");
    }
}
