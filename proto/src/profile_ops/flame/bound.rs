//! Bounding a tree: the largest calls stay, the others become [`OTHER`].

use std::cmp::Reverse;

use super::{FlameTree, Node, OTHER, ROOT};

/// Which nodes of a tree stay, and which of these get a child for those that do not.
pub(super) struct Cut {
    pub(super) is_kept: Vec<bool>,
    pub(super) has_other: Vec<bool>,
}

/// Chooses the nodes of largest weight, with one for what is cut below each, `max_nodes` at most
/// besides the root. `parents` is each node's parent, before it; weights do not grow from a parent to
/// its children. At least one node is allowed, so that what is cut can be told.
pub(super) fn cut(parents: &[u32], weights: &[i64], max_nodes: usize) -> Cut {
    let n_nodes = parents.len();
    let max_nodes = max_nodes.max(1);
    let mut n_cut_children = vec![0u32; n_nodes];
    for parent in parents.iter().skip(1) {
        if let Some(n_children) = n_cut_children.get_mut(*parent as usize) {
            *n_children += 1;
        }
    }
    let mut is_kept = vec![false; n_nodes];
    is_kept.iter_mut().take(1).for_each(|root| *root = true);
    let mut n_kept = usize::from(n_nodes > 1);
    if n_nodes.saturating_sub(1) <= max_nodes {
        is_kept.fill(true);
        n_cut_children.fill(0);
    } else {
        let mut order: Vec<usize> = (1..n_nodes).collect();
        // Before its children comes a node in either order.
        order.sort_unstable_by_key(|idx| (Reverse(weights.get(*idx)), *idx));
        for idx in order {
            let parent = parents.get(idx).map_or(ROOT, |parent| *parent as usize);
            let n_siblings = n_cut_children.get(parent).copied().unwrap_or(0);
            let n_children = n_cut_children.get(idx).copied().unwrap_or(0);
            // Itself, one more for its own children, one less if nothing else is cut beside it.
            let after = n_kept + 1 + usize::from(n_children > 0) - usize::from(n_siblings == 1);
            if after > max_nodes {
                break;
            }
            n_kept = after;
            is_kept
                .get_mut(idx)
                .into_iter()
                .for_each(|kept| *kept = true);
            let siblings = n_cut_children.get_mut(parent);
            siblings.into_iter().for_each(|n| *n = n.saturating_sub(1));
        }
    }
    let has_other = is_kept
        .iter()
        .zip(&n_cut_children)
        .map(|(kept, n)| *kept && *n > 0);
    Cut {
        has_other: has_other.collect(),
        is_kept,
    }
}

impl FlameTree {
    /// The tree with `max_nodes` nodes at most besides the root. The calls with the largest values
    /// stay; the others below each of them become one child named [`OTHER`], behind its siblings.
    /// At least one node is allowed, however small `max_nodes` is.
    #[must_use]
    pub fn bounded(self, max_nodes: usize) -> Self {
        if self.nodes.len().saturating_sub(1) <= max_nodes {
            return self;
        }
        let parents: Vec<u32> = self.nodes.iter().map(|node| node.parent).collect();
        let weights: Vec<i64> = self.nodes.iter().map(|node| node.total).collect();
        let cut = cut(&parents, &weights, max_nodes);
        let mut kept_values = vec![0i64; self.nodes.len()];
        let kept = self.nodes.iter().zip(&cut.is_kept).skip(1);
        for (node, _) in kept.filter(|(_, is_kept)| **is_kept) {
            if let Some(sum) = kept_values.get_mut(node.parent as usize) {
                *sum = sum.saturating_add(node.total);
            }
        }
        let mut names = self.names;
        let other = names.len() as u32;
        names.push(OTHER.to_owned());
        let mut bounded = Bounded {
            nodes: Vec::new(),
            open: Vec::new(),
            other,
        };
        for (idx, node) in self.nodes.iter().enumerate() {
            if cut.is_kept.get(idx) != Some(&true) {
                continue;
            }
            let kept = kept_values.get(idx).copied().unwrap_or(0);
            let rest = node.total.saturating_sub(node.own).saturating_sub(kept);
            let rest = (cut.has_other.get(idx) == Some(&true)).then_some(rest.max(0));
            bounded.push(*node, rest);
        }
        Self {
            nodes: bounded.finish(),
            names,
        }
        .without_unused_names()
    }

    /// Names that no node has are left out; the others stay in order.
    pub(super) fn without_unused_names(mut self) -> Self {
        let mut is_used = vec![false; self.names.len()];
        for node in &self.nodes {
            let used = is_used.get_mut(node.name as usize);
            used.into_iter().for_each(|used| *used = true);
        }
        let mut places = Vec::with_capacity(self.names.len());
        let mut next = 0;
        for used in &is_used {
            places.push(next);
            next += u32::from(*used);
        }
        for node in &mut self.nodes {
            node.name = places.get(node.name as usize).copied().unwrap_or(0);
        }
        let mut is_used = is_used.into_iter();
        self.names.retain(|_| is_used.next().unwrap_or(false));
        self
    }
}

/// Nodes that come depth first, with what is cut below each behind its last kept descendant.
struct Bounded {
    nodes: Vec<Node>,
    /// Nodes of the path to the newest one: its place, and what is cut below it.
    open: Vec<(u32, Option<i64>)>,
    other: u32,
}

impl Bounded {
    fn push(&mut self, node: Node, rest: Option<i64>) {
        self.close_to(node.depth as usize);
        let parent = self.open.last().map_or(0, |(place, _)| *place);
        self.open.push((self.nodes.len() as u32, rest));
        self.nodes.push(Node { parent, ..node });
    }

    fn close_to(&mut self, depth: usize) {
        while self.open.len() > depth {
            let Some((place, Some(rest))) = self.open.pop() else {
                continue;
            };
            self.nodes.push(Node {
                name: self.other,
                parent: place,
                depth: self.open.len() as u32 + 1,
                own: rest,
                total: rest,
            });
        }
    }

    fn finish(mut self) -> Vec<Node> {
        self.close_to(0);
        self.nodes
    }
}
