//! A live run: from Kafka to Kafka until it is told to stop. When the outcome of a commit is not
//! known, or brokers were away too long, it begins again from the progress record by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, unbounded};

use super::books::{Books, Message};
use super::clock;
use super::delivery::{Delivery, Ended};
use super::encoding::Encoding;
use super::restate::{Found, Restate};
use super::stop::Stop;
use super::workers::{self, Crew, Parts};
use crate::dataflow::Outputs;
use crate::dataflow::kafka::admin::{Admin, Watermarks};
use crate::dataflow::kafka::{Fault, group_of};
use crate::dataflow::operators::Wake;
use crate::dataflow::render::{Context, Recorded};
use crate::dataflow::sinks::kafka::KafkaTransport;
use crate::dataflow::sinks::{DeliveryError, Progress, Transport};
use crate::dataflow::sources::kafka::KafkaSource;
use crate::dataflow::sources::{Live, LiveSettings, Waker};
use crate::dataflow::{End, Limits, Pace};
use crate::model::{Symbols, Texts};
use crate::plan::{Plan, Start};
use crate::telemetry::{Condition, Health, Metrics, Signal};

/// Waiting time between two attempts to start, doubled up to the last value.
const RESTART: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));
/// How long a question to the brokers may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a live run needs beside its plan.
#[derive(Clone)]
pub struct LiveOptions {
    /// Worker threads.
    pub workers: usize,
    /// Limits of epochs.
    pub limits: Limits,
    /// Begin anew from where the input began, although the pipeline or its version changed: all
    /// results are written again.
    pub restate: bool,
    /// The brokers are embedded ones, which know no requests about settings of topics.
    pub embedded: bool,
    /// Metrics of the process.
    pub metrics: Arc<Metrics>,
    /// Health of the process.
    pub health: Health,
    /// Tells the run to stop.
    pub stop: Stop,
}

/// A live run that ended for a reason that does not pass by itself.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// The input or the outputs are not as they must be; the text says what to do.
    #[error("{0}")]
    Fatal(String),
    /// The program could not do what it does; a fault of weir or of the machine.
    #[error("{0}")]
    Broken(String),
}

/// Why one attempt of a run ended.
enum Attempt {
    /// As it was told to.
    Stopped,
    /// Try again.
    Again(String),
    /// Do not.
    Failed(LiveError),
}

/// The voices of the runtime about the health of the process.
struct Voices {
    broker: Signal,
    assigned: Signal,
    replayed: Signal,
    working: Signal,
    /// By worker.
    sources: Vec<Signal>,
}

/// Runs `plan` until `options.stop` says so.
pub fn run(plan: &Arc<Plan>, options: &LiveOptions) -> Result<(), LiveError> {
    // A broker that is away ends readiness, not the start: a restart would not bring it back.
    options.health.set_started();
    let voices = Voices {
        broker: options.health.signal(Condition::BrokerConnected, "runtime"),
        assigned: options.health.signal(Condition::PartitionsAssigned, "runtime"),
        replayed: options.health.signal(Condition::ReplayFinished, "delivery"),
        working: options.health.signal(Condition::TransactionsWorking, "delivery"),
        sources: (0..options.workers)
            .map(|worker| {
                options.health.signal(Condition::BrokerConnected, &format!("worker {worker}"))
            })
            .collect(),
    };
    voices.broker.bad(format!("no answer from the brokers at {} yet", plan.kafka.brokers));
    let mut pause = RESTART.0;
    let mut restate = Restate::new(options.restate);
    loop {
        let began = Instant::now();
        match attempt(plan, options, &voices, &mut restate) {
            Attempt::Stopped => return Ok(()),
            Attempt::Failed(error) => return Err(error),
            Attempt::Again(cause) => {
                tracing::warn!(%cause, "starting over from the progress record");
                voices.replayed.bad("starting over");
            }
        }
        if began.elapsed() > RESTART.1 {
            pause = RESTART.0;
        }
        if options.stop.wait(pause) {
            return Ok(());
        }
        pause = (pause * 2).min(RESTART.1);
    }
}

