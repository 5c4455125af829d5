//! Profiles as trees of calls, for flame graphs: bounded in size, and as levels of numbers, which is
//! how Pyroscope and Grafana pass them on.
//!
//! Everything here is deterministic: siblings are in order of their names, and what is cut follows
//! from the values alone.

mod bound;
mod build;
mod diff;
mod levels;
#[cfg(test)]
mod tests;

pub use diff::DiffTree;
pub use levels::{DiffLevels, Levels};

/// Name of the root.
const TOTAL: &str = "total";
/// Name of what stands for calls that were cut.
pub const OTHER: &str = "other";
/// Name of a stack without frames, and of a function without a name.
const UNKNOWN: &str = "[unknown]";
/// Index of the root.
const ROOT: usize = 0;

/// The calls of a profile, with the values of one sample type.
///
/// Values below zero have no width and count as zero. The value of every node is its own plus those
/// of its children, unless it saturates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlameTree {
    /// Each once; the first is the root's.
    names: Vec<String>,
    /// Parents before their children, siblings in order of their names; the first is the root.
    nodes: Vec<Node>,
}

/// A call on a path from the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Node {
    /// Index into the names.
    name: u32,
    /// Index into the nodes; the root is its own.
    parent: u32,
    /// Calls above it: 0 for the root.
    depth: u32,
    /// Its own value.
    own: i64,
    /// Its own and its children's.
    total: i64,
}

impl Default for FlameTree {
    /// Nothing but the root.
    fn default() -> Self {
        let root = Node {
            name: 0,
            parent: 0,
            depth: 0,
            own: 0,
            total: 0,
        };
        Self {
            names: vec![TOTAL.to_owned()],
            nodes: vec![root],
        }
    }
}

impl FlameTree {
    /// The value of everything.
    pub fn total(&self) -> i64 {
        self.nodes.get(ROOT).map_or(0, |root| root.total)
    }

    /// Number of nodes, the root included.
    pub fn n_nodes(&self) -> usize {
        self.nodes.len()
    }

    /// The nodes, depth first: depth, name, own value and total.
    pub fn walk(&self) -> impl Iterator<Item = (u32, &str, i64, i64)> {
        let nodes = self.nodes.iter();
        nodes.map(|node| (node.depth, self.name(node), node.own, node.total))
    }

    fn name(&self, node: &Node) -> &str {
        self.names.get(node.name as usize).map_or("", |name| name)
    }

    /// The tree with every value times `part / whole`, rounded such that what is lost at one node is
    /// made good at a later one: the total is rounded once. `whole` below 1 counts as 1.
    #[must_use]
    pub fn scaled(&self, part: u64, whole: u64) -> Self {
        let (part, whole) = (i128::from(part), i128::from(whole.max(1)));
        let mut before: i128 = 0;
        let scale = |sum: i128| sum.saturating_mul(part) / whole;
        let mut tree = self.clone();
        for node in &mut tree.nodes {
            let after = before.saturating_add(i128::from(node.own));
            let own = scale(after) - scale(before);
            node.own = i64::try_from(own).unwrap_or(i64::MAX);
            before = after;
        }
        tree.sum_up();
        tree.without_zeros()
    }

    /// Works out the totals from the nodes' own values.
    fn sum_up(&mut self) {
        for node in &mut self.nodes {
            node.total = node.own;
        }
        for idx in (1..self.nodes.len()).rev() {
            let Some(Node { parent, total, .. }) = self.nodes.get(idx).copied() else {
                continue;
            };
            if let Some(parent) = self.nodes.get_mut(parent as usize) {
                parent.total = parent.total.saturating_add(total);
            }
        }
    }

    /// Leaves out the nodes without a value, but for the root.
    fn without_zeros(self) -> Self {
        let kept = self.nodes.iter().enumerate();
        let kept = kept.map(|(idx, node)| idx == ROOT || node.total > 0);
        let kept = kept.collect::<Vec<_>>();
        self.only(&kept)
    }

    /// The nodes that are kept. A node whose parent is not kept must not be kept either.
    fn only(self, kept: &[bool]) -> Self {
        if kept.iter().all(|is_kept| *is_kept) {
            return self;
        }
        let mut places = vec![0u32; self.nodes.len()];
        let mut nodes = Vec::new();
        for (idx, node) in self.nodes.iter().enumerate() {
            if kept.get(idx) != Some(&true) {
                continue;
            }
            if let Some(place) = places.get_mut(idx) {
                *place = nodes.len() as u32;
            }
            let parent = places.get(node.parent as usize).copied().unwrap_or(0);
            nodes.push(Node { parent, ..*node });
        }
        Self {
            names: self.names,
            nodes,
        }
    }
}
