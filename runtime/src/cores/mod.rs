//! All cores: one pinned thread each, started together, and joined together.

mod builder;
mod choice;
mod host;
pub(crate) mod run;
mod run_on_core;
mod stop;

pub use builder::Builder;
pub use choice::{Core, Cores};
pub use run_on_core::{OnCore, place, run_on_core};

/// The cores that [`Cores::All`] takes.
pub(crate) fn all() -> std::io::Result<Vec<Core>> {
    Cores::All.choose()
}