fn attempt(
    plan: &Arc<Plan>,
    options: &LiveOptions,
    voices: &Voices,
    restate: &mut Restate,
) -> Attempt {
    let input = match find_input(plan) {
        Ok(input) => input,
        Err(attempt) => {
            if let Attempt::Again(cause) = &attempt {
                voices.broker.bad(cause.clone());
            }
            return attempt;
        }
    };
    voices.broker.good();
    let mut transport = KafkaTransport::new(plan);
    if options.embedded {
        transport = transport.trust_topics();
    }
    let recorded = match transport.resume() {
        Ok(recorded) => recorded,
        Err(DeliveryError::Fatal(cause)) => return Attempt::Failed(LiveError::Fatal(cause)),
        Err(DeliveryError::Retry(cause) | DeliveryError::Restart(cause)) => {
            voices.working.bad(cause.clone());
            return Attempt::Again(cause);
        }
    };
    voices.working.good();
    let found = restate.judge((&plan.name, &plan.version), recorded).map_err(LiveError::Fatal);
    match found.and_then(|found| Session::new(plan, options, &input, found)) {
        Ok(session) => session.run(plan, options, voices, Box::new(transport)),
        Err(error) => Attempt::Failed(error),
    }
}

/// The partitions of the input and what they hold.
fn find_input(plan: &Plan) -> Result<Vec<Watermarks>, Attempt> {
    let topic = &plan.source.topic;
    let admin = Admin::new(&plan.kafka, PATIENCE)
        .map_err(|error| Attempt::Failed(LiveError::Fatal(error.to_string())))?;
    match admin.watermarks(topic) {
        Ok(Some(partitions)) => Ok(partitions),
        Ok(None) => Err(Attempt::Again(format!(
            "topic {topic} of source {} does not exist on {}: create it",
            plan.source.name, plan.kafka.brokers
        ))),
        Err(error) if error.fault == Fault::Authorisation => {
            Err(Attempt::Failed(LiveError::Fatal(error.to_string())))
        }
        Err(error) => Err(Attempt::Again(error.to_string())),
    }
}

/// One attempt, from a known position on.
struct Session {
    starts: Vec<(i32, i64)>,
    targets: BTreeMap<i32, i64>,
    recorded: Option<Progress>,
    first: Progress,
    pace: Arc<Pace>,
}

impl Session {
    fn new(
        plan: &Plan,
        options: &LiveOptions,
        input: &[Watermarks],
        recorded: Option<Found>,
    ) -> Result<Session, LiveError> {
        let mut start = BTreeMap::new();
        for Watermarks { partition, low, high } in input {
            let known = recorded.as_ref().and_then(|r| r.progress().start.get(partition).copied());
            let offset = match (known, plan.source.start) {
                (Some(known), _) => known,
                // A partition that came later is read from its beginning: nothing is lost.
                (None, Start::Latest) if recorded.is_none() => *high,
                (None, _) => *low,
            };
            if matches!(recorded, Some(Found::Restates(_))) {
                start.insert(*partition, offset.clamp(*low, *high));
                continue;
            }
            if offset < *low {
                return Err(LiveError::Fatal(format!(
                    "partition {partition} of topic {} begins at offset {low}, but the pipeline \
                     must be replayed from offset {offset}: the topic's retention removed records \
                     that are still needed; raise retention.ms, or run with --restate to begin \
                     anew from what is there",
                    plan.source.topic
                )));
            }
            let read = recorded.as_ref().and_then(|r| r.progress().offsets.get(partition).copied());
            if let Some(read) = read.filter(|read| read > high) {
                return Err(LiveError::Fatal(format!(
                    "partition {partition} of topic {} ends at offset {high}, but was read up to \
                     {read}: the topic was made anew or lost records; start with a new pipeline \
                     name, or run with --restate to begin anew from what is there",
                    plan.source.topic
                )));
            }
            start.insert(*partition, offset);
        }
        let now_ms = clock::now_ms();
        let started_ms = recorded.as_ref().map_or(now_ms, |r| r.progress().started_ms);
        let first = Progress {
            format: Progress::FORMAT,
            offsets: start.clone(),
            start: start.clone(),
            clock_ms: now_ms,
            started_ms,
            version: plan.version.clone(),
            epoch: recorded.as_ref().map_or(0, |r| r.progress().epoch),
            ..Progress::default()
        };
        let recorded = recorded.and_then(Found::into_resumed);
        let targets = recorded.as_ref().map(|r| r.offsets.clone()).unwrap_or_default();
        if let Some(missing) = targets.keys().find(|partition| !start.contains_key(partition)) {
            return Err(LiveError::Fatal(format!(
                "topic {} has no partition {missing} any more, which was read before: the topic \
                 was made anew; start with a new pipeline name or run with --restate",
                plan.source.topic
            )));
        }
        let mut targets = targets;
        if recorded.is_some() {
            // Partitions that came later have no part in what is replayed.
            for (partition, at) in &start {
                targets.entry(*partition).or_insert(*at);
            }
        }
        let behind =
            |(p, to): (&i32, &i64)| start.get(p).is_some_and(|from| from < to).then_some(*p);
        let replaying: BTreeSet<i32> = targets.iter().filter_map(behind).collect();
        let pace = Arc::new(Pace::new(options.limits, now_ms, replaying, recorded.is_some()));
        pace.expect(options.workers);
        Ok(Session { starts: start.into_iter().collect(), targets, recorded, first, pace })
    }

