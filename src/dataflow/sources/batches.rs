//! Drives rows that are there already through epochs of their own, as fast as they go: an epoch
//! per batch, the clock is event time.

use std::sync::Arc;
use std::time::Duration;
use std::vec::IntoIter;

use crate::dataflow::operators::{Driver, Emit, Epoch, Next};
use crate::dataflow::pace::{End, Pace};
use crate::dataflow::signal::{Clock, Load, Report, Signal};
use crate::model::{Position, RowBatch};

/// How soon to look again whether earlier epochs are through.
const PATIENCE: Duration = Duration::from_millis(2);

/// The driver of all rows; on the other workers one without rows.
pub struct Batches {
    batches: IntoIter<RowBatch>,
    pace: Arc<Pace>,
    epoch: Epoch,
    now_ms: Option<i64>,
    ending: bool,
}

impl Batches {
    /// A driver of `batches`, in order of time. `pace` bounds how many epochs are under way.
    pub fn new(batches: Vec<RowBatch>, pace: Arc<Pace>) -> Batches {
        Batches { batches: batches.into_iter(), pace, epoch: 0, now_ms: None, ending: false }
    }

    fn send(&mut self, batch: RowBatch, out: &mut Emit<Load, Report, ()>) {
        let newest = batch.arrivals_ms.iter().copied().max();
        self.now_ms = self.now_ms.max(newest);
        let next = batch.offsets.iter().copied().max().map_or(0, |offset| offset + 1);
        let arrivals_ms = newest.map(|newest| (newest, 1)).into_iter().collect();
        out.b.push(Report::Position(Position { partition: batch.partition, next, arrivals_ms }));
        out.b.extend(self.clock());
        out.a.push(Load::Rows(batch));
    }

    fn clock(&self) -> Option<Report> {
        let clock = |now_ms| Report::Clock(Clock { now_ms, settled: true, resumed: false });
        self.now_ms.map(clock)
    }
}

impl Driver for Batches {
    type A = Load;
    type B = Report;
    type C = ();

    fn epoch(&mut self) -> Epoch {
        self.epoch
    }

    fn work(&mut self, out: &mut Emit<Load, Report, ()>) -> Next {
        if self.pace.end() != End::No {
            return Next::Ended;
        }
        if self.pace.behind(self.epoch) >= self.pace.limits().in_flight {
            return Next::Within(PATIENCE);
        }
        match self.batches.next() {
            Some(batch) => self.send(batch, out),
            None if self.ending => return Next::Ended,
            None => {
                out.b.push(Report::Signal(Signal::End));
                out.b.extend(self.clock());
                self.ending = true;
            }
        }
        self.epoch += 1;
        Next::Again
    }
}
