//! What must be recomputed in one row.

use crate::formula::NodeId;

use super::bits::Bits;

/// Nodes of one row to be recomputed, each for some groups of symbols.
#[derive(Debug, Default)]
pub(super) struct Dirty {
    nodes: Bits,
    /// One set of groups per node, `words` long each.
    groups: Vec<u64>,
    words: usize,
    /// Whether the members of the universe must be looked at again.
    pub(super) members: bool,
}

impl Dirty {
    /// For so many nodes and groups, nothing in it; uses the memory of `self`.
    pub(super) fn reset(&mut self, nodes: usize, groups: usize) {
        self.nodes.clear();
        self.words = groups.div_ceil(64);
        self.groups.clear();
        self.groups.resize(nodes * self.words, 0);
        self.members = false;
    }

    fn of(&mut self, node: NodeId) -> &mut [u64] {
        self.groups.get_mut(node * self.words..(node + 1) * self.words).unwrap_or(&mut [])
    }

    /// Marks some groups of a node.
    pub(super) fn mark(&mut self, node: NodeId, groups: &[u64]) {
        self.nodes.insert(node);
        for (a, b) in self.of(node).iter_mut().zip(groups) {
            *a |= b;
        }
    }

    /// Marks the first `groups` groups of a node.
    pub(super) fn mark_all(&mut self, node: NodeId, groups: usize) {
        self.nodes.insert(node);
        for (i, word) in self.of(node).iter_mut().enumerate() {
            let bits = groups.saturating_sub(i * 64);
            *word |= if bits >= 64 { u64::MAX } else { (1 << bits) - 1 };
        }
    }

    /// Takes the first node at or after `from` out, with its groups.
    pub(super) fn take(&mut self, from: NodeId, groups: &mut Vec<u64>) -> Option<NodeId> {
        let node = self.nodes.next(from)?;
        self.nodes.remove(node);
        groups.clear();
        let words = self.of(node);
        groups.extend_from_slice(words);
        words.fill(0);
        Some(node)
    }

    /// Makes place for more groups. What was marked for the last old group, which holds symbols
    /// never seen, is marked for the new ones.
    pub(super) fn widen(&mut self, nodes: usize, old: usize, groups: usize) {
        let mut wide = Dirty { members: self.members, ..Dirty::default() };
        wide.reset(nodes, groups);
        wide.members = self.members;
        let mut marked = Vec::new();
        let mut from = 0;
        while let Some(node) = self.take(from, &mut marked) {
            let unseen = old
                .checked_sub(1)
                .is_some_and(|g| marked.get(g / 64).is_some_and(|word| word >> (g % 64) & 1 == 1));
            wide.mark(node, &marked);
            if unseen {
                for group in old..groups {
                    wide.of(node)[group / 64] |= 1 << (group % 64);
                }
            }
            from = node + 1;
        }
        *self = wide;
    }
}

/// Calls `f` with every run of marked groups, first group and the one past the last.
pub(super) fn runs(groups: &[u64], mut f: impl FnMut(usize, usize)) {
    let end = groups.len() * 64;
    let marked = |g: usize| groups[g / 64] >> (g % 64) & 1 == 1;
    let mut at = 0;
    while at < end {
        let rest = groups[at / 64] >> (at % 64);
        if rest == 0 {
            at = (at / 64 + 1) * 64;
            continue;
        }
        let first = at + rest.trailing_zeros() as usize;
        at = first + 1;
        while at < end && marked(at) {
            at += 1;
        }
        f(first, at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_back_what_was_marked_in_order_of_nodes() {
        let mut dirty = Dirty::default();
        dirty.reset(5, 70);
        dirty.mark(3, &[0b1010, 1]);
        dirty.mark_all(1, 70);
        let mut groups = Vec::new();
        assert_eq!(dirty.take(0, &mut groups), Some(1));
        assert_eq!(groups, [u64::MAX, 0b11_1111]);
        dirty.mark(3, &[0b0100, 0]);
        assert_eq!(dirty.take(1, &mut groups), Some(3));
        let mut seen = Vec::new();
        runs(&groups, |a, b| seen.push((a, b)));
        assert_eq!(seen, [(1, 4), (64, 65)]);
        assert_eq!(dirty.take(0, &mut groups), None);
    }

    #[test]
    fn new_groups_are_marked_where_the_unseen_symbols_were() {
        let mut dirty = Dirty::default();
        dirty.reset(2, 3);
        dirty.mark(0, &[0b001]);
        dirty.mark_all(1, 3);
        dirty.widen(2, 3, 66);
        let mut groups = Vec::new();
        assert_eq!(dirty.take(0, &mut groups), Some(0));
        assert_eq!(groups, [1, 0]);
        assert_eq!(dirty.take(0, &mut groups), Some(1));
        assert_eq!(groups, [u64::MAX, 0b11]);
    }
}
