//! What a Kafka error means for us: whether to wait, to start over, or to ask a human.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::types::RDKafkaConfRes;

/// Classes of errors, by what one can do about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Brokers are away or busy; it passes by itself.
    Transient,
    /// The topic or partition is not there.
    UnknownTopic,
    /// Credentials or rights are missing.
    Authorisation,
    /// The record is larger than the topic takes.
    TooLarge,
    /// Another producer took over our transactional id, or our transaction timed out.
    Fenced,
    /// The offset is outside of what the topic holds.
    OutOfRange,
    /// Records cannot be read: damaged, or compressed in a way this build cannot read.
    Unreadable,
    /// Anything else.
    Other,
}

/// The class of an error code.
pub fn classify(code: RDKafkaErrorCode) -> Fault {
    use RDKafkaErrorCode as C;
    match code {
        C::BrokerTransportFailure
        | C::AllBrokersDown
        | C::Resolve
        | C::MessageTimedOut
        | C::OperationTimedOut
        | C::TimedOutQueue
        | C::WaitingForCoordinator
        | C::WaitCache
        | C::Retry
        | C::QueueFull
        | C::LeaderNotAvailable
        | C::NotLeaderForPartition
        | C::RequestTimedOut
        | C::BrokerNotAvailable
        | C::ReplicaNotAvailable
        | C::NetworkException
        | C::CoordinatorLoadInProgress
        | C::CoordinatorNotAvailable
        | C::NotCoordinator
        | C::NotEnoughReplicas
        | C::NotEnoughReplicasAfterAppend
        | C::NotController
        | C::ConcurrentTransactions
        | C::OffsetNotAvailable
        | C::FencedLeaderEpoch
        | C::UnknownLeaderEpoch
        | C::KafkaStorageError
        | C::ThrottlingQuotaExceeded
        | C::UnstableOffsetCommit
        | C::DestroyBroker => Fault::Transient,
        C::UnknownTopic | C::UnknownTopicOrPartition | C::UnknownPartition => Fault::UnknownTopic,
        C::TopicAuthorizationFailed
        | C::GroupAuthorizationFailed
        | C::ClusterAuthorizationFailed
        | C::TransactionalIdAuthorizationFailed
        | C::Authentication
        | C::SaslAuthenticationFailed
        | C::SSL => Fault::Authorisation,
        C::MessageSizeTooLarge | C::InvalidMessageSize => Fault::TooLarge,
        C::Fenced | C::ProducerFenced | C::InvalidProducerEpoch => Fault::Fenced,
        C::OffsetOutOfRange | C::AutoOffsetReset => Fault::OutOfRange,
        C::BadMessage | C::BadCompression | C::InvalidMessage | C::NotImplemented => {
            Fault::Unreadable
        }
        _ => Fault::Other,
    }
}

/// The code inside an error, also where rdkafka does not look.
pub fn code_of(error: &KafkaError) -> Option<RDKafkaErrorCode> {
    match error {
        KafkaError::AdminOp(code) | KafkaError::MessageConsumptionFatal(code) => Some(*code),
        other => other.rdkafka_error_code(),
    }
}

/// Why a client could not be created, without the values of settings: they may be secret.
pub fn refused_setting(error: &KafkaError) -> String {
    match error {
        KafkaError::ClientConfig(RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN, _, key, _) => {
            format!("kafka setting `{key}`: librdkafka has no such setting in this build")
        }
        KafkaError::ClientConfig(_, _, key, _) => {
            format!(
                "kafka setting `{key}`: its value is not valid, see librdkafka's CONFIGURATION.md"
            )
        }
        KafkaError::ClientCreation(text) => format!("kafka settings do not fit together: {text}"),
        other => format!("cannot create a Kafka client: {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_told_apart() {
        use RDKafkaErrorCode as C;
        for (code, fault) in [
            (C::AllBrokersDown, Fault::Transient),
            (C::UnknownTopic, Fault::UnknownTopic),
            (C::TopicAuthorizationFailed, Fault::Authorisation),
            (C::MessageSizeTooLarge, Fault::TooLarge),
            (C::InvalidProducerEpoch, Fault::Fenced),
            (C::AutoOffsetReset, Fault::OutOfRange),
            (C::BadCompression, Fault::Unreadable),
            (C::InvalidArgument, Fault::Other),
        ] {
            assert_eq!(classify(code), fault, "{code:?}");
        }
        assert_eq!(code_of(&KafkaError::MessageConsumptionFatal(C::Fenced)), Some(C::Fenced));
    }
}
