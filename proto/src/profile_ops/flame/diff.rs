//! Two trees over each other.

use std::cmp::Ordering;

use super::bound::cut;
use super::levels::{Across, DiffLevels, at};
use super::{FlameTree, Node, OTHER, ROOT};

/// A tree of all calls of two trees, with the values of both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiffTree {
    /// The left tree; it has every node of both, those it had not with zeros.
    pub(super) left: FlameTree,
    /// The same of the right one: its nodes and names are in the same places.
    pub(super) right: Vec<Values>,
}

/// What a node has on one side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Values {
    pub(super) own: i64,
    pub(super) total: i64,
}

impl DiffTree {
    /// Lays two trees over each other. A path that only one of them has is there with zeros on the
    /// other side.
    pub fn new(left: &FlameTree, right: &FlameTree) -> Self {
        let (names, [left_ranks, right_ranks]) = merged_names([&left.names, &right.names]);
        let (left, right) = (
            renamed(&left.nodes, &left_ranks),
            renamed(&right.nodes, &right_ranks),
        );
        let mut merged = Merged::default();
        let (mut left, mut right) = (left.iter().peekable(), right.iter().peekable());
        loop {
            let order = match (left.peek(), right.peek()) {
                (None, None) => break,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                // In the order of a walk the deeper one belongs to what both walks are in already.
                (Some(left), Some(right)) => right
                    .depth
                    .cmp(&left.depth)
                    .then(left.name.cmp(&right.name)),
            };
            let from_left = if order.is_le() { left.next() } else { None };
            let from_right = if order.is_ge() { right.next() } else { None };
            merged.push(from_left, from_right);
        }
        Self {
            left: FlameTree {
                names,
                nodes: merged.nodes,
            },
            right: merged.right,
        }
    }

    /// The values of everything, left and right.
    pub fn totals(&self) -> [i64; 2] {
        let right = self.right.get(ROOT).map_or(0, |root| root.total);
        [self.left.total(), right]
    }

    /// Number of nodes, the root included.
    pub fn n_nodes(&self) -> usize {
        self.right.len()
    }

    /// The tree with `max_nodes` nodes at most besides the root, as [`FlameTree::bounded`]; what
    /// counts is the larger value of the two.
    #[must_use]
    pub fn bounded(self, max_nodes: usize) -> Self {
        if self.n_nodes().saturating_sub(1) <= max_nodes {
            return self;
        }
        let nodes = &self.left.nodes;
        let parents: Vec<u32> = nodes.iter().map(|node| node.parent).collect();
        let weights = nodes.iter().zip(&self.right);
        let weights: Vec<i64> = weights
            .map(|(left, right)| left.total.max(right.total))
            .collect();
        let cut = cut(&parents, &weights, max_nodes);
        let mut names = self.left.names;
        let other = names.len() as u32;
        names.push(OTHER.to_owned());
        let mut bounded = Merged::default();
        // What is open: depth of a node, and what it has that no kept child has.
        let mut open: Vec<Option<[i64; 2]>> = Vec::new();
        let rests = rests(nodes, &self.right, &cut.is_kept);
        for (idx, (left, right)) in nodes.iter().zip(&self.right).enumerate() {
            if cut.is_kept.get(idx) != Some(&true) {
                continue;
            }
            bounded.close_to(&mut open, left.depth as usize, other);
            let rest = rests.get(idx).copied();
            open.push(rest.filter(|_| cut.has_other.get(idx) == Some(&true)));
            bounded.add(*left, *right);
        }
        bounded.close_to(&mut open, 0, other);
        Self {
            left: FlameTree {
                names,
                nodes: bounded.nodes,
            }
            .without_unused_names(),
            right: bounded.right,
        }
    }

