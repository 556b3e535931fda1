//! All cores: one pinned thread each, started together, and joined together.

mod abroad;
mod builder;
mod choice;
mod host;
pub(crate) mod run;
mod stop;

pub use abroad::{Abroad, abroad, place};
pub use builder::Builder;
pub use choice::{Core, Cores};

/// The cores that [`Cores::All`] takes.
pub(crate) fn all() -> std::io::Result<Vec<Core>> {
    Cores::All.choose()
}
