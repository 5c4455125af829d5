//! Each action against what Prometheus does with the same rule.

use proto::{Labels, LabelsBuilder};

use super::*;

/// Applies one rule, given as YAML pairs; `None` if it drops.
fn check(parts: RuleParts, before: &[(&str, &str)], after: Option<&[(&str, &str)]>) {
    let rule = Rule::try_from(parts.clone()).unwrap();
    let mut labels = LabelsBuilder::from(&Labels::from_pairs(before.iter().copied()));
    let kept = apply(&[rule], &mut labels);
    let labels = labels.build();
    let result = (kept == Keep::Yes).then(|| labels.iter().collect::<Vec<_>>());
    assert_eq!(result.as_deref(), after, "{parts:?}");
}

fn parts(action: Action) -> RuleParts {
    RuleParts {
        action: Some(action),
        ..RuleParts::default()
    }
}

fn from(source: &[&str], action: Action) -> RuleParts {
    RuleParts {
        source_labels: Some(source.iter().map(|&name| name.to_owned()).collect()),
        ..parts(action)
    }
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn replace_expands_groups_in_name_and_value() {
    let rule = RuleParts {
        regex: text("(.*):(\\d+);(.*)"),
        target_label: text("port_of_${1}"),
        replacement: text("$2-$3"),
        ..from(&["__address__", "zone"], Action::Replace)
    };
    let before = [("__address__", "host:2379"), ("zone", "a")];
    let after = [
        ("__address__", "host:2379"),
        ("port_of_host", "2379-a"),
        ("zone", "a"),
    ];
    check(rule, &before, Some(&after));
}

#[test]
fn replace_is_anchored_and_an_empty_result_removes() {
    let rule = |regex: &str| RuleParts {
        regex: text(regex),
        target_label: text("b"),
        replacement: text(""),
        ..from(&["a"], Action::Replace)
    };
    let before = [("a", "xyz"), ("b", "1")];
    check(rule("y"), &before, Some(&before));
    check(rule("x.z"), &before, Some(&[("a", "xyz")]));
    check(rule("y|xyz"), &before, Some(&[("a", "xyz")]));
}

#[test]
fn replace_without_source_sets_a_constant() {
    let rule = RuleParts {
        target_label: text("cluster"),
        replacement: text("demo"),
        ..parts(Action::Replace)
    };
    check(
        rule,
        &[("a", "1")],
        Some(&[("a", "1"), ("cluster", "demo")]),
    );
}

#[test]
fn a_dot_matches_a_line_feed() {
    let rule = RuleParts {
        regex: text("a.b"),
        ..from(&["a"], Action::Drop)
    };
    check(rule, &[("a", "a\nb")], None);
}

#[test]
fn keep_and_drop_look_at_the_joined_values() {
    let rule = |action| RuleParts {
        regex: text("x;y"),
        ..from(&["a", "b"], action)
    };
    let matching = [("a", "x"), ("b", "y")];
    let other = [("a", "x"), ("b", "z")];
    check(rule(Action::Keep), &matching, Some(&matching));
    check(rule(Action::Keep), &other, None);
    check(rule(Action::Drop), &matching, None);
    check(rule(Action::Drop), &other, Some(&other));
}

#[test]
fn keepequal_and_dropequal_compare_with_the_target_label() {
    let rule = |action| RuleParts {
        target_label: text("b"),
        ..from(&["a"], action)
    };
    let equal = [("a", "x"), ("b", "x")];
    let other = [("a", "x"), ("b", "y")];
    check(rule(Action::KeepEqual), &equal, Some(&equal));
    check(rule(Action::KeepEqual), &other, None);
    check(rule(Action::DropEqual), &equal, None);
    check(rule(Action::DropEqual), &other, Some(&other));
}

/// The expected shards are those that Prometheus' own tests expect.
#[test]
fn hashmod_gives_the_shards_of_prometheus() {
    let rule = |modulus| RuleParts {
        target_label: text("d"),
        modulus: Some(modulus),
        ..from(&["c"], Action::HashMod)
    };
    let before = [("a", "foo"), ("b", "bar"), ("c", "baz")];
    let after = [("a", "foo"), ("b", "bar"), ("c", "baz"), ("d", "976")];
    check(rule(1000), &before, Some(&after));
    let lines = [("c", "foo\nbar")];
    check(rule(1000), &lines, Some(&[("c", "foo\nbar"), ("d", "734")]));
}

#[test]
fn labelmap_copies_to_the_expanded_name() {
    let rule = RuleParts {
        regex: text("__meta_(.+)"),
        ..parts(Action::LabelMap)
    };
    let before = [("__meta_zone", "a"), ("b", "1")];
    let after = [("__meta_zone", "a"), ("b", "1"), ("zone", "a")];
    check(rule, &before, Some(&after));
}

#[test]
fn labeldrop_and_labelkeep_look_at_names() {
    let rule = |action| RuleParts {
        regex: text("a.*"),
        ..parts(action)
    };
    let before = [("a", "1"), ("ab", "2"), ("b", "3")];
    check(rule(Action::LabelDrop), &before, Some(&[("b", "3")]));
    check(
        rule(Action::LabelKeep),
        &before,
        Some(&[("a", "1"), ("ab", "2")]),
    );
}

#[test]
fn lowercase_and_uppercase_write_the_joined_values() {
    let rule = |action| RuleParts {
        target_label: text("b"),
        ..from(&["a"], action)
    };
    check(
        rule(Action::Lowercase),
        &[("a", "BaZ")],
        Some(&[("a", "BaZ"), ("b", "baz")]),
    );
    check(
        rule(Action::Uppercase),
        &[("a", "BaZ")],
        Some(&[("a", "BaZ"), ("b", "BAZ")]),
    );
}

#[test]
fn a_pattern_cannot_close_the_group_it_is_put_in() {
    let rule = RuleParts {
        regex: text("a)|(b"),
        ..from(&["a"], Action::Drop)
    };
    assert!(matches!(Rule::try_from(rule), Err(RuleError::Regex { .. })));
}

#[test]
fn the_first_rule_that_drops_ends_it() {
    let drop = RuleParts {
        regex: text("x"),
        ..from(&["a"], Action::Drop)
    };
    let set = RuleParts {
        target_label: text("b"),
        replacement: text("1"),
        ..parts(Action::Replace)
    };
    let rules = [drop, set].map(|parts| Rule::try_from(parts).unwrap());
    let mut labels = LabelsBuilder::default();
    labels.set("a", "x");
    assert_eq!(apply(&rules, &mut labels), Keep::No);
    assert_eq!(labels.get("b"), "");
}
