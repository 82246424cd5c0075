//! A lane computes some factors at all times; several run at once.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, bounded};

use super::ComputeError;
use crate::dataflow::factors::Panel;
use crate::dataflow::sinks::file::{PanelPart, PanelSink};
use crate::dataflow::sources::file::Bars;
use crate::model::{RowBatch, Time};

/// Batches that wait before each lane.
const BATCHES_AHEAD: usize = 2;
/// Pieces that wait behind each lane.
const PIECES_AHEAD: usize = 1;

/// A panel of some factors and what becomes of them.
pub(super) struct Lane<P> {
    panel: Panel,
    part: P,
    /// Times since the last cut.
    times: Vec<Time>,
    times_per_piece: usize,
}

/// What a lane made of some times.
type Cut<P> = (Vec<Time>, <P as PanelPart>::Piece);

/// Takes what a lane makes; false if nobody wants more.
type TakeCut<'a, P> = dyn FnMut(Cut<P>) -> Result<bool, ComputeError> + 'a;

/// Is told how many rows were read.
pub(super) type Rows<'a> = dyn Fn(u64) + Sync + 'a;

impl<P: PanelPart> Lane<P> {
    pub(super) fn new(panel: Panel, part: P, times_per_piece: usize) -> Lane<P> {
        Lane { panel, part, times: Vec::new(), times_per_piece }
    }

    /// Takes all rows of the next times.
    fn take(&mut self, batch: &RowBatch, put: &mut TakeCut<'_, P>) -> Result<bool, ComputeError> {
        self.panel.apply(batch);
        let through = batch.times.last().copied().unwrap_or(Time::MIN);
        loop {
            let before = self.panel.closed_through();
            self.panel.work(through, false, 1, &mut Vec::new());
            if self.panel.closed_through() == before {
                return Ok(true);
            }
            let Some((time, rows)) = self.panel.newest() else { return Ok(true) };
            self.part.take(time, &rows)?;
            self.times.push(time);
            if self.times.len() >= self.times_per_piece && !self.cut(put)? {
                return Ok(false);
            }
        }
    }

    fn cut(&mut self, put: &mut TakeCut<'_, P>) -> Result<bool, ComputeError> {
        let piece = self.part.cut()?;
        put((std::mem::take(&mut self.times), piece))
    }

    /// Gives what is left, and the panel at its end.
    fn finish(mut self, put: &mut TakeCut<'_, P>) -> Result<Panel, ComputeError> {
        if !self.times.is_empty() {
            self.cut(put)?;
        }
        Ok(self.panel)
    }
}

/// Reads, computes and writes on the calling thread.
pub(super) fn alone<S: PanelSink>(
    mut bars: Bars<'_>,
    mut lanes: Vec<Lane<S::Part>>,
    sink: &mut S,
    progress: &Rows<'_>,
) -> Result<Vec<Panel>, ComputeError> {
    let mut put = |(times, piece): Cut<S::Part>| {
        sink.put(&times, vec![piece])?;
        Ok(true)
    };
    let mut done = 0;
    while let Some(batch) = bars.next_batch()? {
        for lane in &mut lanes {
            lane.take(&batch, &mut put)?;
        }
        done += batch.len() as u64;
        progress(done);
    }
    lanes.into_iter().map(|lane| lane.finish(&mut put)).collect()
}

/// Reads on one thread, computes on a thread for each lane, and writes on the calling one.
pub(super) fn together<S: PanelSink>(
    bars: Bars<'_>,
    lanes: Vec<Lane<S::Part>>,
    sink: &mut S,
    progress: &Rows<'_>,
) -> Result<Vec<Panel>, ComputeError> {
    std::thread::scope(|scope| {
        let (mut batches, mut pieces, mut computing) = (Vec::new(), Vec::new(), Vec::new());
        for lane in lanes {
            let (batch_in, batch_out) = bounded(BATCHES_AHEAD);
            let (piece_in, piece_out) = bounded(PIECES_AHEAD);
            batches.push(batch_in);
            pieces.push(piece_out);
            computing.push(scope.spawn(move || compute(lane, &batch_out, &piece_in)));
        }
        let reading = scope.spawn(move || read(bars, &batches, progress));
        let written = write(sink, pieces);
        // What went wrong first in the order of the work is the cause of what follows.
        let read = finished(reading.join());
        let lanes: Vec<_> = computing.into_iter().map(|lane| finished(lane.join())).collect();
        read?;
        let panels = lanes.into_iter().collect::<Result<_, _>>()?;
        written.map(|()| panels)
    })
}

/// The result of a thread; its panic goes on here.
fn finished<T>(joined: std::thread::Result<T>) -> T {
    joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Hands every batch to every lane, until one is gone.
fn read(
    mut bars: Bars<'_>,
    lanes: &[Sender<Arc<RowBatch>>],
    progress: &Rows<'_>,
) -> Result<(), ComputeError> {
    let mut done = 0;
    while let Some(batch) = bars.next_batch()? {
        done += batch.len() as u64;
        let batch = Arc::new(batch);
        if lanes.iter().any(|lane| lane.send(Arc::clone(&batch)).is_err()) {
            break;
        }
        progress(done);
    }
    Ok(())
}

fn compute<P: PanelPart>(
    mut lane: Lane<P>,
    batches: &Receiver<Arc<RowBatch>>,
    pieces: &Sender<Cut<P>>,
) -> Result<Panel, ComputeError> {
    let mut put = |cut: Cut<P>| Ok(pieces.send(cut).is_ok());
    for batch in batches {
        if !lane.take(&batch, &mut put)? {
            // Nobody wants more: the writer says why.
            return Ok(lane.panel);
        }
    }
    lane.finish(&mut put)
}

/// Joins what the lanes made of the same times. Takes the lanes' ends with it, so that they stop
/// when this stops.
fn write<S: PanelSink>(
    sink: &mut S,
    lanes: Vec<Receiver<Cut<S::Part>>>,
) -> Result<(), ComputeError> {
    loop {
        let mut times = Vec::new();
        let mut pieces = Vec::with_capacity(lanes.len());
        for lane in &lanes {
            let Ok((own, piece)) = lane.recv() else { return Ok(()) };
            times = own;
            pieces.push(piece);
        }
        sink.put(&times, pieces)?;
    }
}
