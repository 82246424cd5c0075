//! The last n values of every symbol in order of size: kept from bar to bar, because putting one
//! value in and taking one out costs less than sorting anew. Sorting does not round, so what is kept
//! is a function of the window alone, however it came about.

use super::simd::{Body, Level, run};
use super::window::{GROUP, Window};

/// Symbols whose windows stand together, so that they fit into the first caches.
const TILE: usize = 128;
/// Symbols that are worked on at once.
const LANES: usize = 16;
/// What stands for a missing value: above all others.
const MISSING: f64 = f64::INFINITY;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Sorted {
    n: usize,
    /// By tile, then by place in the order, smallest first, then by symbol.
    data: Vec<f64>,
    /// Groups of symbols whose windows must be sorted anew.
    stale: Vec<bool>,
}

impl Sorted {
    /// Windows of `n` values.
    pub(crate) fn new(n: usize) -> Sorted {
        Sorted { n, ..Sorted::default() }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.data.capacity() * size_of::<f64>()
    }

    /// Numbers that windows of `n` values take.
    pub(crate) fn planned(width: usize, n: usize) -> usize {
        (width.div_ceil(TILE) * TILE).saturating_mul(n)
    }

    /// Makes place for so many symbols.
    pub(crate) fn widen(&mut self, width: usize) {
        self.stale.clear();
        self.stale.resize(width.div_ceil(GROUP), true);
        self.data.clear();
        self.data.resize(Sorted::planned(width, self.n), MISSING);
    }

    /// Values in the windows of some groups of symbols have changed; `changed` is a set of bits.
    pub(crate) fn forget(&mut self, changed: &[u64]) {
        for (group, stale) in self.stale.iter_mut().enumerate() {
            *stale |= changed.get(group / 64).is_some_and(|word| word >> (group % 64) & 1 == 1);
        }
    }

    /// Values in the windows of one group of symbols have changed.
    pub(crate) fn forget_group(&mut self, group: usize) {
        self.stale.get_mut(group).into_iter().for_each(|stale| *stale = true);
    }

    /// Rows have come or gone in the middle.
    pub(crate) fn forget_all(&mut self) {
        self.stale.fill(true);
    }

    /// Goes on to the next row, the newest of `window`; `old` is the row that leaves, if one does.
    pub(crate) fn slide(&mut self, level: Level, old: Option<&[f64]>, window: Window<'_>) {
        let newest = window.len().wrapping_sub(1);
        let n = self.n;
        for (tile, data) in self.data.chunks_exact_mut(TILE * n).enumerate() {
            let (mut leaves, mut comes) = ([MISSING; TILE], [MISSING; TILE]);
            for (s, (leaves, comes)) in leaves.iter_mut().zip(&mut comes).enumerate() {
                let symbol = tile * TILE + s;
                *leaves = usable(old.and_then(|row| row.get(symbol)).copied());
                *comes = usable(Some(window.value(newest, symbol)));
            }
            run(level, Slide { data, old: &leaves, new: &comes });
        }
        for group in 0..self.stale.len() {
            if std::mem::take(&mut self.stale[group]) {
                self.sort_anew(level, group * GROUP, window);
            }
        }
    }

    /// Sorts the windows of one group of symbols from `first` on.
    fn sort_anew(&mut self, level: Level, first: usize, window: Window<'_>) {
        let n = self.n;
        let Some(data) = self.data.get_mut(first / TILE * TILE * n..) else { return };
        let at = first % TILE;
        for row in data.chunks_exact_mut(TILE).take(n) {
            row[at..at + GROUP].fill(MISSING);
        }
        for number in 0..window.len() {
            let comes: [f64; GROUP] =
                std::array::from_fn(|s| usable(Some(window.value(number, first + s))));
            run(level, SlideGroup { data, n, at, new: &comes });
        }
    }

    /// The value at the share `q` of every window that has `needed` values, interpolated linearly;
    /// missing elsewhere.
    pub(crate) fn quantile(&self, level: Level, q: f64, needed: usize, out: &mut [f64]) {
        for (data, out) in self.data.chunks_exact(TILE * self.n).zip(out.chunks_mut(TILE)) {
            run(level, Quantile { data, n: self.n, q, needed, out });
        }
    }
}

