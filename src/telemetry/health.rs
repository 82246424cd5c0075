//! Health: whether the process lives, has started, and is ready, each with its causes.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What must hold for the process to be ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Condition {
    /// The pipeline was read and its plan built.
    PipelineValid,
    /// The brokers answer, now.
    BrokerConnected,
    /// Every worker has its partitions.
    PartitionsAssigned,
    /// Committed input was read again and its digest compared.
    ReplayFinished,
    /// The last transaction went through, now.
    TransactionsWorking,
}

impl Condition {
    /// All conditions, in the order in which a start reaches them.
    pub const ALL: [Condition; 5] = [
        Condition::PipelineValid,
        Condition::BrokerConnected,
        Condition::PartitionsAssigned,
        Condition::ReplayFinished,
        Condition::TransactionsWorking,
    ];

    /// The name in answers and metric labels.
    pub const fn name(self) -> &'static str {
        match self {
            Condition::PipelineValid => "pipeline_valid",
            Condition::BrokerConnected => "broker_connected",
            Condition::PartitionsAssigned => "partitions_assigned",
            Condition::ReplayFinished => "replay_finished",
            Condition::TransactionsWorking => "transactions_working",
        }
    }
}

/// One line of a verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What was looked at.
    pub name: String,
    /// What is wrong; nothing when it holds.
    pub fault: Option<String>,
}

/// The answer to one question about health.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Everything that was looked at; the answer is yes when nothing is wrong.
    pub checks: Vec<Check>,
}

impl Verdict {
    /// Whether everything holds.
    pub fn passes(&self) -> bool {
        self.checks.iter().all(|check| check.fault.is_none())
    }
}

/// Health of the process, shared by all threads. Whoever a condition depends on holds a
/// [`Signal`] for it; a condition holds while all its signals are good, and not before it has one.
#[derive(Clone)]
pub struct Health {
    shared: Arc<Shared>,
}

struct Shared {
    step_timeout_ms: i64,
    started: AtomicBool,
    draining: AtomicBool,
    workers: Mutex<Vec<Arc<AtomicI64>>>,
    causes: Mutex<Vec<Cause>>,
}

struct Cause {
    condition: Condition,
    name: String,
    fault: Option<String>,
}

/// One voice about one condition. Says "not yet known" until it is set.
#[derive(Clone)]
pub struct Signal {
    shared: Arc<Shared>,
    place: usize,
}

/// A thread that died with the lock held left complete values behind: each update is one store.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Health {
    /// A process that has only begun. A worker that took no step for `step_timeout` is taken for
    /// dead: far more than the slowest honest step, as the process will be killed for it.
    pub fn new(step_timeout: Duration) -> Health {
        Health {
            shared: Arc::new(Shared {
                step_timeout_ms: i64::try_from(step_timeout.as_millis()).unwrap_or(i64::MAX),
                started: AtomicBool::new(false),
                draining: AtomicBool::new(false),
                workers: Mutex::new(Vec::new()),
                causes: Mutex::new(Vec::new()),
            }),
        }
    }

    /// A new voice about a condition, for instance `worker 0` about the broker.
    pub fn signal(&self, condition: Condition, name: &str) -> Signal {
        let mut causes = lock(&self.shared.causes);
        causes.push(Cause {
            condition,
            name: name.to_owned(),
            fault: Some("not yet known".to_owned()),
        });
        Signal { shared: Arc::clone(&self.shared), place: causes.len() - 1 }
    }

    /// A new worker, from now on expected to step. The worker stores the time in milliseconds
    /// since the Unix epoch at each step; relaxed ordering is enough.
    pub fn worker(&self, now_ms: i64) -> Arc<AtomicI64> {
        let last_step = Arc::new(AtomicI64::new(now_ms));
        lock(&self.shared.workers).push(Arc::clone(&last_step));
        last_step
    }

    /// Says that the run has begun: from now on liveness and readiness are for the probes.
    pub fn set_started(&self) {
        self.shared.started.store(true, Ordering::Relaxed);
    }

    /// Says that the process was told to stop and takes no new work.
    pub fn set_draining(&self) {
        self.shared.draining.store(true, Ordering::Relaxed);
    }

    /// Workers that ended as they should are no longer expected to step.
    pub fn forget_workers(&self) {
        lock(&self.shared.workers).clear();
    }

    /// Whether every worker stepped lately. Never depends on Kafka: a restart would not bring the
    /// broker back. `now_ms` is by the same clock as the workers' times.
    pub fn live(&self, now_ms: i64) -> Verdict {
        let timeout = self.shared.step_timeout_ms;
        let check = |(number, last): (usize, &Arc<AtomicI64>)| {
            let age = now_ms.saturating_sub(last.load(Ordering::Relaxed));
            let fault = (age > timeout)
                .then(|| format!("no step for {age} ms, more than the {timeout} ms allowed"));
            Check { name: format!("worker {number}"), fault }
        };
        Verdict { checks: lock(&self.shared.workers).iter().enumerate().map(check).collect() }
    }

    /// Whether the run has begun.
    pub fn started(&self) -> Verdict {
        let started = self.shared.started.load(Ordering::Relaxed);
        let fault = (!started).then(|| "the run has not begun yet".to_owned());
        Verdict { checks: vec![Check { name: "started".to_owned(), fault }] }
    }

    /// Whether the process does its work now: every condition, every cause that stands against it.
    pub fn ready(&self) -> Verdict {
        let draining = self.shared.draining.load(Ordering::Relaxed);
        let mut checks = vec![Check {
            name: "not_draining".to_owned(),
            fault: draining.then(|| "told to stop, finishing what was begun".to_owned()),
        }];
        let conditions = Condition::ALL.into_iter();
        checks.extend(conditions.map(|condition| Check {
            name: condition.name().to_owned(),
            fault: self.fault(condition),
        }));
        Verdict { checks }
    }

    /// What stands against a condition, by cause.
    fn fault(&self, condition: Condition) -> Option<String> {
        let causes = lock(&self.shared.causes);
        let mut about = causes.iter().filter(|cause| cause.condition == condition).peekable();
        if about.peek().is_none() {
            return Some("not yet known".to_owned());
        }
        let faults: Vec<String> = about
            .filter_map(|cause| Some(format!("{}: {}", cause.name, cause.fault.as_ref()?)))
            .collect();
        (!faults.is_empty()).then(|| faults.join("; "))
    }
}

