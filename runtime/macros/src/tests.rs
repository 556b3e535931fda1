//! What is wrong with a use of the attributes, in words, and where the words point.

use crate::expand::{Kind, expand};
use proc_macro2::TokenStream;

fn tokens(text: &str) -> TokenStream {
    text.parse().expect("tokens")
}

/// Asserts that an attribute's use is refused with this text, which points at that part of it.
#[track_caller]
fn refused(kind: Kind, options: &str, function: &str, text: &str, at: &str) {
    let error = expand(kind, tokens(options), tokens(function)).expect_err("it is refused");
    assert_eq!(error.to_string(), text);
    assert_eq!(error.span().source_text().as_deref(), Some(at), "where it points");
}

#[track_caller]
fn main_refused(options: &str, function: &str, text: &str, at: &str) {
    refused(Kind::Main, options, function, text, at);
    let test = function.replace(" main(", " try_it(");
    refused(Kind::Test, options, &test, text, &at.replace(" main(", " try_it("));
}

const MAIN: &str = "async fn main() {}";

#[test]
fn an_unknown_option_is_told_the_known_ones() {
    let text = "unknown option `threads`: there are `cores`, `name` and `crate`";
    main_refused("threads = 2", MAIN, text, "threads");
    main_refused("cores = 2, threads", MAIN, text, "threads");
}

#[test]
fn an_option_is_given_once() {
    main_refused("cores = 2, cores = 3", MAIN, "`cores` is given twice", "cores");
    let error = expand(Kind::Main, tokens("cores = 2, cores = 3"), tokens(MAIN)).unwrap_err();
    assert_eq!(error.span().start().column, 11, "at the second");
    let twice = "cores = 1, name = \"a\", name = \"b\"";
    main_refused(twice, MAIN, "`name` is given twice", "name");
}

#[test]
fn a_value_has_the_right_type() {
    let cores = "expected `cores = 2` or `cores = \"all\"`";
    for value in ["\"two\"", "2.5", "true", "'2'"] {
        main_refused(&format!("cores = {value}"), MAIN, cores, value);
    }
    main_refused("cores = many", MAIN, cores, "many");
    let name = "expected `name = \"…\"`";
    main_refused("cores = 2, name = 7", MAIN, name, "7");
    main_refused("cores = 2, name = server", MAIN, name, "server");
    main_refused("cores = 0", MAIN, "at least one core has to run", "0");
    let many = "99999999999999999999";
    main_refused(&format!("cores = {many}"), MAIN, "no machine has so many cores", many);
    let null = "a thread cannot be named so: it contains a null";
    main_refused("cores = 1, name = \"a\\0b\"", MAIN, null, "\"a\\0b\"");
}

#[test]
fn an_option_needs_a_value() {
    let text = "`cores` needs a value: `cores = 2` or `cores = \"all\"`";
    main_refused("cores", MAIN, text, "cores");
    main_refused("cores(2)", MAIN, text, "cores");
    main_refused("cores, name = \"a\"", MAIN, text, "cores");
}

#[test]
fn the_library_is_a_path_in_quotes() {
    let text = "expected the path of the library, such as `crate = \"nestling\"`";
    for value in ["\"\"", "\"two words\"", "\"a::\"", "\"a::b<c>\"", "7"] {
        main_refused(&format!("crate = {value}"), MAIN, text, value);
    }
    main_refused("crate = other", MAIN, text, "other");
    let needed = "`crate` needs a value: the path of the library, such as `crate = \"nestling\"`";
    main_refused("crate", MAIN, needed, "crate");
    let twice = "crate = \"a\", crate = \"b\"";
    main_refused(twice, MAIN, "`crate` is given twice", "crate");
}

#[test]
fn a_name_without_cores_names_nothing() {
    let text = "`name` names the threads that `cores` starts; without `cores` none is started";
    main_refused("name = \"server\"", MAIN, text, "name");
}

#[test]
fn a_function_has_to_be_async() {
    main_refused("", "fn main() {}", "it has to be an `async fn`: add `async`", "fn");
}

#[test]
fn arguments_are_refused_where_there_are_none() {
    let none = "it takes no arguments; with the option `cores` it may take one, the \
                `nestling::Core` that it runs on";
    main_refused("", "async fn main(core: Core) {}", none, "core: Core");
    let one = "it takes one argument at most, the `nestling::Core` that it runs on";
    main_refused("cores = 2", "async fn main(core: Core, more: u8) {}", one, "more: u8");
    let method = "it has to be a function of no type";
    main_refused("cores = 2", "async fn main(&self) {}", method, "&self");
}

