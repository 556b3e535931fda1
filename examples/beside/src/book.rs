//! The chapters of the book that need other crates: their programs are compiled here.

#[doc = include_str!("../../../docs/src/databases.md")]
mod databases {}
#[doc = include_str!("../../../docs/src/from-tokio.md")]
mod from_tokio {}
#[doc = include_str!("../../../docs/src/observing.md")]
mod observing {}
#[doc = include_str!("../../../docs/src/tokio-beside.md")]
mod tokio_beside {}
