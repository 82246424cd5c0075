//! The driver of stateful operators: it waits until an epoch is complete on both inputs, hands the
//! epochs to the logic in order, and lets it work in bounded steps.

use std::collections::BTreeMap;

use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::dataflow::operators::generic::{InputHandleCore, OutputBuilder};
use timely::dataflow::operators::{Capability, InputCapability};
use timely::progress::frontier::MutableAntichain;

use super::{Epoch, Flow, Fork};

/// Logic that is driven epoch by epoch.
pub trait Epochal: 'static {
    /// Items of the first input.
    type Left: Clone + 'static;
    /// Items of the second input.
    type Right: Clone + 'static;
    /// Items of the first output.
    type A: Clone + 'static;
    /// Items of the second output.
    type B: Clone + 'static;
    /// Items of the third output.
    type C: Clone + 'static;

    /// Handles a complete epoch. The inputs are there in the first call for an epoch and empty in
    /// those that follow a [`Work::More`]. Epochs without input are not shown.
    fn epoch(
        &mut self,
        epoch: Epoch,
        input: Input<Self::Left, Self::Right>,
        out: &mut Fork<Self::A, Self::B, Self::C>,
    ) -> Work;
}

/// What came in one epoch.
#[derive(Debug)]
pub struct Input<L, R> {
    /// From the first input, in order of arrival.
    pub left: Vec<L>,
    /// From the second input, in order of arrival.
    pub right: Vec<R>,
}

/// Whether an epoch needs another activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// The epoch is finished.
    Done,
    /// There is more to do: what was put out goes on its way, then the logic is called again.
    More,
}

impl<L, R> Default for Input<L, R> {
    fn default() -> Self {
        Input { left: Vec::new(), right: Vec::new() }
    }
}

/// An epoch that is being collected or worked on, with the right to send in it.
struct Open<L, R> {
    input: Input<L, R>,
    capabilities: [Capability<Epoch>; 3],
}

type Puller<T, D> = InputHandleCore<
    T,
    Vec<D>,
    <Pipeline as timely::dataflow::channels::pact::ParallelizationContract<T, Vec<D>>>::Puller,
>;

/// Runs `logic` on the epochs of two inputs.
pub fn epochs<'s, E: Epochal>(
    left: Flow<'s, E::Left>,
    right: Flow<'s, E::Right>,
    name: &str,
    mut logic: E,
) -> (Flow<'s, E::A>, Flow<'s, E::B>, Flow<'s, E::C>) {
    let mut builder = OperatorBuilder::new(name.to_owned(), left.scope());
    let info = builder.operator_info();
    let activator = left.scope().activator_for(info.address);
    let mut left = builder.new_input(left, Pipeline);
    let mut right = builder.new_input(right, Pipeline);
    let (a, a_stream) = builder.new_output();
    let (b, b_stream) = builder.new_output();
    let (c, c_stream) = builder.new_output();
    let mut a = OutputBuilder::<_, CapacityContainerBuilder<Vec<E::A>>>::from(a);
    let mut b = OutputBuilder::<_, CapacityContainerBuilder<Vec<E::B>>>::from(b);
    let mut c = OutputBuilder::<_, CapacityContainerBuilder<Vec<E::C>>>::from(c);
    builder.build(move |_capabilities| {
        let mut open: BTreeMap<Epoch, Open<E::Left, E::Right>> = BTreeMap::new();
        let mut out = Fork::default();
        move |frontiers| {
            collect(&mut left, &mut open, |input| &mut input.left);
            collect(&mut right, &mut open, |input| &mut input.right);
            let (mut a, mut b, mut c) = (a.activate(), b.activate(), c.activate());
            while let Some(mut entry) = open.first_entry() {
                let epoch = *entry.key();
                if frontiers.iter().any(|frontier| !passed(frontier, epoch)) {
                    break;
                }
                let input = std::mem::take(&mut entry.get_mut().input);
                let work = logic.epoch(epoch, input, &mut out);
                let [cap_a, cap_b, cap_c] = &entry.get().capabilities;
                a.session(cap_a).give_iterator(out.a.drain(..));
                b.session(cap_b).give_iterator(out.b.drain(..));
                c.session(cap_c).give_iterator(out.c.drain(..));
                match work {
                    Work::Done => drop(entry.remove()),
                    Work::More => {
                        activator.activate();
                        break;
                    }
                }
            }
        }
    });
    (a_stream, b_stream, c_stream)
}

/// Whether nothing more can come in `epoch`.
pub(super) fn passed(frontier: &MutableAntichain<Epoch>, epoch: Epoch) -> bool {
    !frontier.less_equal(&epoch)
}

fn collect<L, R, D: Clone + 'static>(
    input: &mut Puller<Epoch, D>,
    open: &mut BTreeMap<Epoch, Open<L, R>>,
    side: fn(&mut Input<L, R>) -> &mut Vec<D>,
) {
    input.for_each(|capability, items| {
        // A message without a time claims nothing; our operators never send one.
        let Some(epoch) = capability.least().copied() else { return };
        let entry = open.entry(epoch).or_insert_with(|| Open {
            input: Input::default(),
            capabilities: retain(&capability, epoch),
        });
        side(&mut entry.input).append(items);
    });
}

fn retain(capability: &InputCapability<Epoch>, epoch: Epoch) -> [Capability<Epoch>; 3] {
    [0, 1, 2].map(|port| capability.delayed(&epoch, port))
}