impl Signal {
    /// It holds.
    pub fn good(&self) {
        self.set(None);
    }

    /// It does not hold, and why: shown to whoever asks, so no secrets.
    pub fn bad(&self, fault: impl Into<String>) {
        self.set(Some(fault.into()));
    }

    fn set(&self, fault: Option<String>) {
        if let Some(cause) = lock(&self.shared.causes).get_mut(self.place) {
            cause.fault = fault;
        }
    }
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Health").field("ready", &self.ready()).finish()
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signal").field("place", &self.place).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health() -> Health {
        Health::new(Duration::from_secs(10))
    }

    fn faults(verdict: &Verdict) -> Vec<(String, String)> {
        let checks = verdict.checks.iter();
        checks.filter_map(|check| Some((check.name.clone(), check.fault.clone()?))).collect()
    }

    fn ready_process() -> (Health, Vec<Signal>) {
        let health = health();
        let signals: Vec<Signal> =
            Condition::ALL.into_iter().map(|condition| health.signal(condition, "a")).collect();
        signals.iter().for_each(Signal::good);
        (health, signals)
    }

    #[test]
    fn nothing_is_ready_before_it_is_known() {
        let health = health();
        assert_eq!(faults(&health.ready()).len(), Condition::ALL.len());
        let broker = health.signal(Condition::BrokerConnected, "worker 0");
        assert!(
            faults(&health.ready())
                .contains(&("broker_connected".to_owned(), "worker 0: not yet known".to_owned()))
        );
        broker.good();
        assert_eq!(faults(&health.ready()).len(), Condition::ALL.len() - 1);
    }

    #[test]
    fn one_bad_voice_is_enough_and_recovery_is_seen() {
        let (health, signals) = ready_process();
        assert!(health.ready().passes());
        let second = health.signal(Condition::BrokerConnected, "delivery");
        second.good();
        second.bad("connection refused");
        signals[1].good();
        assert_eq!(
            faults(&health.ready()),
            [("broker_connected".to_owned(), "delivery: connection refused".to_owned())]
        );
        second.good();
        assert!(health.ready().passes());
    }

    #[test]
    fn draining_ends_readiness_but_not_life() {
        let (health, _signals) = ready_process();
        health.set_draining();
        assert_eq!(faults(&health.ready())[0].0, "not_draining");
        assert!(health.live(0).passes());
    }

    #[test]
    fn a_worker_that_stands_still_ends_life() {
        let health = health();
        assert!(health.live(1_000_000).passes(), "no worker yet, nothing stands still");
        let first = health.worker(1_000);
        let second = health.worker(1_000);
        assert!(health.live(11_000).passes());
        first.store(11_001, Ordering::Relaxed);
        assert_eq!(faults(&health.live(11_001)).len(), 1);
        assert_eq!(faults(&health.live(11_001))[0].0, "worker 1");
        second.store(11_001, Ordering::Relaxed);
        assert!(health.live(11_001).passes());
        health.forget_workers();
        assert!(health.live(i64::MAX).passes());
    }

    #[test]
    fn life_does_not_ask_about_the_broker() {
        let (health, signals) = ready_process();
        let worker = health.worker(0);
        signals.iter().for_each(|signal| signal.bad("all brokers down"));
        worker.store(5, Ordering::Relaxed);
        assert!(!health.ready().passes());
        assert!(health.live(5).passes());
    }

    #[test]
    fn the_start_is_said_once() {
        let health = health();
        assert!(!health.started().passes());
        health.set_started();
        assert!(health.started().passes());
    }
}