    fn run(
        self,
        plan: &Arc<Plan>,
        options: &LiveOptions,
        voices: &Voices,
        transport: Box<dyn Transport>,
    ) -> Attempt {
        let Session { starts, targets, recorded, first, pace } = self;
        let what = Recorded {
            late: recorded.as_ref().map(|r| r.late.clone()).unwrap_or_default(),
            offsets: targets.clone(),
            started_ms: first.started_ms,
        };
        let settings = LiveSettings {
            worker: 0,
            idle_timeout: plan.source.idle_timeout,
            targets,
            recorded: recorded.as_ref().map(|r| (r.clock_ms, r.closed_through)),
        };
        let severities: BTreeSet<&str> = plan.alerts.iter().map(|a| a.severity.name()).collect();
        options.metrics.begin_again(&severities.into_iter().collect::<Vec<_>>());
        options.metrics.replaying.set(if recorded.is_some() { 1.0 } else { 0.0 });
        let (outbox, inbox) = unbounded();
        let books = Books::new(recorded, first);
        let base = books.base();
        let delivery = Delivery {
            transport,
            inbox,
            books,
            pace: Arc::clone(&pace),
            interval: plan.delivery.commit_interval.to_std(),
            metrics: Arc::clone(&options.metrics),
            replayed: voices.replayed.clone(),
            working: voices.working.clone(),
        };
        let context = Context {
            plan: Arc::clone(plan),
            symbols: Symbols::default(),
            texts: Texts::default(),
            recorded: what,
            metrics: Arc::clone(&options.metrics),
            profile: None,
        };
        let failed = Arc::clone(&pace);
        let crew = Crew { context, pace, health: options.health.clone() };
        let sources = match Sources::open(plan, options.workers, &starts, settings, voices) {
            Ok(sources) => sources,
            Err(error) => return Attempt::Failed(LiveError::Fatal(error)),
        };
        voices.assigned.good();
        let ended = work(options, crew, delivery, (outbox, base), sources);
        options.health.forget_workers();
        if let Some(cause) = failed.failure() {
            return Attempt::Again(cause);
        }
        match ended {
            Ok(()) if options.stop.asked() => Attempt::Stopped,
            Ok(()) => Attempt::Again("the run ended without being told to".to_owned()),
            Err(Ended::Restart(cause)) if options.stop.asked() => {
                Attempt::Failed(LiveError::Fatal(format!(
                    "told to stop, and what was read last could not be committed: {cause}; the \
                     next start reads it again"
                )))
            }
            Err(Ended::Restart(cause)) => Attempt::Again(cause),
            Err(Ended::Fatal(cause)) => Attempt::Failed(LiveError::Fatal(cause)),
            Err(Ended::Diverged(error)) => Attempt::Failed(LiveError::Fatal(error.to_string())),
        }
    }
}

