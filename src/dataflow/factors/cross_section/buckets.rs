//! What the two ways of ordering a row share: a monotone map into buckets that a sample of the row
//! centres and scales, and one insertion pass that repairs what is out of order inside and between
//! buckets. Sample and map decide how long that takes, never the result.

use std::ops::AddAssign;

use super::{Body, Level, run};

/// How many values of a row are looked at to centre and scale the map to buckets.
const SAMPLE: usize = 31;
/// Parts of the buckets that are added up side by side. (With fewer, a compiler makes vectors of the
/// rows instead, from single numbers.)
const LANES: usize = 64;
/// Most buckets that are used; beyond it they hold more values each.
const MOST_BUCKETS: usize = 1 << 16;

/// How many buckets for so many values: a power of two, so that most hold one value or none.
pub(super) fn whole(count: usize) -> usize {
    (2 * count.next_power_of_two()).clamp(LANES, MOST_BUCKETS)
}

/// Median and half the distance between the quartiles of a sample; both finite, the scale above 0.
pub(super) fn centre_and_scale(count: usize, value: impl Fn(usize) -> f64) -> (f64, f64) {
    let mut sample = [0.0; SAMPLE];
    for (i, s) in sample.iter_mut().enumerate() {
        *s = value((2 * i + 1) * count / (2 * SAMPLE));
    }
    sample.sort_unstable_by(f64::total_cmp);
    let usable = |x: f64| x > 0.0 && x < f64::INFINITY;
    let quartiles = (sample[SAMPLE * 3 / 4] - sample[SAMPLE / 4]) * 0.5;
    let range = (sample[SAMPLE - 1] - sample[0]) * 0.5;
    let scale = if usable(quartiles) {
        quartiles
    } else if usable(range) {
        range
    } else {
        1.0
    };
    let centre = sample[SAMPLE / 2];
    (if centre.is_finite() { centre } else { 0.0 }, scale)
}

/// Memory for dealing out values to buckets: short numbers while they are large enough, so that more
/// of them stay in the first cache.
#[derive(Debug, Default)]
pub(super) struct Ends {
    short: Vec<u16>,
    long: Vec<u32>,
}

impl Ends {
    /// Puts entries in the order of their buckets, of each of which `places` has the place.
    pub(super) fn deal<E>(
        &mut self,
        level: Level,
        places: &[u32],
        buckets: usize,
        entries: impl Iterator<Item = E>,
        sorted: &mut [E],
    ) {
        if places.len() <= usize::from(u16::MAX) {
            deal(level, places, buckets, entries, sorted, &mut self.short);
        } else {
            deal(level, places, buckets, entries, sorted, &mut self.long);
        }
    }
}

/// A number of entries.
trait Count: Copy + Default + AddAssign + TryInto<usize> {
    const ONE: Self;
}

impl Count for u16 {
    const ONE: u16 = 1;
}

impl Count for u32 {
    const ONE: u32 = 1;
}

fn deal<E, C: Count>(
    level: Level,
    places: &[u32],
    buckets: usize,
    entries: impl Iterator<Item = E>,
    sorted: &mut [E],
    ends: &mut Vec<C>,
) {
    ends.clear();
    ends.resize(buckets, C::default());
    for place in places {
        ends[*place as usize & (buckets - 1)] += C::ONE;
    }
    run(level, AddUp(ends));
    for (place, entry) in places.iter().zip(entries) {
        let end = &mut ends[*place as usize & (buckets - 1)];
        if let Some(free) = (*end).try_into().ok().and_then(|end: usize| sorted.get_mut(end)) {
            *free = entry;
        }
        *end += C::ONE;
    }
}

/// The place of a bucket: each lane has as many buckets in succession as any other, so that all
/// lanes can be added up at once.
#[inline(always)]
pub(super) const fn place(bucket: u32, buckets: usize) -> u32 {
    let each = buckets / LANES;
    (bucket & (each as u32 - 1)) * LANES as u32 + (bucket >> each.trailing_zeros())
}

/// Makes where each bucket begins of how many it has.
struct AddUp<'a, C>(&'a mut [C]);

impl<C: Count> Body for AddUp<'_, C> {
    #[inline(always)]
    fn run(self) {
        let (rows, _) = self.0.as_chunks_mut::<LANES>();
        let mut sums = [C::default(); LANES];
        for row in rows.iter_mut() {
            for (begin, sum) in row.iter_mut().zip(&mut sums) {
                let count = std::mem::replace(begin, *sum);
                *sum += count;
            }
        }
        let mut below = C::default();
        for sum in &mut sums {
            let count = std::mem::replace(sum, below);
            below += count;
        }
        for row in rows {
            for (begin, sum) in row.iter_mut().zip(&sums) {
                *begin += *sum;
            }
        }
    }
}

/// Sorts what is nearly sorted; gives up and sorts by comparison when it was not. `descents` is
/// memory.
pub(super) fn insertion_sort<E: Copy>(
    entries: &mut [E],
    descents: &mut Vec<u32>,
    key: impl Fn(&E) -> u64,
) {
    // Where the order is broken is found first, without a branch: nobody could predict it.
    descents.resize(entries.len(), 0);
    let mut found = 0;
    for (i, pair) in entries.windows(2).enumerate() {
        descents[found] = i as u32 + 1;
        found += usize::from(key(&pair[0]) > key(&pair[1]));
    }
    let mut budget = 8 * entries.len() + 64;
    for descent in &descents[..found] {
        let mut i = *descent as usize;
        // What was moved up to here may be larger than what follows.
        while i < entries.len() && key(&entries[i - 1]) > key(&entries[i]) {
            let entry = entries[i];
            let own = key(&entry);
            let mut at = i;
            while at > 0 && key(&entries[at - 1]) > own && i - at < budget {
                entries[at] = entries[at - 1];
                at -= 1;
            }
            entries[at] = entry;
            if i - at >= budget {
                entries.sort_unstable_by_key(key);
                return;
            }
            budget -= i - at;
            i += 1;
        }
    }
}