#[test]
fn only_functions_can_be_started() {
    let text = "this attribute belongs on an `async fn`";
    for (item, at) in [
        ("struct Main;", "struct"),
        ("pub struct Main { run: fn() }", "pub"),
        ("impl Main { async fn main() {} }", "impl"),
        ("const MAIN: fn() = main;", "const"),
        ("mod main { async fn main() {} }", "mod"),
        ("#[derive(Debug)] enum Main {}", "enum"),
    ] {
        main_refused("", item, text, at);
    }
}

#[test]
fn a_generic_function_is_refused() {
    let text = "no call chooses its types, so it cannot be generic";
    refused(Kind::Main, "", "async fn main<T>() {}", text, "<T>");
    refused(Kind::Test, "", "async fn a() where u8: Copy {}", text, "where u8: Copy");
}

#[test]
fn unsafe_and_foreign_functions_are_refused() {
    let unsafety = "the runtime calls it, so it cannot be `unsafe`";
    main_refused("", "async unsafe fn main() {}", unsafety, "unsafe");
    let abi = "the runtime calls it, so it has Rust's calling convention";
    main_refused("", "async extern \"C\" fn main() {}", abi, "extern \"C\"");
}

#[test]
fn a_result_that_cannot_be_named_is_refused_on_several_cores() {
    let text = "with the option `cores` it returns nothing or a `Result<(), E>`";
    main_refused("cores = 2", "async fn main() -> ! {}", text, "!");
    main_refused("cores = 2", "async fn main() -> impl Copy {}", text, "impl Copy");
}

#[test]
fn main_is_named_main() {
    let text = "`#[nestling::main]` belongs on `main`; elsewhere call `nestling::block_on`, or \
                `Builder::run` for several cores";
    refused(Kind::Main, "", "async fn start() {}", text, "start");
}

#[test]
fn a_test_is_made_one_only_once() {
    let text = "`#[nestling::test]` makes it a test already: leave this out";
    refused(Kind::Test, "", "#[ignore] #[test] async fn a() {}", text, "#[test]");
}

/// Asserts what an attribute's use becomes, spaces apart.
#[track_caller]
fn becomes(kind: Kind, options: &str, function: &str, expected: &str) {
    let without_spaces = |text: String| text.split_whitespace().collect::<String>();
    let expanded = expand(kind, tokens(options), tokens(function)).expect("it is right");
    assert_eq!(without_spaces(expanded.to_string()), without_spaces(expected.to_owned()));
}

#[test]
fn attributes_and_visibility_are_kept() {
    let function = "#[ignore = \"slow\"] #[should_panic] pub(crate) async fn a() -> R { b }";
    let expected = "#[ignore = \"slow\"] #[should_panic] #[::core::prelude::v1::test]
        pub(crate) fn a() -> R { async fn a() -> R { b } ::nestling::entry::test(a()) }";
    becomes(Kind::Test, "", function, expected);
}

#[test]
fn options_reach_the_builder() {
    let options = "cores = 2, name = \"server\",";
    let expected = "fn main() {
        async fn main(c: Core) {}
        ::nestling::entry::main_on_cores::<(), _>(
            ::nestling::Builder::default().cores(::nestling::Cores::Count(2usize)).name(\"server\"),
            async |core| { let _: ::nestling::Core = core; main(core).await },
        )
    }";
    becomes(Kind::Main, options, "async fn main(c: Core) {}", expected);
}

/// Whatever stands in the place of `::nestling` stands in each.
#[test]
fn the_library_is_where_it_is_said_to_be() {
    for (kind, options) in
        [(Kind::Main, ""), (Kind::Main, "cores = 2"), (Kind::Test, "cores = \"all\"")]
    {
        for path in ["other", "crate::shared::runtime", "::other::runtime", "super::runtime"] {
            let expand = |options: &str| {
                let expanded = expand(kind, tokens(options), tokens(MAIN)).expect("it is right");
                expanded.to_string().replace(' ', "")
            };
            let expected = expand(options).replace("::nestling", path);
            let separator = if options.is_empty() { "" } else { ", " };
            assert_eq!(expand(&format!("{options}{separator}crate = \"{path}\"")), expected);
        }
    }
}
