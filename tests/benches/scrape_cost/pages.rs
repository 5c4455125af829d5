//! Captured pages, cut to a size, whose values move on from scrape to scrape.

use bytes::Bytes;

const CAPTURES: [&str; 2] = [
    include_str!("../../../proto/testdata/etcd-3.4.txt"),
    include_str!("../../../proto/testdata/containerd-1.6.txt"),
];

/// Scrapes after which a page starts over, as a target does that is restarted.
const TICKS: u64 = 120;

/// The life of one target: what it answers, scrape by scrape.
pub(crate) struct Life {
    /// One page for each scrape.
    pub(crate) pages: Vec<Bytes>,
    /// Samples of each page.
    pub(crate) n_samples: u64,
}

/// One life for each capture, of pages with so many samples at most.
pub(crate) fn lives(samples_per_page: usize) -> Vec<Life> {
    let pages = CAPTURES
        .iter()
        .map(|capture| cut(capture, samples_per_page));
    pages.map(|page| live(&page)).collect()
}

/// The families that fit, from the start; again and again under other names while there is room
/// for a tenth of the page.
fn cut(capture: &str, samples_per_page: usize) -> String {
    let families: Vec<&str> = capture.split("# HELP ").skip(1).collect();
    let (mut page, mut n_samples) = (String::new(), 0);
    for round in 0.. {
        let n_before = n_samples;
        for family in &families {
            let n_of_family = samples(family).count();
            if n_samples + n_of_family <= samples_per_page {
                n_samples += n_of_family;
                page.push_str(&renamed(family, round));
            }
        }
        if n_samples == n_before || n_samples * 10 >= samples_per_page * 9 {
            break;
        }
    }
    page
}

/// A family as it is called in a round; the first leaves its name.
fn renamed(family: &str, round: usize) -> String {
    let prefix = match round {
        0 => String::new(),
        _ => format!("r{round}_"),
    };
    let mut lines = family.lines();
    let mut text = format!("# HELP {prefix}{}\n", lines.next().unwrap_or_default());
    for line in lines {
        text += &match line.strip_prefix("# TYPE ") {
            Some(rest) => format!("# TYPE {prefix}{rest}\n"),
            None => format!("{prefix}{line}\n"),
        };
    }
    text
}

fn samples(page: &str) -> impl Iterator<Item = &str> {
    page.lines().filter(|line| !line.starts_with('#'))
}

fn live(page: &str) -> Life {
    Life {
        n_samples: samples(page).count() as u64,
        pages: (0..TICKS).map(|tick| Bytes::from(at(page, tick))).collect(),
    }
}

/// The page after `tick` scrapes. Counters and histograms grow by 1 % of what they were at first;
/// gauges go up and down by as much; what was 0 stays so.
fn at(page: &str, tick: u64) -> String {
    let mut out = String::with_capacity(page.len());
    let mut is_gauge = false;
    for (idx, line) in page.lines().enumerate() {
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            is_gauge = kind.ends_with(" gauge");
        }
        match line.rsplit_once(' ') {
            Some((series, value)) if !line.starts_with('#') => {
                let steps = if is_gauge { swing(tick, idx) } else { tick };
                out.push_str(series);
                out.push(' ');
                out.push_str(&moved(value, steps));
            }
            _ => out.push_str(line),
        }
        out.push('\n');
    }
    out
}

/// 0 to 9, without a pattern that a codec could find.
fn swing(tick: u64, idx: usize) -> u64 {
    let mixed = (tick * 0x9e37_79b9 + idx as u64).wrapping_mul(0xff51_afd7_ed55_8ccd);
    (mixed >> 32) % 10
}

/// Whole numbers stay whole, so that a histogram's buckets stay in order.
fn moved(value: &str, steps: u64) -> String {
    let factor = 1.0 + steps as f64 / 100.0;
    match (value.parse::<u64>(), value.parse::<f64>()) {
        (Ok(whole), _) => ((whole as f64 * factor) as u64).to_string(),
        (_, Ok(number)) => (number * factor).to_string(),
        _ => value.to_owned(),
    }
}
