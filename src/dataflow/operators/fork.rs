//! An operator that handles every batch at once, at the epoch it came in, with up to three outputs.

use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;

use super::Flow;

/// What one activation puts into each of the three outputs.
#[derive(Debug)]
pub struct Fork<A, B, C> {
    /// First output.
    pub a: Vec<A>,
    /// Second output.
    pub b: Vec<B>,
    /// Third output.
    pub c: Vec<C>,
}

impl<A, B, C> Default for Fork<A, B, C> {
    fn default() -> Self {
        Fork { a: Vec::new(), b: Vec::new(), c: Vec::new() }
    }
}

/// Applies `logic` to every batch on the worker where it is, and sends on what it leaves in the
/// three outputs.
pub fn fork<'s, D, A, B, C>(
    input: Flow<'s, D>,
    name: &str,
    mut logic: impl FnMut(D, &mut Fork<A, B, C>) + 'static,
) -> (Flow<'s, A>, Flow<'s, B>, Flow<'s, C>)
where
    D: Clone + 'static,
    A: Clone + 'static,
    B: Clone + 'static,
    C: Clone + 'static,
{
    let mut builder = OperatorBuilder::new(name.to_owned(), input.scope());
    let mut input = builder.new_input(input, Pipeline);
    let (a, a_stream) = builder.new_output();
    let (b, b_stream) = builder.new_output();
    let (c, c_stream) = builder.new_output();
    let mut a = OutputBuilder::<_, CapacityContainerBuilder<Vec<A>>>::from(a);
    let mut b = OutputBuilder::<_, CapacityContainerBuilder<Vec<B>>>::from(b);
    let mut c = OutputBuilder::<_, CapacityContainerBuilder<Vec<C>>>::from(c);
    builder.build(move |_capabilities| {
        let mut out = Fork::default();
        move |_frontiers| {
            let (mut a, mut b, mut c) = (a.activate(), b.activate(), c.activate());
            input.for_each(|capability, batches| {
                for batch in batches.drain(..) {
                    logic(batch, &mut out);
                }
                a.session(&capability).give_iterator(out.a.drain(..));
                b.session(&capability).give_iterator(out.b.drain(..));
                c.session(&capability).give_iterator(out.c.drain(..));
            });
        }
    });
    (a_stream, b_stream, c_stream)
}
