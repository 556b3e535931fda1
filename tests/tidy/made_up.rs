//! Made-up trees: a clean one, and for every rule the clean one with a single small breach.

use crate::{File, check};

/// A small workspace without a violation, full of things that only look like one.
const CLEAN: &[(&str, &str)] = &[
    ("src/lib.rs", "//! The facade.\n\npub use nestling_runtime::net;\n"),
    (
        "runtime/src/lib.rs",
        "//! The picture:\n//!\n//! ```text\n//! op -> ring\n//! ```\n\
         mod driver;\nmod key;\nmod lowlevel;\nmod ring;\nmod scope;\n\
         #[cfg(feature = \"f\")]\nmod task;\n\
         #[cfg(feature = \"f\")]\npub use crate::lowlevel::root;\n#[cfg(test)]\nmod tests;\n",
    ),
    ("runtime/src/key.rs", "//! A key names a slot.\npub(crate) struct Key;\n"),
    ("runtime/src/scope.rs", "//! Who is cancelled.\nuse crate::key::Key;\n"),
    ("runtime/src/ring.rs", "//! The kernel's queues.\nuse super::key::Key;\n"),
    (
        "runtime/src/driver/mod.rs",
        "//! What is in flight,\n//! and who waits for it.\nmod table;\n\
         use crate::{driver::table::Table, key, ring::{Entry, Ring}, scope::Scope};\n",
    ),
    (
        "runtime/src/driver/table.rs",
        "//! The table.\n// crate::op, super::super, todo!()\n\
         /* cfg!(x) /* dbg!() */ crate::op */\n/// Links to [`crate::lowlevel`].\n\
         use super::Driver;\npub(in crate::driver) fn text<'a>() {\n\
         let _ = (\"\\\"crate::op\", r#\"\"FIXME\"\"#, b'\"', '\\'', \"XXX\", 'c', 'a');\n}\n",
    ),
    ("runtime/src/task.rs", "//! Tasks.\n#[expect(unused, reason = \"made up\")]\nfn poll() {}\n"),
    ("runtime/src/lowlevel.rs", "//! For the nursery.\npub use crate::task::Task;\n"),
    ("runtime/src/tests/mod.rs", "//! What the parts promise.\nuse crate::driver::Driver;\n"),
    ("nursery/src/lib.rs", "//! Nurseries.\nuse nestling_runtime::lowlevel::{Task, root};\n"),
    ("tests/r01.rs", "//! One rule.\n#[ignore = \"made up\"]\n#[test]\nfn r01_holds() {}\n"),
];

/// The clean tree, with `text` in place of the file at `path` or beside the others.
fn with(path: &str, text: &str) -> Vec<File> {
    let kept = CLEAN.iter().filter(|(other, _)| *other != path);
    let tree = kept.copied().chain([(path, text)]);
    tree.map(|(path, text)| (path.to_owned(), text.to_owned())).collect()
}

/// Asserts that `text` at `path` has one violation, on this line and with this rule.
#[track_caller]
fn assert_breach(path: &str, text: &str, line: usize, rule: &str) {
    let found: Vec<_> = check(&with(path, text)).iter().map(ToString::to_string).collect();
    assert_eq!(found.len(), 1, "one violation was expected: {found:#?}");
    let place = format!("{path}:{line}: ");
    assert!(found[0].starts_with(&place), "{place} was expected: {}", found[0]);
    assert!(found[0].contains(rule), "`{rule}` was expected: {}", found[0]);
}

