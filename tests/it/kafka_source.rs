//! The Kafka source on a real broker.

use std::sync::atomic::Ordering;
use std::time::Duration;

use rdkafka::producer::Producer;
use weir::dataflow::sources::kafka::KafkaSource;
use weir::dataflow::sources::{PartitionState, Source, Status};
use weir::model::RawBatch;

use crate::broker::{self, Broker, counting_waker, eventually, write};

fn open(broker: &Broker, topic: &str, starts: &[(i32, i64)]) -> KafkaSource {
    let (waker, _) = counting_waker();
    KafkaSource::open(&broker.kafka(), topic, &broker.name("group"), starts.len(), starts, &waker)
        .expect("it can be opened")
}

/// Polls until every partition is at `target`, and returns the offsets seen by partition.
fn read_to(source: &mut KafkaSource, targets: &[(i32, i64)]) -> Vec<(i32, i64)> {
    let mut seen = Vec::new();
    eventually("the source reaches its targets", || {
        let mut out: Vec<RawBatch> = Vec::new();
        let status = source.poll(7, &mut out);
        assert!(!matches!(status, Status::Failed(_)), "{status:?}");
        for batch in &out {
            assert!(batch.len() <= 7);
            for record in batch.iter() {
                assert!(record.arrival_ms > 0 && record.key == record.value);
                seen.push((batch.partition, record.offset));
            }
        }
        let states = source.partitions();
        let done = |(id, next): &(i32, i64)| {
            states.iter().any(|state| state.partition == *id && state.next >= *next)
        };
        targets.iter().all(done).then_some(())
    });
    seen
}

fn of(seen: &[(i32, i64)], partition: i32) -> Vec<i64> {
    seen.iter().filter(|(id, _)| *id == partition).map(|(_, offset)| *offset).collect()
}

#[test]
fn source_reads_from_given_offsets_in_order() {
    let Some(broker) = broker::shared("source_reads_from_given_offsets_in_order") else { return };
    let topic = broker.topic("in", 2, &[]);
    broker.produce(&topic, 0, 0..100);
    broker.produce(&topic, 1, 0..50);
    let (waker, calls) = counting_waker();
    let group = broker.name("group");
    let mut source =
        KafkaSource::open(&broker.kafka(), &topic, &group, 2, &[(1, 0), (0, 40)], &waker)
            .expect("it can be opened");
    let seen = read_to(&mut source, &[(0, 100), (1, 50)]);
    assert_eq!(of(&seen, 0), (40..100).collect::<Vec<i64>>());
    assert_eq!(of(&seen, 1), (0..50).collect::<Vec<i64>>());
    assert_eq!(
        source.partitions(),
        [
            PartitionState { partition: 0, next: 100, end: 100 },
            PartitionState { partition: 1, next: 50, end: 50 }
        ]
    );
    // The waker is called for what comes later.
    eventually("idle", || (source.poll(7, &mut Vec::new()) == Status::Idle).then_some(()));
    let before = calls.load(Ordering::Relaxed);
    broker.produce(&topic, 1, 50..51);
    eventually("the waker is called", || (calls.load(Ordering::Relaxed) > before).then_some(()));
    assert_eq!(read_to(&mut source, &[(1, 51)]), [(1, 50)]);
    // What lag tools see. It is never read: a new source begins where it is told.
    source.commit(&[(0, 100), (1, 51)]);
    eventually("the group's offsets are there", || {
        source.poll(7, &mut Vec::new());
        (broker.group_offset(&group, &topic, 1) == Some(51)).then_some(())
    });
    drop(source);
    let seen = read_to(&mut open(&broker, &topic, &[(0, 100), (1, 49)]), &[(1, 51)]);
    assert_eq!(seen, [(1, 49), (1, 50)]);
}

