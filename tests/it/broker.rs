//! Brokers for tests: the shared one that `./test` starts, and own ones for tests that stop theirs.
#![allow(clippy::print_stderr, reason = "says which tests are left out, and why")]

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::io::{Read as _, Write as _};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Headers, Message};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use weir::dataflow::kafka::admin::Admin;
use weir::dataflow::sinks::encode;
use weir::formula::Graph;
use weir::model::{OutputKind, Span};
use weir::plan::{
    DeliveryPlan, HeaderPrefix, KafkaPlan, OutputPlan, Plan, SourcePlan, Start, UnknownFields,
};

/// A broker, as one test sees it.
pub(crate) struct Broker {
    pub(crate) address: String,
    pub(crate) admin: Admin,
    test: &'static str,
    own: Option<String>,
    unique: String,
}

/// Settings of a broker that looks at rights.
pub(crate) const ACCESS_CONTROL: [&str; 2] = [
    "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "allow.everyone.if.no.acl.found=true",
];

/// A record read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Read {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
}

impl Read {
    pub(crate) fn key_text(&self) -> String {
        String::from_utf8_lossy(self.key.as_deref().unwrap_or_default()).into_owned()
    }
}

/// The shared broker; none outside of `./test`, which finds out that a test was left out.
pub(crate) fn shared(test: &'static str) -> Option<Broker> {
    let Ok(address) = std::env::var("WEIR_TEST_BROKERS") else {
        eprintln!("{test}: skipped, needs a broker: run ./test");
        return None;
    };
    Some(Broker::at(address, test, None))
}

/// A broker of the test's own, which it may stop; none outside of `./test`.
pub(crate) fn own(test: &'static str, settings: &[&str]) -> Option<Broker> {
    if std::env::var("WEIR_TEST_BROKER_CTL").is_err() {
        eprintln!("{test}: skipped, needs a broker: run ./test");
        return None;
    }
    let name = format!("{test}-{}", std::process::id());
    let mut arguments = vec!["start", name.as_str()];
    arguments.extend_from_slice(settings);
    let address = ctl(&arguments);
    Some(Broker::at(address, test, Some(name)))
}

