//! A table of pages that are odd, and small.

use anyhow::{Context, Result};
use leadsman_tests::page_server::Page;
use leadsman_tests::tools;
use serde_json::Value;

use super::{Case, OPENMETRICS, TEXT};

/// The pages of `proto/testdata`, whose verdicts were recorded from one Prometheus, for this one.
/// Their timestamps move to `now`.
pub(super) fn recorded(now: i64) -> Result<Vec<Case>> {
    let file = tools::tests_folder().join("../proto/testdata/prometheus-3.5-verdicts.json");
    let verdicts: Value = serde_json::from_slice(&std::fs::read(file)?)?;
    let then = verdicts["scrape_millis"].as_i64().context("no time")?;
    let hour = 3_600_000;
    let moved = |page: &str| {
        page.replace(&(then / 1000).to_string(), &(now / 1000).to_string())
            .replace(&(then + hour).to_string(), &(now + hour).to_string())
    };
    let cases = verdicts["cases"].as_array().context("no cases")?.iter();
    let case = |case: &Value| {
        let page = moved(case["page"].as_str().context("no page")?);
        let content_type = match case["format"].as_str() {
            Some("text") => TEXT,
            _ => OPENMETRICS,
        };
        // One char is one byte of the page.
        let body = page.chars().map(u8::try_from).collect::<Result<_, _>>()?;
        Ok(Case {
            page: Page { content_type, body },
            differs: None,
        })
    };
    // An instant query does not show where these two differ, see DIFFERENT.
    let agreed = cases.filter(|case| {
        let page = case["page"].as_str().unwrap_or_default();
        page != PAGE_WITH_UP && !page.starts_with("a 1 1795302097000\na 2 ")
    });
    agreed.map(case).collect()
}

/// Pages that are not among the recorded ones. `NOW` is a time in milliseconds, `SECONDS` the same
/// in seconds, and `SOON` a millisecond later.
pub(super) fn pages(now: i64) -> Vec<Case> {
    let seconds = format!("{}.{:03}", now / 1000, now % 1000);
    let case = |content_type, body: &str, differs| {
        let body = body.replace("NOW", &now.to_string());
        let body = body.replace("SOON", &(now + 1).to_string());
        let body = body.replace("SECONDS", &seconds).into_bytes();
        let page = Page { content_type, body };
        Case { page, differs }
    };
    let text = TEXTS.iter().map(|body| case(TEXT, body, None));
    let openmetrics = OPENMETRICS_PAGES
        .iter()
        .map(|body| case(OPENMETRICS, body, None));
    let different = DIFFERENT
        .iter()
        .map(|(content_type, body, reason)| case(content_type, body, Some(*reason)));
    text.chain(openmetrics).chain(different).collect()
}

