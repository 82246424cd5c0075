//! The driver of sources: it owns the right to send, follows the epochs, and is woken from outside.

use std::rc::Rc;
use std::time::{Duration, Instant};

use timely::container::CapacityContainerBuilder;
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::scheduling::SyncActivator;

use super::{Epoch, Flow, Fork, Scoped};

/// Wakes a source from any thread.
#[derive(Clone, Debug)]
pub struct Wake(SyncActivator);

impl Wake {
    /// Schedules the source soon. A source whose worker is gone is not there to be woken.
    pub fn wake(&self) {
        if self.0.activate().is_err() {
            tracing::trace!("woke a source whose worker has ended");
        }
    }
}

/// What a source sends in one activation.
pub type Emit<A, B, C> = Fork<A, B, C>;

/// What a source wants next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Be called again at once: there is more.
    Again,
    /// Be called when woken, at the latest after this time.
    Within(Duration),
    /// Never be called again: the source has ended.
    Ended,
}

/// A source as the driver sees it: three outputs, driven by activations.
pub trait Driver: 'static {
    /// Items of the first output.
    type A: Clone + 'static;
    /// Items of the second output.
    type B: Clone + 'static;
    /// Items of the third output.
    type C: Clone + 'static;

    /// The epoch to send in now. Never goes back; what is below it is closed for this source.
    fn epoch(&mut self) -> Epoch;
    /// Does a bounded piece of work without blocking. What is put out belongs to the epoch that
    /// [`Driver::epoch`] gave last.
    fn work(&mut self, out: &mut Emit<Self::A, Self::B, Self::C>) -> Next;
}

/// Runs a source. `start` gets the handle that wakes it and builds the driver.
pub fn source<'s, D: Driver>(
    scope: Scoped<'s>,
    name: &str,
    start: impl FnOnce(Wake) -> D,
) -> (Flow<'s, D::A>, Flow<'s, D::B>, Flow<'s, D::C>) {
    let mut builder = OperatorBuilder::new(name.to_owned(), scope);
    let info = builder.operator_info();
    let activator = scope.activator_for(Rc::clone(&info.address));
    let mut driver = start(Wake(scope.worker().sync_activator_for(info.address.to_vec())));
    let (a, a_stream) = builder.new_output();
    let (b, b_stream) = builder.new_output();
    let (c, c_stream) = builder.new_output();
    let mut a = OutputBuilder::<_, CapacityContainerBuilder<Vec<D::A>>>::from(a);
    let mut b = OutputBuilder::<_, CapacityContainerBuilder<Vec<D::B>>>::from(b);
    let mut c = OutputBuilder::<_, CapacityContainerBuilder<Vec<D::C>>>::from(c);
    builder.build(move |capabilities| {
        let mut capabilities = Some(capabilities);
        let mut out = Fork::default();
        let mut alarm: Option<Instant> = None;
        move |_frontiers| {
            let Some(held) = capabilities.as_mut() else { return };
            let epoch = driver.epoch();
            for capability in held.iter_mut().filter(|held| *held.time() < epoch) {
                capability.downgrade(&epoch);
            }
            let next = driver.work(&mut out);
            if let [cap_a, cap_b, cap_c] = held.as_slice() {
                a.activate().session(cap_a).give_iterator(out.a.drain(..));
                b.activate().session(cap_b).give_iterator(out.b.drain(..));
                c.activate().session(cap_c).give_iterator(out.c.drain(..));
            }
            match next {
                Next::Again => activator.activate(),
                Next::Within(delay) => {
                    // Timely keeps every delayed activation, so one that stands is not repeated.
                    let now = Instant::now();
                    if alarm.is_none_or(|due| due <= now || due > now + delay) {
                        activator.activate_after(delay);
                        alarm = Some(now + delay);
                    }
                }
                Next::Ended => capabilities = None,
            }
        }
    });
    (a_stream, b_stream, c_stream)
}
