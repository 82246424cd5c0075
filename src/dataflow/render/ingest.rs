//! Records in, checked rows out: decoding and row checks in one go, while the bytes are at hand.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Context, RenderError};
use crate::dataflow::decode::{self, Decoded, Decoder};
use crate::dataflow::operators::Fork;
use crate::dataflow::quality::Checks;
use crate::dataflow::signal::{Load, Signal};
use crate::model::{DeadLetter, Mark, RawBatch, RowBatch};
use crate::telemetry::Metrics;

/// Checked rows with the records they came from.
#[derive(Clone, Debug)]
pub(super) struct Ingested {
    pub(super) rows: RowBatch,
    /// For each row the number of its record in `raw`.
    pub(super) raw_index: Vec<u32>,
    pub(super) raw: RawBatch,
}

/// Decoder and checks of one worker.
pub(super) struct Ingest {
    decoder: Box<dyn Decoder>,
    checks: Checks,
    /// Up to which offset of each partition an earlier run has read.
    replayed: BTreeMap<i32, i64>,
    metrics: Arc<Metrics>,
}

impl Ingest {
    pub(super) fn new(context: &Context) -> Result<Ingest, RenderError> {
        let source = &context.plan.source;
        let format = decode::format(source.format).ok_or_else(|| {
            RenderError(format!("source {}: no format named {}", source.name, source.format))
        })?;
        let checks =
            Checks::new(&context.plan.checks).map_err(|error| RenderError(error.to_string()))?;
        Ok(Ingest {
            decoder: (format.build)(source, context.symbols.clone(), context.texts.clone()),
            checks,
            replayed: context.recorded.offsets.clone(),
            metrics: Arc::clone(&context.metrics),
        })
    }

    pub(super) fn into_logic(
        mut self,
    ) -> impl FnMut(Load, &mut Fork<Ingested, DeadLetter, Signal>) + 'static {
        move |load, out| self.take(load, out)
    }

    fn take(&mut self, load: Load, out: &mut Fork<Ingested, DeadLetter, Signal>) {
        let (Decoded { mut rows, raw_index, dead }, raw) = match load {
            Load::Raw(raw) => (self.decoder.decode(&raw), raw),
            Load::Rows(rows) => {
                let raw = RawBatch::new(rows.partition);
                (Decoded { rows, ..Decoded::default() }, raw)
            }
        };
        self.count(&dead);
        out.b.extend(dead);
        if rows.is_empty() {
            return;
        }
        self.checks.run(&mut rows, &raw, &raw_index);
        if let Some(mark) = self.mark(&rows) {
            out.c.push(Signal::Mark(mark));
        }
        out.a.push(Ingested { rows, raw_index, raw });
    }

    /// The state counts all, the counter only what an earlier run has not counted: a restart must
    /// not look like a flood of bad records.
    fn count(&self, dead: &[DeadLetter]) {
        if !dead.is_empty() {
            self.metrics.rows.with(["dead_lettered"]).add(dead.len() as f64);
        }
        for letter in dead {
            let at = letter.coordinates;
            if self.replayed.get(&at.partition).is_none_or(|next| at.offset >= *next) {
                self.metrics.dead_letters.with([letter.reason.code()]).inc();
            }
        }
    }

    /// The times of rows that pass. A deletion says nothing about how far the feed is, and a row
    /// that is kept out must not move the watermark: its time may be what is wrong with it.
    fn mark(&self, rows: &RowBatch) -> Option<Mark> {
        let kept_out = self.checks.kept_out();
        let mut times = Vec::new();
        for row in 0..rows.len() {
            let passes = !rows.deleted[row] && rows.violations[row] & kept_out == 0;
            if passes && times.last() != Some(&rows.times[row]) {
                times.push(rows.times[row]);
            }
        }
        times.sort_unstable();
        times.dedup();
        (!times.is_empty()).then_some(Mark { partition: rows.partition, times, idle: false })
    }
}
