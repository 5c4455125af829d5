//! Trees against the profiles they are made of.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::strategies::{any_profile, sample_profile};
use super::*;
use crate::folded;
use crate::profile::Profile;

const TYPES: [(&str, &str); 1] = [("cpu", "nanoseconds")];

fn tree(samples: &[(&str, &[i64])]) -> FlameTree {
    FlameTree::new(&sample_profile(&TYPES, samples), 0)
}

fn walked(tree: &FlameTree) -> Vec<(u32, &str, i64, i64)> {
    tree.walk().collect()
}

/// The own value of each path that has one, as folded stacks have it.
fn by_path(tree: &FlameTree) -> BTreeMap<String, i64> {
    let (mut path, mut sums) = (Vec::new(), BTreeMap::new());
    for (depth, name, own, _) in tree.walk() {
        path.truncate(depth as usize);
        path.push(name.to_owned());
        if own > 0 {
            *sums.entry(path[1..].join(";")).or_default() += own;
        }
    }
    sums
}

/// The same, from the text of folded stacks.
fn by_folded(profile: &Profile, type_idx: usize) -> BTreeMap<String, i64> {
    let text = folded::write(profile, type_idx);
    let lines = text.lines().filter_map(|line| line.rsplit_once(' '));
    lines
        .map(|(path, value)| (path.to_owned(), value.parse().unwrap()))
        .collect()
}

fn check_sums(tree: &FlameTree) {
    for (idx, node) in tree.nodes.iter().enumerate() {
        let children = tree.nodes.iter().enumerate().skip(1);
        let children = children.filter(|(_, child)| child.parent as usize == idx);
        let sum: i64 = children.map(|(_, child)| child.total).sum();
        assert_eq!(node.total, node.own + sum, "{tree:?}");
    }
}

/// Levels back to what a walk tells, as Grafana's data source reads them.
fn walk_of_levels(
    levels: &[Vec<i64>],
    names: &[String],
    n_values: usize,
    side: usize,
) -> Vec<(u32, String, i64, i64)> {
    let mut nodes: Vec<(i64, u32, String, i64, i64)> = Vec::new();
    for (depth, level) in (0..).zip(levels) {
        let mut end = 0;
        for node in level.chunks_exact(n_values) {
            let &[gap, total, own] = &node[side * 3..side * 3 + 3] else {
                panic!("three values a side");
            };
            let name = names[node[n_values - 1] as usize].clone();
            assert!(gap >= 0, "nodes of a level are in order");
            nodes.push((end + gap, depth, name, own, total));
            end += gap + total;
        }
    }
    nodes.sort_by_key(|(start, depth, ..)| (*start, *depth));
    let nodes = nodes.into_iter();
    nodes
        .map(|(_, depth, name, own, total)| (depth, name, own, total))
        .collect()
}

#[test]
fn calls_are_nodes_and_siblings_are_sorted() {
    let tree = tree(&[
        ("main;b;c", &[5]),
        ("main;a", &[2]),
        ("main", &[1]),
        ("init", &[0]),
    ]);
    let expected = [
        (0, "total", 0, 8),
        (1, "main", 1, 8),
        (2, "a", 2, 2),
        (2, "b", 0, 5),
        (3, "c", 5, 5),
    ];
    assert_eq!(walked(&tree), expected);
}

#[test]
fn a_function_may_be_called_total_or_other_or_nothing() {
    let tree = tree(&[("total;other", &[5]), ("", &[2])]);
    let expected = [
        (0, "total", 0, 7),
        (1, "[unknown]", 2, 2),
        (1, "total", 0, 5),
        (2, "other", 5, 5),
    ];
    assert_eq!(walked(&tree), expected);
}

#[test]
fn what_is_below_zero_has_no_width() {
    let tree = tree(&[("main;a", &[-5]), ("main;b", &[3])]);
    assert_eq!(
        walked(&tree),
        [(0, "total", 0, 3), (1, "main", 0, 3), (2, "b", 3, 3)]
    );
}

