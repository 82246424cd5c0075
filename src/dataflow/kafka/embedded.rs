//! A broker inside the process, for the demo: librdkafka's mock cluster. It keeps records in
//! memory, knows transactions, and other clients on this machine can connect to it.

use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

/// See the module. Ends when it is dropped.
pub struct Embedded(MockCluster<'static, DefaultProducerContext>);

/// The embedded broker could not be started.
#[derive(Debug, thiserror::Error)]
#[error("cannot start the embedded broker: {0}")]
pub struct EmbeddedError(String);

impl Embedded {
    /// A broker on a free loopback port with these topics, each with one partition.
    pub fn start<'a>(topics: impl IntoIterator<Item = &'a str>) -> Result<Embedded, EmbeddedError> {
        let failed = |error: rdkafka::error::KafkaError| EmbeddedError(error.to_string());
        let cluster = MockCluster::new(1).map_err(failed)?;
        for topic in topics {
            cluster.create_topic(topic, 1, 1).map_err(failed)?;
        }
        Ok(Embedded(cluster))
    }

    /// Where clients connect: `host:port`.
    pub fn address(&self) -> String {
        self.0.bootstrap_servers()
    }
}

impl std::fmt::Debug for Embedded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Embedded").field(&self.address()).finish()
    }
}
