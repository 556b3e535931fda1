//! The book in `docs/` and the README: each page, so that its programs are compiled with the
//! documentation's tests. Chapters with other crates are compiled in `examples/beside/` and
//! `examples/web/`.

#[doc = include_str!("../docs/src/cancellation.md")]
mod cancellation {}
#[doc = include_str!("../docs/src/deployment.md")]
mod deployment {}
#[doc = include_str!("../docs/src/files.md")]
mod files {}
#[doc = include_str!("../docs/src/first-server.md")]
mod first_server {}
#[doc = include_str!("../docs/src/introduction.md")]
mod introduction {}
#[doc = include_str!("../docs/src/many-cores.md")]
mod many_cores {}
#[doc = include_str!("../docs/src/processes.md")]
mod processes {}
#[doc = include_str!("../docs/src/protocols.md")]
mod protocols {}
#[doc = include_str!("../docs/src/troubleshooting.md")]
mod troubleshooting {}
#[doc = include_str!("../docs/src/tuning.md")]
mod tuning {}
#[doc = include_str!("../README.md")]
mod readme {}
