//! What reads, what it means, what it prints, and what is refused with which words.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

#[track_caller]
fn parse(text: &str) -> Expr {
    match Expr::parse(text) {
        Ok(expr) => expr,
        Err(error) => panic!("{text}: {error}"),
    }
}

/// `text` reads, and prints as `printed`, which reads as the same.
#[track_caller]
fn check(text: &str, printed: &str) {
    let expr = parse(text);
    assert_eq!(expr.to_string(), printed);
    assert_eq!(parse(printed), expr);
}

#[track_caller]
fn check_refused(text: &str, message: &str) {
    let error = match Expr::parse(text) {
        Ok(expr) => panic!("{text} reads as {expr}"),
        Err(error) => error.to_string(),
    };
    assert_eq!(error, message, "{text}");
}

#[test]
fn everything_of_the_subset_reads() {
    check("1", "1");
    check(" -1.50 ", "-1.5");
    check(".5e-3", "0.0005");
    check("1e300", "1e300");
    check("time()-a", "time() - a");
    check("up", "up");
    check("job:up:sum", "job:up:sum");
    check("a{}", "a");
    check(r#"a { b = 'c"', d!~`\w` , }"#, r#"a{b="c\"",d!~"\\w"}"#);
    check(r#"{__name__="a",b!="c"}"#, r#"a{b!="c"}"#);
    check(r#"{__name__="sum"}"#, r#"{__name__="sum"}"#);
    check("rate ( a [ 5m ] )", "rate(a[5m])");
    check("increase(a{b=~\"c\"}[1h])", "increase(a{b=~\"c\"}[1h])");
    check("rate(a[1m30s])", "rate(a[1m30s])");
    check("rate(a[90s])", "rate(a[1m30s])");
    check("rate", "rate");
    check("time", "time");
    check("sum(a)", "sum(a)");
    check("sum by () (a)", "sum(a)");
    check("SUM BY (b) (a)", "sum by (b) (a)");
    check("max (a) by (b, c,)", "max by (b, c) (a)");
    check("min(a)+avg(b)+count(c)", "min(a) + avg(b) + count(c)");
    check("1 + # one\n 2", "1 + 2");
    check(
        "histogram_quantile(.99, sum(rate(a_bucket[5m])) by (le))",
        "histogram_quantile(0.99, sum by (le) (rate(a_bucket[5m])))",
    );
    check(
        "histogram_quantile(1, rate(a_bucket[5m]) or rate(b_bucket[5m]))",
        "histogram_quantile(1, rate(a_bucket[5m]) or rate(b_bucket[5m]))",
    );
}

#[test]
fn operators_bind_as_in_promql() {
    check("a or b + c * d", "a or b + c * d");
    check("(a or b) + c", "(a or b) + c");
    check("a - b - c", "a - b - c");
    check("(a - b) - c", "a - b - c");
    check("a - (b - c)", "a - (b - c)");
    check("a / (b * c)", "a / (b * c)");
    check("((a / b)) * c", "a / b * c");
    check("(a + b) * (c or d)", "(a + b) * (c or d)");
    check("a OR b or c", "a or b or c");
    check("a - -1", "a - -1");
    check("-1 * a", "-1 * a");
    check("orbit or a", "orbit or a");
}

#[test]
fn parts_are_what_they_say() {
    let selector = Selector {
        name: "a_total".to_owned(),
        matchers: vec![Matcher {
            label: "b".to_owned(),
            operator: MatchOperator::NotEqual,
            value: "\n".to_owned(),
        }],
    };
    let rate = Expr::Range {
        function: RangeFunction::Increase,
        of: selector,
        window: Duration::from_secs(900),
    };
    assert_eq!(parse(r#"increase(a_total{b!="\n"}[15m])"#), rate);
}

#[test]
fn what_is_not_promql_is_told_with_its_place() {
    check_refused(
        "",
        "found the end at column 1, expected a number, a metric's name, a function or (",
    );
    check_refused(
        "a +",
        "found the end at column 4, expected a number, a metric's name, a function or (",
    );
    check_refused(
        "a b",
        "found b at column 3, expected an operator or the end",
    );
    check_refused("(a", "found the end at column 3, expected an operator or )");
    check_refused(
        "ä",
        "found ä at column 1, expected a number, a metric's name, a function or (",
    );
    check_refused(
        "1x",
        "found 1 at column 1, expected a number such as 12, 0.5 or -1e3",
    );
    check_refused(
        "1e999",
        "found 1 at column 1, expected a number such as 12, 0.5 or -1e3",
    );
    check_refused("1 + a{b}", "found } at column 8, expected =, !=, =~ or !~");
    check_refused(
        "rate(a)",
        "found ) at column 7, expected a window such as [5m]",
    );
    check_refused("time(1)", "found 1 at column 6, expected )");
    check_refused(
        "sum by a (b)",
        "found a at column 8, expected ( and the labels that are kept",
    );
    check_refused("sum by (a b) (c)", "found b at column 11, expected , or )");
    check_refused("sum a", "found a at column 5, expected by or (");
    check_refused(
        "NaN",
        "found NaN at column 1, expected a number, a metric's name, a function or (",
    );
}

#[test]
fn what_cannot_mean_anything_is_refused() {
    check_refused(
        "frobnicate(a)",
        "an unknown function frobnicate at column 1; allowed: time, rate, increase, \
         histogram_quantile, sum, min, max, avg, count",
    );
    check_refused(
        "rate(a[30s])",
        "\"30s\" as a window at column 8; allowed: a window from 1m to 1h",
    );
    check_refused(
        "rate(a[1d])",
        "\"1d\" as a window at column 8; allowed: a window from 1m to 1h",
    );
    check_refused(
        "rate(a[5])",
        "\"5\" as a window at column 8; allowed: a window from 1m to 1h",
    );
    check_refused("sum(1)", "sum of a number at column 5; allowed: series");
    check_refused("a or 1", "or of a number at column 6; allowed: series");
    check_refused("time() or a", "or of a number at column 1; allowed: series");
    check_refused(
        "histogram_quantile(99, a)",
        "quantile 99 at column 20; allowed: 0 to 1",
    );
    check_refused(
        "histogram_quantile(0.9, sum(rate(a[5m])))",
        "histogram_quantile of an aggregation without le at column 25; allowed: by (le, …)",
    );
    check_refused(
        r#"1 + a{b=~"("}"#,
        "regular expression \"(\" of label b: unclosed group at column 5; allowed: regular \
         expressions that mean the same to Go",
    );
    check_refused(
        r#"{__name__=~"a|b"}"#,
        "a selector that does not name one metric at column 1; allowed: name{label=\"value\"}; \
         several names joined with or",
    );
}

#[test]
fn what_only_promql_has_is_refused_with_what_to_write() {
    let cases = [
        ("irate(a[5m])", "irate at column 1", "use rate"),
        (
            "predict_linear(a[1h], 3600)",
            "predict_linear at column 1",
            "when a limit is met",
        ),
        (
            "max_over_time(a[5m])",
            "max_over_time at column 1",
            "baselines",
        ),
        ("topk(5, a)", "topk at column 1", "use max"),
        (
            "a offset 5m",
            "offset at column 3",
            "baselines know the past",
        ),
        ("a @ 0", "@ at column 3", "baselines know the past"),
        ("rate(a[5m] offset 1h)", "offset at column 12", "baselines"),
        ("a and b", "and at column 3", "define two signals"),
        ("a unless b", "unless at column 3", "define two signals"),
        ("a / on (b) c", "on at column 5", "aggregate both sides"),
        (
            "a / ignoring (b) c",
            "ignoring at column 5",
            "aggregate both sides",
        ),
        (
            "a * group_left c",
            "group_left at column 5",
            "aggregate both sides",
        ),
        ("sum without (b) (a)", "without at column 5", "by (label)"),
        ("sum(a) without (b)", "without at column 8", "by (label)"),
        ("a > 5", "> at column 3", "thresholds"),
        ("a >= bool 5", ">= at column 3", "thresholds"),
        ("a == b", "== at column 3", "thresholds"),
        ("a != b", "!= at column 3", "thresholds"),
        ("a % 2", "% at column 3", "use + - * /"),
        ("2 ^ 3", "^ at column 3", "use + - * /"),
        ("a[5m]", "[ at column 2", "rate(name[5m])"),
        ("(a + b)[5m:1m]", "[ at column 8", "rate(name[5m])"),
        (
            "rate(a[5m:1m])",
            "a subquery at column 10",
            "the series itself",
        ),
        ("-a", "a sign before series at column 1", "0 - x"),
    ];
    for (text, what, instead) in cases {
        let error = Expr::parse(text).unwrap_err();
        assert!(
            matches!(error, ParseError::Unsupported { .. }),
            "{text}: {error}"
        );
        let message = error.to_string();
        assert!(
            message.starts_with(&format!("{what} is not supported: ")),
            "{message}"
        );
        assert!(message.contains(instead), "{message}");
    }
}

#[test]
fn endless_texts_are_refused() {
    check_refused(&"(".repeat(1000), "nested deeper than 32 at column 33");
    check_refused(&"sum(".repeat(1000), "nested deeper than 32 at column 129");
    let sum = vec!["a"; 129].join("+");
    check_refused(&sum, "longer than 256 operands, functions and operators");
    check_refused(&" ".repeat(20_000), "longer than 16384 bytes");
}

#[test]
fn prometheus_is_asked_for_each_target_apart() {
    let cases = [
        ("a / b", "a / b"),
        (
            "sum(a) / count by (b, job) (c)",
            "sum by (job, instance) (a) / count by (job, instance, b) (c)",
        ),
        (
            "histogram_quantile(0.99, sum by (le) (rate(a_bucket[5m])))",
            "histogram_quantile(0.99, sum by (job, instance, le) (rate(a_bucket[5m])))",
        ),
        (
            "max(sum by (x) (a))",
            "max by (job, instance) (sum by (job, instance, x) (a))",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(parse(text).for_prometheus().to_string(), expected);
    }
}

fn selectors() -> impl Strategy<Value = Selector> {
    let operators = prop::sample::select(vec![
        MatchOperator::Equal,
        MatchOperator::NotEqual,
        MatchOperator::Matches,
        MatchOperator::DoesNotMatch,
    ]);
    let matcher = ("[a-z_. é]{1,4}", operators, ".{0,8}").prop_map(|(label, operator, value)| {
        let is_pattern = matches!(
            operator,
            MatchOperator::Matches | MatchOperator::DoesNotMatch
        );
        let value = if is_pattern && proto::pattern::anchored(&value).is_err() {
            "a|b".to_owned()
        } else {
            value
        };
        Matcher {
            label,
            operator,
            value,
        }
    });
    let names = prop_oneof![
        "[a-zA-Z_:][a-zA-Z0-9_:]{0,8}",
        ".{1,4}",
        prop::sample::select(vec!["sum", "or", "rate", "Offset", "inf", "time", "by"])
            .prop_map(str::to_owned),
    ];
    (names, prop::collection::vec(matcher, 0..3))
        .prop_map(|(name, matchers)| Selector { name, matchers })
}

fn series() -> impl Strategy<Value = Expr> {
    let functions = prop::sample::select(vec![RangeFunction::Rate, RangeFunction::Increase]);
    let range = (functions, selectors(), 60_000u64..=3_600_000);
    let leaf = prop_oneof![
        selectors().prop_map(Expr::Selector),
        range.prop_map(|(function, of, millis)| Expr::Range {
            function,
            of,
            window: Duration::from_millis(millis),
        }),
    ];
    leaf.prop_recursive(4, 24, 2, |of| {
        let aggregations = prop::sample::select(vec![
            Aggregation::Sum,
            Aggregation::Min,
            Aggregation::Max,
            Aggregation::Avg,
            Aggregation::Count,
        ]);
        let operators = prop::sample::select(BinaryOperator::ALL.to_vec());
        let number = prop_oneof![
            any::<f64>().prop_filter_map("finite", |number| {
                number.is_finite().then_some(Expr::Number(number))
            }),
            Just(Expr::Time),
        ];
        prop_oneof![
            (
                aggregations,
                prop::collection::vec("[a-z_][a-z0-9_]{0,3}", 0..3),
                of.clone()
            )
                .prop_map(|(operator, by, of)| Expr::Aggregate {
                    operator,
                    by,
                    of: Box::new(of),
                }),
            (0.0f64..=1.0, selectors()).prop_map(|(q, of)| Expr::HistogramQuantile {
                q,
                of: Box::new(Expr::Selector(of)),
            }),
            (operators, of.clone(), of.clone()).prop_map(|(operator, left, right)| {
                Expr::Binary {
                    operator,
                    left: Box::new(left),
                    right: Box::new(right),
                }
            }),
            (of, number).prop_map(|(left, right)| Expr::Binary {
                operator: BinaryOperator::Div,
                left: Box::new(left),
                right: Box::new(right),
            }),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_printed_reads_back(expr in series()) {
        prop_assert_eq!(Expr::parse(&expr.to_string()), Ok(expr));
    }

    #[test]
    fn nothing_that_is_typed_panics(text in ".{0,60}") {
        let _ = Expr::parse(&text);
    }

    #[test]
    fn nothing_made_of_our_words_panics(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "sum", "by", "(", ")", "a", "{", "}", "[", "5m", "]", "rate", "or", "+", "-", "1",
                ",", "histogram_quantile", "0.5", "=", "\"b\"", "le", "time", "offset", "#", "\n",
            ]),
            0..24,
        ),
    ) {
        let text = words.join(" ");
        if let Ok(expr) = Expr::parse(&text) {
            prop_assert_eq!(Expr::parse(&expr.to_string()), Ok(expr));
        }
    }
}
