//! How often examples and guide tell the compiler the type of a nursery's result.

use crate::source::{Source, words};
use crate::{File, read};
use std::fs;
use std::path::Path;

/// What a beginner reads first.
const PAGES: [&str; 2] = ["README.md", "nursery/src/guide.md"];

/// The calls that open a nursery in `code`, and how many types beside them are written down: of the
/// result, of the body's parameter or output, of an `Ok`, or of an `Err`'s error.
fn count(code: &str) -> (usize, usize) {
    let (mut opened, mut typed) = (0, 0);
    for (at, word) in words(code) {
        let after = &code[at + word.len()..];
        typed += usize::from(is_typed(word, after));
        if !word.starts_with("nursery") || !after.starts_with('(') {
            continue;
        }
        let mut parts = after.splitn(3, '|');
        let (Some(options), Some(parameter), Some(body)) =
            (parts.next(), parts.next(), parts.next())
        else {
            continue;
        };
        if options.ends_with("async ") || options.ends_with("async move ") {
            let statement = &code[code[..at].rfind([';', '{', '}']).map_or(0, |end| end + 1)..at];
            opened += 1;
            typed += usize::from(statement.contains("Result<"));
            typed += usize::from(parameter.contains(':') || body.trim_start().starts_with("->"));
        }
    }
    (opened, typed)
}

fn is_typed(word: &str, after: &str) -> bool {
    let types = after.strip_prefix("::<").and_then(|types| types.split(">(").next());
    types.is_some_and(|types| word == "Ok" || word == "Err" && !types.ends_with('_'))
}

/// The programs of a page, without the prose around them.
fn programs(page: &str) -> String {
    page.split("```").skip(1).step_by(2).collect()
}

#[test]
fn fewer_than_one_nursery_in_ten_needs_a_type() {
    let mut tree: Vec<File> = Vec::new();
    read(Path::new("examples"), &mut tree);
    tree.retain(|(path, _)| !path.contains("/tests/"));
    let mut texts: Vec<_> =
        tree.iter().map(|(path, text)| (path.clone(), Source::new(path, text).code)).collect();
    for path in PAGES {
        texts.push((path.to_owned(), programs(&fs::read_to_string(path).expect("a page"))));
    }
    let counts: Vec<_> = texts.iter().map(|(path, code)| (path, count(code))).collect();
    let opened: usize = counts.iter().map(|(_, (opened, _))| opened).sum();
    let typed: usize = counts.iter().map(|(_, (_, typed))| typed).sum();
    assert!(opened > 20, "nurseries were not found: {counts:?}");
    assert!(
        typed * 10 < opened,
        "{typed} types for {opened} nurseries: open them by `io::nursery`: {counts:?}"
    );
}

#[test]
fn every_kind_of_type_is_found() {
    for (code, counted) in [
        ("nursery(async |n| { n.spawn(f); Ok(()) }).await?;", (1, 0)),
        ("let x = nursery_with(options, async move |n| Err::<(), _>(e)).await;", (1, 0)),
        ("fn f() -> io::Result<()> { nursery(async |n| Ok(())).await }", (1, 0)),
        ("n.start(async |up| Ok(()))", (0, 0)),
        ("nursery_with(Options { name, ..none() }, async |n| Ok(()))", (1, 0)),
        ("nursery_all(async |n| Ok::<_, Error>(())).await?;", (1, 1)),
        ("nursery(async |n| Err::<(), Error>(e)).await?;", (1, 1)),
        ("let x: io::Result<()> = nursery(async |n| Ok(())).await;", (1, 1)),
        ("nursery(async |n: &Nursery<'_, '_>| Ok(())).await?;", (1, 1)),
        ("nursery(async |n| -> Result<(), Error> { Ok(()) }).await?;", (1, 1)),
    ] {
        assert_eq!(count(code), counted, "{code}");
    }
}