fn ctl(arguments: &[&str]) -> String {
    let script = std::env::var("WEIR_TEST_BROKER_CTL").expect("checked before");
    let output = Command::new(script).args(arguments).output().expect("the script runs");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {text}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

impl Broker {
    fn at(address: String, test: &'static str, own: Option<String>) -> Broker {
        let kafka = KafkaPlan { brokers: address.clone(), settings: Vec::new() };
        let admin = Admin::new(&kafka, Duration::from_secs(20)).expect("the settings are valid");
        let unique = format!("{:08x}", RandomState::new().hash_one(test) >> 32);
        Broker { address, admin, test, own, unique }
    }

    /// `stop`, `kill`, `pause`, `resume` or `start` of an own broker.
    pub(crate) fn ctl(&self, command: &str) {
        let name = self.own.as_deref().expect("only own brokers are stopped");
        ctl(&[command, name]);
    }

    pub(crate) fn kafka(&self) -> KafkaPlan {
        KafkaPlan { brokers: self.address.clone(), settings: Vec::new() }
    }

    /// A name that no other test and no other run uses.
    pub(crate) fn name(&self, what: &str) -> String {
        format!("{}-{what}-{}", self.test, self.unique)
    }

    /// A new topic.
    pub(crate) fn topic(&self, what: &str, partitions: i32, settings: &[(&str, &str)]) -> String {
        let topic = self.name(what);
        self.admin.create_topic(&topic, Some(partitions), settings).expect("it can be created");
        eventually("the topic is there", || {
            let found = self.admin.watermarks(&topic).ok().flatten();
            found.filter(|found| found.len() == partitions as usize)
        });
        topic
    }

    /// A plan that reads `source` and writes factors and dead letters to topics of this test.
    pub(crate) fn plan(&self, source: &str, create_topics: bool) -> Plan {
        plan_for(&self.address, source, create_topics, &|what| self.name(what))
    }

    fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.address);
        config
    }

    /// A producer; a transactional one when it gets an id.
    pub(crate) fn producer(&self, transactional_id: Option<&str>) -> BaseProducer {
        let mut config = self.client();
        if let Some(id) = transactional_id {
            config.set("transactional.id", id);
        }
        let producer: BaseProducer = config.create().expect("the settings are valid");
        if transactional_id.is_some() {
            producer.init_transactions(Duration::from_secs(20)).expect("the broker answers");
        }
        producer
    }

    /// Writes records with keys `from..to` and values of the same text to one partition.
    pub(crate) fn produce(&self, topic: &str, partition: i32, numbers: std::ops::Range<usize>) {
        let producer = self.producer(None);
        write(&producer, topic, partition, numbers);
    }

    /// The offset that a group has committed.
    pub(crate) fn group_offset(&self, group: &str, topic: &str, partition: i32) -> Option<i64> {
        let mut config = self.client();
        config.set("group.id", group);
        let consumer: BaseConsumer = config.create().expect("the settings are valid");
        let mut list = TopicPartitionList::new();
        list.add_partition(topic, partition);
        let list = consumer.committed_offsets(list, Duration::from_secs(20)).ok()?;
        list.elements().first().and_then(|element| element.offset().to_raw())
    }

    /// Lets nobody write to a topic any more. For own brokers with [`ACCESS_CONTROL`].
    pub(crate) fn deny_write(&self, topic: &str) {
        // CreateAcls version 1, written by hand because librdkafka's wrapper cannot.
        const DENY: i8 = 2;
        const ALLOW: i8 = 3;
        let rules = [(4, DENY), (3, ALLOW), (8, ALLOW), (10, ALLOW)];
        let mut body = Vec::new();
        let text = |body: &mut Vec<u8>, text: &str| {
            body.extend_from_slice(&(text.len() as i16).to_be_bytes());
            body.extend_from_slice(text.as_bytes());
        };
        body.extend_from_slice(&[0, 30, 0, 1, 0, 0, 0, 1]);
        text(&mut body, "weir-test");
        body.extend_from_slice(&(rules.len() as i32).to_be_bytes());
        for (operation, permission) in rules {
            body.push(2);
            text(&mut body, topic);
            body.push(3);
            text(&mut body, "User:ANONYMOUS");
            text(&mut body, "*");
            body.extend_from_slice(&[operation, permission as u8]);
        }
        let mut stream = std::net::TcpStream::connect(&self.address).expect("the broker answers");
        stream.write_all(&(body.len() as i32).to_be_bytes()).expect("the broker listens");
        stream.write_all(&body).expect("the broker listens");
        let mut size = [0; 4];
        stream.read_exact(&mut size).expect("the broker answers");
        let mut answer = vec![0; i32::from_be_bytes(size) as usize];
        stream.read_exact(&mut answer).expect("the broker answers");
        // Correlation, throttle time, count, then a code and a text each.
        assert_eq!(answer[8..14], [0, 0, 0, 4, 0, 0], "{answer:?}");
    }

    /// Adds partitions to a topic.
    pub(crate) fn grow(&self, topic: &str, partitions: usize) {
        let admin: AdminClient<DefaultClientContext> =
            self.client().create().expect("the settings are valid");
        let new = NewPartitions::new(topic, partitions);
        let options = AdminOptions::new();
        let request = admin.create_partitions([&new], &options);
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("it can run");
        for result in runtime.block_on(request).expect("the broker answers") {
            result.map_err(|(_, code)| code).expect("it can grow");
        }
    }

    /// Deletes a topic.
    pub(crate) fn delete(&self, topic: &str) {
        let admin: AdminClient<DefaultClientContext> =
            self.client().create().expect("the settings are valid");
        let request = admin.delete_topics(&[topic], &AdminOptions::new());
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("it can run");
        for result in runtime.block_on(request).expect("the broker answers") {
            result.map_err(|(_, code)| code).expect("it can be deleted");
        }
    }

    /// All records that a reader of committed records finds up to the end of the topic.
    pub(crate) fn read(&self, topic: &str) -> Vec<Read> {
        self.read_as(topic, "read_committed")
    }

    pub(crate) fn read_as(&self, topic: &str, isolation: &str) -> Vec<Read> {
        let mut config = self.client();
        config.set("group.id", "weir-test").set("enable.partition.eof", "true");
        config.set("isolation.level", isolation).set("enable.auto.commit", "false");
        config.set("fetch.wait.max.ms", "20").set("auto.offset.reset", "earliest");
        let consumer: BaseConsumer = config.create().expect("the settings are valid");
        let partitions =
            self.admin.partitions(topic).expect("the broker answers").unwrap_or_default();
        let mut assignment = TopicPartitionList::new();
        for partition in &partitions {
            assignment
                .add_partition_offset(topic, *partition, Offset::Beginning)
                .expect("a valid offset");
        }
        // Without knowing the leaders, the client waits half a second before it asks again.
        consumer.fetch_metadata(Some(topic), Duration::from_secs(20)).expect("the broker answers");
        consumer.assign(&assignment).expect("it can be assigned");
        let mut open: std::collections::BTreeSet<i32> = partitions.into_iter().collect();
        let mut records = BTreeMap::new();
        let since = Instant::now();
        while !open.is_empty() {
            assert!(since.elapsed() < Duration::from_secs(60), "{topic} cannot be read");
            match consumer.poll(Duration::from_millis(100)) {
                Some(Ok(message)) => {
                    let record = own_copy(&message);
                    records.insert((record.partition, record.offset), record);
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    open.remove(&partition);
                }
                Some(Err(_)) | None => {}
            }
        }
        records.into_values().collect()
    }
}