#[test]
fn source_copies_headers_and_tombstones() {
    use rdkafka::message::{Header, OwnedHeaders};
    use rdkafka::producer::BaseRecord;
    let Some(broker) = broker::shared("source_copies_headers_and_tombstones") else { return };
    let topic = broker.topic("in", 1, &[]);
    let producer = broker.producer(None);
    let headers = OwnedHeaders::new()
        .insert(Header { key: "a", value: Some("1") })
        .insert(Header { key: "a", value: None::<&str> });
    let tombstone = BaseRecord::<str, str>::to(&topic).key("k").timestamp(1234).headers(headers);
    producer.send(tombstone).map_err(|(error, _)| error).expect("there is room");
    let empty = BaseRecord::<str, str>::to(&topic).payload("");
    producer.send(empty).map_err(|(error, _)| error).expect("there is room");
    producer.flush(Duration::from_secs(20)).expect("the broker answers");
    let mut source = open(&broker, &topic, &[(0, 0)]);
    let mut out = Vec::new();
    eventually("both are read", || {
        source.poll(10, &mut out);
        (out.iter().map(RawBatch::len).sum::<usize>() == 2).then_some(())
    });
    let records: Vec<_> = out.iter().flat_map(RawBatch::iter).collect();
    assert_eq!((records[0].key, records[0].value), (Some(&b"k"[..]), None));
    assert_eq!(records[0].arrival_ms, 1234);
    assert_eq!(records[0].headers, [("a".to_owned(), b"1".to_vec()), ("a".to_owned(), vec![])]);
    assert_eq!((records[1].key, records[1].value), (None, Some(&b""[..])));
}

#[test]
fn source_position_passes_markers_and_aborted_records() {
    let Some(broker) = broker::shared("source_position_passes_markers_and_aborted_records") else {
        return;
    };
    let topic = broker.topic("in", 1, &[]);
    let producer = broker.producer(Some(&broker.name("producer")));
    for (numbers, commit) in [(0..3, true), (3..6, false), (6..7, true), (7..9, false)] {
        producer.begin_transaction().expect("it can begin");
        write(&producer, &topic, 0, numbers);
        let ended = if commit {
            producer.commit_transaction(Duration::from_secs(20))
        } else {
            producer.abort_transaction(Duration::from_secs(20))
        };
        ended.expect("it can end");
    }
    // 3 + marker, 3 aborted + marker, 1 + marker, 2 aborted + marker.
    let mut source = open(&broker, &topic, &[(0, 0)]);
    let seen = read_to(&mut source, &[(0, 13)]);
    assert_eq!(of(&seen, 0), [0, 1, 2, 8]);
    assert_eq!(source.partitions(), [PartitionState { partition: 0, next: 13, end: 13 }]);
    // An open transaction is not read, and does not look like the end.
    producer.begin_transaction().expect("it can begin");
    write(&producer, &topic, 0, 9..11);
    eventually("the end is known", || {
        assert_ne!(source.poll(7, &mut Vec::new()), Status::Ready);
        (source.partitions()[0].end == 15).then_some(())
    });
    assert_eq!(source.partitions()[0].next, 13);
    producer.commit_transaction(Duration::from_secs(20)).expect("it can end");
    assert_eq!(of(&read_to(&mut source, &[(0, 16)]), 0), [13, 14]);
}

#[test]
fn source_holds_at_targets_until_released() {
    let Some(broker) = broker::shared("source_holds_at_targets_until_released") else { return };
    let topic = broker.topic("in", 2, &[]);
    let producer = broker.producer(Some(&broker.name("producer")));
    // Partition 0: 0..5, marker at 5, 6..11, marker at 11.
    for numbers in [0..5, 5..10] {
        producer.begin_transaction().expect("it can begin");
        write(&producer, &topic, 0, numbers);
        producer.commit_transaction(Duration::from_secs(20)).expect("it can end");
    }
    broker.produce(&topic, 1, 0..10);
    // A target on a record, on a marker, behind a marker, at the start and at the end.
    for target in [3, 5, 6, 0, 12] {
        let mut source = open(&broker, &topic, &[(0, 0), (1, 0)]);
        source.hold_at(&[(0, target)]);
        let seen = read_to(&mut source, &[(0, target), (1, 10)]);
        let before: Vec<i64> = (0..target).filter(|o| *o != 5 && *o != 11).collect();
        assert_eq!(of(&seen, 0), before);
        assert_eq!(of(&seen, 1), (0..10).collect::<Vec<i64>>());
        for _ in 0..20 {
            let mut out = Vec::new();
            assert_ne!(source.poll(7, &mut out), Status::Ready);
            assert!(out.is_empty());
            assert_eq!(source.partitions()[0].next, target);
            std::thread::sleep(Duration::from_millis(5));
        }
        source.release();
        let after: Vec<i64> = (target..12).filter(|o| *o != 5 && *o != 11).collect();
        assert_eq!(of(&read_to(&mut source, &[(0, 12)]), 0), after);
    }
}