const TEXTS: &[&str] = &[
    // Line ends and blanks.
    "a 1\r\nb 2\r\n",
    "# HELP a x\r\n# TYPE a gauge\na 1\n",
    "# TYPE a gauge\r\na 1\n",
    "\n\n# c\n\na 1\n\n",
    "a 1\n \t \nb 2",
    "a{ x = \"1\"\t,\ty\t=\t\"2\" , }\t3\tNOW\t\n",
    "a{\nx=\"1\"} 1\n",
    "a{x=\"1\",\ny=\"2\"} 1\n",
    // Escapes.
    "a{x=\"\\\\\\\"\\n\\t\\\\n\"} 1\n",
    "a{x=\"\\\"} 1\n",
    "# HELP a \\\\ \\n \\q \\\" \\\na 1\n",
    "a{x=\"é\",y=\"日本\",z=\"🦀\"} 1\n",
    "a{x=\"\u{feff}\u{200b}\u{7f}\u{1}\"} 1\n",
    "\u{feff}a 1\n",
    // Numbers.
    "a 0x10\n",
    "a 0X1P-2\n",
    "a 0b1\n",
    "a 1_000\n",
    "a 1e+308\nb 1e-308\nc 5e-324\nd 2e-324\n",
    "a 1.7976931348623159e308\n",
    "a 179769313486231570814527423731704356798070567525844996598917476803157260780028538760589558632766878171540458953514382464234321326889464182768467546703537516986049910576551282076245490090389328944075868508455133942304583236903222948165808559332123347747.5\n",
    "a iNf\nb -iNfInItY\nc +INFINITY\n",
    "a nAn\nb NAN\n",
    "a -NaN\n",
    "a infin\n",
    "a 1f\n",
    "a 1 2 3\n",
    "a ١\n",
    "a 1e5.0\n",
    "a +-1\n",
    "a +.5e-3\nb -.5E+3\nc 000.5\nd 5.e1\n",
    "a .\n",
    "a 4503599627370496.5\nb 9007199254740992.5\nc 0.30000000000000004\nd 2.2250738585072011e-308\n",
    // Timestamps.
    "a 1 NOW\nb 2\n",
    "a 1 NOW\na 2\n",
    "a 1 NOW\na 2 NOW\n",
    "a 1 0NOW\n",
    "a 1 NOW.0\n",
    "a 1 0x10\n",
    "a 1 9223372036854775807\n",
    "a 1 9223372036854775808\n",
    "a{x=\"1\"} 1 NOW\na{x=\"2\"} 2 NOW\n",
    // Metadata.
    "# TYPE a gauge\n# TYPE a gauge\na 1\n",
    "# TYPE a gauge\n# TYPE a counter\na 1\n",
    "# HELP a x\n# HELP a y\na 1\n",
    "a 1\n# TYPE a counter\na{x=\"1\"} 1\n",
    "a 1\nb 1\na{x=\"1\"} 1\n",
    "# TYPE a COUNTER\na 1\n",
    "# type a counter\na 1\n",
    "# TYPE\n",
    "# TYPE a\tgauge\na 1\n",
    "#TYPE a gauge\na 1\n",
    "# TYPE a untyped\na 1\n",
    "# HELP \"a b\" x\n# TYPE \"a b\" gauge\n{\"a b\"} 1\n",
    "# TYPE \"a gauge\na 1\n",
    "# HELP é x\na 1\n",
    "#\n#\t\n# \na 1\n",
    // Names.
    "{\"a\\\"b\"} 1\n",
    "{\"é\",\"ü\"=\"ö\"} 1\n",
    "{\"a\",\"a\"=\"b\"} 1\n",
    "a{\"__name__\"=\"b\"} 1\n",
    "{\"__name__\"=\"b\"} 1\n",
    "é 1\n",
    "a.b 1\n",
    "a{x.y=\"1\"} 1\n",
    "a{__x__=\"1\"} 1\n",
    "__a__ 1\n",
    "a{:=\"1\"} 1\n",
    "a{x=\"1\"}{y=\"2\"} 1\n",
    "a{x='1'} 1\n",
    "a{x=\"1\";y=\"2\"} 1\n",
    "a{x} 1\n",
    "a{=\"1\"} 1\n",
    "a{x=\"1\"} 1 # comment\n",
    "a 1 # comment\n",
    "a}\n",
    "a{\n",
    "{\n",
    "\"a\" 1\n",
    // Empty labels are no labels.
    "a{x=\"\"} 1\na 2\n",
    "a{x=\"\",y=\"1\"} 1\na{y=\"1\"} 2\n",
    "a{instance=\"\",job=\"\"} 1\n",
    // Histograms and summaries.
    "# TYPE a histogram\na_bucket{le=\"-1\"} 1\na_bucket{le=\"0\"} 2\na_bucket{le=\"+Inf\"} 3\na_sum -1\na_count 3\n",
    "# TYPE a histogram\na_bucket{le=\"1\"} 3\na_bucket{le=\"2\"} 2\na_bucket{le=\"+Inf\"} -1\na_count 1\n",
    "# TYPE a histogram\na_bucket{le=\"1e3\"} 1\na_bucket{le=\"1000\"} 1\n",
    "# TYPE a histogram\na_bucket{le=\"NaN\"} 1\na_bucket{le=\"inf\"} 1\n",
    "# TYPE a histogram\na_bucket 1\na{le=\"1\"} 1\n",
    "# TYPE a histogram\na_bucket{quantile=\"1\",le=\"1\"} 1\n",
    "# TYPE a summary\na{quantile=\"1\"} 1\na{quantile=\"0.50\"} 1\na{quantile=\"x\"} 1\na{le=\"1\"} 1\n",
    "# TYPE a gauge\na{le=\"1\"} 1\na{quantile=\"1\"} 1\n",
    "a_bucket{le=\"1\"} 1\n# TYPE a histogram\na_bucket{le=\"2\"} 1\n",
    "# TYPE a counter\na_total 1\na_created 2\na 3\n",
];

