//! What PromQL has and we have not, and what to write instead.

/// What may be called.
pub(super) const FUNCTIONS: &str =
    "time, rate, increase, histogram_quantile, sum, min, max, avg, count";

/// Operators, with what they are called in messages.
const OPERATORS: [(&str, &str); 8] = [
    ("==", COMPARISON),
    ("!=", COMPARISON),
    (">=", COMPARISON),
    ("<=", COMPARISON),
    (">", COMPARISON),
    ("<", COMPARISON),
    ("%", ARITHMETIC),
    ("^", ARITHMETIC),
];

/// Words between two expressions or behind one.
const KEYWORDS: [(&str, &str); 11] = [
    ("and", "define two signals"),
    ("unless", "define two signals"),
    ("atan2", ARITHMETIC),
    ("on", MATCHING),
    ("ignoring", MATCHING),
    ("group_left", MATCHING),
    ("group_right", MATCHING),
    ("without", "name the labels that are kept: by (label)"),
    (
        "offset",
        "only the present is computed; baselines know the past",
    ),
    ("@", "only the present is computed; baselines know the past"),
    ("bool", COMPARISON),
];

const COMPARISON: &str = "what a value is compared with belongs into thresholds";
const ARITHMETIC: &str = "use + - * /";
const MATCHING: &str = "aggregate both sides by the same labels: sum by (label) (…)";
const ELEMENTWISE: &str = "use the value itself, or + - * /";
const OVER_TIME: &str = "use the series itself, or rate of a counter; baselines know the past";
const CHANGE: &str = "use the series itself; baselines tell changes, drift and when a limit is met";
const LABELS: &str = "aggregate by the label as it is";
const RANKS: &str = "use max, min or avg by (label)";

/// Functions and aggregations of PromQL by what to write instead.
const CALLS: [(&str, &[&str]); 8] = [
    (
        "use rate over at least one minute",
        &["irate", "resets", "changes"],
    ),
    (
        CHANGE,
        &[
            "delta",
            "idelta",
            "deriv",
            "predict_linear",
            "double_exponential_smoothing",
            "holt_winters",
        ],
    ),
    (
        OVER_TIME,
        &[
            "absent_over_time",
            "avg_over_time",
            "count_over_time",
            "first_over_time",
            "last_over_time",
            "mad_over_time",
            "max_over_time",
            "min_over_time",
            "present_over_time",
            "quantile_over_time",
            "stddev_over_time",
            "stdvar_over_time",
            "sum_over_time",
            "ts_of_first_over_time",
            "ts_of_last_over_time",
            "ts_of_max_over_time",
            "ts_of_min_over_time",
        ],
    ),
    (
        "use histogram_quantile of rates of buckets, or the rate of _sum through that of _count",
        &[
            "histogram_avg",
            "histogram_count",
            "histogram_fraction",
            "histogram_quantiles",
            "histogram_stddev",
            "histogram_stdvar",
            "histogram_sum",
        ],
    ),
    (
        ELEMENTWISE,
        &[
            "abs",
            "acos",
            "acosh",
            "asin",
            "asinh",
            "atan",
            "atanh",
            "ceil",
            "clamp",
            "clamp_max",
            "clamp_min",
            "cos",
            "cosh",
            "deg",
            "exp",
            "floor",
            "ln",
            "log10",
            "log2",
            "pi",
            "rad",
            "round",
            "sgn",
            "sin",
            "sinh",
            "sqrt",
            "tan",
            "tanh",
        ],
    ),
    (
        LABELS,
        &[
            "info",
            "label_join",
            "label_replace",
            "sort",
            "sort_by_label",
            "sort_by_label_desc",
            "sort_desc",
        ],
    ),
    (
        RANKS,
        &[
            "bottomk",
            "count_values",
            "group",
            "limit_ratio",
            "limitk",
            "quantile",
            "stddev",
            "stdvar",
            "topk",
        ],
    ),
    (
        "use time() and the series itself",
        &[
            "absent",
            "day_of_month",
            "day_of_week",
            "day_of_year",
            "days_in_month",
            "end",
            "hour",
            "minute",
            "month",
            "scalar",
            "start",
            "timestamp",
            "vector",
            "year",
        ],
    ),
];

/// What to write instead of a function, if PromQL has it.
pub(super) fn call(name: &str) -> Option<&'static str> {
    let group = CALLS.iter().find(|(_, names)| names.contains(&name))?;
    Some(group.0)
}

/// The operator or keyword of PromQL at the start of `rest`, whose first word is `word`, and what to
/// write instead.
pub(super) fn behind(rest: &str, word: &str) -> Option<(&'static str, &'static str)> {
    let is_sign = |(sign, _): &&(&str, &str)| rest.starts_with(sign);
    let is_word = |(keyword, _): &&(&str, &str)| {
        word.eq_ignore_ascii_case(keyword) || *keyword == "@" && rest.starts_with('@')
    };
    let found = OPERATORS.iter().find(is_sign);
    found.or_else(|| KEYWORDS.iter().find(is_word)).copied()
}

/// Whether a metric of this name has to be written as `{__name__="…"}`.
pub(super) fn is_reserved(word: &str) -> bool {
    const OURS: [&str; 9] = [
        "or", "by", "sum", "min", "max", "avg", "count", "inf", "nan",
    ];
    let is = |keyword: &&str| word.eq_ignore_ascii_case(keyword);
    let is_theirs = KEYWORDS.iter().any(|(keyword, _)| is(keyword));
    is_theirs || OURS.iter().any(is) || CALLS.iter().any(|(_, names)| names.iter().any(is))
}