/// The parts of the source, opened before the workers that will drive them.
struct Sources {
    parts: Vec<(Mutex<Option<KafkaSource>>, Arc<OnceLock<Wake>>, Signal)>,
    settings: LiveSettings,
}

impl Sources {
    fn open(
        plan: &Plan,
        workers: usize,
        starts: &[(i32, i64)],
        settings: LiveSettings,
        voices: &Voices,
    ) -> Result<Sources, String> {
        let group = group_of(&plan.name);
        let mut parts = Vec::with_capacity(workers);
        for (worker, voice) in voices.sources.iter().enumerate() {
            let belongs = |p: i32| usize::try_from(p).is_ok_and(|p| p % workers == worker);
            let mine: Vec<_> = starts.iter().copied().filter(|(p, _)| belongs(*p)).collect();
            let wake: Arc<OnceLock<Wake>> = Arc::default();
            let late_bound = Arc::clone(&wake);
            let waker: Waker = Arc::new(move || {
                if let Some(wake) = late_bound.get() {
                    wake.wake();
                }
            });
            // With more workers than partitions some have nothing to read.
            let source = (!mine.is_empty())
                .then(|| {
                    let topic = &plan.source.topic;
                    KafkaSource::open(&plan.kafka, topic, &group, starts.len(), &mine, &waker)
                })
                .transpose()
                .map_err(|error| error.to_string())?;
            parts.push((Mutex::new(source), wake, voice.clone()));
        }
        Ok(Sources { parts, settings })
    }

    /// The driver of a worker's part. A worker asks once.
    fn driver(&self, worker: usize, wake: Wake, crew: &Crew) -> Live<Option<KafkaSource>> {
        crew.pace.add_wake(wake.clone());
        let (source, late_bound, voice) = &self.parts[worker];
        drop(late_bound.set(wake));
        let source = source.lock().unwrap_or_else(PoisonError::into_inner).take();
        let settings = LiveSettings { worker, ..self.settings.clone() };
        let metrics = Arc::clone(&crew.context.metrics);
        Live::new(source, Arc::clone(&crew.pace), settings, metrics, voice.clone())
    }
}

/// Runs workers, ticker and delivery side by side until one of them ends the run.
fn work(
    options: &LiveOptions,
    crew: Crew,
    delivery: Delivery,
    (outbox, base): (Sender<Message>, u64),
    sources: Sources,
) -> Result<(), Ended> {
    let pace = Arc::clone(&crew.pace);
    std::thread::scope(|scope| {
        let delivering = scope.spawn(|| {
            let ended = delivery.run();
            pace.finish(End::Abort);
            ended
        });
        scope.spawn(|| pace.tick(clock::now_ms));
        scope.spawn(|| options.stop.carry_to(&pace, &options.health));
        let context = crew.context.clone();
        let outputs = move |_worker: usize| {
            let Context { plan, symbols, metrics, .. } = &context;
            let encoding = Encoding::new(plan, symbols, metrics, base, outbox.clone());
            let encoding = encoding.map_err(|error| error.to_string())?;
            Ok(Box::new(encoding) as Box<dyn Outputs>)
        };
        let source = {
            let crew = crew.clone();
            move |worker: usize, wake: Wake| sources.driver(worker, wake, &crew)
        };
        let worked = workers::run(options.workers, crew, Parts { source, outputs });
        let ended = delivering.join().unwrap_or_else(|_| {
            Err(Ended::Fatal("the delivery panicked: a fault in weir, report it".to_owned()))
        });
        pace.finish(End::Abort);
        match worked {
            Err(cause) => Err(Ended::Fatal(cause)),
            Ok(()) => ended,
        }
    })
}