#[test]
fn a_clean_tree_has_no_violation() {
    let (path, text) = CLEAN[0];
    let found: Vec<_> = check(&with(path, text)).iter().map(ToString::to_string).collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_message_names_place_rule_and_remedy() {
    let found = check(&with("tests/r01.rs", "//! One.\nfn one() { dbg!(1); }\n"));
    assert_eq!(
        found[0].to_string(),
        "tests/r01.rs:2: `dbg` marks work that is not done; \
         do it now, or open an issue and say here what holds today"
    );
}

#[test]
fn a_long_library_file_is_found() {
    let text = format!("//! Keys.\n{}", "const A: u8 = 0;\n".repeat(400));
    assert_breach("runtime/src/key.rs", &text, 401, "401 lines, where 400");
    assert!(check(&with("tests/r01.rs", &text)).is_empty(), "a test file may be longer");
}

#[test]
fn a_long_face_is_found() {
    let text = |lines: usize| format!("//! Face.\n{}", "pub use std::io;\n".repeat(lines - 1));
    assert_breach("src/lib.rs", &text(61), 61, "61 lines, where 60");
    assert_breach("nursery/src/lib.rs", &text(151), 151, "151 lines, where 150");
}

#[test]
fn a_long_function_is_found() {
    let text = format!("//! One.\nfn long(_: [u8; 2]) {{\n{}}}\n", "    one();\n".repeat(69));
    assert_breach("tests/r01.rs", &text, 2, "`fn long` has 71 lines, where 70");
}

#[test]
fn a_long_line_is_found() {
    let text = format!("//! One.\n// {}\n", "é".repeat(98));
    assert_breach("tests/r01.rs", &text, 2, "101 columns, where 100");
}

#[test]
fn a_file_without_an_opening_sentence_is_found() {
    for text in ["", "fn one() {}\n", "//! No end\n", "//! No drawing:\n", "\n//! Late.\n"] {
        assert_breach("tests/r01.rs", text, 1, "does not open with");
    }
}

#[test]
fn a_dead_file_is_found() {
    assert_breach("runtime/src/ring/probe.rs", "//! Probes.\n", 1, "no `mod` line reaches");
}

#[test]
fn stray_cfg_is_found() {
    assert_breach("runtime/src/key.rs", "//! Keys.\n#[cfg(test)]\nmod tests;\n", 2, "`cfg`");
    assert_breach("src/lib.rs", "//! Face.\n#[cfg(unix)]\nuse std::io;\n", 2, "`cfg`");
    assert_breach("tests/r01.rs", "//! One.\n#![cfg_attr(a, b)]\n", 2, "`cfg`");
    for item in ["fn one() {}", "use std::io;", "impl Key {}", "pub(crate) mod tests {}"] {
        let text = format!("//! Keys.\n#[cfg(feature = \"f\")]\n{item}\n");
        assert_breach("runtime/src/key.rs", &text, 2, "`cfg`");
    }
    assert_breach("runtime/src/key.rs", "//! Keys.\n#[cfg(loom)]\nuse std::io;\n", 2, "`cfg`");
    assert_breach("tests/r01.rs", "//! One.\n#[cfg(feature = \"f\")]\npub use a;\n", 2, "`cfg`");
    assert_breach("tests/r01.rs", "//! One.\nconst A: bool = cfg!(a);\n", 2, "`cfg`");
}

#[test]
fn words_of_the_kernel_outside_the_seam_are_found() {
    let text = "//! Sends.\nuse io_uring::opcode;\n";
    assert_breach("runtime/src/key.rs", text, 2, "`io_uring` outside `ring/`");
    let text = "//! Sends.\n// An answer of io_uring.\n";
    assert_breach("runtime/src/key.rs", text, 2, "`io_uring` outside `ring/`");
}

#[test]
fn a_macro_is_found() {
    let text = "//! Keys.\nmacro_rules! key { () => {} }\n";
    assert_breach("runtime/src/key.rs", text, 2, "a macro hides");
}

#[test]
fn an_item_in_a_face_is_found() {
    for item in ["struct A;", "enum A {}", "trait A {}", "fn a() {}", "impl A {}"] {
        let word = item.split(' ').next().expect("a word");
        let text = format!("//! Nurseries.\n{item}\n");
        assert_breach("nursery/src/lib.rs", &text, 2, &format!("`{word}` in a crate's face"));
    }
}

#[test]
fn a_table_of_a_thread_that_is_not_trimmed_is_found() {
    let text = "//! Keys.\npub(crate) struct PerThread(Cell<u8>);\n";
    assert_breach("runtime/src/key.rs", text, 2, "keeps its memory when that ends");
    let trimmed = format!("{text}fn trim() {{}}\n");
    assert!(check(&with("runtime/src/key.rs", &trimmed)).is_empty());
}

#[test]
fn a_thread_local_beside_the_context_is_found() {
    let text = "//! Keys.\nthread_local! {}\n";
    assert_breach("runtime/src/key.rs", text, 2, "a thread-local beside the context");
}

#[test]
fn leftovers_are_found() {
    for left in ["// FIXME later", "/// XXX", "dbg!(1);", "todo!();", "std::unimplemented! {}"] {
        assert_breach("tests/r01.rs", &format!("//! One.\n{left}\n"), 2, "not done");
    }
}

#[test]
fn a_comment_that_names_no_noun_is_found() {
    for line in
        ["/// Whoever waits.", "one(); // for nobody", "/* nobody's */", "/// f(\"nobody\")"]
    {
        assert_breach("tests/r01.rs", &format!("//! One.\n{line}\n"), 2, "leaves open who");
    }
    let names =
        "//! `Waiter::Nobody`, `nobody`.\nfn one(nobody: u8) { two(\"nobody\", nobody); }\n";
    assert!(check(&with("tests/r01.rs", names)).is_empty(), "names and literals are no comments");
}

#[test]
fn an_exception_without_reason_is_found() {
    for bare in ["#![allow(dead_code)]", "#[expect(\nunused\n)]", "#[ignore]"] {
        assert_breach("tests/r01.rs", &format!("//! One.\n{bare}\n"), 2, "gives no reason");
    }
}

#[test]
fn a_nursery_that_reaches_past_lowlevel_is_found() {
    for import in [
        "use nestling_runtime::driver::Driver;",
        "use nestling_runtime::{lowlevel::Task, driver::Driver};",
        "type A = ::nestling_runtime::Runtime;",
        "use nestling_runtime as inner;",
    ] {
        let text = format!("//! Nurseries.\n{import}\n");
        assert_breach("nursery/src/lib.rs", &text, 2, "reaches past `lowlevel`");
    }
}

#[test]
fn an_upward_import_is_found() {
    let rule = "`ring` imports `driver`: upward";
    assert_breach("runtime/src/ring.rs", "//! R.\nuse crate::driver::Driver;\n", 2, rule);
    assert_breach("runtime/src/ring.rs", "//! R.\nuse super::driver::Driver;\n", 2, rule);
    assert_breach("runtime/src/ring.rs", "//! R.\nuse crate::{key, \n driver};\n", 3, rule);
    assert_breach("runtime/src/ring.rs", "//! R.\ntype A = crate :: driver::A;\n", 2, rule);
}

#[test]
fn a_sideways_import_is_found() {
    let text = "//! Table.\nuse crate::task::Task;\n";
    assert_breach("runtime/src/driver/table.rs", text, 2, "`driver` imports `task`: sideways");
}

#[test]
fn ring_and_scope_are_strangers() {
    let rule = "`ring` imports `scope`: a stranger";
    assert_breach("runtime/src/ring.rs", "//! R.\nuse crate::scope::Scope;\n", 2, rule);
    let rule = "`scope` imports `ring`: upward";
    assert_breach("runtime/src/scope.rs", "//! S.\nuse crate::ring::Ring;\n", 2, rule);
}

#[test]
fn an_import_through_the_face_is_found() {
    let rule = "imports `Key`: what is in no layer";
    assert_breach("runtime/src/ring.rs", "//! R.\nuse crate::Key;\n", 2, rule);
}

#[test]
fn a_module_without_a_layer_is_found() {
    let face = "//! The face.\nmod misc;\n";
    let mut tree = with("runtime/src/misc.rs", "//! Things.\n");
    tree.retain(|(path, _)| !path.starts_with("runtime/src/") || path.ends_with("misc.rs"));
    tree.push(("runtime/src/lib.rs".to_owned(), face.to_owned()));
    let found: Vec<_> = check(&tree).iter().map(ToString::to_string).collect();
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].contains("module `misc` is in no layer; give it a layer"), "{}", found[0]);
}

#[test]
fn climbing_out_of_a_folder_is_found() {
    let text = "//! Table.\nuse super::super::key::Key;\n";
    assert_breach("runtime/src/driver/table.rs", text, 2, "`super::super` climbs out");
}