/// A value as it is sorted: without a sign of zero, and what does not count as missing.
fn usable(x: Option<f64>) -> f64 {
    x.filter(|x| x.is_finite()).map_or(MISSING, |x| x + 0.0)
}

struct Slide<'a> {
    data: &'a mut [f64],
    old: &'a [f64; TILE],
    new: &'a [f64; TILE],
}

impl Body for Slide<'_> {
    #[inline(always)]
    fn run(self) {
        let (old, _) = self.old.as_chunks::<LANES>();
        let (new, _) = self.new.as_chunks::<LANES>();
        for (block, (old, new)) in old.iter().zip(new).enumerate() {
            slide::<LANES>(self.data, block * LANES, old, new);
        }
    }
}

struct SlideGroup<'a> {
    data: &'a mut [f64],
    n: usize,
    at: usize,
    new: &'a [f64; GROUP],
}

impl Body for SlideGroup<'_> {
    #[inline(always)]
    fn run(self) {
        if let Some(data) = self.data.get_mut(..TILE * self.n) {
            slide::<GROUP>(data, self.at, &[MISSING; GROUP], self.new);
        }
    }
}

/// One pass over the places: from where the old value stood all move down, from where the new one
/// belongs all move up. Without branches, each symbol a lane.
#[inline(always)]
fn slide<const L: usize>(data: &mut [f64], at: usize, old: &[f64; L], new: &[f64; L]) {
    let (rows, _) = data.as_chunks_mut::<TILE>();
    let mut below = [f64::NEG_INFINITY; L];
    let mut current = lanes::<L>(rows.first(), at);
    for k in 0..rows.len() {
        let next = lanes::<L>(rows.get(k + 1), at);
        let mut placed = [0.0; L];
        for j in 0..L {
            let left = if current[j] < old[j] { current[j] } else { next[j] };
            let pushed = if below[j] > new[j] { below[j] } else { new[j] };
            placed[j] = if pushed < left { pushed } else { left };
            below[j] = left;
        }
        if let Some(row) = rows[k].get_mut(at..at + L) {
            row.copy_from_slice(&placed);
        }
        current = next;
    }
}

#[inline(always)]
fn lanes<const L: usize>(row: Option<&[f64; TILE]>, at: usize) -> [f64; L] {
    let lanes = row.and_then(|row| row.get(at..)).and_then(|row| row.first_chunk::<L>());
    lanes.copied().unwrap_or([MISSING; L])
}

struct Quantile<'a> {
    data: &'a [f64],
    n: usize,
    q: f64,
    needed: usize,
    out: &'a mut [f64],
}

impl Quantile<'_> {
    #[inline(always)]
    fn between(low: f64, high: f64, share: f64) -> f64 {
        low + (high - low) * share + 0.0
    }
}

impl Body for Quantile<'_> {
    #[inline(always)]
    fn run(self) {
        let Quantile { data, n, q, needed, out } = self;
        let row = |place: usize| data.get(place * TILE..).unwrap_or(&[]);
        let place = q * (n - 1) as f64;
        let (low, high) = (row(place.floor() as usize), row(place.ceil() as usize));
        let share = place - place.floor();
        for ((out, low), high) in out.iter_mut().zip(low).zip(high) {
            *out = Self::between(*low, *high, share);
        }
        for (s, (out, last)) in out.iter_mut().zip(row(n - 1)).enumerate() {
            if *last < MISSING {
                continue;
            }
            let at = |place: f64| row(place as usize).get(s).copied().unwrap_or(f64::NAN);
            let count = (0..n).take_while(|k| at(*k as f64) < MISSING).count();
            *out = f64::NAN;
            if count >= needed.max(1) {
                let place = q * (count - 1) as f64;
                *out = Self::between(at(place.floor()), at(place.ceil()), place - place.floor());
            }
        }
    }
}
