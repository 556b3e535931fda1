//! Dead files: sources that no `mod` line reaches from their crate's `lib.rs`.

use crate::source::{Source, first_word};
use crate::{FACES, Violation};

/// The library files that the compiler never sees.
pub(crate) fn dead(sources: &[Source<'_>]) -> Vec<Violation> {
    let mut reached: Vec<String> = Vec::new();
    let mut waiting: Vec<String> = FACES.iter().map(|(path, _)| (*path).to_owned()).collect();
    while let Some(path) = waiting.pop() {
        if let Some(source) = sources.iter().find(|source| source.path == path) {
            waiting.extend(modules(source));
            reached.push(path);
        }
    }
    let is_dead = |source: &&Source<'_>| {
        source.is_library() && !reached.iter().any(|path| path == source.path)
    };
    let violation = |source: &Source<'_>| {
        let rule = "no `mod` line reaches this file".to_owned();
        source.violation(0, rule, "declare it in the module above, or delete it")
    };
    sources.iter().filter(is_dead).map(violation).collect()
}

/// Where the modules that `source` declares may lie: `name.rs` or `name/mod.rs`.
fn modules(source: &Source<'_>) -> Vec<String> {
    let stem = source.path.trim_end_matches(".rs");
    let folder = stem.strip_suffix("/lib").or(stem.strip_suffix("/mod")).unwrap_or(stem);
    let names = source.words().filter(|(_, word)| *word == "mod").filter_map(|(at, word)| {
        let declared = source.after(at, word).trim_start_matches("r#");
        let name = first_word(declared);
        declared[name.len()..].trim_start().starts_with(';').then_some(name)
    });
    let paths =
        names.flat_map(|name| [format!("{folder}/{name}.rs"), format!("{folder}/{name}/mod.rs")]);
    paths.collect()
}
