//! The embedded broker of the demo: librdkafka's mock cluster, which knows no admin requests.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::mocking::MockCluster;
use weir::dataflow::sinks::kafka::KafkaTransport;
use weir::dataflow::sinks::{Progress, Transport};
use weir::dataflow::sources::kafka::KafkaSource;
use weir::dataflow::sources::{Source, Waker};
use weir::model::{Digest, OutputKind, RawBatch, Record};

use crate::broker::{eventually, plan_for};

#[test]
fn mock_cluster_takes_delivery_and_gives_it_back() {
    let cluster = MockCluster::new(1).expect("it can start");
    let name = |what: &str| format!("mock-{what}");
    let plan = plan_for(&cluster.bootstrap_servers(), "in", false, &name);
    for output in &plan.outputs {
        cluster.create_topic(&output.topic, 1, 1).expect("it can be created");
    }
    cluster.create_topic(&plan.delivery.progress_topic, 1, 1).expect("it can be created");
    let mut transport = KafkaTransport::new(&plan).trust_topics();
    assert_eq!(transport.resume(), Ok(None));
    let mut progress = Progress { format: Progress::FORMAT, ..Progress::default() };
    for epoch in 1..=20 {
        progress.epoch = epoch;
        let record = Record {
            output: OutputKind::Factors,
            key: Some(epoch.to_string().into_bytes()),
            value: Some(b"v".to_vec()),
            headers: Vec::new(),
            digest: Digest::default(),
        };
        transport.commit(&[vec![record]], &progress).expect("it commits");
    }
    drop(transport);
    assert_eq!(KafkaTransport::new(&plan).trust_topics().resume(), Ok(Some(progress)));
    let topic = &plan.output(OutputKind::Factors).expect("the plan has it").topic;
    let waker: Waker = Arc::new(|| {});
    let mut source = KafkaSource::open(&plan.kafka, topic, "mock-group", 1, &[(0, 0)], &waker)
        .expect("it can be opened");
    let mut out: Vec<RawBatch> = Vec::new();
    eventually("all is read", || {
        source.poll(10, &mut out);
        (out.iter().map(RawBatch::len).sum::<usize>() == 20).then_some(())
    });
    let keys: Vec<Vec<u8>> =
        out.iter().flat_map(RawBatch::iter).filter_map(|r| r.key.map(<[u8]>::to_vec)).collect();
    let expected: Vec<Vec<u8>> = (1..=20).map(|n: u32| n.to_string().into_bytes()).collect();
    assert_eq!(keys, expected);
    std::thread::sleep(Duration::from_millis(2500));
    let status = source.poll(10, &mut out);
    assert_eq!(status, weir::dataflow::sources::Status::Idle, "after two probes");
}
