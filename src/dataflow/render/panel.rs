//! The factors: the panel, driven by accepted rows and event time, in bounded steps.

use std::sync::Arc;

use super::Context;
use super::rows::event_time;
use crate::dataflow::event_time::EventTime;
use crate::dataflow::factors::{Emit, Panel};
use crate::dataflow::operators::{Epoch, Epochal, Fork, Input, Work};
use crate::dataflow::signal::Signal;
use crate::model::{AcceptedBatch, FactorBatch, OutputKind, Time};
use crate::plan::Layout;
use crate::telemetry::Metrics;

/// Rows of the panel that one activation may compute: a few milliseconds for a large one.
const FUEL: usize = 64;
