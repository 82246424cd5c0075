//! Runs the demo: the broker, the pipeline, the feed and the screen, all in this process.

use std::io::IsTerminal;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use crossbeam_channel::{Receiver, Sender, unbounded};

use super::screen::Screen;
use super::{Act, DemoState, Event, Ledger, OutputRecord, Scenario, Step, pipeline, plain, table};
use crate::cli::{Outcome, Terminal};
use crate::dataflow::Limits as EpochLimits;
use crate::dataflow::kafka::client::{Feed, Tap};
use crate::dataflow::kafka::embedded::Embedded;
use crate::model::Span;
use crate::plan::Plan;
use crate::runtime::{self, LiveError, LiveOptions, Stop, clock};
use crate::telemetry::{Health, Limits, LogFormat, LogOptions, LogTarget, Metrics};

/// Time between two looks at what happened.
const FRAME: Duration = Duration::from_millis(50);
/// Time between two lines about progress, without a terminal.
const PROGRESS: Duration = Duration::from_secs(2);
/// How long the pipeline may take to be ready.
const READY: Duration = Duration::from_secs(30);

/// Show everything in one process: real bars with labelled faults go through a real pipeline on an
/// embedded broker, and every fault is accounted for at the end.
#[derive(Debug, clap::Args)]
pub struct Demo {
    /// How long it takes, at least 10s.
    #[arg(long, default_value = "60s")]
    duration: Span,
    /// Print plain lines, even on a terminal.
    #[arg(long)]
    plain: bool,
}

impl Demo {
    pub(in crate::cli) fn execute(&self, terminal: &mut Terminal) -> anyhow::Result<Outcome> {
        let scenario = Scenario::new(self.duration.to_std())?;
        let screen = terminal.interactive() && !self.plain && std::io::stdin().is_terminal();
        log(screen)?;
        let mut show = Show::start(scenario)?;
        let finished = if screen {
            let mut screen = Screen::open()?;
            let finished = show.play(&mut |state, _| screen.draw(state));
            screen.close();
            finished?
        } else {
            let address = &show.state.brokers;
            terminal
                .line(&format!("embedded broker at {address}, other local clients may connect"));
            let mut next = PROGRESS;
            show.play(&mut |state, fresh| {
                fresh.iter().for_each(|line| terminal.line(line));
                if state.now >= next {
                    next += PROGRESS;
                    terminal.line(&plain::progress(state));
                }
                Ok(true)
            })?
        };
        show.end(terminal, screen, finished)
    }
}

/// The screen must stay whole, so what goes wrong is said at the end.
fn log(screen: bool) -> anyhow::Result<()> {
    let path = std::env::temp_dir().join("weir-demo.log");
    let target = if screen {
        LogTarget::File(std::fs::File::create(&path).with_context(|| path.display().to_string())?)
    } else {
        LogTarget::Stderr
    };
    let filter = Some("warn".to_owned());
    LogOptions { format: LogFormat::Text, filter, target }.init()?;
    Ok(())
}

/// The parts of a running demo.
struct Show {
    scenario: Scenario,
    plan: Arc<Plan>,
    engine: JoinHandle<Result<(), LiveError>>,
    stop: Stop,
    feed: Feed,
    outputs: Receiver<anyhow::Result<OutputRecord>>,
    ledger: Ledger,
    state: DemoState,
    _broker: Embedded,
}

impl Show {
    fn start(scenario: Scenario) -> anyhow::Result<Show> {
        // The topics are those of the pipeline, whatever the address will be.
        let draft = pipeline(&scenario, "127.0.0.1:1")?;
        let topics = draft.outputs.iter().map(|output| output.topic.as_str());
        let topics = topics.chain([draft.source.topic.as_str(), &draft.delivery.progress_topic]);
        let broker = Embedded::start(topics)?;
        let address = broker.address();
        let plan = Arc::new(pipeline(&scenario, &address)?);
        let stop = Stop::new();
        let engine = engine(&plan, &stop)?;
        let rules: Vec<(String, String)> =
            plan.alerts.iter().map(|rule| (rule.name.clone(), rule.when.clone())).collect();
        let factor = plan.factors.outputs.first().map_or("", |(name, _)| name.as_str());
        Ok(Show {
            ledger: Ledger::new(&scenario),
            state: DemoState::new(&scenario, factor, &rules, &address),
            feed: Feed::new(&address, &plan.source.topic)?,
            outputs: tap(&plan, &address)?,
            scenario,
            plan,
            engine,
            stop,
            _broker: broker,
        })
    }

