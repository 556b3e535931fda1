//! The functions that are called where the attributes `main` and `test` of `nestling` stand.

use crate::cores::{Builder, Core};
use crate::runtime;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::process;

/// What a function that runs on several cores may return.
#[diagnostic::on_unimplemented(
    message = "with the option `cores` it returns nothing or a `Result<(), E>`, not `{Self}`",
    label = "what it returns"
)]
pub trait Outcome: Sized {
    /// The error of the function.
    type Error: Send + 'static;

    /// Whether the function has failed.
    ///
    /// # Errors
    ///
    /// The function's own error.
    fn into_result(self) -> Result<(), Self::Error>;

    /// What all cores have returned, as one of them would.
    fn from_result(result: Result<(), Self::Error>) -> Self;
}

impl Outcome for () {
    type Error = Infallible;

    fn into_result(self) -> Result<(), Infallible> {
        Ok(())
    }

    fn from_result(result: Result<(), Infallible>) -> Self {
        result.unwrap_or_else(|never| match never {})
    }
}

impl<E: Send + 'static> Outcome for Result<(), E> {
    type Error = E;

    fn into_result(self) -> Self {
        self
    }

    fn from_result(result: Self) -> Self {
        result
    }
}

/// Runs a program on this thread.
pub fn main<F: Future>(future: F) -> F::Output {
    Builder::default().build().unwrap_or_else(|error| leave(&error)).block_on(future)
}

/// Runs a test on this thread.
pub fn test<F: Future>(future: F) -> F::Output {
    runtime::block_on(future)
}

/// Runs a program on several cores.
pub fn main_on_cores<R: Outcome, M>(builder: Builder, main: M) -> R
where
    M: AsyncFn(Core) -> R + Send + Sync + 'static,
{
    on_cores(builder, main).unwrap_or_else(|error| leave(&error))
}

/// Runs a test on several cores.
pub fn test_on_cores<R: Outcome, M>(builder: Builder, test: M) -> R
where
    M: AsyncFn(Core) -> R + Send + Sync + 'static,
{
    match on_cores(builder, test) {
        Ok(returned) => returned,
        Err(error) => panic!("the runtime could not be built: {error}"),
    }
}

/// As a `main` that returns an error, but as a text: what is missing, and the remedy.
fn leave(error: &io::Error) -> ! {
    eprintln!("Error: {error}");
    process::exit(1)
}

/// Why a run has ended: a failed start is told apart from an error of the program.
enum Ended<E> {
    Start(io::Error),
    Program(E),
}

impl<E> From<io::Error> for Ended<E> {
    fn from(error: io::Error) -> Self {
        Self::Start(error)
    }
}

fn on_cores<R: Outcome, M>(builder: Builder, main: M) -> io::Result<R>
where
    M: AsyncFn(Core) -> R + Send + Sync + 'static,
{
    let run = async move |core| main(core).await.into_result().map_err(Ended::Program);
    match builder.run(run) {
        Ok(_) => Ok(R::from_result(Ok(()))),
        Err(Ended::Program(error)) => Ok(R::from_result(Err(error))),
        Err(Ended::Start(error)) => Err(error),
    }
}