fn own_copy(message: &impl Message) -> Read {
    let header = |h: rdkafka::message::Header<'_, &[u8]>| {
        (h.key.to_owned(), h.value.unwrap_or_default().to_vec())
    };
    Read {
        partition: message.partition(),
        offset: message.offset(),
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec),
        headers: message.headers().map(|h| h.iter().map(header).collect()).unwrap_or_default(),
    }
}

/// Writes records with keys and values `numbers` and waits until they are acknowledged.
pub(crate) fn write(
    producer: &BaseProducer,
    topic: &str,
    partition: i32,
    numbers: std::ops::Range<usize>,
) {
    for number in numbers {
        let text = number.to_string();
        let record = BaseRecord::to(topic).partition(partition).key(&text).payload(&text);
        producer.send(record).map_err(|(error, _)| error).expect("there is room");
        producer.poll(Duration::ZERO);
    }
    producer.flush(Duration::from_secs(30)).expect("the broker answers");
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Some(name) = &self.own {
            ctl(&["remove", name]);
        }
        if std::thread::panicking() {
            return;
        }
        // ./test compares this list with the tests that must have talked to a broker.
        if let Ok(path) = std::env::var("WEIR_TEST_BROKER_LOG") {
            let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
            let mut file = file.expect("the list can be written");
            file.write_all(format!("{}\n", self.test).as_bytes()).expect("it can be written");
        }
    }
}

/// Waits for something that comes about by itself, for a minute at most.
pub(crate) fn eventually<T>(what: &str, mut check: impl FnMut() -> Option<T>) -> T {
    let since = Instant::now();
    loop {
        if let Some(found) = check() {
            return found;
        }
        assert!(since.elapsed() < Duration::from_secs(60), "does not come about: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A waker that counts its calls.
pub(crate) fn counting_waker()
-> (weir::dataflow::sources::Waker, Arc<std::sync::atomic::AtomicUsize>) {
    let calls = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let waker = Arc::new(move || {
        count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    });
    (waker, calls)
}

/// A plan that reads `source` and writes factors and dead letters; `name` makes names for topics.
pub(crate) fn plan_for(
    brokers: &str,
    source: &str,
    create_topics: bool,
    name: &dyn Fn(&str) -> String,
) -> Plan {
    let row = encode::layouts().first().map(|layout| **layout);
    let output = |kind: OutputKind| {
        let layout = row.filter(|_| kind == OutputKind::Factors);
        OutputPlan { kind, topic: name(kind.name()), layout }
    };
    Plan {
        name: name("pipeline"),
        version: "v1".to_owned(),
        kafka: KafkaPlan { brokers: brokers.to_owned(), settings: Vec::new() },
        source: SourcePlan {
            name: "bars".to_owned(),
            topic: source.to_owned(),
            format: "json",
            symbol_field: "symbol".to_owned(),
            time_field: "time".to_owned(),
            revision_field: None,
            fields: Vec::new(),
            unknown_fields: UnknownFields::Ignore,
            lateness: Span::default(),
            corrections: 1,
            idle_timeout: Span::default(),
            max_record_bytes: 1 << 20,
            start: Start::Earliest,
        },
        checks: Vec::new(),
        factors: Graph::default(),
        alerts: Vec::new(),
        outputs: vec![output(OutputKind::Factors), output(OutputKind::DeadLetters)],
        delivery: DeliveryPlan {
            commit_interval: Span::from_millis(20),
            progress_topic: name("progress"),
            transactional_id: name("id"),
            create_topics,
            header_prefix: HeaderPrefix::Weir,
        },
    }
}
