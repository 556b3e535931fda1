//! The rules that look at one file by itself: its size, its opening sentence, its attributes.

use crate::source::{Source, first_word, words};
use crate::{FACES, Violation};

pub(crate) const RULES: [fn(&Source<'_>) -> Vec<Violation>; 12] = [
    long_file,
    long_functions,
    long_lines,
    opening_sentence,
    conditional_code,
    macros,
    items_in_face,
    leftovers,
    persons,
    bare_exceptions,
    untrimmed,
    scattered,
];

const FILE_LINES: usize = 400;
const FUNCTION_LINES: usize = 70;
const LINE_COLUMNS: usize = 100;

/// Files with code for some builds only, each with the reason.
const MAY_CFG: &[(&str, &str)] = &[
    ("runtime/src/config.rs", "which kernels there are: the one of the models does not ship"),
    ("runtime/src/net/mod.rs", "what three optional parts share is there with any of them"),
    ("runtime/src/ring/mod.rs", "which kernels there are: the one of the models does not ship"),
    (
        "runtime/src/table/at_end.rs",
        "the model checker destroys tables itself, in an order of its own",
    ),
];

/// Files that define a macro, each with the reason.
const MAY_DEFINE_MACROS: &[(&str, &str)] = &[
    ("runtime/src/buf/io_buf.rs", "five impls that differ in nothing but the type's name"),
    ("runtime/src/io/sockets.rs", "twenty-six impls that hand on to calls of the same names"),
    ("runtime/src/net/traits_of_others.rs", "the same impls of the traits of three crates"),
    ("runtime/src/loom_thread_local.rs", "std's own, for the model checker"),
    ("runtime/src/ring/mod.rs", "one choice of kernel, which is the same in all methods"),
];

/// Faces with items, each with the reason.
const MAY_HOLD_ITEMS: &[(&str, &str)] =
    &[("runtime/macros/src/lib.rs", "the compiler takes an attribute's function only at the root")];

fn is_listed(list: &[(&str, &str)], source: &Source<'_>) -> bool {
    list.iter().any(|(path, _)| *path == source.path)
}

fn long_file(source: &Source<'_>) -> Vec<Violation> {
    let face = FACES.iter().find(|(path, _)| *path == source.path);
    let most = match face {
        Some((_, most)) => *most,
        None if source.is_library() => FILE_LINES,
        None => return Vec::new(),
    };
    let lines = source.text.lines().count();
    let rule = format!("{lines} lines, where {most} are allowed");
    let remedy = "split it where its opening sentence would need an `and`";
    (lines > most)
        .then(|| source.violation(source.text.len() - 1, rule, remedy))
        .into_iter()
        .collect()
}

fn long_functions(source: &Source<'_>) -> Vec<Violation> {
    let long = source.functions().filter(|(_, _, lines)| *lines > FUNCTION_LINES);
    let violation = |(at, name, lines)| {
        let rule = format!("`fn {name}` has {lines} lines, where {FUNCTION_LINES} are allowed");
        source.violation(at, rule, "keep the branches here and move the leaf work out")
    };
    long.map(violation).collect()
}

fn long_lines(source: &Source<'_>) -> Vec<Violation> {
    let mut at = 0;
    let mut violations = Vec::new();
    for line in source.text.split_inclusive('\n') {
        let columns = line.trim_end().chars().count();
        if columns > LINE_COLUMNS {
            let rule = format!("{columns} columns, where {LINE_COLUMNS} are allowed");
            violations.push(source.violation(at, rule, "break the line"));
        }
        at += line.len();
    }
    violations
}

fn opening_sentence(source: &Source<'_>) -> Vec<Violation> {
    let mut docs = source.text.lines().map_while(|line| line.strip_prefix("//!"));
    let paragraph: Vec<_> = docs.by_ref().take_while(|line| !line.trim().is_empty()).collect();
    let drawing = docs.find(|line| !line.trim().is_empty()).is_some_and(is_drawing);
    let is_sentence = match paragraph.last().and_then(|line| line.trim_end().chars().last()) {
        Some('.') => true,
        Some(':' | '?') => drawing,
        _ => false,
    };
    let rule = "the file does not open with a `//!` sentence that ends in a full stop".to_owned();
    let remedy = "say in its first line what the file is for (a colon may lead to a drawing)";
    (!is_sentence).then(|| source.violation(0, rule, remedy)).into_iter().collect()
}

/// A picture in a doc comment: a fence, a table, or lines that are set in.
fn is_drawing(line: &str) -> bool {
    line.starts_with("     ") || line.trim_start().starts_with(['`', '|'])
}

fn conditional_code(source: &Source<'_>) -> Vec<Violation> {
    if is_listed(MAY_CFG, source) {
        return Vec::new();
    }
    let after = |at: usize, inside: &str| source.code[at + inside.len() + 1..].trim_start();
    let is_tests_line = |at: usize, inside: &str| {
        let is_tests = after(at, inside).starts_with("mod tests;");
        let is_face = source.path.ends_with("lib.rs") || source.path.ends_with("mod.rs");
        inside == "cfg(test)" && is_face && is_tests
    };
    // An optional part is there or not, as a whole: whole files, and their names.
    let is_optional_part = |at: usize, inside: &str| {
        let starts = |words: &[&str]| words.iter().any(|word| after(at, inside).starts_with(word));
        let is_part = match inside {
            // What the model checker or Miri runs in place of something real.
            "cfg(loom)"
            | "cfg(miri)"
            | "cfg(any(loom, miri))"
            | "cfg(any(test, loom, miri))"
            | "cfg(not(any(test, loom, miri)))"
            | "cfg(not(loom))"
            | "cfg(not(any(loom, miri)))" => {
                starts(&["mod ", "pub mod ", "pub use ", "pub(crate) mod ", "pub(crate) use "])
            }
            _ => inside.starts_with("cfg(feature = ") && starts(&["mod ", "pub mod ", "pub use "]),
        };
        is_part && source.is_library()
    };
    let attributes = source.attributes().filter(|(at, inside)| {
        first_word(inside.trim_start()).starts_with("cfg")
            && !is_tests_line(*at, inside)
            && !is_optional_part(*at, inside)
    });
    let calls = source
        .words()
        .filter(|(at, word)| word.starts_with("cfg") && source.after(*at, word).starts_with('!'));
    let violation = |(at, _)| {
        let rule = "`cfg` makes this code differ between builds".to_owned();
        source.violation(
            at,
            rule,
            "decide at run time, make a whole module optional, or list the file in MAY_CFG",
        )
    };
    attributes.chain(calls).map(violation).collect()
}

fn macros(source: &Source<'_>) -> Vec<Violation> {
    if is_listed(MAY_DEFINE_MACROS, source) {
        return Vec::new();
    }
    let definitions = source.words().filter(|(_, word)| *word == "macro_rules");
    let violation = |(at, _)| {
        let rule = "a macro hides what the code does".to_owned();
        let remedy = "write a function, or list the file in MAY_DEFINE_MACROS with a reason";
        source.violation(at, rule, remedy)
    };
    definitions.map(violation).collect()
}

fn items_in_face(source: &Source<'_>) -> Vec<Violation> {
    let is_face = FACES.iter().any(|(path, _)| *path == source.path);
    if !is_face || is_listed(MAY_HOLD_ITEMS, source) {
        return Vec::new();
    }
    let items = ["struct", "enum", "trait", "fn", "impl"];
    let defined = source.words().filter(|(_, word)| items.contains(word));
    let violation = |(at, word)| {
        let rule = format!("`{word}` in a crate's face, which only declares and re-exports");
        source.violation(at, rule, "move the item into the module that it belongs to")
    };
    defined.map(violation).collect()
}

/// What was written down to be done later; the words count in comments too.
fn leftovers(source: &Source<'_>) -> Vec<Violation> {
    let notes = words(&source.prose).filter(|(_, word)| ["FIXME", "XXX"].contains(word));
    let macros = source.words().filter(|(at, word)| {
        let is_call = source.after(*at, word).starts_with('!');
        is_call && ["dbg", "todo", "unimplemented"].contains(word)
    });
    let violation = |(at, word)| {
        let rule = format!("`{word}` marks work that is not done");
        source.violation(at, rule, "do it now, or open an issue and say here what holds today")
    };
    notes.chain(macros).map(violation).collect()
}

/// Comments that speak of a task, a thread or a peer as of a person, so that a reader has to guess
/// which is meant. A name in code is not such a word.
fn persons(source: &Source<'_>) -> Vec<Violation> {
    let unnamed = words(&source.prose).filter(|(at, word)| {
        let is_person = ["nobody", "whoever"].iter().any(|other| word.eq_ignore_ascii_case(other));
        let is_code = source.code[*at..].starts_with(word);
        // In backticks, as a part of a path or by itself.
        let is_name = source.prose[..*at].ends_with(['`', ':']);
        is_person && !is_code && !is_name
    });
    let violation = |(at, word)| {
        let rule = format!("`{word}` leaves open who that is");
        source.violation(at, rule, "name the task, thread, operation or peer that is meant")
    };
    unnamed.map(violation).collect()
}

/// Exceptions from a lint or from the test run that do not say why.
fn bare_exceptions(source: &Source<'_>) -> Vec<Violation> {
    let bare = source.attributes().filter(|(_, inside)| match first_word(inside) {
        "allow" | "expect" => !words(inside).any(|(_, word)| word == "reason"),
        "ignore" => !inside.contains('='),
        _ => false,
    });
    let violation = |(at, inside)| {
        let rule = format!("`#[{}]` gives no reason", first_word(inside));
        source.violation(at, rule, "add `reason = \"…\"`, or `#[ignore = \"…\"]`")
    };
    bare.map(violation).collect()
}

/// The files that may have a thread-local: the context, what empties it, what stands in for std.
const MAY_BE_OF_THREADS: [&str; 4] = [
    "runtime/src/context.rs",
    "runtime/src/table/at_end.rs",
    "runtime/src/loom_thread_local.rs",
    "runtime/src/sys/shared/kernel.rs",
];

/// What a thread has is reached by one look-up.
fn scattered(source: &Source<'_>) -> Vec<Violation> {
    let is_test = source.path.starts_with("runtime/src/tests/");
    if !source.is_library() || is_test || MAY_BE_OF_THREADS.contains(&source.path) {
        return Vec::new();
    }
    let violation = |(at, _)| {
        let rule = "a thread-local beside the context".to_owned();
        source.violation(at, rule, "make it a field of the module's part of the context")
    };
    source.words().filter(|(_, word)| *word == "thread_local").map(violation).collect()
}

/// The parts of a thread's context are never destroyed: each gives back its tables, and
/// `runtime/src/trim.rs` lists how.
fn untrimmed(source: &Source<'_>) -> Vec<Violation> {
    let has = |wanted| source.words().any(|(_, word)| word == wanted);
    if !source.is_library() || source.path == MAY_BE_OF_THREADS[0] || has("trim") {
        return Vec::new();
    }
    let parts = source.words().filter(|(_, word)| *word == "PerThread").take(1);
    let violation = |(at, _)| {
        let rule = "a table of the thread keeps its memory when that ends".to_owned();
        source.violation(at, rule, "give it a `trim`, and list that in runtime/src/trim.rs")
    };
    parts.map(violation).collect()
}
