//! The pages: every link inside of the project leads somewhere, every chapter of the book is in its
//! summary, and the programs of every chapter are compiled.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// Where the book is, and what compiles its programs.
const BOOK: &str = "docs/src";
const COMPILED_BY: [&str; 3] =
    ["src/book.rs", "examples/beside/src/book.rs", "examples/web/src/book.rs"];

/// The pages beside the book.
const PAGES: [&str; 4] = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "nursery/src/guide.md"];

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The chapters of the book, without the summary.
fn chapters() -> Vec<PathBuf> {
    let files = fs::read_dir(BOOK).expect("the book").map(|it| it.expect("a file").path());
    let mut chapters: Vec<_> = files.filter(|path| !path.ends_with("SUMMARY.md")).collect();
    chapters.sort();
    chapters
}

/// The page without its programs, and without what is between backticks.
fn prose(page: &str) -> String {
    let mut prose = String::new();
    let mut is_program = false;
    for line in page.lines() {
        if line.trim_start().starts_with("```") {
            is_program = !is_program;
        } else if !is_program {
            prose += &line.split('`').step_by(2).collect::<Vec<_>>().join("x");
            prose.push('\n');
        }
    }
    prose
}

/// What the links of a page lead to, as it is written there.
fn links(page: &str) -> Vec<String> {
    let prose = prose(page).replace('\n', " ");
    let targets = prose.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.map(str::to_owned).collect()
}

/// The anchor that a heading has, as GitHub and mdBook make it.
fn anchor(heading: &str) -> String {
    let title = heading.trim_start_matches('#').trim();
    let kept = title.chars().filter(|c| c.is_alphanumeric() || *c == ' ' || *c == '-' || *c == '_');
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

fn anchors(page: &str) -> BTreeSet<String> {
    let mut is_program = false;
    let headings = page.lines().filter(|line| {
        is_program ^= line.trim_start().starts_with("```");
        !is_program && line.starts_with('#')
    });
    headings.map(anchor).collect()
}

/// `folder/../page.md` as `page.md`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => _ = normal.pop(),
            part => normal.push(part),
        }
    }
    normal
}

/// What is wrong with a link, if anything is. Links to items of the API, which rustdoc checks, and
/// to other sites are not looked at.
fn broken(from: &Path, link: &str) -> Option<String> {
    if link.contains("::") || link.starts_with("https://") {
        return None;
    }
    let (file, heading) = link.split_once('#').map_or((link, None), |(a, b)| (a, Some(b)));
    let is_item = from.ends_with("guide.md") && !file.contains(['.', '/']) && !file.is_empty();
    if is_item {
        return None;
    }
    let to = match file {
        "" => from.to_owned(),
        file => normal(&from.parent().expect("a file").join(file)),
    };
    if !to.exists() {
        return Some(format!("{} links to {link}: there is no {}", from.display(), to.display()));
    }
    let is_chapter = |path: &Path| path.starts_with(BOOK);
    if is_chapter(from) && !is_chapter(&to) && to.extension().is_some_and(|it| it == "md") {
        let chapter = from.display();
        return Some(format!(
            "{chapter}: mdBook takes {link} for a chapter; name the file instead"
        ));
    }
    let heading = heading.filter(|heading| !anchors(&text(&to)).contains(*heading))?;
    Some(format!("{}: {} has no heading for #{heading}", from.display(), to.display()))
}

#[test]
fn every_link_leads_somewhere() {
    let pages = PAGES.iter().map(PathBuf::from).chain(chapters());
    let pages: Vec<_> = pages.chain([Path::new(BOOK).join("SUMMARY.md")]).collect();
    let links: Vec<_> = pages
        .iter()
        .flat_map(|page| links(&text(page)).into_iter().map(move |link| (page, link)))
        .collect();
    assert!(links.len() > 50, "links were not found: {links:?}");
    let broken: Vec<_> = links.iter().filter_map(|(page, link)| broken(page, link)).collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_chapter_is_in_the_summary_once() {
    let summary = links(&text(&Path::new(BOOK).join("SUMMARY.md")));
    let mut listed: Vec<_> = summary.iter().map(|link| Path::new(BOOK).join(link)).collect();
    listed.sort();
    assert_eq!(listed, chapters());
}

#[test]
fn the_programs_of_every_chapter_are_compiled() {
    let compiled = COMPILED_BY.map(|path| text(Path::new(path))).concat();
    for chapter in chapters() {
        let name = chapter.file_name().and_then(|name| name.to_str()).expect("a name");
        assert!(compiled.contains(&format!("docs/src/{name}\"")), "{name}: list it in src/book.rs");
        let page = text(&chapter);
        let fences = page.lines().filter_map(|line| line.strip_prefix("```")).step_by(2);
        for fence in fences {
            let known = ["rust", "rust,no_run", "sh", "ini", "toml", "yaml", "text"];
            assert!(
                known.contains(&fence),
                "{name}: a block is {fence:?}, where {known:?} are known"
            );
        }
    }
}

/// The metrics that a page names, without what Prometheus adds to the names of ours.
fn metrics(page: &str) -> Vec<&str> {
    let words = page.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let names = words.filter_map(|word| word.strip_prefix("nestling_"));
    let crates = ["beside", "nursery", "openraft", "runtime"];
    let names = names.filter(|name| !crates.contains(name));
    let ends = ["_total", "_seconds"];
    names.map(|name| ends.iter().fold(name, |name, end| name.trim_end_matches(end))).collect()
}

#[test]
fn every_metric_that_a_chapter_names_exists() {
    let files = ["collector", "nurseries", "poll_times", "task_counts"];
    let source = |file| text(Path::new(&format!("runtime/src/metrics/{file}.rs")));
    let sources = files.map(source).concat();
    let pages: Vec<_> = chapters().iter().map(|path| text(path)).collect();
    let named: BTreeSet<_> = pages.iter().flat_map(|page| metrics(page)).collect();
    assert!(named.len() > 10, "metrics were not found: {named:?}");
    let exists = |name: &str| {
        ["", "nestling_"].iter().any(|start| sources.contains(&format!("\"{start}{name}\"")))
    };
    let missing: Vec<_> = named.iter().filter(|name| !exists(name)).collect();
    assert!(missing.is_empty(), "no metric has these names: {missing:?}");
}

#[test]
fn a_broken_link_is_found() {
    let readme = Path::new("README.md");
    for (link, is_broken) in [
        ("CHANGELOG.md", false),
        ("docs/src/tuning.md#spinning", false),
        ("docs/src/../src/tuning.md", false),
        ("https://example.org/x", false),
        ("docs/src/missing.md", true),
        ("docs/src/tuning.md#missing", true),
        ("#missing", true),
    ] {
        assert_eq!(broken(readme, link).is_some(), is_broken, "{link}");
    }
    let chapter = Path::new("docs/src/tuning.md");
    assert_eq!(broken(chapter, "observing.md#metrics"), None);
    assert!(broken(chapter, "../../nursery/src/guide.md").is_some());
    assert_eq!(links("[a](b.md) `[c](d.md)`\n[e\nf](g.md)"), ["b.md", "g.md"]);
}
