//! What a panel keeps when its histories are full, from its layout alone.

use super::history::History;
use super::layout::{Layout, PanelError, Place};
use crate::dataflow::factors::blocks;
use crate::dataflow::factors::sorted::Sorted;
use crate::dataflow::factors::window::GROUP;
use crate::formula::Graph;
use crate::plan::Kept;

/// Times whose rows wait: the one that is open, and one that is over and will be used again.
const WAITING: usize = 2;

/// How many rows of a node are ever kept at once, one being added included.
pub(super) fn most_rows(corrections: usize, reach: usize) -> usize {
    corrections.saturating_add(reach).saturating_add(1)
}

/// What a panel over a source with so many `fields` keeps for `symbols`, when of its closed times
/// the newest `corrections` may change. Close to what [`super::Panel::state_bytes`] says once all
/// windows are full: how many blocks long windows have is a matter of chance.
///
/// # Errors
/// A graph that no panel can run.
pub fn kept(
    graph: &Graph,
    fields: usize,
    corrections: usize,
    symbols: usize,
) -> Result<Kept, PanelError> {
    let layout = Layout::new(graph, fields)?;
    let width = symbols.saturating_add(1).next_multiple_of(GROUP);
    let rows = |id: &usize| match layout.nodes.get(*id) {
        Some(node) if node.place == Place::Kept => (most_rows(corrections, node.reach), node.own),
        _ => (0, 0),
    };
    let own_rows = |(history, own): (usize, usize)| history.saturating_add(own);
    // Nodes that belong to none of the graph serve several.
    let sessions = layout.sessions.iter().map(|(_, node)| *node);
    let common: Vec<usize> = layout.presence.into_iter().chain(sessions).collect();
    let (mut nodes, mut first) = (Vec::with_capacity(graph.nodes.len()), 0);
    for end in &layout.ends {
        let own = (first..*end).filter(|id| !common.contains(id));
        nodes.push(own.map(|id| own_rows(rows(&id))).fold(0, usize::saturating_add));
        first = *end;
    }
    let constants = layout.nodes.iter().filter(|node| matches!(node.place, Place::Constant(_)));
    let sorted = layout.sorted.iter().map(|(_, n)| *n).fold(0, usize::saturating_add);
    let sums = layout.sums.iter().map(|sums| sums.kernel.parts * blocks::expected(sums.window));
    let plain = [constants.count(), layout.buffers, sums.sum(), WAITING * layout.fields.len()];
    let plain = plain.into_iter().fold(0, usize::saturating_add);
    let common_rows = common.iter().map(|id| own_rows(rows(id))).fold(0, usize::saturating_add);

    let histories = (0..layout.nodes.len()).map(|id| {
        let (history, own) = rows(&id);
        History::planned(width, history).saturating_add(own.saturating_mul(width))
    });
    let numbers = histories
        .chain(layout.sorted.iter().map(|(_, n)| Sorted::planned(width, *n)))
        .fold(plain.saturating_mul(width), usize::saturating_add);
    let bytes = numbers.saturating_mul(size_of::<f64>());
    let shared = plain.saturating_add(sorted).saturating_add(common_rows);
    Ok(Kept { nodes, shared, bytes: bytes as u64 })
}
