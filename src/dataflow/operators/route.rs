//! Which worker a batch goes to. With one worker nothing is moved.

use timely::dataflow::operators::Exchange;
use timely::dataflow::operators::vec::Broadcast;

use super::{Data, Flow};

/// Sends a copy of every item to every worker.
pub fn broadcast<'s, D: Data + Clone>(input: Flow<'s, D>) -> Flow<'s, D> {
    if input.scope().peers() == 1 { input } else { input.broadcast() }
}

/// Sends every item to the first worker.
pub fn to_first<'s, D: Data>(input: Flow<'s, D>) -> Flow<'s, D> {
    by(input, |_| 0)
}

/// Sends every item to the worker of the given number, modulo the number of workers.
pub fn by<'s, D: Data>(input: Flow<'s, D>, worker: impl Fn(&D) -> u64 + 'static) -> Flow<'s, D> {
    if input.scope().peers() == 1 { input } else { input.exchange(worker) }
}
