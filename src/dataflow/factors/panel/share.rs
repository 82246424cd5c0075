//! What nodes share beside their arguments: sorted windows, and sums of blocks.

use super::layout::{Layout, Place, Step};
use super::sums::SumsLayout;
use crate::formula::NodeId;

impl Layout {
    /// Quantiles of one window share its sorted values.
    pub(super) fn share_sorted(&mut self) {
        for node in &mut self.nodes {
            if let Step::Rolling { pick: Some((_, number)), args, rules, .. } = &mut node.step
                && let [arg] = args.as_slice()
            {
                let own = (*arg, rules.window);
                let known = self.sorted.iter().position(|window| *window == own);
                *number = known.unwrap_or(self.sorted.len());
                if known.is_none() {
                    self.sorted.push(own);
                }
            }
        }
    }

    /// Windows of all lengths over the same rows share the sums of their blocks.
    pub(super) fn share_sums(&mut self) {
        let constant = |node: &NodeId| self.nodes[*node].place != Place::Kept;
        let constants: Vec<bool> = (0..self.nodes.len()).map(|node| constant(&node)).collect();
        for node in &mut self.nodes {
            let Step::Rolling { blocks, args, rules, .. } = &mut node.step else { continue };
            // Constants have no rows of their own to be added up.
            if args.iter().any(|arg| constants[*arg]) {
                *blocks = None;
            }
            let Some((own, number)) = blocks else { continue };
            let same = |known: &SumsLayout| known.kernel.sums == own.sums && known.args == *args;
            *number = self.sums.iter().position(same).unwrap_or(self.sums.len());
            match self.sums.get_mut(*number) {
                Some(known) => known.window = known.window.max(rules.window),
                None => self.sums.push(SumsLayout {
                    kernel: *own,
                    args: args.clone(),
                    window: rules.window,
                }),
            }
        }
    }
}
