//! Where streams leave the dataflow: complete epochs are handed to a function, and a watch says
//! which epochs are through.

use std::collections::BTreeMap;

use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::Probe;
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::dataflow::operators::probe::Handle;

use super::epochs::passed;
use super::{Epoch, Flow};

/// Says up to which epoch everything that is watched has gone out on all workers.
#[derive(Clone, Debug)]
pub struct Watch(Handle<Epoch>);

impl Watch {
    /// Watches nothing yet.
    pub fn new() -> Watch {
        Watch(Handle::new())
    }

    /// The first epoch that is not through; none when all inputs have ended.
    pub fn first_open(&self) -> Option<Epoch> {
        self.0.with_frontier(|frontier| frontier.first().copied())
    }
}

impl Default for Watch {
    fn default() -> Self {
        Watch::new()
    }
}

/// Hands every complete epoch of `input` that has items to `logic`, in order.
pub fn each_epoch<'s, D: Clone + 'static>(
    input: Flow<'s, D>,
    name: &str,
    watch: &Watch,
    mut logic: impl FnMut(Epoch, Vec<D>) + 'static,
) {
    let mut builder = OperatorBuilder::new(name.to_owned(), input.scope());
    let mut input = builder.new_input(input, Pipeline);
    let (output, stream) = builder.new_output();
    let _output = OutputBuilder::<_, CapacityContainerBuilder<Vec<()>>>::from(output);
    builder.build(move |_capabilities| {
        let mut open: BTreeMap<Epoch, (Vec<D>, _)> = BTreeMap::new();
        move |frontiers| {
            input.for_each(|capability, items| {
                let Some(epoch) = capability.least().copied() else { return };
                let entry = open
                    .entry(epoch)
                    .or_insert_with(|| (Vec::new(), capability.delayed(&epoch, 0)));
                entry.0.append(items);
            });
            // The capability is held until the logic has seen the epoch, so that the watch does
            // not pass it before.
            while let Some(entry) = open.first_entry() {
                let epoch = *entry.key();
                if !passed(&frontiers[0], epoch) {
                    break;
                }
                let (items, _capability) = entry.remove();
                logic(epoch, items);
            }
        }
    });
    stream.probe_with(&watch.0);
}
