//! The attributes that start a program or a test: what they accept, and what they turn it into.
//!
//! ```text
//!   #[nestling::main(cores = 2)]  ──▶ options.rs  ─┐
//!   async fn main(core: Core) …   ──▶ function.rs ─┴▶ expand.rs ──▶ fn main() { … }
//! ```
//!
//! What happens when the program runs is in `nestling_runtime::entry`; here are only names.

mod expand;
mod function;
mod options;

use proc_macro::TokenStream;

/// Makes an async `main` the program: it runs on a runtime of default options, and the process ends
/// when it has returned and the kernel has finished everything below it.
///
/// | option | meaning |
/// |---|---|
/// | none | one core, on the main thread, as [`block_on`](../nestling/fn.block_on.html) |
/// | `cores = 2` | two cores, each with a pinned thread, as `Builder::run`; each runs `main` |
/// | `cores = "all"` | every core that the process may use |
/// | `name = "…"` | how the threads of `cores` are named, before their core's number |
/// | `crate = "…"` | where the library is, if not at `::nestling`: renamed, or re-exported |
///
/// With `cores`, `main` may take one argument, the `Core` that it runs on, and returns nothing or a
/// `Result<(), E>`: the first core to fail cancels the others, and its error is the program's.
/// Without, it takes none, and returns whatever a `main` may return.
///
/// Where no runtime can be started, the program prints what is missing and the remedy, and exits
/// with 1. What else a program needs, it asks of `Runtime::builder`; this expands to no more.
///
/// # Examples
///
/// ```
/// use nestling::time::sleep;
/// use std::time::Duration;
///
/// #[nestling::main]
/// async fn main() -> std::io::Result<()> {
///     nestling::nursery(async |n| {
///         n.spawn(sleep(Duration::from_millis(1)));
///         Ok(())
///     })
///     .await
/// }
/// ```
///
/// ```
/// #[nestling::main(cores = "all", name = "server")]
/// async fn main(core: nestling::Core) -> std::io::Result<()> {
///     println!("core {} of {}", core.index(), core.count());
///     Ok(())
/// }
/// ```
/// With the library from a crate that re-exports it:
///
/// ```
/// mod framework {
///     pub use nestling as runtime;
/// }
///
/// #[framework::runtime::main(crate = "framework::runtime")]
/// async fn main() {}
/// ```
#[proc_macro_attribute]
pub fn main(options: TokenStream, function: TokenStream) -> TokenStream {
    expand::attribute(expand::Kind::Main, options.into(), function.into()).into()
}

/// Makes an async function a test, on a runtime of its own. It takes the options of [`macro@main`],
/// keeps other attributes (`#[ignore]`, `#[should_panic]`), and may return what a test may return.
///
/// Where no runtime can be started, the test panics with what is missing and the remedy.
///
/// # Examples
///
/// ```
/// # fn main() {}
/// #[nestling::test]
/// async fn a_message_arrives() -> std::io::Result<()> {
///     let (sender, receiver) = nestling::sync::oneshot();
///     nestling::nursery(async |n| {
///         n.spawn(async move { drop(sender.send(7)) });
///         assert_eq!(receiver.await, Ok(7));
///         Ok(())
///     })
///     .await
/// }
///
/// #[nestling::test(cores = 2)]
/// #[ignore = "a machine with two cores is needed"]
/// async fn both_run(core: nestling::Core) {
///     assert_eq!(core.count(), 2);
/// }
/// ```
#[proc_macro_attribute]
pub fn test(options: TokenStream, function: TokenStream) -> TokenStream {
    expand::attribute(expand::Kind::Test, options.into(), function.into()).into()
}

#[cfg(test)]
mod tests;
