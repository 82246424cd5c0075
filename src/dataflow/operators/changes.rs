//! From batches of changes to differential collections.

use differential_dataflow::{AsCollection, Hashable};
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::operator::Operator;

use super::{Changes, Data, Flow};

/// The collection that changes add up to: consolidated, so that what comes and goes within an
/// epoch does not show, and spread over the workers by member.
pub fn collection<'s, D>(changes: Flow<'s, (D, i64)>, name: &str) -> Changes<'s, D>
where
    D: differential_dataflow::ExchangeData + Hashable,
{
    let timed = changes.unary(Pipeline, name, |_capability, _info| {
        move |input, output| {
            input.for_each(|capability, items| {
                let Some(epoch) = capability.least().copied() else { return };
                let timed = items.drain(..).map(|(member, diff)| (member, epoch, diff));
                output.session(&capability).give_iterator(timed);
            });
        }
    });
    timed.as_collection().consolidate()
}

/// The changes of a collection as batches again, each in the epoch of its change. Differential may
/// send the changes of several epochs in one message, at the first of them.
pub fn changes<'s, D: Data + Clone>(collection: Changes<'s, D>, name: &str) -> Flow<'s, (D, i64)> {
    collection.inner.unary(Pipeline, name, |_capability, _info| {
        move |input, output| {
            input.for_each(|capability, items| {
                items.sort_by_key(|(_, epoch, _)| *epoch);
                for same in items.chunk_by(|a, b| a.1 == b.1) {
                    let Some((_, epoch, _)) = same.first() else { continue };
                    let capability = capability.delayed(epoch, 0);
                    let untimed = same.iter().map(|(member, _, diff)| (member.clone(), *diff));
                    output.session(&capability).give_iterator(untimed);
                }
            });
        }
    })
}

/// How many members of the collection have each property: members (property, number).
pub fn count_by<'s, D, K>(
    members: Changes<'s, D>,
    property: impl Fn(&D) -> K + 'static,
) -> Changes<'s, (K, i64)>
where
    D: differential_dataflow::ExchangeData + Hashable,
    K: differential_dataflow::ExchangeData + Hashable,
{
    members.map(move |member| property(&member)).count_core::<i64>()
}
