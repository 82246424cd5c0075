//! Weir's source and transport with nothing between them: what the two ends cost.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use weir::dataflow::sinks::kafka::KafkaTransport;
use weir::dataflow::sinks::{Progress, Transport};
use weir::dataflow::sources::kafka::KafkaSource;
use weir::dataflow::sources::{Source, Waker};
use weir::formula::Graph;
use weir::model::{Digest, OutputKind, Record, Span};
use weir::plan::{
    DeliveryPlan, HeaderPrefix, KafkaPlan, OutputPlan, Plan, SourcePlan, Start, UnknownFields,
};

use crate::Job;

/// Bytes unchanged, the source on this thread, the transport on another.
pub(crate) fn run(job: &Job) {
    let plan = plan(job);
    let mut transport = KafkaTransport::new(&plan);
    transport.resume().expect("the broker answers");
    let (send, receive) = bounded(64);
    std::thread::scope(|scope| {
        scope.spawn(|| deliver(transport, &receive, job.commit));
        read(job, &plan, send);
    });
}

fn read(job: &Job, plan: &Plan, send: Sender<Vec<Record>>) {
    let (wake, woken) = bounded::<()>(1);
    let waker: Waker = Arc::new(move || {
        // A full channel has woken us already.
        wake.try_send(()).ok();
    });
    let starts: Vec<(i32, i64)> = (0..job.partitions).map(|partition| (partition, 0)).collect();
    let count = starts.len();
    let group = &job.transactional_id;
    let mut source = KafkaSource::open(&plan.kafka, &job.input, group, count, &starts, &waker)
        .expect("it can be opened");
    let mut batches = Vec::new();
    while !job.stop.load(Ordering::Relaxed) {
        source.poll(1_000, &mut batches);
        if batches.is_empty() {
            // A time-out is as good: then it polls by itself.
            woken.recv_timeout(Duration::from_millis(20)).ok();
            continue;
        }
        for batch in batches.drain(..) {
            let record = |raw: weir::model::RawView<'_>| Record {
                output: OutputKind::Factors,
                key: raw.key.map(<[u8]>::to_vec),
                value: raw.value.map(<[u8]>::to_vec),
                headers: Vec::new(),
                digest: Digest::default(),
            };
            send.send(batch.iter().map(record).collect()).expect("delivery runs");
        }
    }
}

fn deliver(mut transport: KafkaTransport, receive: &Receiver<Vec<Record>>, commit: Duration) {
    let mut due = Instant::now();
    let mut progress = Progress {
        format: Progress::FORMAT,
        offsets: BTreeMap::from([(0, 0)]),
        ..Progress::default()
    };
    while let Ok(first) = receive.recv() {
        let mut batches = vec![first];
        while let Ok(more) = receive.recv_deadline(due) {
            batches.push(more);
        }
        batches.extend(receive.try_iter());
        progress.epoch += 1;
        transport.commit(&batches, &progress).expect("it commits");
        due = (due + commit).max(Instant::now());
    }
}

fn plan(job: &Job) -> Plan {
    Plan {
        name: "bench".to_owned(),
        version: "bench".to_owned(),
        kafka: KafkaPlan { brokers: job.brokers.clone(), settings: Vec::new() },
        source: SourcePlan {
            name: "bars".to_owned(),
            topic: job.input.clone(),
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
        outputs: vec![OutputPlan {
            kind: OutputKind::Factors,
            topic: job.output.clone(),
            layout: None,
        }],
        delivery: DeliveryPlan {
            commit_interval: Span::from_millis(job.commit.as_millis() as i64),
            progress_topic: "bench-progress".to_owned(),
            transactional_id: job.transactional_id.clone(),
            create_topics: true,
            header_prefix: HeaderPrefix::Weir,
        },
    }
}
