//! The pages' files, embedded: ES modules and style sheets as they are written, nothing is built.

/// Embeds files of the folder `pages`, each with its path there.
macro_rules! files {
    ($($path:literal,)*) => {
        /// Path and content of each file. The document of every page is `index.html`.
        pub const FILES: &[(&str, &[u8])] = &[$(($path, include_bytes!(concat!("../pages/", $path)))),*];
    };
}

files! {
    "index.html",
    "app.js",
    "icon.svg",
    "chart/chart.js",
    "chart/drag.js",
    "chart/paths.js",
    "chart/scale.js",
    "core/api.js",
    "core/dom.js",
    "core/exposition.js",
    "core/first.js",
    "core/format.js",
    "core/health.js",
    "core/keys.js",
    "core/poll.js",
    "core/router.js",
    "core/selector.js",
    "core/signals.js",
    "core/theme.js",
    "core/time.js",
    "flame/colors.js",
    "flame/draw.js",
    "flame/functions.js",
    "flame/layout.js",
    "flame/search.js",
    "flame/top.js",
    "flame/tree.js",
    "flame/view.js",
    "parts/bits.js",
    "parts/finding.js",
    "parts/range.js",
    "parts/states.js",
    "parts/table.js",
    "parts/tip.js",
    "styles/base.css",
    "styles/parts.css",
    "styles/views.css",
    "views/archive.js",
    "views/findings.js",
    "views/overview.js",
    "views/profile_body.js",
    "views/profile_controls.js",
    "views/profile_labels.js",
    "views/profile_sides.js",
    "views/profiles.js",
    "views/signal.js",
    "views/signals.js",
    "views/snippets.js",
    "views/targets.js",
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// Files under a folder, relative to `root`, but for the tests.
    fn files_in(folder: &Path, root: &Path, into: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files_in(&path, root, into);
            } else {
                let relative = path.strip_prefix(root).unwrap();
                into.insert(relative.to_str().unwrap().to_owned());
            }
        }
    }

    #[test]
    fn every_file_of_the_folder_is_embedded() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("pages");
        let mut there = BTreeSet::new();
        files_in(&root, &root, &mut there);
        let embedded = FILES.iter().map(|(path, _)| (*path).to_owned());
        assert_eq!(embedded.collect::<BTreeSet<_>>(), there);
    }

    #[test]
    fn the_document_asks_for_every_module_at_once() {
        let (_, document) = FILES
            .iter()
            .find(|(path, _)| *path == "index.html")
            .unwrap();
        let document = std::str::from_utf8(document).unwrap();
        let links = document.lines().filter_map(|line| {
            let (_, link) = line.split_once("rel=\"modulepreload\" href=\"/pages/")?;
            link.strip_suffix("\">")
        });
        let scripts = FILES.iter().map(|(path, _)| *path);
        let modules = scripts.filter(|path| {
            let is_asked_for = document.contains(&format!("src=\"/pages/{path}\""));
            path.ends_with(".js") && !is_asked_for
        });
        assert_eq!(links.collect::<BTreeSet<_>>(), modules.collect());
    }

    /// What would need another host, or what the pages' policy forbids.
    #[test]
    fn no_file_has_markup_of_text_or_asks_another_host() {
        for (path, body) in FILES {
            let text = std::str::from_utf8(body).unwrap();
            for forbidden in [
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "document.write",
                "eval(",
                "new Function",
                " style=\"",
                "src=\"http",
                "from \"http",
                "url(http",
            ] {
                assert!(!text.contains(forbidden), "{path} has {forbidden}");
            }
        }
    }

    /// Each module is asked for once more by an import: a path that does not exist would be seen in a
    /// browser only.
    #[test]
    fn every_import_names_a_file() {
        let known: BTreeSet<&str> = FILES.iter().map(|(path, _)| *path).collect();
        for (path, body) in FILES.iter().filter(|(path, _)| path.ends_with(".js")) {
            let text = std::str::from_utf8(body).unwrap();
            let folder = Path::new(path).parent().unwrap();
            let imports = text.lines().filter_map(|line| {
                let (_, rest) = line.split_once(" from \"")?;
                rest.split_once('"').map(|(import, _)| import)
            });
            for import in imports.filter(|import| import.starts_with('.')) {
                let resolved = resolve(folder, import);
                assert!(known.contains(&*resolved), "{path} imports {import}");
            }
        }
    }

    fn resolve(folder: &Path, import: &str) -> String {
        let mut parts: Vec<&str> = folder.iter().filter_map(|part| part.to_str()).collect();
        for part in import.split('/') {
            match part {
                "." => {}
                ".." => {
                    parts.pop();
                }
                part => parts.push(part),
            }
        }
        parts.join("/")
    }
}
