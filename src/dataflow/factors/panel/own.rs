//! Windows that count a symbol's own bars only (`clock: traded`). A symbol may not trade for longer
//! than any number of rows that is kept, so what such a window reads of rows that may no longer
//! change is kept by symbol: the last values at bars of its own, whatever rows these were.

use std::ops::Range;

use super::super::recursive::MASK;
use super::bits::Bits;
use super::layout::{Chosen, Layout, MOST_ARGUMENTS, Place, Step};
use super::store::{RowAt, Store};
use crate::dataflow::factors::blocks::Cuts;
use crate::dataflow::factors::window::{GROUP, Window};
use crate::dataflow::factors::{Reads, Rolling};
use crate::formula::NodeId;

/// The last values of one node at own bars in rows that may no longer change: a ring per symbol.
#[derive(Debug, Default)]
struct Ring {
    rows: Vec<Vec<f64>>,
}

/// Own bars in rows that may no longer change.
#[derive(Debug, Default)]
pub(super) struct OwnBars {
    /// By node; without rows where no window needs them.
    rings: Vec<Ring>,
    /// How many each symbol had.
    counts: Vec<usize>,
}

/// Memory used between calls: the windows of a group of symbols, by argument.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    values: [Vec<f64>; MOST_ARGUMENTS],
    starts: Vec<usize>,
}

impl OwnBars {
    pub(super) fn new(layout: &Layout) -> OwnBars {
        let ring = |depth| Ring { rows: vec![Vec::new(); depth] };
        OwnBars {
            rings: layout.nodes.iter().map(|node| ring(node.own)).collect(),
            counts: Vec::new(),
        }
    }

    /// Makes place for `width` symbols, which had no bars.
    pub(super) fn widen(&mut self, width: usize) {
        for row in self.rings.iter_mut().flat_map(|ring| &mut ring.rows) {
            row.resize(width, f64::NAN);
        }
        self.counts.resize(width, 0);
    }

    pub(super) fn bytes(&self) -> usize {
        let rows = self.rings.iter().flat_map(|ring| &ring.rows);
        rows.map(|row| row.capacity() * size_of::<f64>()).sum()
    }

    /// How many own bars a symbol had before the rows that may change.
    pub(super) fn count(&self, symbol: usize) -> usize {
        self.counts.get(symbol).copied().unwrap_or(0)
    }

    /// The value of a node at the own bar number `ago` before the rows that may change, 0 = newest.
    pub(super) fn value(&self, node: NodeId, symbol: usize, ago: usize) -> Option<f64> {
        let rows = &self.rings.get(node)?.rows;
        let place = self.counts.get(symbol)?.checked_sub(ago + 1)?;
        if ago >= rows.len() {
            return None;
        }
        rows.get(place % rows.len())?.get(symbol).copied()
    }

    /// Goes on from so many own bars of a symbol.
    pub(super) fn set_count(&mut self, symbol: usize, count: usize) {
        if let Some(known) = self.counts.get_mut(symbol) {
            *known = count;
        }
    }

    /// Puts a value where [`OwnBars::value`] finds it; nothing where the symbol had no such bar.
    pub(super) fn set_value(&mut self, node: NodeId, symbol: usize, ago: usize, value: f64) {
        let place = self.count(symbol).checked_sub(ago.saturating_add(1));
        if let (Some(place), Some(ring)) = (place, self.rings.get_mut(node))
            && !ring.rows.is_empty()
        {
            let depth = ring.rows.len();
            if let Some(cell) = ring.rows[place % depth].get_mut(symbol) {
                *cell = value;
            }
        }
    }
}

impl Layout {
    /// How a node is computed that was to be computed by `step`: the same, unless it is a window that
    /// counts a symbol's own bars only and must gather them.
    pub(super) fn of_own_bars(&mut self, step: Step) -> Step {
        match step {
            Step::Rolling { kernel, mut args, rules, .. } if rules.traded() => {
                args.push(self.presence_node());
                Step::Traded { kernel, args, rules }
            }
            other => other,
        }
    }

    /// The node that says where a symbol has a bar.
    fn presence_node(&mut self) -> NodeId {
        let presence = self.presence.unwrap_or_else(|| self.push_shared("presence"));
        self.presence = Some(presence);
        presence
    }

    /// A node that is missing where a symbol has no bar. Recursive operators leave their state as it
    /// is where an input is missing, and so count own bars only.
    pub(super) fn at_own_bars(&mut self, arg: NodeId, name: &str) -> NodeId {
        let args = vec![arg, self.presence_node()];
        self.push(Place::Kept, Step::Elementwise { kernel: MASK, args }, name);
        self.nodes.len() - 1
    }

