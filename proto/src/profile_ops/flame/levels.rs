//! Trees as levels: for each depth the numbers of its nodes, from the left.
//!
//! As in Pyroscope's flamebearer (`pkg/og/structs/flamebearer`): a node is its distance from the end
//! of the one before on its level, its total, its own value, and the index of its name; its children
//! begin where its own value ends.

use super::FlameTree;

/// A tree as levels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Levels {
    /// Names, the root's first.
    pub names: Vec<String>,
    /// For each depth, four numbers a node.
    pub levels: Vec<Vec<i64>>,
    /// The value of everything.
    pub total: i64,
    /// The largest own value.
    pub max_self: i64,
}

/// Two trees as levels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DiffLevels {
    /// Names, the root's first.
    pub names: Vec<String>,
    /// For each depth, seven numbers a node: three of the left tree, three of the right one, the name.
    pub levels: Vec<Vec<i64>>,
    /// The value of everything on the left.
    pub left_total: i64,
    /// The value of everything on the right.
    pub right_total: i64,
    /// The largest own value on either side.
    pub max_self: i64,
}

impl FlameTree {
    /// The tree as levels.
    pub fn levels(&self) -> Levels {
        let mut levels: Vec<Vec<i64>> = Vec::new();
        let mut across = Across::default();
        for node in &self.nodes {
            let depth = node.depth as usize;
            let gap = across.place(depth, node.own, node.total);
            if let Some(level) = at(&mut levels, depth) {
                level.extend([gap, node.total, node.own, i64::from(node.name)]);
            }
        }
        let own = self.nodes.iter().map(|node| node.own);
        Levels {
            names: self.names.clone(),
            levels,
            total: self.total(),
            max_self: own.max().unwrap_or(0),
        }
    }
}

/// The level of a depth; depths come one deeper at a time at most.
pub(super) fn at(levels: &mut Vec<Vec<i64>>, depth: usize) -> Option<&mut Vec<i64>> {
    if levels.len() <= depth {
        levels.resize_with(depth + 1, Vec::new);
    }
    levels.get_mut(depth)
}

/// Where nodes that come depth first lie from left to right.
#[derive(Default)]
pub(super) struct Across {
    /// By depth: where the next child begins.
    next: Vec<i64>,
    /// By depth: where the last node ended.
    ends: Vec<i64>,
}

impl Across {
    /// Places a node; tells how far it is from the last one of its depth.
    pub(super) fn place(&mut self, depth: usize, own: i64, total: i64) -> i64 {
        if self.next.len() < depth + 2 {
            self.next.resize(depth + 2, 0);
            self.ends.resize(depth + 2, 0);
        }
        let start = self.next.get(depth).copied().unwrap_or(0);
        let end = start.saturating_add(total);
        if let Some(next) = self.next.get_mut(depth) {
            *next = end;
        }
        if let Some(next) = self.next.get_mut(depth + 1) {
            *next = start.saturating_add(own);
        }
        let last = self
            .ends
            .get_mut(depth)
            .map_or(0, |last| std::mem::replace(last, end));
        start.saturating_sub(last)
    }
}