#[test]
fn the_largest_calls_stay_and_the_rest_is_other() {
    let tree = tree(&[
        ("main;a", &[50]),
        ("main;b", &[3]),
        ("main;c", &[2]),
        ("x;y", &[1]),
    ]);
    let expected = [
        (0, "total", 0, 56),
        (1, "main", 0, 55),
        (2, "a", 50, 50),
        (2, "other", 5, 5),
        (1, "other", 1, 1),
    ];
    assert_eq!(walked(&tree.clone().bounded(4)), expected);
    assert_eq!(
        walked(&tree.clone().bounded(0)),
        [(0, "total", 0, 56), (1, "other", 56, 56)]
    );
    assert_eq!(tree.clone().bounded(usize::MAX), tree);
}

#[test]
fn stacks_are_chosen_by_how_they_begin() {
    let samples: [(&str, &[i64]); 3] = [("main;a;x", &[5]), ("main;b", &[2]), ("a;x", &[1])];
    let profile = sample_profile(&TYPES, &samples);
    let below = |calls: &[&str]| {
        let calls: Vec<String> = calls.iter().map(|call| (*call).to_owned()).collect();
        FlameTree::below(&profile, 0, &calls).total()
    };
    assert_eq!(below(&[]), 8);
    assert_eq!(below(&["main"]), 7);
    assert_eq!(below(&["main", "a"]), 5);
    assert_eq!(below(&["main", "nothing"]), 0);
}

#[test]
fn a_share_of_a_tree_is_rounded_once() {
    let samples: Vec<(String, [i64; 1])> = (0..10).map(|idx| (format!("f{idx}"), [1])).collect();
    let samples: Vec<(&str, &[i64])> = samples
        .iter()
        .map(|(name, value)| (&**name, &value[..]))
        .collect();
    let third = tree(&samples).scaled(1, 3);
    assert_eq!(third.total(), 3);
    assert_eq!(third.n_nodes(), 4);
    assert_eq!(
        tree(&[("f", &[i64::MAX])]).scaled(u64::MAX, 0).total(),
        i64::MAX
    );
}

#[test]
fn a_tree_that_would_grow_too_large_has_others() {
    let samples: [(&str, &[i64]); 3] = [("a;b;c", &[1]), ("a;d;e", &[2]), ("f;g", &[4])];
    let tree = FlameTree::grown(&sample_profile(&TYPES, &samples), 0, &[], 4);
    let expected = [
        (0, "total", 0, 7),
        (1, "a", 0, 3),
        (2, "b", 0, 1),
        (3, "c", 1, 1),
        (2, "other", 2, 2),
        (1, "other", 4, 4),
    ];
    assert_eq!(walked(&tree), expected);
}

#[test]
fn levels_are_those_of_pyroscope() {
    let levels = tree(&[("a", &[1]), ("a;b", &[2]), ("c;d", &[4])]).levels();
    assert_eq!(levels.names, ["total", "a", "b", "c", "d"]);
    assert_eq!(
        levels.levels,
        [
            vec![0, 7, 0, 0],
            vec![0, 3, 1, 1, 0, 4, 0, 3],
            vec![1, 2, 2, 2, 0, 4, 4, 4]
        ]
    );
    assert_eq!((levels.total, levels.max_self), (7, 4));
}

#[test]
fn paths_of_one_side_have_zeros_on_the_other() {
    let (left, right) = (tree(&[("a;b", &[1])]), tree(&[("a;c", &[2]), ("d", &[3])]));
    let levels = DiffTree::new(&left, &right).levels();
    assert_eq!(levels.names, ["total", "a", "b", "c", "d"]);
    assert_eq!(
        (levels.left_total, levels.right_total, levels.max_self),
        (1, 5, 3)
    );
    let expected = [
        vec![0, 1, 0, 0, 5, 0, 0],
        vec![0, 1, 0, 0, 2, 0, 1, 0, 0, 0, 0, 3, 3, 4],
        vec![0, 1, 1, 0, 0, 0, 2, 0, 0, 0, 0, 2, 2, 3],
    ];
    assert_eq!(levels.levels, expected);
}