    /// Plays the whole scenario. `show` is given the state and the new lines of the log, and says
    /// whether to go on. Whether it was played to its end.
    fn play(
        &mut self,
        show: &mut dyn FnMut(&DemoState, &[String]) -> anyhow::Result<bool>,
    ) -> anyhow::Result<bool> {
        let start = Instant::now();
        let steps: Vec<Step> = self.scenario.steps().to_vec();
        let (mut next, mut seen) = (0, 0);
        // The alert about silence would rightly fire if the demo went on for long without data.
        let tail = self.scenario.pace.silence_limit.mul_f64(0.6);
        let mut end = None;
        loop {
            let now = start.elapsed();
            while let Some(step) = steps.get(next).filter(|step| step.at <= now) {
                self.step(now, step)?;
                next += 1;
            }
            self.look(&start)?;
            let (fresh, count) = self.state.log_since(seen);
            let fresh: Vec<String> = fresh.map(plain::entry).collect();
            seen = count;
            if !show(&self.state, &fresh)? {
                return Ok(false);
            }
            if self.engine.is_finished() {
                return Ok(false);
            }
            if next == steps.len() {
                let end = *end.get_or_insert(now + tail);
                if now >= end {
                    return Ok(true);
                }
            }
            let due = steps.get(next).map_or(FRAME, |step| step.at.saturating_sub(start.elapsed()));
            std::thread::sleep(due.min(FRAME));
        }
    }

    fn step(&mut self, now: Duration, step: &Step) -> anyhow::Result<()> {
        self.ledger.sending(step);
        if let Act::Send(message) = &step.act {
            self.feed.send(&message.key, message.value.as_deref(), step.mark)?;
        }
        self.state.apply(now, Event::Step(step));
        Ok(())
    }

    /// Takes in what the brokers say.
    fn look(&mut self, start: &Instant) -> anyhow::Result<()> {
        for receipt in self.feed.receipts() {
            self.ledger.delivered(receipt.ticket, receipt.partition, receipt.offset);
        }
        for record in self.outputs.try_iter() {
            let record = record?;
            self.ledger.observe(&record);
            self.state.apply(start.elapsed(), Event::Record(&record));
        }
        self.state.apply(start.elapsed(), Event::Tick);
        Ok(())
    }

    /// Stops the pipeline and says what became of the faults.
    fn end(
        mut self,
        terminal: &mut Terminal,
        coloured: bool,
        finished: bool,
    ) -> anyhow::Result<Outcome> {
        self.stop.ask();
        let ended = self.engine.join().map_err(|_| anyhow!("the pipeline panicked"))?;
        ended.context("the pipeline stopped")?;
        for receipt in self.feed.receipts() {
            self.ledger.delivered(receipt.ticket, receipt.partition, receipt.offset);
        }
        for record in self.outputs.try_iter().flatten() {
            self.ledger.observe(&record);
        }
        if !finished {
            terminal.line("stopped before the end");
            return Ok(Outcome::Good);
        }
        let verdicts = self.ledger.verdicts();
        terminal.line(&table(&verdicts, terminal.width(), coloured));
        let strays = self.ledger.strays();
        strays.iter().for_each(|stray| terminal.line(&format!("unexplained: {stray}")));
        let (rows, cells) = (self.state.rows_in, self.state.cells_out);
        terminal.line(&format!(
            "{rows} rows in, {cells} factor values out through pipeline {}",
            self.plan.name
        ));
        let good = strays.is_empty() && verdicts.iter().all(|verdict| verdict.accounted);
        Ok(if good { Outcome::Good } else { Outcome::Bad })
    }
}

/// The pipeline on a thread of its own, ready.
fn engine(plan: &Arc<Plan>, stop: &Stop) -> anyhow::Result<JoinHandle<Result<(), LiveError>>> {
    let health = Health::new(Duration::from_secs(60));
    let options = LiveOptions {
        workers: 1,
        limits: EpochLimits::default(),
        restate: false,
        embedded: true,
        metrics: Arc::new(Metrics::new(&plan.name, Limits::read())?),
        health: health.clone(),
        stop: stop.clone(),
    };
    health.signal(crate::telemetry::Condition::PipelineValid, "pipeline").good();
    let plan = Arc::clone(plan);
    let engine = std::thread::Builder::new()
        .name("pipeline".to_owned())
        .spawn(move || runtime::run(&plan, &options))?;
    let began = clock::now_ms();
    while !health.ready().passes() && !engine.is_finished() {
        if clock::now_ms() - began > i64::try_from(READY.as_millis())? {
            return Err(anyhow!("the pipeline is not ready after {} s", READY.as_secs()));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(engine)
}

/// Reads all outputs on a thread of its own.
fn tap(plan: &Plan, address: &str) -> anyhow::Result<Receiver<anyhow::Result<OutputRecord>>> {
    let topics: Vec<&str> = plan.outputs.iter().map(|output| output.topic.as_str()).collect();
    let kinds: Vec<_> = plan.outputs.iter().map(|output| output.kind).collect();
    let tap = Tap::new(address, &topics)?;
    let (sender, receiver): (Sender<anyhow::Result<OutputRecord>>, _) = unbounded();
    std::thread::Builder::new().name("tap".to_owned()).spawn(move || {
        loop {
            let read = match tap.next(Duration::from_millis(100)) {
                Ok(None) => continue,
                Ok(Some(record)) => Ok(OutputRecord {
                    output: kinds[record.topic.min(kinds.len() - 1)],
                    key: record.key.unwrap_or_default(),
                    value: record.value,
                    headers: record.headers,
                }),
                Err(error) => Err(error.into()),
            };
            // The demo has ended.
            if sender.send(read).is_err() {
                return;
            }
        }
    })?;
    Ok(receiver)
}