    /// Keeps so many values of each argument at own bars before the rows that may change.
    pub(super) fn keep_own(&mut self, args: Vec<NodeId>, reach: usize) {
        for arg in args.into_iter().filter(|arg| Some(*arg) != self.presence) {
            self.nodes[arg].own = self.nodes[arg].own.max(reach);
        }
    }
}

impl Store {
    /// The row `back` before the newest may no longer change; the symbols in `present` have a bar.
    pub(super) fn settle_own(&mut self, layout: &Layout, back: usize, present: &Bits) {
        if layout.presence.is_none() {
            return;
        }
        let mut own = std::mem::take(&mut self.own);
        for (node, ring) in own.rings.iter_mut().enumerate().filter(|(_, r)| !r.rows.is_empty()) {
            let row = self.row(layout, node, back);
            let depth = ring.rows.len();
            let mut from = 0;
            while let Some(symbol) = present.next(from) {
                ring.rows[own.counts[symbol] % depth][symbol] = row[symbol];
                from = symbol + 1;
            }
        }
        let mut from = 0;
        while let Some(symbol) = present.next(from) {
            own.counts[symbol] += 1;
            from = symbol + 1;
        }
        self.own = own;
    }

    /// Computes the symbols of `range` of a window over own bars; missing where a symbol has no bar.
    /// The last argument says who has one.
    pub(super) fn compute_own(
        &self,
        layout: &Layout,
        (kernel, args, rules): (Rolling, &[NodeId], &Chosen),
        at: RowAt<'_>,
        range: Range<usize>,
        work: &mut Gathered,
        out: &mut [f64],
    ) {
        let Some((presence, series)) = args.split_last() else { return };
        let most = kernel.reads.reach(rules.window) + 1;
        for (first, out) in range.step_by(GROUP).zip(out.chunks_mut(GROUP)) {
            let found = self.gather(layout, (*presence, series), most, at, first, work);
            out.fill(f64::NAN);
            // Symbols with equally many bars have the same window.
            let mut done = [false; GROUP];
            for lane in 0..GROUP {
                let count = found[lane];
                let known = count == most || rules.partial(kernel.reads);
                if done[lane] || count == 0 || !known {
                    continue;
                }
                work.starts.clear();
                match kernel.reads {
                    Reads::Window | Reads::Existing => {
                        work.starts.extend((most - count..most).map(|row| row * GROUP));
                    }
                    Reads::Lag => work.starts.push(0),
                    Reads::LagAndCurrent => work.starts.extend([0, (most - 1) * GROUP]),
                }
                let mut windows = [Window::new(&[], &[]); MOST_ARGUMENTS];
                for (window, values) in windows.iter_mut().zip(&work.values) {
                    *window = Window::new(values, &work.starts);
                }
                let mut values = [0.0; GROUP];
                let windows = &windows[..series.len()];
                (kernel.run)(at.level, windows, rules.how(Cuts::default()), 0..GROUP, &mut values);
                for other in lane..GROUP.min(out.len()) {
                    if found[other] == count {
                        (out[other], done[other]) = (values[other], true);
                    }
                }
            }
        }
    }

