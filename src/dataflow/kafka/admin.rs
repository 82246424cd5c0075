//! Requests to brokers about topics. All of them wait: for helper threads, never for workers.

use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::{Context, Fault, classify, code_of, config, create};
use crate::plan::KafkaPlan;

/// A request about topics that failed.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct AdminError {
    /// What one can do about it.
    pub fault: Fault,
    /// What was asked and what came back.
    pub message: String,
}

/// Connection for requests about topics.
pub struct Admin {
    // A consumer, because only that kind of client asks about a topic without creating it.
    client: BaseConsumer<Context>,
    admin: AdminClient<Context>,
    brokers: String,
    patience: Duration,
}

/// A partition and the offsets it holds: from `low` to before `high`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watermarks {
    /// Partition.
    pub partition: i32,
    /// Offset of the oldest record.
    pub low: i64,
    /// Offset that the next record will have.
    pub high: i64,
}

impl Admin {
    /// Sets up a connection; brokers are first asked by the requests, each of which waits at most
    /// for `patience`.
    pub fn new(plan: &KafkaPlan, patience: Duration) -> Result<Admin, AdminError> {
        let settings = config(plan, "weir-admin", &[], &[("isolation.level", "read_uncommitted")]);
        let refused = |message| AdminError { fault: Fault::Other, message };
        Ok(Admin {
            client: create(&settings, Context::new("weir-admin")).map_err(refused)?,
            admin: create(&settings, Context::new("weir-admin")).map_err(refused)?,
            brokers: plan.brokers.clone(),
            patience,
        })
    }

    fn failed(&self, what: &str, error: &KafkaError) -> AdminError {
        let fault = code_of(error).map_or(Fault::Other, classify);
        let message = match fault {
            Fault::Transient => {
                format!("{what}: no answer from the brokers at {}: {error}", self.brokers)
            }
            Fault::Authorisation => {
                format!("{what}: not allowed by the brokers at {}: {error}", self.brokers)
            }
            _ => format!("{what}: {error}"),
        };
        AdminError { fault, message }
    }

    /// The partitions of `topic` in ascending order; none if there is no such topic. Never
    /// creates it.
    pub fn partitions(&self, topic: &str) -> Result<Option<Vec<i32>>, AdminError> {
        let what = format!("asking for topic {topic}");
        let metadata = self
            .client
            .fetch_metadata(Some(topic), self.patience)
            .map_err(|error| self.failed(&what, &error))?;
        let Some(found) = metadata.topics().iter().find(|found| found.name() == topic) else {
            return Ok(None);
        };
        let mut partitions: Vec<i32> = found.partitions().iter().map(|p| p.id()).collect();
        partitions.sort_unstable();
        match found.error().map(RDKafkaErrorCode::from) {
            None if partitions.is_empty() => Ok(None),
            None => Ok(Some(partitions)),
            Some(code) if classify(code) == Fault::UnknownTopic => Ok(None),
            Some(code) => Err(self.failed(&what, &KafkaError::MetadataFetch(code))),
        }
    }

    /// What each partition of `topic` holds, uncommitted records included; none if there is no
    /// such topic.
    pub fn watermarks(&self, topic: &str) -> Result<Option<Vec<Watermarks>>, AdminError> {
        let Some(partitions) = self.partitions(topic)? else { return Ok(None) };
        let of = |partition| {
            let what = format!("asking for the offsets of {topic}/{partition}");
            let (low, high) = self
                .client
                .fetch_watermarks(topic, partition, self.patience)
                .map_err(|error| self.failed(&what, &error))?;
            Ok(Watermarks { partition, low, high })
        };
        partitions.into_iter().map(of).collect::<Result<Vec<_>, _>>().map(Some)
    }

    /// Creates `topic` unless it is there. `partitions` none leaves the number to the broker.
    pub fn create_topic(
        &self,
        topic: &str,
        partitions: Option<i32>,
        settings: &[(&str, &str)],
    ) -> Result<(), AdminError> {
        let what = format!("creating topic {topic}");
        let mut new = NewTopic::new(topic, partitions.unwrap_or(-1), TopicReplication::Fixed(-1));
        for (key, value) in settings {
            new = new.set(key, value);
        }
        let options = AdminOptions::new()
            .request_timeout(Some(self.patience))
            .operation_timeout(Some(self.patience));
        let results = wait(self.admin.create_topics([&new], &options))
            .map_err(|error| self.failed(&what, &error))?;
        for result in results {
            match result {
                Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((_, code)) => return Err(self.failed(&what, &KafkaError::AdminOp(code))),
            }
        }
        Ok(())
    }

    /// A setting of a topic; none if the broker does not tell.
    pub fn topic_setting(&self, topic: &str, key: &str) -> Result<Option<String>, AdminError> {
        let what = format!("asking for the settings of topic {topic}");
        let options = AdminOptions::new().request_timeout(Some(self.patience));
        let resource = ResourceSpecifier::Topic(topic);
        let results = wait(self.admin.describe_configs([&resource], &options))
            .map_err(|error| self.failed(&what, &error))?;
        match results.into_iter().next() {
            None => Ok(None),
            Some(Ok(found)) => Ok(found.get(key).and_then(|entry| entry.value.clone())),
            Some(Err(code)) => Err(self.failed(&what, &KafkaError::AdminOp(code))),
        }
    }
}

impl std::fmt::Debug for Admin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admin").field("brokers", &self.brokers).finish_non_exhaustive()
    }
}

/// Waits for an admin request. Its answer comes from a thread of the admin client, so that no
/// runtime is needed.
fn wait<F: Future>(future: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = std::sync::Arc::new(Unpark(std::thread::current())).into();
    let mut context = std::task::Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            std::task::Poll::Ready(output) => return output,
            std::task::Poll::Pending => std::thread::park(),
        }
    }
}
