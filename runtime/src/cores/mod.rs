//! All cores: one pinned thread each, started together, and joined together.

mod builder;
mod choice;
mod run;
mod stop;

pub use builder::Builder;
pub use choice::{Core, Cores};
