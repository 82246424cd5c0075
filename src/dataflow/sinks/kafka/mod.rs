//! Writes to Kafka: outputs and the progress record in one transaction.

mod scan;
mod topics;
mod transaction;

use std::time::Duration;

use rdkafka::producer::{BaseProducer, Producer};

use super::{CommitStats, DeliveryError, Faults, NoFaults, Progress, Step, Transport};
use crate::dataflow::kafka::{Context, Fault, classify, close_aside, code_of, config, create};
use crate::model::{OutputKind, Record};
use crate::plan::{KafkaPlan, Plan};

/// How long requests at the start may take each.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long to wait for a producer that is given up.
const CLOSE_PATIENCE: Duration = Duration::from_secs(2);

/// The largest record that is written. Far above what topics take unless they are told, so that
/// they judge; below the 100 MiB that brokers take as one request.
const MAX_RECORD_BYTES: &str = "67108864";

/// Settings of the producer that a pipeline may change.
pub const DEFAULTS: [(&str, &str); 8] = [
    // How long the coordinator lets a transaction of ours stay open; readers of committed records
    // wait behind it.
    ("transaction.timeout.ms", "30000"),
    // Fills batches while a commit is being written; a commit does not wait for it.
    ("linger.ms", "5"),
    ("queue.buffering.max.messages", "500000"),
    ("queue.buffering.max.kbytes", "524288"),
    ("message.max.bytes", MAX_RECORD_BYTES),
    // The same partition for a key as Java clients choose.
    ("partitioner", "murmur2_random"),
    ("topic.metadata.propagation.max.ms", "10000"),
    // Records without a key spread evenly over partitions by batch.
    ("sticky.partitioning.linger.ms", "10"),
];

/// One transactional producer. Blocks: for the delivery thread.
pub struct KafkaTransport {
    kafka: KafkaPlan,
    targets: Targets,
    transactional_id: String,
    create_topics: bool,
    producer: Option<BaseProducer<Context>>,
    trust_topics: bool,
    context: Context,
    timeout: Duration,
    faults: Box<dyn Faults>,
}

/// Topics that are written.
#[derive(Clone, Debug)]
struct Targets {
    outputs: Vec<(OutputKind, String)>,
    /// Whether a record of factors holds all symbols of a time.
    whole_times: bool,
    progress: String,
    /// The input, whose records some outputs pass on.
    input: String,
}

impl Targets {
    fn topic(&self, kind: OutputKind) -> Option<&str> {
        self.outputs.iter().find(|(output, _)| *output == kind).map(|(_, topic)| topic.as_str())
    }

    /// All topics, for messages.
    fn list(&self) -> String {
        let outputs = self.outputs.iter().map(|(_, topic)| topic.as_str());
        let topics: Vec<&str> = outputs.chain([self.progress.as_str()]).collect();
        format!("the topics {}", topics.join(", "))
    }
}

impl KafkaTransport {
    /// The transport of a plan. Connects with the first `resume`.
    pub fn new(plan: &Plan) -> KafkaTransport {
        KafkaTransport::with_faults(plan, Box::new(NoFaults))
    }

    /// The same for tests: fails where `faults` say.
    pub fn with_faults(plan: &Plan, faults: Box<dyn Faults>) -> KafkaTransport {
        let outputs = plan.outputs.iter().map(|o| (o.kind, o.topic.clone())).collect();
        let layout = plan.output(OutputKind::Factors).and_then(|output| output.layout);
        let targets = Targets {
            outputs,
            whole_times: layout.is_some_and(|layout| layout.whole_times),
            progress: plan.delivery.progress_topic.clone(),
            input: plan.source.topic.clone(),
        };
        KafkaTransport {
            kafka: plan.kafka.clone(),
            targets,
            transactional_id: plan.delivery.transactional_id.clone(),
            create_topics: plan.delivery.create_topics,
            producer: None,
            trust_topics: false,
            context: Context::default(),
            timeout: Duration::ZERO,
            faults,
        }
    }

    /// Does not ask for settings of topics: for embedded brokers, which know no such requests.
    #[must_use]
    pub fn trust_topics(mut self) -> KafkaTransport {
        self.trust_topics = true;
        self
    }

    /// Gives up the producer: after an unknown outcome no call of it can be trusted, a late
    /// end of the old transaction could hit the next one.
    fn give_up(&mut self) {
        if let Some(producer) = self.producer.take() {
            close_aside(producer, CLOSE_PATIENCE);
        }
    }

    /// A new producer, which fences every older one of the same transactional id.
    fn connect(&mut self) -> Result<(), DeliveryError> {
        let fixed = [
            ("transactional.id", self.transactional_id.as_str()),
            ("enable.idempotence", "true"),
            ("acks", "all"),
            // Successes are counted, not reported: reports cost as much as the records.
            ("delivery.report.only.error", "true"),
        ];
        let context = Context::new(&self.transactional_id);
        let settings = config(&self.kafka, &self.transactional_id, &DEFAULTS, &fixed);
        let producer: BaseProducer<Context> =
            create(&settings, context.clone()).map_err(DeliveryError::Fatal)?;
        producer.init_transactions(PATIENCE).map_err(|error| {
            let fault = code_of(&error).map_or(Fault::Other, classify);
            let what = format!(
                "cannot begin delivery as transactional id {} at {}: {error}",
                self.transactional_id, self.kafka.brokers
            );
            match fault {
                Fault::Authorisation => DeliveryError::Fatal(format!(
                    "{what}: allow WRITE and DESCRIBE on this transactional id"
                )),
                _ => DeliveryError::Restart(what),
            }
        })?;
        let timeout = settings.get("transaction.timeout.ms").and_then(|text| text.parse().ok());
        self.timeout = Duration::from_millis(timeout.unwrap_or(30_000));
        self.context = context;
        self.producer = Some(producer);
        Ok(())
    }
}

impl Transport for KafkaTransport {
    fn resume(&mut self) -> Result<Option<Progress>, DeliveryError> {
        self.give_up();
        self.faults.at(Step::Resume)?;
        let topics = topics::Topics::new(&self.kafka, &self.targets, PATIENCE)?;
        topics.ensure_all(self.create_topics, !self.trust_topics)?;
        if !self.trust_topics {
            topics.check_progress()?;
        }
        drop(topics);
        // Fencing comes before reading: afterwards no older instance can add to what we read.
        self.connect()?;
        self.faults.at(Step::Fenced)?;
        scan::newest(&self.kafka, &self.targets.progress, &self.transactional_id, PATIENCE)
    }

    fn commit(
        &mut self,
        batches: &[Vec<Record>],
        progress: &Progress,
    ) -> Result<CommitStats, DeliveryError> {
        let Some(producer) = &self.producer else {
            return Err(DeliveryError::Restart("delivery was not begun".to_owned()));
        };
        let result = transaction::write(
            &transaction::Destination {
                producer,
                context: &self.context,
                targets: &self.targets,
                key: self.transactional_id.as_bytes(),
                timeout: self.timeout,
            },
            batches,
            progress,
            &mut *self.faults,
        );
        if matches!(result, Err(DeliveryError::Restart(_) | DeliveryError::Fatal(_))) {
            self.give_up();
        }
        result
    }
}

impl Drop for KafkaTransport {
    fn drop(&mut self) {
        self.give_up();
    }
}

impl std::fmt::Debug for KafkaTransport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KafkaTransport")
            .field("transactional_id", &self.transactional_id)
            .finish_non_exhaustive()
    }
}
