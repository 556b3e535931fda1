//! Cores and threads that wake each other, and cores that send each other children.
//!
//! That no wake is lost holds in every order of a few steps by the models in
//! `runtime/src/tests/models`; here are the real kernel, and many of them.

mod bells;
mod ending;
mod gate;
mod many;
mod overflow;
mod refused;
mod spawn_on;
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "each test binary uses a part of it")]
mod support;

use nestling::{Builder, Core, Cores};
use std::io;

/// Runs a program on two cores.
fn two<T: Send + 'static>(
    builder: Builder,
    main: impl AsyncFn(Core) -> io::Result<T> + Send + Sync + 'static,
) -> Vec<T> {
    builder.cores(Cores::Count(2)).run(main).expect("two cores run the program")
}
