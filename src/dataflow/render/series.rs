//! Checks that compare a row with the one before it.

use super::Context;
use super::rows::event_time;
use crate::dataflow::event_time::EventTime;
use crate::dataflow::operators::{Epoch, Epochal, Fork, Input, Work};
use crate::dataflow::quality::Series;
use crate::dataflow::signal::Signal;
use crate::model::{AcceptedBatch, Finding};

/// The series checks over this worker's symbols.
pub(super) struct Judge {
    series: Series,
    event_time: EventTime,
}

impl Judge {
    pub(super) fn new(context: &Context) -> Judge {
        let plan = &context.plan;
        Judge {
            series: Series::new(plan.source.fields.len(), &plan.checks),
            event_time: event_time(context),
        }
    }
}

impl Epochal for Judge {
    type Left = AcceptedBatch;
    type Right = Signal;
    type A = (Finding, i64);
    type B = ();
    type C = ();

    fn epoch(
        &mut self,
        _: Epoch,
        input: Input<AcceptedBatch, Signal>,
        out: &mut Fork<(Finding, i64), (), ()>,
    ) -> Work {
        if self.series.has_rules() {
            for changes in &input.left {
                out.a.extend(self.series.apply(changes));
            }
            self.event_time.apply(&input.right);
            self.series.evict(self.event_time.horizon());
        }
        Work::Done
    }
}
