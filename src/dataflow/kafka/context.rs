//! Callbacks of our clients: librdkafka's log goes to tracing, the first record that was not
//! delivered is remembered.

use std::sync::{Arc, Mutex, PoisonError};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::ProducerContext;
use rdkafka::topic_partition_list::TopicPartitionList;

/// Context of all clients. Clones share what they hold.
#[derive(Clone, Debug, Default)]
pub struct Context {
    client_id: Arc<str>,
    undelivered: Arc<Mutex<Option<Undelivered>>>,
    unreachable: Arc<Mutex<Option<String>>>,
}

/// A record that was not delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Undelivered {
    /// The number that was given with it.
    pub record: usize,
    /// Why.
    pub code: RDKafkaErrorCode,
}

impl Undelivered {
    /// Whether the record was given up because something else failed.
    pub fn is_consequence(self) -> bool {
        matches!(self.code, RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight)
    }
}

impl Context {
    /// The context of the client of that name.
    pub fn new(client_id: &str) -> Context {
        Context { client_id: Arc::from(client_id), ..Context::default() }
    }

    /// Takes the first record that was not delivered since the last call.
    pub fn take_undelivered(&self) -> Option<Undelivered> {
        self.undelivered.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Forgets records that were not delivered: they belong to what was given up.
    pub fn forget_undelivered(&self) {
        *self.undelivered.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Takes why no broker could be reached, if that was reported since the last call.
    pub fn take_unreachable(&self) -> Option<String> {
        self.unreachable.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        let client = &*self.client_id;
        match level {
            RDKafkaLogLevel::Emerg
            | RDKafkaLogLevel::Alert
            | RDKafkaLogLevel::Critical
            | RDKafkaLogLevel::Error => {
                tracing::error!(target: "librdkafka", client, facility, "{message}");
            }
            RDKafkaLogLevel::Warning => {
                tracing::warn!(target: "librdkafka", client, facility, "{message}");
            }
            RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => {
                tracing::info!(target: "librdkafka", client, facility, "{message}");
            }
            RDKafkaLogLevel::Debug => {
                tracing::debug!(target: "librdkafka", client, facility, "{message}");
            }
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let client = &*self.client_id;
        tracing::debug!(target: "librdkafka", client, %error, "{reason}");
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::AllBrokersDown) {
            let mut unreachable = self.unreachable.lock().unwrap_or_else(PoisonError::into_inner);
            *unreachable = Some(reason.to_owned());
        }
    }
}

impl ConsumerContext for Context {
    fn commit_callback(&self, result: KafkaResult<()>, _offsets: &TopicPartitionList) {
        if let Err(error) = result {
            // Only lag tools read these offsets.
            tracing::debug!(client = &*self.client_id, %error, "group offsets were not committed");
        }
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, record: usize) {
        if let Err((error, _)) = result {
            let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown);
            let new = Undelivered { record, code };
            let mut first = self.undelivered.lock().unwrap_or_else(PoisonError::into_inner);
            // Purged records follow from another's error, which may be reported after them.
            if first.is_none_or(|old| old.is_consequence() && !new.is_consequence()) {
                *first = Some(new);
            }
        }
    }
}