#[test]
fn source_says_when_its_offset_is_gone() {
    let Some(broker) = broker::shared("source_says_when_its_offset_is_gone") else { return };
    let topic = broker.topic("in", 1, &[]);
    broker.produce(&topic, 0, 0..3);
    let mut source = open(&broker, &topic, &[(0, 1000)]);
    let cause = eventually("it fails", || match source.poll(7, &mut Vec::new()) {
        Status::Failed(cause) => Some(cause),
        _ => None,
    });
    assert!(cause.contains("/0") && cause.contains("1000"), "{cause}");
}

#[test]
fn source_says_when_its_topic_was_made_anew_or_deleted() {
    let Some(broker) = broker::shared("source_says_when_its_topic_was_made_anew_or_deleted") else {
        return;
    };
    let topic = broker.topic("in", 1, &[]);
    broker.produce(&topic, 0, 0..30);
    let mut source = open(&broker, &topic, &[(0, 0)]);
    read_to(&mut source, &[(0, 30)]);
    broker.delete(&topic);
    let cause = eventually("it parks", || match source.poll(7, &mut Vec::new()) {
        Status::Parked(cause) => Some(cause),
        _ => None,
    });
    assert!(cause.contains("does not exist"), "{cause}");
    broker.topic("in", 1, &[]);
    broker.produce(&topic, 0, 0..3);
    let cause = eventually("it fails", || match source.poll(7, &mut Vec::new()) {
        Status::Failed(cause) => Some(cause),
        _ => None,
    });
    assert!(cause.contains("made anew"), "{cause}");
}

#[test]
fn source_says_when_its_topic_has_new_partitions() {
    let Some(broker) = broker::shared("source_says_when_its_topic_has_new_partitions") else {
        return;
    };
    let topic = broker.topic("in", 1, &[]);
    broker.produce(&topic, 0, 0..3);
    let mut source = open(&broker, &topic, &[(0, 0)]);
    read_to(&mut source, &[(0, 3)]);
    broker.grow(&topic, 2);
    let cause = eventually("it fails", || match source.poll(7, &mut Vec::new()) {
        Status::Failed(cause) => Some(cause),
        _ => None,
    });
    assert!(cause.contains("2 partitions now"), "{cause}");
}

#[test]
fn source_waits_for_a_broker_that_is_away() {
    let Some(broker) = broker::own("source_waits_for_a_broker_that_is_away", &[]) else { return };
    let topic = broker.topic("in", 1, &[]);
    broker.produce(&topic, 0, 0..10);
    let mut source = open(&broker, &topic, &[(0, 0)]);
    read_to(&mut source, &[(0, 10)]);
    broker.ctl("stop");
    let cause = eventually("it parks", || match source.poll(7, &mut Vec::new()) {
        Status::Parked(cause) => Some(cause),
        status => {
            assert!(!matches!(status, Status::Failed(_)), "{status:?}");
            None
        }
    });
    assert!(cause.contains("broker"), "{cause}");
    std::thread::sleep(Duration::from_secs(10));
    assert!(matches!(source.poll(7, &mut Vec::new()), Status::Parked(_)));
    broker.ctl("start");
    broker.produce(&topic, 0, 10..20);
    assert_eq!(of(&read_to(&mut source, &[(0, 20)]), 0), (10..20).collect::<Vec<i64>>());
    eventually("it is well again", || {
        (source.poll(7, &mut Vec::new()) == Status::Idle).then_some(())
    });
    // Dropping does not hang when the broker is away again.
    broker.ctl("kill");
    let since = std::time::Instant::now();
    drop(source);
    assert!(since.elapsed() < Duration::from_secs(20));
}

#[test]
fn source_starts_before_its_broker() {
    let Some(broker) = broker::own("source_starts_before_its_broker", &[]) else { return };
    let topic = broker.topic("in", 1, &[]);
    broker.produce(&topic, 0, 0..10);
    broker.ctl("stop");
    let mut source = open(&broker, &topic, &[(0, 0)]);
    eventually("it parks", || {
        matches!(source.poll(7, &mut Vec::new()), Status::Parked(_)).then_some(())
    });
    broker.ctl("start");
    assert_eq!(of(&read_to(&mut source, &[(0, 10)]), 0), (0..10).collect::<Vec<i64>>());
}