    /// Puts the values at the last `most` own bars of the symbols `first..first + GROUP` into `work`,
    /// oldest first, the newest last. Gives how many each symbol has; none without a bar now.
    fn gather(
        &self,
        layout: &Layout,
        (presence, series): (NodeId, &[NodeId]),
        most: usize,
        at: RowAt<'_>,
        first: usize,
        work: &mut Gathered,
    ) -> [usize; GROUP] {
        for values in work.values.iter_mut().take(series.len()) {
            values.clear();
            values.resize(most * GROUP, f64::NAN);
        }
        let has = |back: usize, lane: usize| {
            self.row(layout, presence, back).get(first + lane).is_some_and(|v| !v.is_nan())
        };
        let mut found = [0; GROUP];
        for lane in (0..GROUP).filter(|lane| has(at.back, *lane)) {
            let mut put = |value: &dyn Fn(NodeId) -> f64| {
                let place = (most - 1 - found[lane]) * GROUP + lane;
                for (values, node) in work.values.iter_mut().zip(series) {
                    values[place] = value(*node);
                }
                found[lane] += 1;
                found[lane] < most
            };
            let symbol = first + lane;
            let mut more = true;
            for back in (at.back..=at.back + at.changeable).filter(|back| has(*back, lane)) {
                more = more && put(&|node| self.row(layout, node, back)[symbol]);
            }
            let mut ago = 0;
            while more && series.iter().all(|n| self.own.value(*n, symbol, ago).is_some()) {
                more = put(&|node| self.own.value(node, symbol, ago).unwrap_or(f64::NAN));
                ago += 1;
            }
        }
        found
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::Emit;
    use super::super::tests::{FIELDS, Step, check, value};
    use crate::dataflow::factors::random::Random;
    use crate::dataflow::factors::simd::Level;
    use crate::dataflow::factors::testing::Builder;
    use crate::formula::{Graph, Mode};

    /// Windows over own bars, over each other, and around a cross-section.
    pub(in super::super) fn graph(partial: bool) -> Graph {
        let traded = Mode { traded: true, partial, qlib: partial, ..Mode::PLAIN };
        let mut b = Builder::default();
        let (x, y) = (b.field(0), b.field(1));
        let one = b.number(1.0);
        let ranked = b.call("rank", &[x], &[]);
        let rose = b.call(">", &[x, y], &[]);
        for (i, (name, args, params)) in [
            ("delay", vec![x], vec![1.0]),
            ("delay", vec![x], vec![0.0]),
            ("delta", vec![ranked], vec![4.0]),
            ("ts_mean", vec![x], vec![3.0]),
            ("ts_sum", vec![one], vec![5.0]),
            ("ts_argmax", vec![y], vec![6.0]),
            ("decay_linear", vec![y], vec![4.0]),
            ("ts_corr", vec![x, y], vec![7.0]),
            ("ts_quantile", vec![x], vec![5.0, 0.25]),
            ("ts_count", vec![rose], vec![5.0]),
            ("ema", vec![x], vec![5.0]),
            ("bars_since", vec![rose], vec![]),
            ("value_when", vec![rose, x], vec![]),
            ("session_first", vec![x], vec![]),
            ("session_last", vec![y], vec![]),
        ]
        .into_iter()
        .enumerate()
        {
            let node = b.call_with(name, &args, &params, traded);
            let before = b.call_with("delay", &[node], &[2.0], traded);
            let all = b.call("ts_max", &[node], &[3.0]);
            for (j, node) in [node, before, all].into_iter().enumerate() {
                b.output(&format!("o{i}_{j}"), node);
            }
        }
        b.0
    }

    /// Some symbols trade at nearly all times, others hardly ever, some stop for long: longer than
    /// anything that is kept. Bars of the last few times come late, change and disappear.
    pub(in super::super) fn stream(random: &mut Random) -> Vec<Step> {
        let mut steps = Vec::new();
        let row = |random: &mut Random| (0..FIELDS).map(|_| value(random)).collect::<Vec<_>>();
        let mut stopped = [0_usize; 11];
        for now in 10..85 {
            let mut symbols: Vec<usize> = Vec::new();
            for (s, stopped) in stopped.iter_mut().enumerate() {
                let rare = [1, 1, 1, 2, 9, 25, 40, 3, 60, 1, 12][s];
                if *stopped == 0 && random.below(40) == 0 {
                    *stopped = 10 + random.below(60);
                }
                *stopped = stopped.saturating_sub(1);
                // One symbol always trades, so that the others can be left behind.
                if s == 0 || (*stopped == 0 && random.below(rare) == 0) {
                    symbols.push(s);
                }
            }
            // Later symbols are first seen when the panel must grow for them.
            symbols.retain(|s| *s < 4 || now > 10 + 5 * s);
            steps.extend(symbols.iter().map(|s| Step::Set(*s as u32, now, Some(row(random)))));
            for _ in 0..random.below(4) {
                let (s, t) = (random.below(11), now - random.below(6));
                let changed = (random.below(3) != 0).then(|| row(random));
                if s > 0 {
                    steps.push(Step::Set(s as u32, t, changed));
                }
            }
            if random.below(3) == 0 {
                let fuel = if random.below(4) == 0 { 2 } else { usize::MAX };
                steps.push(Step::Work { watermark: now, early: false, fuel, finish: true });
            }
        }
        steps
    }

    #[test]
    fn windows_over_own_bars_equal_the_twin_across_long_gaps() {
        for (seed, corrections) in [(0, 0), (1, 2), (2, 9), (3, 200)] {
            eprintln!("seed {seed}");
            let mut random = Random::new(seed);
            let steps = stream(&mut random);
            let graph = graph(seed % 2 == 0);
            let emit = if seed % 3 == 0 { Emit::Rows } else { Emit::Cells };
            let table = check(&graph, &steps, corrections, emit, Level::best());
            assert!(table.len() > 150, "{}", table.len());
        }
    }
}
