//! A profile → its tree.

use std::borrow::Cow;
use std::collections::HashMap;

use super::{FlameTree, Node, OTHER, ROOT, TOTAL, UNKNOWN};
use crate::profile::{LocationId, Profile, StackId};

/// Nodes that a tree has at most while it is made. What comes beyond is told as [`OTHER`] where it
/// would have been. Deep stacks that have nothing in common make the most of them; a usual profile of
/// a day has some ten thousand. About 80 bytes each.
const MAX_NODES: usize = 500_000;

impl FlameTree {
    /// The tree of one sample type. Frames of one name below the same caller are one node.
    pub fn new(profile: &Profile, type_idx: usize) -> Self {
        Self::below(profile, type_idx, &[])
    }

    /// The same of the stacks that begin with these calls, the outermost first.
    pub fn below(profile: &Profile, type_idx: usize, calls: &[String]) -> Self {
        Self::grown(profile, type_idx, calls, MAX_NODES)
    }

    /// The same with another bound.
    pub(super) fn grown(
        profile: &Profile,
        type_idx: usize,
        calls: &[String],
        max_nodes: usize,
    ) -> Self {
        let mut growing = Growing::new(max_nodes);
        let names_of_location = growing.names_of_locations(profile);
        let calls: Option<Vec<u32>> = calls
            .iter()
            .map(|call| growing.ids.get(call.as_str()).copied())
            .collect();
        let Some(calls) = calls else {
            return growing.finish();
        };
        let mut path = Vec::new();
        for (stack, own) in sums(profile, type_idx) {
            path.clear();
            let locations = profile.stacks.get(stack).map_or(&[][..], |stack| stack);
            let names = locations
                .iter()
                .rev()
                .filter_map(|id| names_of_location.get(id.0 as usize));
            path.extend(names.flatten());
            if path.is_empty() {
                path.push(growing.unknown);
            }
            if path.starts_with(&calls) {
                growing.add(&path, own);
            }
        }
        growing.finish()
    }
}

/// The sum of each stack that has samples, labels left aside. By index of the stack.
fn sums(profile: &Profile, type_idx: usize) -> impl Iterator<Item = (usize, i64)> {
    let mut sums = vec![0i64; profile.stacks.len()];
    for (StackId(stack), _, values) in profile.samples() {
        if let Some(sum) = sums.get_mut(stack as usize) {
            *sum = sum.saturating_add(values.get(type_idx).copied().unwrap_or(0));
        }
    }
    sums.into_iter().enumerate().filter(|(_, sum)| *sum != 0)
}

/// A tree that is added to; its nodes are in the order in which they came up.
struct Growing<'a> {
    names: Vec<Cow<'a, str>>,
    ids: HashMap<Cow<'a, str>, u32>,
    unknown: u32,
    other: u32,
    max_nodes: usize,
    nodes: Vec<Node>,
    /// By parent and name.
    children: HashMap<(u32, u32), u32>,
}

impl<'a> Growing<'a> {
    fn new(max_nodes: usize) -> Self {
        let root = Node {
            name: 0,
            parent: 0,
            depth: 0,
            own: 0,
            total: 0,
        };
        let mut growing = Self {
            // No function has the root's name: one that is called so has another entry.
            names: vec![Cow::Borrowed(TOTAL)],
            ids: HashMap::new(),
            unknown: 0,
            other: 0,
            max_nodes,
            nodes: vec![root],
            children: HashMap::new(),
        };
        growing.unknown = growing.name(Cow::Borrowed(UNKNOWN));
        growing.other = growing.name(Cow::Borrowed(OTHER));
        growing
    }

    fn name(&mut self, name: Cow<'a, str>) -> u32 {
        if name.is_empty() {
            return self.unknown;
        }
        if let Some(known) = self.ids.get(&name) {
            return *known;
        }
        let id = self.names.len() as u32;
        self.names.push(name.clone());
        self.ids.insert(name, id);
        id
    }

