//! A tree of calls as a graph of functions in Graphviz' language, as `go tool pprof -dot` draws it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use proto::profile_ops::FlameTree;

/// What was spent in a function, alone and with what it called.
#[derive(Default)]
struct Function {
    own: i64,
    total: i64,
}

/// Writes the `max_nodes` functions with the largest totals, and who called whom for how much.
pub(super) fn write(tree: &FlameTree, max_nodes: usize) -> String {
    let mut functions: BTreeMap<&str, Function> = BTreeMap::new();
    let mut calls: BTreeMap<(&str, &str), i64> = BTreeMap::new();
    let mut path: Vec<&str> = Vec::new();
    for (depth, name, own, total) in tree.walk().skip(1) {
        path.truncate(depth as usize - 1);
        let function = functions.entry(name).or_default();
        function.own = function.own.saturating_add(own);
        // What calls itself counts once.
        if !path.contains(&name) {
            function.total = function.total.saturating_add(total);
        }
        if let Some(caller) = path.last().filter(|caller| **caller != name) {
            let sum = calls.entry((caller, name)).or_default();
            *sum = sum.saturating_add(total);
        }
        path.push(name);
    }
    let mut order: Vec<(&str, &Function)> =
        functions.iter().map(|(name, it)| (*name, it)).collect();
    order.sort_by_key(|(name, function)| (Reverse(function.total), *name));
    order.truncate(max_nodes);
    let kept: BTreeSet<&str> = order.iter().map(|(name, _)| *name).collect();
    let mut out = String::from("digraph \"profile\" {\nnode [shape=box]\n");
    // A String takes every write.
    for (name, Function { own, total }) in order {
        let name = quoted(name);
        let _ = writeln!(out, "\"{name}\" [label=\"{name}\\n{own} of {total}\"]");
    }
    for ((caller, called), total) in calls {
        if kept.contains(caller) && kept.contains(called) {
            let (caller, called) = (quoted(caller), quoted(called));
            let _ = writeln!(out, "\"{caller}\" -> \"{called}\" [label=\"{total}\"]");
        }
    }
    out.push_str("}\n");
    out
}

/// A text between double quotes of Graphviz.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '"' | '\\' => out.extend(['\\', letter]),
            letter if letter.is_control() => out.push(' '),
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proto::folded;

    use super::*;

    #[test]
    fn functions_are_nodes_and_calls_are_edges() {
        let profile = folded::parse(b"main;f;f;g 3\nmain;\"] -> x 2\nmain;small 1\n").unwrap();
        let text = write(&FlameTree::new(&profile, 0), 4);
        let expected = r#"digraph "profile" {
node [shape=box]
"main" [label="main\n0 of 6"]
"f" [label="f\n0 of 3"]
"g" [label="g\n3 of 3"]
"\"] -> x" [label="\"] -> x\n2 of 2"]
"f" -> "g" [label="3"]
"main" -> "\"] -> x" [label="2"]
"main" -> "f" [label="3"]
}
"#;
        assert_eq!(text, expected);
    }
}