    /// The tree as levels.
    pub fn levels(&self) -> DiffLevels {
        let mut levels: Vec<Vec<i64>> = Vec::new();
        let (mut across_left, mut across_right) = (Across::default(), Across::default());
        let mut max_self = 0;
        for (left, right) in self.left.nodes.iter().zip(&self.right) {
            let depth = left.depth as usize;
            let left_gap = across_left.place(depth, left.own, left.total);
            let right_gap = across_right.place(depth, right.own, right.total);
            max_self = max_self.max(left.own).max(right.own);
            if let Some(level) = at(&mut levels, depth) {
                level.extend([left_gap, left.total, left.own]);
                level.extend([right_gap, right.total, right.own, i64::from(left.name)]);
            }
        }
        let [left_total, right_total] = self.totals();
        DiffLevels {
            names: self.left.names.clone(),
            levels,
            left_total,
            right_total,
            max_self,
        }
    }
}

/// What each node has beyond its own value and its kept children, left and right.
fn rests(nodes: &[Node], right: &[Values], is_kept: &[bool]) -> Vec<[i64; 2]> {
    let mut rests: Vec<[i64; 2]> = nodes
        .iter()
        .zip(right)
        .map(|(left, right)| {
            [
                left.total.saturating_sub(left.own),
                right.total.saturating_sub(right.own),
            ]
        })
        .collect();
    let kept = nodes.iter().zip(right).zip(is_kept).skip(1);
    for ((left, right), _) in kept.filter(|(_, is_kept)| **is_kept) {
        if let Some([of_left, of_right]) = rests.get_mut(left.parent as usize) {
            *of_left = of_left.saturating_sub(left.total).max(0);
            *of_right = of_right.saturating_sub(right.total).max(0);
        }
    }
    rests
}

/// All names of two lists, in order, the root's first; and the new place of each in both.
fn merged_names(names: [&[String]; 2]) -> (Vec<String>, [Vec<u32>; 2]) {
    let functions = names.map(|names| names.get(1..).unwrap_or_default());
    let mut all: Vec<&String> = functions.into_iter().flatten().collect();
    all.sort_unstable();
    all.dedup();
    let ranks = functions.map(|functions| {
        let rank = |name: &String| all.binary_search(&name).map_or(0, |idx| idx as u32 + 1);
        std::iter::once(0)
            .chain(functions.iter().map(rank))
            .collect()
    });
    let root = names.iter().find_map(|names| names.first());
    let all = root.into_iter().chain(all).cloned();
    (all.collect(), ranks)
}

fn renamed(nodes: &[Node], ranks: &[u32]) -> Vec<Node> {
    let renamed = nodes.iter().map(|node| Node {
        name: ranks.get(node.name as usize).copied().unwrap_or(0),
        ..*node
    });
    renamed.collect()
}

/// Nodes of both sides, depth first.
#[derive(Default)]
struct Merged {
    nodes: Vec<Node>,
    right: Vec<Values>,
    /// Places of the nodes on the path to the newest one.
    path: Vec<u32>,
}

impl Merged {
    fn push(&mut self, left: Option<&Node>, right: Option<&Node>) {
        let Some(node) = left.or(right) else {
            return;
        };
        let (own, total) = left.map_or((0, 0), |node| (node.own, node.total));
        let right = right.map_or(Values::default(), |node| Values {
            own: node.own,
            total: node.total,
        });
        self.add(
            Node {
                own,
                total,
                ..*node
            },
            right,
        );
    }

    fn add(&mut self, node: Node, right: Values) {
        self.path.truncate(node.depth as usize);
        let parent = self.path.last().copied().unwrap_or(0);
        self.path.push(self.nodes.len() as u32);
        self.nodes.push(Node { parent, ..node });
        self.right.push(right);
    }

    /// Adds what was cut below the open nodes of this depth and deeper.
    fn close_to(&mut self, open: &mut Vec<Option<[i64; 2]>>, depth: usize, other: u32) {
        while open.len() > depth {
            let Some([left, right]) = open.pop().flatten() else {
                continue;
            };
            let node = Node {
                name: other,
                parent: 0,
                depth: open.len() as u32 + 1,
                own: left,
                total: left,
            };
            self.add(
                node,
                Values {
                    own: right,
                    total: right,
                },
            );
        }
    }
}
