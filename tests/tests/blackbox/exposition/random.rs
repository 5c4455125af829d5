//! Pages of random lines: most are good, some a little broken.

use anyhow::{Result, anyhow};
use leadsman_tests::page_server::Page;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::{Case, OPENMETRICS, TEXT};

/// The pages that `seed` stands for. `now` is the time of the samples that have one.
pub(super) fn pages(seed: u64, n_pages: usize, now: i64) -> Result<Vec<Case>> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let page = prop_oneof![text(now), openmetrics(now)];
    let case = |_| {
        let tree = page.new_tree(&mut runner);
        let page = tree
            .map_err(|reason| anyhow!("no page: {reason}"))?
            .current();
        Ok(Case {
            page,
            differs: None,
        })
    };
    (0..n_pages).map(case).collect()
}

fn text(now: i64) -> impl Strategy<Value = Page> {
    let gap = prop_oneof![6 => Just(" "), 1 => Just("  "), 1 => Just("\t")];
    let time = prop_oneof![3 => Just(String::new()), 1 => Just(format!(" {now}"))];
    // Samples of one page have one time: two of a series at two times are another story.
    let lines = time.prop_flat_map(move |time| {
        let tail = prop_oneof![
            30 => Just(""), 2 => Just(" "), 1 => Just(" 5x"), 1 => Just("\r"), 1 => Just(" # {} 1"),
        ];
        let sample = (series(" ?"), gap.clone(), number(), tail).prop_map(
            move |(series, gap, value, tail)| format!("{series}{gap}{value}{time}{tail}"),
        );
        let line = prop_oneof![
            12 => sample,
            2 => "# TYPE [a-c] (counter|gauge|histogram|summary|untyped|info)",
            1 => "# HELP [a-c] [a-z\\\\\"é ]{0,8}",
            1 => "#[ a-zA-Z\\{\"]{0,5}",
            1 => "[ \t]{0,2}",
        ];
        prop::collection::vec(line, 0..8)
    });
    (lines, prop_oneof![Just("\n"), Just("")]).prop_map(|(lines, end)| Page {
        content_type: TEXT,
        body: (lines.join("\n") + end).into_bytes(),
    })
}

fn openmetrics(now: i64) -> impl Strategy<Value = Page> {
    let seconds = format!(" {}.{:03}", now / 1000, now % 1000);
    let time = prop_oneof![3 => Just(String::new()), 1 => Just(seconds)];
    let lines = time.prop_flat_map(|time| {
        let tail = prop_oneof![
            16 => Just(String::new()),
            2 => "# \\{(t=\"[a-z]{0,3}\")?\\} [0-9]{1,2}".prop_map(|exemplar| format!(" {exemplar}")),
            1 => "[ #x]",
        ];
        let sample = (series(""), number(), tail)
            .prop_map(move |(series, value, tail)| format!("{series} {value}{time}{tail}"));
        let line = prop_oneof![
            12 => sample,
            2 => "# TYPE [a-c] (counter|gauge|histogram|summary|unknown|info|stateset)",
            1 => "# HELP [a-c] [a-z\\\\\"é ]{0,8}",
            1 => "# UNIT [a-c](_seconds)? (seconds)?",
        ];
        prop::collection::vec(line, 0..8)
    });
    let end = prop_oneof![12 => Just("# EOF\n"), 1 => Just("# EOF"), 1 => Just("")];
    (lines, end).prop_map(|(mut lines, end)| {
        lines.push(end.to_owned());
        Page {
            content_type: OPENMETRICS,
            body: lines.join("\n").into_bytes(),
        }
    })
}

/// A metric's name with its labels; `blank` is a pattern of what may stand between the parts.
fn series(blank: &'static str) -> impl Strategy<Value = String> {
    let name = prop_oneof![
        20 => "[a-c](_total|_bucket|_sum|_count)?",
        4 => "[a-z:][a-z0-9_:]{0,4}",
        1 => "[0-9.é-]?[a-c]",
    ];
    let label_name = prop_oneof![
        12 => "[x-z]",
        2 => "(job|instance|exported_job)",
        1 => "\"[x-z.é]{1,2}\"",
        1 => "[x0:.]{0,2}",
    ];
    // An empty one besides another of the same name is a case of its own.
    let label_value = prop_oneof![
        8 => "[a-z0-9]{1,3}",
        2 => "[0-9]{1,3}(\\.[0-9]{1,2})?",
        2 => "\\PC{0,4}".prop_map(|text| text.replace(['"', '\\'], "") + "."),
        2 => "([a-z]|\\\\\\\\|\\\\n|\\\\\"|\\\\x){1,4}",
    ];
    let label = (label_name, blank, label_value)
        .prop_map(|(name, blank, value)| format!("{name}{blank}={blank}\"{value}\""));
    // Written as Prometheus writes them, which takes them for bounds in other families, too.
    let bound = "(le|quantile)=\"[0-9]\\.[1-9]\"";
    let label = prop_oneof![5 => label, 1 => bound];
    let separator = (blank, blank).prop_map(|(before, after)| format!("{before},{after}"));
    let end = prop_oneof![10 => Just(""), 2 => Just(","), 1 => Just(",,")];
    let labels =
        (prop::collection::vec((label, separator), 0..4), end).prop_map(|(labels, end)| {
            let n_labels = labels.len();
            let parts = labels.into_iter().enumerate();
            let list: String = parts
                .map(|(idx, (label, comma))| match idx + 1 == n_labels {
                    true => label,
                    false => label + &comma,
                })
                .collect();
            format!("{{{list}{}}}", if n_labels > 0 { end } else { "" })
        });
    let labels = prop_oneof![1 => Just(String::new()), 2 => labels];
    (name, labels).prop_map(|(name, labels)| name + &labels)
}

fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "-?[0-9]{1,4}(\\.[0-9]{1,4})?",
        2 => "[+-]?[0-9]{0,3}\\.?[0-9]{1,20}([eE][+-]?[0-9]{1,3})?",
        1 => any::<f64>().prop_map(|value| format!("{value:e}")),
        1 => "[+-]?(Inf|inf|NaN|nan|infinity)",
        1 => "(0x[0-9a-f]{1,2}|[0-9]_[0-9]|1e|--1|[0-9]{310})",
    ]
}
