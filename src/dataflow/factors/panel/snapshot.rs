//! The state of a panel outside of it: what another panel must be told to go on as if it had seen
//! all rows itself.
//!
//! Kept are the rows of all nodes that the panel keeps, by the text of the node and never by its
//! number, since panels that compute parts of one graph number their nodes differently; which
//! symbols had rows; and the values at own bars that are older. Sorted windows and sums of blocks
//! are not: they follow from the rows, to the same bits. The numbers of the symbols may be others
//! afterwards, which no value shows. What is past the last symbol stands for one that was never
//! seen, so one column more is kept, and new symbols begin with it.
//!
//! Open times and corrections that were not worked off are not part of it: with them there is no
//! snapshot. Who drives a panel closes what it has, or reads again what is open.

use serde::{Deserialize, Serialize};

use super::bits::Bits;
use super::layout::{Layout, NodeLayout, Place, Step};
use super::{Panel, Row};
use crate::dataflow::factors::snapshot::SnapshotError;
use crate::formula::{Node, NodeId};
use crate::model::Time;

/// Numbers from the first to before the second.
type Ranges = Vec<(u32, u32)>;

/// What a panel knows beside numbers: its times, and whose rows they have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    symbols: usize,
    /// The newest time that was closed, and the newest that may no longer change.
    closed_through: Option<Time>,
    late_through: Option<Time>,
    /// How many of the times, the oldest, may no longer change.
    settled: usize,
    /// Members of the universe before the oldest time; those of each time follow.
    members: Ranges,
    /// Closed times that are kept, oldest first.
    times: Vec<TimeFrame>,
}

/// A closed time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct TimeFrame {
    time: Time,
    present: Ranges,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    elsewhere: Ranges,
}

/// A panel as it is now, to be written down.
#[derive(Debug)]
pub struct Snapshot<'a> {
    panel: &'a Panel,
    frame: Frame,
    sections: Vec<Section>,
}

/// Rows of numbers under one name, one number for each symbol and one for a symbol that was never
/// seen.
#[derive(Debug)]
pub struct Section {
    /// Panels of the same formulas have equal sections under equal names, or the newest rows of them.
    pub name: String,
    /// How many rows.
    pub rows: usize,
    what: What,
}

#[derive(Clone, Copy, Debug)]
enum What {
    /// Kept rows of a node, oldest first.
    Rows(NodeId),
    /// Its values at own bars before the rows that may change, newest first.
    Own(NodeId),
    /// How many own bars each symbol had there.
    Counts,
}

/// The name of the numbers of own bars. Names of nodes begin with a number.
const COUNTS: &str = "own bars";

impl Frame {
    /// How many symbols were seen.
    pub fn symbols(&self) -> usize {
        self.symbols
    }

    /// How many closed times are kept.
    pub fn times(&self) -> usize {
        self.times.len()
    }

    /// The newest time that was closed.
    pub fn closed_through(&self) -> Option<Time> {
        self.closed_through
    }

    /// Whether it can be that of a panel, and `places` the new numbers of its symbols out of `count`.
    fn check(&self, places: &[usize], count: usize) -> Result<(), SnapshotError> {
        let mut taken = Bits::default();
        let one_to_one = places.len() == self.symbols
            && places.iter().all(|place| *place < count && taken.insert(*place));
        let within = |ranges: &Ranges| {
            ranges.iter().all(|(first, end)| first < end && *end as usize <= self.symbols)
        };
        let known = within(&self.members) && self.times.iter().all(|time| within(&time.present));
        let in_order = self.times.is_sorted_by(|a, b| a.time < b.time);
        let closed = self.times.last().is_none_or(|last| Some(last.time) <= self.closed_through);
        if one_to_one && known && in_order && closed && self.settled <= self.times.len() {
            return Ok(());
        }
        Err(SnapshotError::Damaged("its times and symbols contradict each other".to_owned()))
    }
}

impl Layout {
    /// All nodes since the last call came from this one of the graph. They are named after it, so
    /// that they are found again in a panel of other formulas; nodes that belong to no one node of
    /// the graph have a name already.
    pub(super) fn end_of(&mut self, node: &Node) {
        let first = self.ends.last().copied().unwrap_or(0);
        let unnamed = self.nodes.iter_mut().skip(first).filter(|node| node.name.is_empty());
        for (part, own) in unnamed.enumerate() {
            own.name = format!("{part} {}", node.text);
        }
        self.ends.push(self.nodes.len());
    }

