//! Recorded text pages, made longer, shorter, or newer before they are decoded.

/// The label that tells a copied series from the recorded one.
const COPY_LABEL: &str = "copy";

/// The lines of one metric family.
#[derive(Debug, Default)]
struct Block<'a> {
    meta: Vec<&'a str>,
    samples: Vec<&'a str>,
}

impl Block<'_> {
    fn is_idle(&self) -> bool {
        let value = |line: &&str| {
            line.rsplit(' ')
                .next()
                .and_then(|value| value.parse::<f64>().ok())
        };
        self.samples.iter().all(|line| value(line) == Some(0.0))
    }
}

/// A page of about `n_series`: families that count nothing are left out first, then the last
/// ones; where there are too few, families are repeated with a label `copy`. A family stays whole.
pub(super) fn fit(page: &str, n_series: usize) -> String {
    let blocks = blocks(page);
    let n_recorded: usize = blocks.iter().map(|block| block.samples.len()).sum();
    if n_series < n_recorded {
        return shorter(blocks, n_recorded, n_series);
    }
    longer(&blocks, n_recorded, n_series)
}

/// The page of the next patch release: `3.4.23` in a label `version` or `…_version` becomes `3.4.24`.
pub(super) fn newer(page: &str) -> String {
    let mut out = String::with_capacity(page.len() + 16);
    let mut rest = page;
    while let Some((before, after)) = rest.split_once("version=\"") {
        let (version, after) = after.split_once('"').unwrap_or((after, ""));
        let version = next_patch(version).unwrap_or_else(|| version.to_owned());
        out.extend([before, "version=\"", &version, "\""]);
        rest = after;
    }
    out.push_str(rest);
    out
}

/// `go1.19.8` → `go1.19.9`, `1.6.20~ds1` → `1.6.21~ds1`; `None` for what has not three numbers.
fn next_patch(version: &str) -> Option<String> {
    let (major, rest) = version.split_once('.')?;
    let (minor, rest) = rest.split_once('.')?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (patch, suffix) = rest.split_at(digits);
    let patch: u32 = patch.parse().ok()?;
    Some(format!("{major}.{minor}.{}{suffix}", patch.checked_add(1)?))
}

fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    for line in page
        .lines()
        .filter(|line| !line.is_empty() && *line != "# EOF")
    {
        let is_meta = line.starts_with('#');
        let begins = match blocks.last() {
            Some(last) => is_meta && !last.samples.is_empty(),
            None => true,
        };
        if begins {
            blocks.push(Block::default());
        }
        if let Some(block) = blocks.last_mut() {
            if is_meta {
                block.meta.push(line);
            } else {
                block.samples.push(line);
            }
        }
    }
    blocks
}

fn shorter(mut blocks: Vec<Block<'_>>, mut n: usize, n_series: usize) -> String {
    for only_idle in [Some(()), None] {
        for block in blocks.iter_mut().rev() {
            if n <= n_series {
                break;
            }
            if only_idle.is_none() || block.is_idle() {
                n -= block.samples.len();
                *block = Block::default();
            }
        }
    }
    let lines = blocks
        .into_iter()
        .flat_map(|block| [block.meta, block.samples])
        .flatten();
    lines.flat_map(|line| [line, "\n"]).collect()
}

fn longer(blocks: &[Block<'_>], mut n: usize, n_series: usize) -> String {
    let mut copies = vec![0; blocks.len()];
    // What describes the process is there once.
    let can_repeat = |block: &Block<'_>| {
        let first = block.samples.first().copied().unwrap_or_default();
        !block.samples.is_empty()
            && !["go_", "process_"]
                .iter()
                .any(|prefix| first.starts_with(prefix))
    };
    let repeated: Vec<usize> = (0..blocks.len())
        .filter(|idx| can_repeat(&blocks[*idx]))
        .collect();
    for idx in repeated.iter().cycle() {
        if n + blocks[*idx].samples.len() > n_series {
            break;
        }
        copies[*idx] += 1;
        n += blocks[*idx].samples.len();
    }
    let mut out = String::new();
    for (block, n_copies) in blocks.iter().zip(copies) {
        out.extend(
            block
                .meta
                .iter()
                .chain(&block.samples)
                .flat_map(|line| [line, "\n"]),
        );
        for copy in 1..=n_copies {
            out.extend(block.samples.iter().map(|line| labelled(line, copy)));
        }
    }
    out
}

fn labelled(line: &str, copy: usize) -> String {
    match line.find(['{', ' ']) {
        Some(at) if line[at..].starts_with('{') => {
            format!(
                "{}{{{COPY_LABEL}=\"{copy}\",{}\n",
                &line[..at],
                &line[at + 1..]
            )
        }
        Some(at) => format!(
            "{}{{{COPY_LABEL}=\"{copy}\"}}{}\n",
            &line[..at],
            &line[at..]
        ),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str =
        "# TYPE a counter\na 1\n# TYPE b gauge\nb{x=\"1\"} 0\nb{x=\"2\"} 0\n# TYPE c gauge\nc 5\n";

    #[test]
    fn a_page_is_cut_and_repeated_by_families() {
        assert_eq!(fit(PAGE, 4), PAGE);
        assert_eq!(fit(PAGE, 3), "# TYPE a counter\na 1\n# TYPE c gauge\nc 5\n");
        assert_eq!(fit(PAGE, 1), "# TYPE a counter\na 1\n");
        let long = fit(PAGE, 7);
        assert_eq!(
            long.lines().filter(|line| !line.starts_with('#')).count(),
            7
        );
        assert!(
            long.contains("a{copy=\"1\"} 1\n") && long.contains("b{copy=\"1\",x=\"2\"} 0\n"),
            "{long}"
        );
    }

    #[test]
    fn the_next_release_has_other_versions_and_nothing_else() {
        let page = "v{server_version=\"3.4.23\"} 1\ngo_info{version=\"go1.19.8\"} 1\nc{cluster_version=\"3.4\"} 1\n";
        let expected = "v{server_version=\"3.4.24\"} 1\ngo_info{version=\"go1.19.9\"} 1\nc{cluster_version=\"3.4\"} 1\n";
        assert_eq!(newer(page), expected);
        assert_eq!(next_patch("1.6.20~ds1"), Some("1.6.21~ds1".to_owned()));
    }
}
