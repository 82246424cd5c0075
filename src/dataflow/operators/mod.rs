//! Our thin layer over timely and differential: the only place that knows their API. Everything
//! here is named, bounded per activation and never blocks.

mod changes;
mod epochs;
mod fork;
mod route;
mod sink;
mod source;
#[cfg(test)]
mod tests;

use differential_dataflow::VecCollection;
use timely::dataflow::{Scope, Stream};

pub use changes::{changes, collection, count_by};
pub use epochs::{Epochal, Input, Work, epochs};
pub use fork::{Fork, fork};
pub use route::{broadcast, by, to_first};
pub use sink::{Watch, each_epoch};
pub use source::{Driver, Emit, Next, Wake, source};

/// Dataflow time: the number of an epoch in this run, from 0.
pub type Epoch = u64;

/// A scope of the dataflow.
pub type Scoped<'s> = Scope<'s, Epoch>;

/// A stream of batches.
pub type Flow<'s, D> = Stream<'s, Epoch, Vec<D>>;

/// A differential collection: members come with +1 and go with -1.
pub type Changes<'s, D> = VecCollection<'s, Epoch, D, i64>;

/// What may travel between workers.
pub trait Data: timely::ExchangeData {}
impl<D: timely::ExchangeData> Data for D {}