    /// Adds a node of which there is one for all that read it: not a node of the graph, and named
    /// here, because which node of the graph it is added for depends on the graph.
    pub(super) fn push_shared(&mut self, name: &str) -> NodeId {
        self.push(Place::Kept, Step::Input, "");
        if let Some(node) = self.nodes.last_mut() {
            name.clone_into(&mut node.name);
        }
        self.nodes.len() - 1
    }
}

impl NodeLayout {
    fn own_name(&self) -> String {
        format!("own {}", self.name)
    }
}

impl Snapshot<'_> {
    /// Its times and symbols.
    pub fn frame(&self) -> &Frame {
        &self.frame
    }

    /// Its numbers.
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// Puts a row of a section into `out`: a number for each symbol, and that of a symbol that was
    /// never seen. Missing is one NaN.
    pub fn row(&self, section: &Section, row: usize, out: &mut Vec<f64>) {
        let (store, symbols) = (&self.panel.store, self.frame.symbols);
        out.clear();
        match section.what {
            What::Rows(node) => {
                let back = section.rows.saturating_sub(row + 1);
                let values = store.histories[node].row(back, store.width).iter();
                out.extend(values.take(symbols + 1));
            }
            What::Own(node) => {
                let value = |symbol| store.own.value(node, symbol, row).unwrap_or(f64::NAN);
                out.extend((0..=symbols).map(value));
            }
            What::Counts => out.extend((0..=symbols).map(|symbol| store.own.count(symbol) as f64)),
        }
        for value in out.iter_mut().filter(|value| value.is_nan()) {
            *value = f64::NAN;
        }
    }
}

impl Panel {
    /// The panel as it is now. How it was told to work is not part of that: the formulas, how many
    /// times may change, what is given out.
    ///
    /// # Errors
    /// Times are open, or changes were not worked off.
    pub fn snapshot(&self) -> Result<Snapshot<'_>, SnapshotError> {
        let changed = |row: &Row| row.dirty.is_some() || row.staged.is_some();
        if !self.open.is_empty() || self.rows.iter().any(changed) {
            return Err(SnapshotError::Busy);
        }
        let times = self.rows.iter().map(|row| TimeFrame {
            time: row.time,
            present: ranges(&row.present),
            elsewhere: ranges(&row.elsewhere),
        });
        let frame = Frame {
            symbols: self.symbols,
            closed_through: self.closed_through,
            late_through: self.late_through,
            settled: self.settled,
            members: ranges(&self.base_members),
            times: times.collect(),
        };
        let mut sections = Vec::new();
        for (id, node) in self.layout.nodes.iter().enumerate() {
            if node.place == Place::Kept {
                let (name, rows) = (node.name.clone(), self.store.histories[id].len());
                sections.push(Section { name, rows, what: What::Rows(id) });
            }
            if node.own > 0 {
                let (name, rows) = (node.own_name(), node.own);
                sections.push(Section { name, rows, what: What::Own(id) });
            }
        }
        if self.layout.presence.is_some() {
            sections.push(Section { name: COUNTS.to_owned(), rows: 1, what: What::Counts });
        }
        Ok(Snapshot { panel: self, frame, sections })
    }

    /// Goes on from a snapshot, of this panel's formulas or more: for a panel that was just made.
    /// The symbol number i of the snapshot has the number `places[i]` from now on, out of `symbols`;
    /// the others were never seen. `read` puts all rows of a section into its second argument.
    ///
    /// # Errors
    /// Numbers that do not fit, and what `read` gives.
    pub(crate) fn restore<E: From<SnapshotError>>(
        mut self,
        frame: &Frame,
        places: &[usize],
        symbols: usize,
        read: &mut dyn FnMut(&str, &mut Vec<f64>) -> Result<(), E>,
    ) -> Result<Panel, E> {
        frame.check(places, symbols)?;
        self.grow(symbols);
        self.restore_times(frame, places);
        self.restore_rows(frame, places, read)?;
        if self.layout.presence.is_some() {
            self.restore_own(frame, places, read)?;
        }
        Ok(self)
    }

    fn restore_times(&mut self, frame: &Frame, places: &[usize]) {
        // This panel's windows may be shorter than those of the one that wrote it.
        let first = frame.settled.saturating_sub(self.layout.reach);
        let mut members = bits(&frame.members, places);
        for (number, of) in frame.times.iter().enumerate() {
            if number == first {
                self.base_members = members.clone();
            }
            let (time, present) = (of.time, bits(&of.present, places));
            members.union(&present);
            if number >= first {
                let mut elsewhere = Bits::default();
                // Numbers of others are theirs.
                for symbol in each(&of.elsewhere) {
                    elsewhere.insert(symbol);
                }
                let members = members.clone();
                let row = Row { time, present, elsewhere, members, staged: None, dirty: None };
                self.rows.push_back(row);
            }
        }
        if frame.times.len() <= first {
            self.base_members = members;
        }
        self.settled = frame.settled - first;
        self.late_through = frame.late_through;
        self.closed_through = frame.closed_through;
    }

    fn restore_rows<E: From<SnapshotError>>(
        &mut self,
        frame: &Frame,
        places: &[usize],
        read: &mut dyn FnMut(&str, &mut Vec<f64>) -> Result<(), E>,
    ) -> Result<(), E> {
        let (width, mut values) = (self.store.width, Vec::new());
        let changeable = frame.times.len() - frame.settled;
        for id in 0..self.layout.nodes.len() {
            let node = &self.layout.nodes[id];
            if node.place != Place::Kept {
                continue;
            }
            let wanted = changeable.saturating_add(node.reach).min(frame.times.len());
            let most = self.most_rows(node.reach);
            read(&node.name, &mut values)?;
            let rows = values.chunks_exact(frame.symbols + 1);
            let more = rows.len().checked_sub(wanted).ok_or_else(|| too_few(&node.name))?;
            for row in rows.skip(more) {
                let history = &mut self.store.histories[id];
                history.insert(0, width, most);
                let cells = history.row_mut(0, width);
                let (known, unseen) = row.split_at(frame.symbols);
                cells.fill(unseen.first().copied().unwrap_or(f64::NAN));
                for (place, value) in places.iter().zip(known) {
                    cells[*place] = *value;
                }
            }
        }
        Ok(())
    }

    fn restore_own<E: From<SnapshotError>>(
        &mut self,
        frame: &Frame,
        places: &[usize],
        read: &mut dyn FnMut(&str, &mut Vec<f64>) -> Result<(), E>,
    ) -> Result<(), E> {
        let (own, mut values) = (&mut self.store.own, Vec::new());
        read(COUNTS, &mut values)?;
        for (place, count) in places.iter().zip(&values) {
            own.set_count(*place, *count as usize);
        }
        for (id, node) in self.layout.nodes.iter().enumerate().filter(|(_, node)| node.own > 0) {
            read(&node.own_name(), &mut values)?;
            let rows = values.chunks_exact(frame.symbols + 1);
            if rows.len() < node.own {
                return Err(too_few(&node.name).into());
            }
            for (ago, row) in rows.take(node.own).enumerate() {
                for (place, value) in places.iter().zip(row) {
                    own.set_value(id, *place, ago, *value);
                }
            }
        }
        Ok(())
    }
}