    /// The names of each location's frames, the outermost first.
    fn names_of_locations(&mut self, profile: &'a Profile) -> Vec<Vec<u32>> {
        let ids = (0..profile.locations.len() as u32).map(LocationId);
        let names = ids.map(|id| {
            let frames = profile.frames_of_location(id).rev();
            frames.map(|frame| self.name(frame.name)).collect()
        });
        names.collect()
    }

    fn add(&mut self, path: &[u32], own: i64) {
        let mut at = ROOT as u32;
        for (depth, name) in (1..).zip(path) {
            let is_full = self.nodes.len() >= self.max_nodes;
            match self.children.get(&(at, *name)) {
                Some(child) => at = *child,
                None if is_full => {
                    at = self.child(at, self.other, depth);
                    break;
                }
                None => at = self.child(at, *name, depth),
            }
        }
        if let Some(node) = self.nodes.get_mut(at as usize) {
            node.own = node.own.saturating_add(own);
        }
    }

    fn child(&mut self, parent: u32, name: u32, depth: u32) -> u32 {
        let next = self.nodes.len() as u32;
        let child = *self.children.entry((parent, name)).or_insert(next);
        if child == next {
            self.nodes.push(Node {
                name,
                parent,
                depth,
                own: 0,
                total: 0,
            });
        }
        child
    }

    /// Brings the nodes in order, and leaves out those without a value.
    fn finish(self) -> FlameTree {
        let (names, ranks) = sorted(self.names);
        let mut tree = FlameTree {
            names,
            nodes: self.nodes,
        };
        for node in &mut tree.nodes {
            node.name = ranks.get(node.name as usize).copied().unwrap_or(0);
            node.own = node.own.max(0);
        }
        tree.sum_up();
        let tree = tree.without_zeros();
        FlameTree {
            nodes: depth_first(&tree.nodes),
            names: tree.names,
        }
        .without_unused_names()
    }
}

/// The names in order, the root's first, and the new place of each.
fn sorted(names: Vec<Cow<'_, str>>) -> (Vec<String>, Vec<u32>) {
    let mut order: Vec<usize> = (1..names.len()).collect();
    order.sort_unstable_by_key(|idx| names.get(*idx));
    order.insert(0, ROOT);
    let mut ranks = vec![0; names.len()];
    for (rank, idx) in (0..).zip(&order) {
        if let Some(place) = ranks.get_mut(*idx) {
            *place = rank;
        }
    }
    let sorted = order.iter().filter_map(|idx| names.get(*idx));
    (
        sorted.map(|name| name.clone().into_owned()).collect(),
        ranks,
    )
}

/// Parents before children, siblings in order of their names. Nodes come with parents before children.
fn depth_first(nodes: &[Node]) -> Vec<Node> {
    let mut children: Vec<u32> = (1..nodes.len() as u32).collect();
    let node = |idx: u32| nodes.get(idx as usize).copied();
    // The last sibling first: they are taken from the end of a stack.
    children.sort_unstable_by_key(|idx| {
        node(*idx).map(|node| (node.parent, std::cmp::Reverse(node.name)))
    });
    let of_parent = |parent: u32| {
        let parent_of = |idx: &u32| node(*idx).map_or(0, |node| node.parent);
        let start = children.partition_point(|idx| parent_of(idx) < parent);
        let end = children.partition_point(|idx| parent_of(idx) <= parent);
        children.get(start..end).unwrap_or_default()
    };
    let mut ordered: Vec<Node> = Vec::with_capacity(nodes.len());
    // Old place, and the new one of the parent.
    let mut open = vec![(ROOT as u32, ROOT as u32)];
    while let Some((idx, parent)) = open.pop() {
        let place = ordered.len() as u32;
        ordered.extend(node(idx).map(|node| Node { parent, ..node }));
        open.extend(of_parent(idx).iter().map(|child| (*child, place)));
    }
    ordered
}
