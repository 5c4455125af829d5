//! A flame graph inside a page: in a frame of its own, in which nothing runs.
//!
//! The drawing has styles and ids for a whole document, so two of them in one page would disturb it
//! and each other. Its script, for zooming and searching, is left out; what a frame is called and
//! holds is shown by the browser when it is pointed at.

use super::markup::Markup;

/// Fits the drawing to its frame, and hides what only the script would bring to life.
const STYLE: &str = "<style>body{margin:0}svg{width:100%;height:auto;min-width:50rem}\
                     #search,#matched,#unzoom,#ignorecase{display:none}</style>";
/// Pixels: a deeper graph is scrolled.
const MAX_HEIGHT: u32 = 900;

/// A frame with the drawing `svg`; `title` says what it shows.
pub(super) fn frame(svg: &str, title: &str) -> Markup {
    let svg = without_scripts(svg);
    let height = height(&svg).map_or(MAX_HEIGHT, |height| height.min(MAX_HEIGHT));
    let mut frame = Markup::default();
    frame
        .raw("<iframe class=\"flame\" sandbox=\"\" loading=\"lazy\" height=\"")
        .text(height)
        .raw("\" title=\"")
        .text(title)
        .raw("\" srcdoc=\"")
        .text(STYLE)
        .text(svg)
        .raw("\"></iframe>\n");
    frame
}

/// Only the element `svg`, without scripts and what would call them.
fn without_scripts(svg: &str) -> String {
    let start = svg.find("<svg").unwrap_or(svg.len());
    let mut rest = svg.get(start..).unwrap_or_default();
    let mut kept = String::with_capacity(rest.len());
    while let Some((before, script)) = rest.split_once("<script") {
        kept.push_str(before);
        rest = script
            .split_once("</script>")
            .map_or("", |(_, after)| after);
    }
    kept.push_str(rest);
    kept.replace(" onload=\"init(evt)\"", "")
}

/// The height that the drawing asks for. Pixels.
fn height(svg: &str) -> Option<u32> {
    let (_, rest) = svg.split_once(" height=\"")?;
    rest.split_once('"')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::flame_graph::differential_svg;
    use proto::folded;

    #[test]
    fn the_drawing_is_kept_and_its_script_is_not() {
        let before = folded::parse(b"main;a 3\nmain;b 1\n").unwrap();
        let now = folded::parse(b"main;a 3\nmain;</script><img src=x> 9\n").unwrap();
        let svg = differential_svg((&before, 0), (&now, 0), 1.0, "a \"title\"").unwrap();
        let svg = String::from_utf8(svg).unwrap();
        assert!(
            svg.contains("<script"),
            "the drawing has no script any more"
        );
        let plain = without_scripts(&svg);
        assert!(plain.starts_with("<svg") && plain.trim_end().ends_with("</svg>"));
        for wrong in ["<script", "onload", "<img"] {
            assert!(!plain.contains(wrong), "{wrong}: {plain}");
        }
        assert!(plain.contains("<title>main"), "{plain}");
        let frame = frame(&svg, "x\" onload=\"y");
        let (_, document) = frame.as_str().split_once("srcdoc=\"").unwrap();
        assert_eq!(document.matches('"').count(), 1, "only the end of srcdoc");
        assert!(frame.as_str().contains("title=\"x&quot; onload=&quot;y\""));
    }
}
