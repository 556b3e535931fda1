//! The style guide as a test: what a reader may rely on in every file of this workspace.
//!
//! `check` is a function from a tree of sources to its violations. One test runs it on the real
//! tree; those in `made_up.rs` show that each kind of violation is found.
//!
//! | file | what it holds |
//! |---|---|
//! | `source.rs` | a file with its comments and literals blanked, so that rules see code alone |
//! | `shape.rs` | size, opening sentence, attributes, words that must not stay |
//! | `layers.rs` | the layer table, and who may import whom |
//! | `annotations.rs` | how many types examples and guide write for nurseries |
//! | `pages.rs` | links of the pages, and the chapters of the book |
//! | `reach.rs` | files that no `mod` line reaches |
//! | `made_up.rs` | a clean tree, and one small breach of every rule |

use std::fmt;
use std::fs;
use std::path::Path;

use source::Source;

mod annotations;
mod layers;
mod made_up;
mod pages;
mod reach;
mod shape;
mod source;

/// Where sources live; a path of the tree is relative to the workspace and has forward slashes.
const ROOTS: [&str; 8] = [
    "src",
    "runtime/src",
    "runtime/macros/src",
    "nursery/src",
    "examples",
    "benches",
    "tests",
    "runtime/openraft",
];

/// How many of them, from the first, are libraries.
const LIBRARIES: usize = 4;

/// The crates' faces, each with the most lines that it may have.
const FACES: [(&str, usize); 4] = [
    ("src/lib.rs", 60),
    ("runtime/src/lib.rs", 150),
    ("runtime/macros/src/lib.rs", 150),
    ("nursery/src/lib.rs", 150),
];

/// One breach of the style guide: where, which rule, and what to do about it.
#[derive(Debug)]
struct Violation {
    path: String,
    line: usize,
    rule: String,
    remedy: &'static str,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}; {}", self.path, self.line, self.rule, self.remedy)
    }
}

/// A path and the text of the file there.
type File = (String, String);

/// Everything that is wrong with `tree`.
fn check(tree: &[File]) -> Vec<Violation> {
    let sources: Vec<_> = tree.iter().map(|(path, text)| Source::new(path, text)).collect();
    let rules = shape::RULES.iter().chain(&layers::RULES);
    let mut violations: Vec<_> =
        rules.flat_map(|rule| sources.iter().flat_map(rule)).chain(reach::dead(&sources)).collect();
    violations.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
    violations
}

/// Adds every Rust file below `folder` to `tree`; a folder that does not exist adds nothing.
fn read(folder: &Path, tree: &mut Vec<File>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() && !path.ends_with("target") {
            read(&path, tree);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.to_str().expect("a path in UTF-8").to_owned();
            tree.push((name, fs::read_to_string(&path).expect("a source in UTF-8")));
        }
    }
}

/// Cargo runs a test in its package's folder, which here is the workspace. A path fixed when the
/// test was compiled would name another clone if two of them share a target folder.
#[test]
fn the_workspace_is_tidy() {
    let mut tree = Vec::new();
    for root in ROOTS {
        read(Path::new(root), &mut tree);
    }
    for (face, _) in FACES {
        assert!(tree.iter().any(|(path, _)| path == face), "{face} was not found");
    }
    let violations: Vec<_> = check(&tree).iter().map(ToString::to_string).collect();
    assert!(violations.is_empty(), "{} violations\n{}", violations.len(), violations.join("\n"));
}
