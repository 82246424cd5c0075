//! The operator layer on real workers: epochs come whole and in order, changes in their own epoch.

use std::sync::mpsc::{Sender, channel};

use super::*;

/// Sends in epoch e the numbers 0..e, split over activations, and ends after the epoch `last`.
struct Numbers {
    epoch: Epoch,
    next: u64,
    last: Epoch,
}

impl Driver for Numbers {
    type A = u64;
    type B = (u64, i64);
    type C = ();

    fn epoch(&mut self) -> Epoch {
        self.epoch
    }

    fn work(&mut self, out: &mut Emit<u64, (u64, i64), ()>) -> Next {
        if self.epoch > self.last {
            return Next::Ended;
        }
        if self.next < self.epoch {
            out.a.push(self.next);
            // A member that comes and goes in one epoch, one that stays until the next.
            out.b.extend([(100, 1), (100, -1), (self.next, 1)]);
            self.next += 1;
        } else {
            out.b.extend((0..self.epoch.saturating_sub(1)).map(|old| (old, -1)));
            self.epoch += 1;
            self.next = 0;
        }
        Next::Again
    }
}

/// Sums an epoch in two activations.
struct Sum {
    half: Option<u64>,
}

impl Epochal for Sum {
    type Left = u64;
    type Right = u64;
    type A = (u64, Epoch, u64);
    type B = ();
    type C = ();

    fn epoch(
        &mut self,
        epoch: Epoch,
        input: Input<u64, u64>,
        out: &mut Fork<(u64, Epoch, u64), (), ()>,
    ) -> Work {
        match self.half.take() {
            None => {
                self.half = Some(input.left.iter().sum::<u64>() + input.right.len() as u64);
                Work::More
            }
            Some(sum) => {
                assert!(input.left.is_empty() && input.right.is_empty());
                out.a.push((0, epoch, sum));
                Work::Done
            }
        }
    }
}

fn run(workers: usize, sums: Sender<(Epoch, u64)>, changed: Sender<(Epoch, u64, i64)>) {
    let config = timely::Config::process(workers);
    let guards = timely::execute(config, move |worker| {
        let (sums, changed) = (sums.clone(), changed.clone());
        let watch = Watch::new();
        worker.dataflow(|scope| {
            let start = |_wake| Numbers { epoch: 0, next: 0, last: 6 };
            let (numbers, members, _) = source(scope, "numbers", start);
            let right = to_first(numbers.clone());
            let (sum, _, _) = epochs(to_first(numbers), right, "sum", Sum { half: None });
            each_epoch(sum, "sums", &watch, move |epoch, items| {
                items.into_iter().for_each(|(_, at, sum)| {
                    assert_eq!(at, epoch);
                    sums.send((epoch, sum)).unwrap();
                });
            });
            let members = changes(collection(members, "members"), "changed");
            each_epoch(members, "seen", &watch, move |epoch, items| {
                items.into_iter().for_each(|(m, diff)| changed.send((epoch, m, diff)).unwrap());
            });
        });
        while watch.first_open().is_some() {
            worker.step();
        }
    });
    guards.unwrap().join().into_iter().for_each(|ended| ended.unwrap());
}

#[test]
fn epochs_are_whole_in_order_and_on_every_number_of_workers() {
    for workers in [1, 2, 3] {
        let ((sums, all), (changed, seen)) = (channel(), channel());
        run(workers, sums, changed);
        let peers = workers as u64;
        let expected: Vec<_> = (1..=6).map(|e: u64| (e, peers * (e * (e - 1) / 2 + e))).collect();
        assert_eq!(all.iter().collect::<Vec<_>>(), expected, "{workers} workers");
        let mut seen: Vec<_> = seen.iter().collect();
        seen.sort_unstable();
        let mut net = std::collections::BTreeMap::new();
        for (epoch, member, diff) in seen {
            assert_ne!(member, 100, "it came and went within an epoch");
            *net.entry((epoch, member)).or_insert(0) += diff;
        }
        // In epoch e the members 0..e come and those before the last go: the last one stays.
        let stays = (1..=6).map(|e| ((e, e - 1), workers as i64)).collect();
        assert_eq!(net, stays, "{workers} workers");
    }
}
