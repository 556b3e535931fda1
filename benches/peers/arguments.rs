//! What the command line of a benchmark says.

use std::env;
use std::fmt::Debug;
use std::str::FromStr;

/// What an option is given, or else `default`; `None` when this is not `cargo bench`.
pub(crate) fn option<T: FromStr<Err: Debug>>(name: &str, default: T) -> Option<T> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    if !arguments.iter().any(|argument| argument == "--bench") {
        println!("only `cargo bench` measures");
        return None;
    }
    let given = arguments.iter().skip_while(|argument| *argument != name).nth(1);
    Some(given.map_or(default, |given| given.parse().expect("a number")))
}
