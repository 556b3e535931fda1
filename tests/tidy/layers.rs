//! The layers: which module may import which, and what the nursery sees of the runtime.

use crate::Violation;
use crate::source::{Source, below, first_word};

pub(crate) const RULES: [fn(&Source<'_>) -> Vec<Violation>; 5] =
    [unlisted, imports, climbing, nursery, seam];

/// The modules of `runtime/src`, lowest first. A file imports from lower layers, or from its own
/// module; modules of one layer do not know each other.
const LAYERS: &[&[&str]] = &[
    &["loom_thread_local"],
    &["sys", "buf", "config", "counters", "key", "label"],
    &["table"],
    &["fd", "diagnosis"],
    &["tree"],
    &["instrument"],
    &["inbox"],
    &["wake", "stall"],
    &["scope"],
    &["ring"],
    &["driver", "task"],
    &["pool"],
    &["op"],
    &["time", "sync", "cancel", "check", "trim", "yield_now"],
    &["adoption", "blocking"],
    &["net", "fs", "signal", "children", "shield", "task_local", "until_cancelled"],
    &["pipe"],
    &["process"],
    &["io", "futures_io", "hyper", "tokio_io"],
    &["event_loop", "remote_children", "dump", "chrome_trace", "spans", "console", "metrics"],
    &["runtime"],
    &["cores"],
    &["doctor", "entry"],
    &["lowlevel", "inspect"],
    &["context"],
    &["lib"],
];

/// The module in which every module finds its own part of what a thread has.
const KNOWN_TO_ALL: &str = "context";

/// Modules that do not know each other although their layers differ.
const STRANGERS: [(&str, &str); 1] = [("ring", "scope")];

fn level(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

fn are_strangers(one: &str, other: &str) -> bool {
    STRANGERS.contains(&(one, other)) || STRANGERS.contains(&(other, one))
}

/// The top-level module of the runtime that a file belongs to; its tests see everything.
fn module_of<'a>(source: &Source<'a>) -> Option<&'a str> {
    let module = first_word(below(source.path, "runtime/src")?);
    (module != "tests").then_some(module)
}

/// Whether a file is a top-level module itself, so that its `super` is the crate.
fn is_top_level(source: &Source<'_>) -> bool {
    let inside = below(source.path, "runtime/src").unwrap_or_default();
    !inside.trim_end_matches("/mod.rs").contains('/')
}

fn unlisted(source: &Source<'_>) -> Vec<Violation> {
    let module = module_of(source).filter(|module| level(module).is_none());
    let violation = |module| {
        let rule = format!("module `{module}` is in no layer");
        source.violation(0, rule, "give it a layer in LAYERS of tests/tidy/layers.rs")
    };
    module.map(violation).into_iter().collect()
}

fn imports(source: &Source<'_>) -> Vec<Violation> {
    let Some(module) = module_of(source) else { return Vec::new() };
    let Some(own) = level(module) else { return Vec::new() };
    let mut heads = source.heads("crate");
    if is_top_level(source) {
        heads.extend(source.heads("super"));
    }
    let foreign = heads.into_iter().filter(|(_, head)| *head != module && *head != KNOWN_TO_ALL);
    let violation = |(at, head)| {
        let (rule, remedy) = match level(head) {
            None => ("what is in no layer", "name the module that it lives in, which has a layer"),
            Some(level) if level > own => ("upward", "move the shared part down, or the user up"),
            Some(level) if level == own => ("sideways", "let a higher module join the two"),
            Some(_) if are_strangers(module, head) => {
                ("a stranger", "let a higher module join the two")
            }
            Some(_) => return None,
        };
        Some(source.violation(at, format!("`{module}` imports `{head}`: {rule}"), remedy))
    };
    foreign.filter_map(violation).collect()
}

fn climbing(source: &Source<'_>) -> Vec<Violation> {
    let heads = if source.is_library() { source.heads("super") } else { Vec::new() };
    let violation = |(at, _)| {
        let rule = "`super::super` climbs out of its folder".to_owned();
        source.violation(at, rule, "write the path from `crate`, so that its layer shows")
    };
    heads.into_iter().filter(|(_, head)| *head == "super").map(violation).collect()
}

fn nursery(source: &Source<'_>) -> Vec<Violation> {
    if below(source.path, "nursery/src").is_none() {
        return Vec::new();
    }
    let runtime = "nestling_runtime";
    let bare = source
        .words()
        .filter(|(at, word)| *word == runtime && !source.after(*at, word).starts_with("::"));
    let paths = source.heads(runtime).into_iter().filter(|(_, head)| *head != "lowlevel");
    let violation = |(at, name)| {
        let rule = format!("the nursery reaches past `lowlevel` for `{name}`");
        source.violation(at, rule, "use `nestling_runtime::lowlevel`, or add what is missing there")
    };
    bare.chain(paths).map(violation).collect()
}

/// No code, comment or text of the runtime outside the seam says which kernel it is on.
fn seam(source: &Source<'_>) -> Vec<Violation> {
    let inside = below(source.path, "runtime/src");
    if inside.is_none_or(|inside| inside.starts_with("ring/")) {
        return Vec::new();
    }
    let violation = |(at, _)| {
        let rule = "`io_uring` outside `ring/`".to_owned();
        source.violation(
            at,
            rule,
            "say what is asked in a `Request`, or move the code into `ring/`",
        )
    };
    source.text.match_indices("io_uring").map(violation).collect()
}
