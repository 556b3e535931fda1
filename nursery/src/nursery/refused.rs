//! Programs that must not compile, each with the code of the error that refuses it; those without
//! one say "lifetime may not live long enough".
//!
//! Codes are compared by `cargo +nightly test --doc` only. Two more programs are in the
//! documentation of [`Nursery`](super::Nursery).
//!
//! A child does not borrow what the body owns, which goes first:
//!
//! ```compile_fail,E0373
//! # async fn f() -> std::io::Result<()> {
//! nestling_nursery::nursery(async |n| {
//!     let local = String::new();
//!     n.spawn(async { let _ = local.len(); Ok(()) });
//!     Ok(())
//! }).await
//! # }
//! ```
//!
//! A handle does not leave the nursery by its value:
//!
//! ```compile_fail
//! # async fn f() -> std::io::Result<()> {
//! let handle = nestling_nursery::nursery(async |n| {
//!     Ok::<_, std::io::Error>(n.spawn(async { Ok(1) }))
//! }).await?;
//! # Ok(())
//! # }
//! ```
//!
//! Two children do not borrow the same thing mutably:
//!
//! ```compile_fail,E0499
//! # async fn f() -> std::io::Result<()> {
//! let mut x = 0;
//! nestling_nursery::nursery(async |n| {
//!     n.spawn(async { x += 1; Ok(()) });
//!     n.spawn(async { x += 1; Ok(()) });
//!     Ok(())
//! }).await
//! # }
//! ```
//!
//! A child of the outer nursery does not know the inner one:
//!
//! ```compile_fail
//! # use nestling_nursery::nursery;
//! # async fn f() -> std::io::Result<()> {
//! nursery(async |outer| {
//!     nursery(async |inner| {
//!         outer.spawn(async move { inner.spawn(async { Ok(()) }); Ok(()) });
//!         Ok(())
//!     }).await
//! }).await
//! # }
//! ```
//!
//! Nor does it borrow what the outer body owns, wherever it is spawned:
//!
//! ```compile_fail,E0597
//! # use nestling_nursery::nursery;
//! # async fn f() -> std::io::Result<()> {
//! nursery(async |outer| {
//!     let local = String::new();
//!     nursery(async |inner| {
//!         outer.spawn(async { let _ = &local; Ok(()) });
//!         Ok(())
//!     }).await
//! }).await
//! # }
//! ```
//!
//! The body does not touch what a child borrows mutably:
//!
//! ```compile_fail,E0506
//! # async fn f() -> std::io::Result<()> {
//! let mut x = 0;
//! nestling_nursery::nursery(async |n| {
//!     n.spawn(async { x += 1; Ok(()) });
//!     x += 1;
//!     Ok(())
//! }).await
//! # }
//! ```
//!
//! What children borrow lives as long as the nursery's future, forgotten or not:
//!
//! ```compile_fail,E0505
//! let text = String::new();
//! let future = nestling_nursery::nursery(async |n| {
//!     n.spawn(async { let _ = text.len(); Ok(()) });
//!     Ok::<(), std::io::Error>(())
//! });
//! drop(text);
//! std::mem::forget(future);
//! ```
//!
//! A handle is not kept by what is around the nursery:
//!
//! ```compile_fail
//! # use nestling_nursery::{JoinHandle, nursery};
//! # use std::cell::Cell;
//! # async fn f() -> std::io::Result<()> {
//! let slot: Cell<Option<JoinHandle<'_, u8>>> = Cell::new(None);
//! nursery(async |n| { slot.set(Some(n.spawn(async { Ok(1) }))); Ok(()) }).await
//! # }
//! ```
