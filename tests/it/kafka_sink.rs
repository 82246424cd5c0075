//! Delivery to a real broker: transactions, fencing, restart.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::producer::{BaseRecord, Producer};
use weir::dataflow::sinks::encode;
use weir::dataflow::sinks::kafka::KafkaTransport;
use weir::dataflow::sinks::{DeliveryError, Faults, Progress, Step, Transport};
use weir::model::{Digest, OutputKind, Record};
use weir::plan::Plan;

use crate::broker::{self, Broker, eventually, write};

fn record(output: OutputKind, key: &str, value: Option<&str>) -> Record {
    Record {
        output,
        key: Some(key.as_bytes().to_vec()),
        value: value.map(|value| value.as_bytes().to_vec()),
        headers: vec![("h".to_owned(), b"1".to_vec())],
        digest: Digest::default(),
    }
}

fn factor(key: &str) -> Record {
    record(OutputKind::Factors, key, Some(key))
}

fn progress(epoch: u64) -> Progress {
    Progress {
        format: Progress::FORMAT,
        epoch,
        offsets: BTreeMap::from([(0, epoch as i64)]),
        version: "v1".to_owned(),
        ..Progress::default()
    }
}

fn keys(broker: &Broker, plan: &Plan, kind: OutputKind) -> Vec<String> {
    let topic = &plan.output(kind).expect("the plan has it").topic;
    broker.read(topic).iter().map(broker::Read::key_text).collect()
}

fn resumed(plan: &Plan) -> (KafkaTransport, Option<Progress>) {
    let mut transport = KafkaTransport::new(plan);
    let progress = transport.resume().expect("it can begin");
    (transport, progress)
}

/// Fails once at a place.
struct Once(Step, Option<DeliveryError>);