proptest! {
    #[test]
    fn a_tree_has_the_values_of_its_folded_stacks(profile in any_profile(), type_idx in 0usize..2) {
        let tree = FlameTree::new(&profile, type_idx);
        check_sums(&tree);
        prop_assert_eq!(by_path(&tree), by_folded(&profile, type_idx));
    }

    #[test]
    fn cutting_keeps_the_sums_and_the_bound(profile in any_profile(), max_nodes in 0usize..12) {
        let tree = FlameTree::new(&profile, 0);
        let bounded = tree.clone().bounded(max_nodes);
        check_sums(&bounded);
        prop_assert_eq!(bounded.total(), tree.total());
        prop_assert!(bounded.n_nodes() <= max_nodes.max(1) + 1);
        // Nothing larger was cut than what stays of its kind.
        let kept: Vec<_> = bounded.walk().filter(|(_, name, ..)| *name != OTHER).collect();
        let least = kept.iter().map(|(.., total)| *total).min().unwrap_or(0);
        let n_larger = tree.walk().filter(|(.., total)| *total > least).count();
        prop_assert!(n_larger <= kept.len());
    }

    #[test]
    fn a_share_keeps_the_sums(profile in any_profile(), part in 0u64..9, whole in 0u64..9) {
        let tree = FlameTree::new(&profile, 0);
        let share = tree.scaled(part, whole);
        check_sums(&share);
        let expected = i128::from(tree.total()) * i128::from(part) / i128::from(whole.max(1));
        prop_assert_eq!(i128::from(share.total()), expected);
    }

    #[test]
    fn levels_hold_the_whole_tree(profile in any_profile(), max_nodes in 1usize..12) {
        let tree = FlameTree::new(&profile, 0).bounded(max_nodes);
        let levels = tree.levels();
        let walk = walk_of_levels(&levels.levels, &levels.names, 4, 0);
        let expected: Vec<_> = tree
            .walk()
            .map(|(depth, name, own, total)| (depth, name.to_owned(), own, total))
            .collect();
        prop_assert_eq!(walk, expected);
    }

    #[test]
    fn each_side_of_a_difference_is_its_own_tree(left in any_profile(), right in any_profile()) {
        let trees = [FlameTree::new(&left, 0), FlameTree::new(&right, 0)];
        let difference = DiffTree::new(&trees[0], &trees[1]);
        prop_assert_eq!(difference.totals(), [trees[0].total(), trees[1].total()]);
        let levels = difference.levels();
        for (side, tree) in trees.iter().enumerate() {
            let walk = walk_of_levels(&levels.levels, &levels.names, 7, side);
            let mut walk: Vec<_> = walk.into_iter().filter(|(depth, .., total)| *depth == 0 || *total > 0).collect();
            let mut expected: Vec<_> = tree
                .walk()
                .map(|(depth, name, own, total)| (depth, name.to_owned(), own, total))
                .collect();
            walk.sort();
            expected.sort();
            prop_assert_eq!(walk, expected);
        }
    }

    #[test]
    fn cutting_a_difference_keeps_the_totals_and_the_bound(
        left in any_profile(), right in any_profile(), max_nodes in 0usize..12,
    ) {
        let difference = DiffTree::new(&FlameTree::new(&left, 0), &FlameTree::new(&right, 0));
        let bounded = difference.clone().bounded(max_nodes);
        prop_assert_eq!(bounded.totals(), difference.totals());
        prop_assert!(bounded.n_nodes() <= max_nodes.max(1) + 1);
        check_sums(&bounded.left);
        let right = FlameTree {
            names: bounded.left.names.clone(),
            nodes: bounded
                .left
                .nodes
                .iter()
                .zip(&bounded.right)
                .map(|(node, values)| Node { own: values.own, total: values.total, ..*node })
                .collect(),
        };
        check_sums(&right);
    }
}