const OPENMETRICS_PAGES: &[&str] = &[
    "# TYPE a counter\n# HELP a x\n# UNIT a \na_total 1\n# EOF\n",
    "# TYPE a_seconds counter\n# UNIT a_seconds seconds\na_seconds_total 1 SECONDS\n# EOF\n",
    "# TYPE a_bytes gauge\n# UNIT a_bytes seconds\na_bytes 1\n# EOF\n",
    "# UNIT a_bytes bytes\na_bytes 1\n# EOF\n",
    "# TYPE a counter\na_total 1 SECONDS # {t=\"x\"} 1 SECONDS\n# EOF\n",
    "# TYPE a histogram\na_bucket{le=\"-0.5\"} 1 # {t=\"x\"} -1\na_bucket{le=\"+Inf\"} 2 # {t=\"y\",u=\"z\"} 7 1.5\na_count 2\na_sum 1\n# EOF\n",
    "# TYPE a summary\na{quantile=\"0.9\"} 1\na_sum 1\na_count 1\n# EOF\n",
    "# TYPE a stateset\na{a=\"on\"} 1\na{a=\"off\"} 0\n# EOF\n",
    "# TYPE a unknown\na 1\n# EOF\n",
    "# TYPE a counter\n# TYPE a counter\na_total 1\n# EOF\n",
    "a_total 1\n# TYPE a counter\n# EOF\n",
    "# TYPE a counter\na 1\n# EOF\n",
    "# TYPE a counter\na_total -1\n# EOF\n",
    "a 1 -1\n# EOF\n",
    "a 1 +SECONDS\n# EOF\n",
    "a 1 1e3.\n# EOF\n",
    "a 1 Inf\n# EOF\n",
    "a 0x10\n# EOF\n",
    "a 1_0\n# EOF\n",
    "a NaN\nb +Inf\nc -Inf\nd nan\ne inf\n# EOF\n",
    "a{x=\"\\\\\\\"\\n\"} 1\n# EOF\n",
    "# HELP a \\\\ \\n \\\" \\q\na 1\n# EOF\n",
    "a{x=\"\"} 1\na 2\n# EOF\n",
    "a{x=\"1\",,y=\"2\"} 1\n# EOF\n",
    "a{,} 1\n# EOF\n",
    "{\"a.b\",\"c.d\"=\"e\"} 1\n# EOF\n",
    "# TYPE \"a.b\" gauge\n{\"a.b\"} 1\n# EOF\n",
    "a 1\n\n# EOF\n",
    "a 1\n# EOF\r\n",
    "# EOF",
    "a 1\n#EOF\n",
    "a 1\n# eof\n",
    "a 1\n# EOF\na 1\n",
    "a 1 # {t=\"1\"} 1 # {t=\"2\"} 2\n# EOF\n",
    "a 1 # {t=\"1\"\n# EOF\n",
    "a{x=\"1\"} 1\na{x=\"1\"} 1\n# EOF\n",
    "\u{feff}a 1\n# EOF\n",
];

const PAGE_WITH_UP: &str = "up 0\n";

const UP: &str = "up is the scraper's, not the page's";
const EMPTY: &str = "a label is there twice, also where one of them is empty";
const TWICE: &str = "one sample of a series and page, also where they have times of their own";
const OTHERS: &str =
    "le is a bound in the series of a histogram, not in what stands behind its TYPE";
const CREATED: &str = "creation times belong to their series, they are none";
const BLANK: &str = "blanks before a metric's name do not become part of it";
const BOUND: &str = "bounds of gauge histograms are written as in protobuf";

const DIFFERENT: &[(&str, &str, &str)] = &[
    (TEXT, PAGE_WITH_UP, UP),
    (TEXT, "a{x=\"\",x=\"1\"} 1\n", EMPTY),
    (TEXT, "a 1 NOW\na 2 SOON\n", TWICE),
    (TEXT, "# TYPE a histogram\na_x{le=\"1\"} 1\n", OTHERS),
    (TEXT, " a 1\n", BLANK),
    (
        OPENMETRICS,
        "# TYPE a counter\na_total 1\na_created 5\n# EOF\n",
        CREATED,
    ),
    (
        OPENMETRICS,
        "# TYPE a gaugehistogram\na_bucket{le=\"1\"} 1\na_gcount 1\na_gsum 1\n# EOF\n",
        BOUND,
    ),
];