impl Faults for Once {
    fn at(&mut self, step: Step) -> Result<(), DeliveryError> {
        match (step == self.0).then(|| self.1.take()).flatten() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}

#[test]
fn sink_commits_outputs_and_progress_together() {
    let Some(broker) = broker::shared("sink_commits_outputs_and_progress_together") else { return };
    let plan = broker.plan("in", true);
    let (mut transport, found) = resumed(&plan);
    assert_eq!(found, None);
    let letters = record(OutputKind::DeadLetters, "d", Some("x"));
    let batches =
        [vec![factor("a"), letters], vec![], vec![record(OutputKind::Factors, "b", None)]];
    let stats = transport.commit(&batches, &progress(1)).expect("it commits");
    assert_eq!((stats.records, stats.bytes), (3, 2 + 2 + 1));
    transport.commit(&[], &progress(2)).expect("an empty one commits");
    let topic = &plan.output(OutputKind::Factors).expect("the plan has it").topic;
    let records = broker.read(topic);
    assert_eq!(records.iter().map(broker::Read::key_text).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(records[0].value.as_deref(), Some(&b"a"[..]));
    assert_eq!(records[1].value, None);
    assert_eq!(records[0].headers, [("h".to_owned(), b"1".to_vec())]);
    assert_eq!(keys(&broker, &plan, OutputKind::DeadLetters), ["d"]);
    drop(transport);
    let (_, found) = resumed(&plan);
    assert_eq!(found, Some(progress(2)));
}

#[test]
fn sink_shows_nothing_before_the_commit() {
    let Some(broker) = broker::shared("sink_shows_nothing_before_the_commit") else { return };
    let broker = Arc::new(broker);
    let plan = broker.plan("in", true);
    struct Look {
        topics: [String; 2],
        broker: Arc<Broker>,
    }
    impl Faults for Look {
        fn at(&mut self, step: Step) -> Result<(), DeliveryError> {
            if step == Step::Acknowledged {
                for topic in &self.topics {
                    assert!(!self.broker.read_as(topic, "read_uncommitted").is_empty());
                    assert!(self.broker.read(topic).is_empty(), "{topic} shows too much");
                }
            }
            Ok(())
        }
    }
    let factors = plan.output(OutputKind::Factors).expect("the plan has it").topic.clone();
    let topics = [factors, plan.delivery.progress_topic.clone()];
    let look = Look { topics, broker: Arc::clone(&broker) };
    let mut transport = KafkaTransport::with_faults(&plan, Box::new(look));
    transport.resume().expect("it can begin");
    transport.commit(&[vec![factor("a")]], &progress(1)).expect("it commits");
    assert_eq!(broker.read(&plan.delivery.progress_topic).len(), 1);
}

#[test]
fn sink_fences_the_older_instance() {
    let Some(broker) = broker::shared("sink_fences_the_older_instance") else { return };
    let plan = broker.plan("in", true);
    let (mut old, _) = resumed(&plan);
    old.commit(&[vec![factor("a")]], &progress(1)).expect("it commits");
    let (mut new, found) = resumed(&plan);
    assert_eq!(found, Some(progress(1)));
    let error = old.commit(&[vec![factor("old")]], &progress(2)).expect_err("it is fenced");
    assert!(
        matches!(&error, DeliveryError::Fatal(text) if text.contains("another instance")),
        "{error:?}"
    );
    new.commit(&[vec![factor("b")]], &progress(2)).expect("the new one goes on");
    assert_eq!(keys(&broker, &plan, OutputKind::Factors), ["a", "b"]);
}

#[test]
fn sink_loses_and_doubles_nothing_wherever_it_stops() {
    let name = "sink_loses_and_doubles_nothing_wherever_it_stops";
    let Some(broker) = broker::shared(name) else { return };
    let plan = broker.plan("in", true);
    let mut expected: Vec<String> = Vec::new();
    let mut epoch = 0;
    for step in Step::ALL {
        for kind in [DeliveryError::Restart, DeliveryError::Retry] {
            let fault = Once(step, Some(kind(format!("test at {}", step.name()))));
            let mut transport = KafkaTransport::with_faults(&plan, Box::new(fault));
            let mut done = transport.resume();
            if done.is_err() {
                done = transport.resume();
            }
            assert_eq!(done.expect("it can begin").map_or(0, |p| p.epoch), epoch);
            for _ in 0..2 {
                let batch = [(0..10).map(|n| factor(&format!("{}-{n}", epoch + 1))).collect()];
                let mut attempt = transport.commit(&batch, &progress(epoch + 1));
                if let Err(DeliveryError::Retry(_)) = &attempt
                    && step != Step::Committed
                {
                    attempt = transport.commit(&batch, &progress(epoch + 1));
                }
                if attempt.is_err() {
                    let found = transport.resume().expect("it can begin").map_or(0, |p| p.epoch);
                    if found == epoch {
                        transport.commit(&batch, &progress(epoch + 1)).expect("it commits");
                    } else {
                        assert_eq!((found, step), (epoch + 1, Step::Committed));
                    }
                }
                epoch += 1;
                expected.extend((0..10).map(|n| format!("{epoch}-{n}")));
            }
        }
    }
    assert_eq!(keys(&broker, &plan, OutputKind::Factors), expected);
}

#[test]
fn sink_finds_its_progress_among_much_else() {
    let Some(broker) = broker::shared("sink_finds_its_progress_among_much_else") else { return };
    let plan = broker.plan("in", true);
    let topic = &plan.delivery.progress_topic;
    let (mut transport, found) = resumed(&plan);
    assert_eq!(found, None);
    transport.commit(&[], &progress(1)).expect("it commits");
    // Thousands of records of someone else: the record lies before the first piece of the scan.
    broker.produce(topic, 0, 0..15_000);
    let (mut transport, found) = resumed(&plan);
    assert_eq!(found, Some(progress(1)));
    for epoch in 2..=1500 {
        transport.commit(&[], &progress(epoch)).expect("it commits");
    }
    // An aborted one, then ours behind one of someone else that is still open.
    let fault = Once(Step::Acknowledged, Some(DeliveryError::Retry("test".to_owned())));
    let mut transport = KafkaTransport::with_faults(&plan, Box::new(fault));
    transport.resume().expect("it can begin");
    transport.commit(&[], &progress(9999)).expect_err("the fault");
    let other = broker.producer(Some(&broker.name("other")));
    other.begin_transaction().expect("it can begin");
    write(&other, topic, 0, 0..10);
    transport.commit(&[], &progress(1501)).expect("it commits");
    std::thread::scope(|scope| {
        let found = scope.spawn(|| resumed(&plan).1);
        // Long enough for a scan that does not wait to find the record before.
        std::thread::sleep(Duration::from_millis(2500));
        other.commit_transaction(Duration::from_secs(20)).expect("it can end");
        assert_eq!(found.join().expect("it ends"), Some(progress(1501)));
    });
}

#[test]
fn sink_reads_a_compacted_progress_topic() {
    let Some(broker) = broker::own(
        "sink_reads_a_compacted_progress_topic",
        &["log.cleaner.backoff.ms=50", "log.segment.delete.delay.ms=10"],
    ) else {
        return;
    };
    let plan = broker.plan("in", true);
    let eager = [
        ("cleanup.policy", "compact"),
        ("segment.ms", "100"),
        ("min.cleanable.dirty.ratio", "0.01"),
        ("delete.retention.ms", "0"),
    ];
    let topic = broker.topic("progress", 1, &eager);
    assert_eq!(topic, plan.delivery.progress_topic);
    let (mut transport, _) = resumed(&plan);
    for epoch in 1..=300 {
        transport.commit(&[], &progress(epoch)).expect("it commits");
        if epoch % 100 == 0 {
            std::thread::sleep(Duration::from_millis(150));
        }
    }
    eventually("the topic is compacted", || (broker.read(&topic).len() < 150).then_some(()));
    assert_eq!(resumed(&plan).1, Some(progress(300)));
}

#[test]
fn sink_refuses_a_progress_topic_that_forgets() {
    let Some(broker) = broker::shared("sink_refuses_a_progress_topic_that_forgets") else { return };
    let plan = broker.plan("in", true);
    broker.topic("progress", 1, &[("cleanup.policy", "delete")]);
    let error = KafkaTransport::new(&plan).resume().expect_err("it is not compacted");
    assert!(
        matches!(&error, DeliveryError::Fatal(text) if text.contains("must be compact")),
        "{error:?}"
    );
}

#[test]
fn sink_refuses_a_progress_record_it_cannot_read() {
    let Some(broker) = broker::shared("sink_refuses_a_progress_record_it_cannot_read") else {
        return;
    };
    let plan = broker.plan("in", true);
    resumed(&plan);
    let producer = broker.producer(None);
    let (topic, id) = (&plan.delivery.progress_topic, &plan.delivery.transactional_id);
    let record = BaseRecord::to(topic).key(id).payload("{\"format\":99}");
    producer.send(record).map_err(|(error, _)| error).expect("there is room");
    producer.flush(Duration::from_secs(20)).expect("the broker answers");
    let error = KafkaTransport::new(&plan).resume().expect_err("it is from the future");
    assert!(matches!(&error, DeliveryError::Fatal(text) if text.contains("newer")), "{error:?}");
}

#[test]
fn sink_names_a_missing_topic() {
    let Some(broker) = broker::shared("sink_names_a_missing_topic") else { return };
    let plan = broker.plan("in", false);
    let error = KafkaTransport::new(&plan).resume().expect_err("nothing is there");
    let topic = &plan.output(OutputKind::Factors).expect("the plan has it").topic;
    assert!(
        matches!(&error, DeliveryError::Fatal(text)
            if text.contains(topic.as_str()) && text.contains("create_topics")),
        "{error:?}"
    );
    assert_eq!(broker.admin.partitions(topic).expect("the broker answers"), None);
}

#[test]
fn sink_aborts_when_a_topic_went_away() {
    let Some(broker) = broker::shared("sink_aborts_when_a_topic_went_away") else { return };
    let mut plan = broker.plan("in", true);
    plan.kafka.settings = vec![("topic.metadata.propagation.max.ms".to_owned(), "500".to_owned())];
    let (mut transport, _) = resumed(&plan);
    let topic = plan.output(OutputKind::DeadLetters).expect("the plan has it").topic.clone();
    broker.delete(&topic);
    eventually("it is deleted", || {
        broker.admin.partitions(&topic).expect("the broker answers").is_none().then_some(())
    });
    let batch = [vec![factor("a"), record(OutputKind::DeadLetters, "d", Some("d"))]];
    let error = transport.commit(&batch, &progress(1)).expect_err("a topic is missing");
    assert!(matches!(&error, DeliveryError::Restart(text) if text.contains(&topic)), "{error:?}");
    assert!(keys(&broker, &plan, OutputKind::Factors).is_empty());
    assert_eq!(transport.resume(), Ok(None));
    transport.commit(&batch, &progress(1)).expect("it commits to the topic made anew");
    assert_eq!(keys(&broker, &plan, OutputKind::Factors), ["a"]);
    assert_eq!(keys(&broker, &plan, OutputKind::DeadLetters), ["d"]);
}

#[test]
fn sink_names_a_record_that_is_too_large() {
    let Some(broker) = broker::shared("sink_names_a_record_that_is_too_large") else { return };
    let plan = broker.plan("in", true);
    let (mut transport, _) = resumed(&plan);
    let large = "x".repeat(5_000_000);
    let batch = [vec![factor("a"), record(OutputKind::Factors, "AAPL|now", Some(&large))]];
    let error = transport.commit(&batch, &progress(1)).expect_err("it is too large");
    assert!(
        matches!(&error, DeliveryError::Fatal(text)
            if text.contains("AAPL|now") && text.contains("max.message.bytes")),
        "{error:?}"
    );
    assert!(keys(&broker, &plan, OutputKind::Factors).is_empty());
    assert_eq!(transport.resume(), Ok(None));
    transport.commit(&[vec![factor("a")]], &progress(1)).expect("it goes on without it");
}

#[test]
fn sink_makes_room_for_records_of_all_symbols() {
    let name = "sink_makes_room_for_records_of_all_symbols";
    let Some(broker) = broker::shared(name) else { return };
    let mut plan = broker.plan("in", true);
    let frame = encode::layouts().iter().find(|layout| layout.whole_times);
    plan.outputs[0].layout = frame.map(|layout| **layout);
    let (mut transport, _) = resumed(&plan);
    let large = "x".repeat(40_000_000);
    let batch = [vec![record(OutputKind::Factors, "a", Some(&large))]];
    transport.commit(&batch, &progress(1)).expect("it commits");
    assert_eq!(keys(&broker, &plan, OutputKind::Factors), ["a"]);
}

#[test]
fn sink_starts_over_when_its_transaction_timed_out() {
    let settings = ["transaction.abort.timed.out.transaction.cleanup.interval.ms=100"];
    let name = "sink_starts_over_when_its_transaction_timed_out";
    let Some(broker) = broker::own(name, &settings) else { return };
    let mut plan = broker.plan("in", true);
    plan.kafka.settings = vec![("transaction.timeout.ms".to_owned(), "1500".to_owned())];
    struct Wait(Arc<Broker>, String);
    impl Faults for Wait {
        fn at(&mut self, step: Step) -> Result<(), DeliveryError> {
            if step == Step::Acknowledged {
                // Once it is ended, a reader of committed records gets behind it.
                eventually("the broker ends the transaction", || {
                    let producer = self.0.producer(None);
                    write(&producer, &self.1, 0, 0..1);
                    (!self.0.read(&self.1).is_empty()).then_some(())
                });
            }
            Ok(())
        }
    }
    let broker = Arc::new(broker);
    let topic = plan.output(OutputKind::Factors).expect("the plan has it").topic.clone();
    let wait = Wait(Arc::clone(&broker), topic);
    let mut transport = KafkaTransport::with_faults(&plan, Box::new(wait));
    transport.resume().expect("it can begin");
    let error = transport.commit(&[vec![factor("a")]], &progress(1)).expect_err("it timed out");
    assert!(
        matches!(&error, DeliveryError::Restart(text) if text.contains("timed out")),
        "{error:?}"
    );
    assert_eq!(resumed(&plan).1, None);
    assert!(!keys(&broker, &plan, OutputKind::Factors).contains(&"a".to_owned()));
}

#[test]
fn sink_says_when_writing_is_not_allowed() {
    let settings = broker::ACCESS_CONTROL;
    let Some(broker) = broker::own("sink_says_when_writing_is_not_allowed", &settings) else {
        return;
    };
    let plan = broker.plan("in", true);
    let (mut transport, _) = resumed(&plan);
    transport.commit(&[vec![factor("a")]], &progress(1)).expect("it commits");
    let topic = &plan.output(OutputKind::DeadLetters).expect("the plan has it").topic;
    broker.deny_write(topic);
    let batch = [vec![factor("b"), record(OutputKind::DeadLetters, "d", Some("d"))]];
    let error = transport.commit(&batch, &progress(2)).expect_err("it is not allowed");
    assert!(
        matches!(&error, DeliveryError::Fatal(text) if text.contains("not allowed") && text.contains(topic.as_str())),
        "{error:?}"
    );
    assert_eq!(keys(&broker, &plan, OutputKind::Factors), ["a"]);
}

#[test]
fn sink_passes_on_whatever_the_input_takes() {
    let Some(broker) = broker::shared("sink_passes_on_whatever_the_input_takes") else { return };
    let input = broker.topic("in", 1, &[("max.message.bytes", "6000000")]);
    let plan = broker.plan(&input, true);
    let (mut transport, _) = resumed(&plan);
    let large = "x".repeat(5_999_000);
    let mut letter = record(OutputKind::DeadLetters, "large", Some(&large));
    letter.headers = vec![("weir.message".to_owned(), vec![b'x'; 2000])];
    transport.commit(&[vec![letter, factor("a")]], &progress(1)).expect("it commits");
    assert_eq!(keys(&broker, &plan, OutputKind::DeadLetters), ["large"]);
    // Other outputs are not for records of the input.
    let batch = [vec![record(OutputKind::Factors, "b", Some(&large))]];
    transport.commit(&batch, &progress(2)).expect_err("it is too large");
}

#[test]
fn sink_recovers_when_its_broker_was_away() {
    let Some(broker) = broker::own("sink_recovers_when_its_broker_was_away", &[]) else { return };
    let plan = broker.plan("in", true);
    let (mut transport, _) = resumed(&plan);
    transport.commit(&[vec![factor("1")]], &progress(1)).expect("it commits");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            broker.ctl("stop");
            std::thread::sleep(Duration::from_secs(10));
            broker.ctl("start");
        });
        let mut epoch = 1;
        while epoch < 40 {
            let next = epoch + 1;
            match transport.commit(&[vec![factor(&next.to_string())]], &progress(next)) {
                Ok(_) => {
                    epoch = next;
                    std::thread::sleep(Duration::from_millis(100));
                }
                Err(DeliveryError::Retry(_)) => {}
                Err(DeliveryError::Restart(_)) => {
                    let found = eventually("delivery begins anew", || transport.resume().ok());
                    epoch = found.map_or(0, |found| found.epoch);
                    assert!(epoch == next || epoch + 1 == next);
                }
                Err(DeliveryError::Fatal(text)) => panic!("{text}"),
            }
        }
    });
    let expected: Vec<String> = (1..=40).map(|n: u64| n.to_string()).collect();
    assert_eq!(keys(&broker, &plan, OutputKind::Factors), expected);
}
