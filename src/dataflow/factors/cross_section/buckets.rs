//! What the two ways of ordering a row share: a monotone map into buckets that a sample of the row
//! centres and scales, and one insertion pass that repairs what is out of order inside and between
//! buckets. Sample and map decide how long that takes, never the result.

/// How many values of a row are looked at to centre and scale the map to buckets.
const SAMPLE: usize = 31;
/// Most buckets that are used; beyond it they hold more values each.
const MOST_BUCKETS: usize = 1 << 16;

/// How many buckets for so many values: a power of two. With twice as many, adding up where they
/// begin costs more than the insertion pass saves.
pub(super) fn whole(count: usize) -> usize {
    count.next_power_of_two().clamp(64, MOST_BUCKETS)
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

/// Where each bucket begins, from the bucket of every value.
pub(super) fn places(bucket_of: &[u32], buckets: usize, begins: &mut Vec<u32>) {
    begins.clear();
    begins.resize(buckets, 0);
    for b in bucket_of {
        begins[*b as usize & (buckets - 1)] += 1;
    }
    let mut sum = 0;
    for begin in begins {
        let n = *begin;
        *begin = sum;
        sum += n;
    }
}

/// Sorts what is nearly sorted; gives up and sorts by comparison when it was not.
pub(super) fn insertion_sort<E: Copy>(entries: &mut [E], key: impl Fn(&E) -> u64) {
    let mut budget = 8 * entries.len() + 64;
    for i in 1..entries.len() {
        let entry = entries[i];
        let own = key(&entry);
        if key(&entries[i - 1]) <= own {
            continue;
        }
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
    }
}