fn too_few(name: &str) -> SnapshotError {
    SnapshotError::Damaged(format!("it has too few rows of `{name}`"))
}

fn ranges(bits: &Bits) -> Ranges {
    let mut ranges = Ranges::new();
    for number in bits.iter().map(|number| number as u32) {
        match ranges.last_mut() {
            Some((_, end)) if *end == number => *end += 1,
            _ => ranges.push((number, number + 1)),
        }
    }
    ranges
}

fn each(ranges: &Ranges) -> impl Iterator<Item = usize> {
    ranges.iter().flat_map(|(first, end)| *first as usize..*end as usize)
}

/// The numbers in their new places.
fn bits(ranges: &Ranges, places: &[usize]) -> Bits {
    let mut bits = Bits::default();
    for place in each(ranges).filter_map(|number| places.get(number)) {
        bits.insert(*place);
    }
    bits
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::io::Cursor;

    use super::super::tests::{FIELDS, Step, rows_of, stream, time};
    use super::super::{Emit, own};
    use super::*;
    use crate::dataflow::factors::random::Random;
    use crate::dataflow::factors::simd::Level;
    use crate::dataflow::factors::testing::{Builder, random_graph};
    use crate::dataflow::factors::{SnapshotReader, split, write_snapshot};
    use crate::formula::Graph;
    use crate::model::{FactorBatch, SymbolId};

    /// More symbols than streams have.
    const MOST: usize = 80;

    fn bytes(panels: &[Panel]) -> Vec<u8> {
        let mut bytes = Vec::new();
        write_snapshot(&mut bytes, &"a test", panels).expect("nothing waits");
        bytes
    }

    /// Panels that compute the parts of a graph.
    struct Lanes {
        graphs: Vec<Graph>,
        panels: Vec<Panel>,
    }

    type Rows = Vec<BTreeSet<(Time, i8, SymbolId, Vec<u64>)>>;

    impl Lanes {
        fn new(graph: &Graph, lanes: usize, corrections: usize, emit: Emit) -> Lanes {
            let graphs: Vec<Graph> =
                split(graph, lanes).iter().map(|own| graph.part(own)).collect();
            let panel = |graph| {
                let mut panel = Panel::new(graph, FIELDS, corrections, emit).expect("a panel");
                // Two symbols that may never have a row.
                panel.declare([1, 41].map(SymbolId));
                panel
            };
            Lanes { panels: graphs.iter().map(panel).collect(), graphs }
        }

        /// What a step gives out, and which panels were told too late; the symbol s has the number
        /// `numbers[s]`.
        fn step(&mut self, step: &Step, numbers: &[usize]) -> (Rows, Vec<bool>) {
            let (mut all, mut late) = (Rows::new(), Vec::new());
            for panel in &mut self.panels {
                let mut out: Vec<FactorBatch> = Vec::new();
                match step {
                    Step::Set(symbol, t, row) => {
                        let symbol = SymbolId(numbers[*symbol as usize] as u32);
                        let done = panel.set(symbol, time(*t), row.as_deref());
                        // No row of a symbol that was never seen is never too late.
                        late.push(done.is_err() && row.is_some());
                    }
                    Step::Work { watermark, early, fuel, finish } => {
                        let watermark = time(*watermark);
                        while panel.work(watermark, *early, *fuel, &mut out) && *finish {}
                    }
                }
                for symbol in out.iter_mut().flat_map(|batch| &mut batch.symbols) {
                    let named = numbers.iter().position(|number| *number == symbol.index());
                    symbol.0 = named.expect("a number of a symbol") as u32;
                }
                all.push(rows_of(&out));
            }
            (all, late)
        }
    }

    /// Runs a stream over panels that are left alone, and over one that is now and then written down
    /// and goes on elsewhere: as other lanes, with other instructions and other numbers of symbols.
    fn check(graph: &Graph, steps: &[Step], random: &mut Random, emit: Emit) -> (usize, u64) {
        let corrections = [0, 1, 3, 7, 20][random.below(5)];
        let lanes = |lanes| Lanes::new(graph, lanes, corrections, emit);
        let plain: Vec<usize> = (0..MOST).collect();
        let mut alone = [lanes(1), lanes(3)];
        let (mut other, mut like, mut numbers) = (lanes(1), 0, plain.clone());
        let (mut moved, mut corrected) = (0, 0);
        let end = Step::Work { watermark: 1 << 20, early: false, fuel: usize::MAX, finish: true };
        for step in steps {
            let quiet = matches!(step, Step::Work { .. }) && random.below(3) == 0;
            for step in [Some(step), quiet.then_some(&end)].into_iter().flatten() {
                let want = [0, 1].map(|i| alone[i].step(step, &plain));
                assert_eq!(other.step(step, &numbers), want[like], "after {moved} snapshots");
            }
            if !quiet {
                continue;
            }
            let stored = bytes(&alone[0].panels);
            assert!(stored == bytes(&alone[1].panels), "lanes show in the bytes");
            let stored = if moved == 0 { stored } else { bytes(&other.panels) };
            let mut reader = SnapshotReader::open(Cursor::new(stored)).expect("a snapshot");
            let known = reader.frame().symbols();
            let symbols = (known + random.below(5)).min(MOST);
            let mut places: Vec<usize> = (0..MOST).collect();
            for i in (1..symbols).rev() {
                places.swap(i, random.below(i + 1));
            }
            numbers.iter_mut().for_each(|number| *number = places[*number]);
            like = random.below(2);
            let levels = Level::available();
            let before: u64 = other.panels.iter().map(|panel| panel.stats().corrected).sum();
            (moved, corrected) = (moved + 1, corrected + before);
            other = lanes([1, 3][like]);
            for (panel, graph) in other.panels.iter_mut().zip(&other.graphs) {
                let level = levels[random.below(levels.len())];
                let new = Panel::with_level(graph, FIELDS, corrections, emit, level);
                let new = reader.restore(new.expect("a panel"), &places[..known], symbols);
                *panel = new.expect("the same formulas");
                assert_eq!(panel.late_through(), alone[0].panels[0].late_through());
            }
        }
        (moved, corrected)
    }

    /// Only nodes that look at one row.
    fn across() -> Graph {
        let mut builder = Builder::default();
        let (x, y) = (builder.field(0), builder.field(1));
        let ratio = builder.call("/", &[x, y], &[]);
        for (name, arg) in [("rank", x), ("scale", y), ("rank", ratio)] {
            let node = builder.call(name, &[arg], &[]);
            builder.output(&format!("{name} {arg}"), node);
        }
        builder.0
    }

    #[test]
    fn a_panel_that_went_on_from_a_snapshot_is_one_that_never_stopped() {
        let (mut moved, mut corrected) = (0, 0);
        for seed in 0..24 {
            eprintln!("seed {seed}");
            let mut random = Random::new(7000 + seed);
            let (graph, steps) = match seed % 3 {
                0 => (own::tests::graph(seed % 2 == 0), own::tests::stream(&mut random)),
                _ => {
                    let mut graph = random_graph(&mut random, FIELDS, 6);
                    if seed % 3 == 1 {
                        // Nothing but changeable rows is kept.
                        graph = across();
                    }
                    let most = if seed % 4 == 0 { 40 } else { 9 };
                    (graph, stream(&mut random, 40, most))
                }
            };
            let emit = if seed % 2 == 0 { Emit::Cells } else { Emit::Rows };
            let (m, c) = check(&graph, &steps, &mut random, emit);
            (moved, corrected) = (moved + m, corrected + c);
        }
        assert!(moved > 100 && corrected > 100, "{moved} snapshots, {corrected} corrections");
    }

    #[test]
    fn every_node_has_a_name_that_does_not_depend_on_other_formulas() {
        for seed in 0..10 {
            eprintln!("seed {seed}");
            let graph = random_graph(&mut Random::new(7100 + seed), FIELDS, 6);
            let names = |graph: &Graph| {
                let layout = Layout::new(graph, FIELDS).expect("a layout");
                let names: Vec<String> = layout.nodes.into_iter().map(|node| node.name).collect();
                let all: BTreeSet<String> = names.iter().cloned().collect();
                assert!(all.len() == names.len() && !all.contains(""));
                all
            };
            // Without what no output needs.
            let whole = names(&graph.part(&(0..graph.outputs.len()).collect::<Vec<_>>()));
            let parts = split(&graph, 5).into_iter().map(|own| names(&graph.part(&own)));
            let others = parts.reduce(|all, part| &all | &part).unwrap_or_default();
            assert_eq!(others.symmetric_difference(&whole).next(), None);
        }
    }

    #[test]
    fn what_waits_is_no_part_of_it() {
        let mut builder = Builder::default();
        let x = builder.field(0);
        builder.output("x", x);
        let mut panel = Panel::new(&builder.0, 1, 3, Emit::Cells).expect("a panel");
        let busy = |panel: &Panel| matches!(panel.snapshot(), Err(SnapshotError::Busy));
        assert!(!busy(&panel), "nothing is a state");
        panel.set(SymbolId(0), time(1), Some(&[1.0])).expect("in time");
        assert!(busy(&panel), "an open time");
        panel.work(time(1), false, usize::MAX, &mut Vec::new());
        assert!(!busy(&panel));
        panel.set(SymbolId(0), time(1), Some(&[2.0])).expect("in time");
        assert!(busy(&panel), "a correction");
    }

    #[test]
    fn rows_of_other_panels_are_remembered() {
        let mut builder = Builder::default();
        let x = builder.field(0);
        let before = builder.call("delay", &[x], &[1.0]);
        builder.output("before", before);
        let new = || Panel::new(&builder.0, 1, 9, Emit::Cells).expect("a panel");
        let mut panel = new();
        panel.set(SymbolId(0), time(1), Some(&[1.0])).expect("in time");
        panel.announce(SymbolId(70), time(2), true).expect("in time");
        panel.set(SymbolId(0), time(3), Some(&[3.0])).expect("in time");
        panel.work(time(3), false, usize::MAX, &mut Vec::new());
        let stored = bytes(std::slice::from_ref(&panel));
        let mut reader = SnapshotReader::open(Cursor::new(stored)).expect("a snapshot");
        let mut restored = reader.restore(new(), &[2], 5).expect("the same formulas");
        // Without it the time is gone, and the one before moves up.
        for (panel, symbol) in [(&mut panel, 0), (&mut restored, 2)] {
            let mut out = Vec::new();
            panel.announce(SymbolId(70), time(2), false).expect("in time");
            panel.work(time(3), false, usize::MAX, &mut out);
            let last = out.last().expect("a revision");
            assert_eq!((last.symbols[0], last.columns[0][0]), (SymbolId(symbol), 1.0));
        }
    }
}
