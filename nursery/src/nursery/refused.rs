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
//!
//! The rules for a child hold however the child is started. It does not borrow what the body owns:
//!
//! ```compile_fail,E0373
//! # async fn f() -> std::io::Result<()> {
//! nestling_nursery::nursery(async |n| {
//!     let local = String::new();
//!     n.slot().await.spawn(async { let _ = local.len(); Ok(()) });
//!     Ok(())
//! }).await
//! # }
//! ```
//!
//! ```compile_fail,E0373
//! # async fn f() -> std::io::Result<()> {
//! nestling_nursery::nursery(async |n| {
//!     let local = String::new();
//!     n.spawn_daemon(async { let _ = local.len(); Ok(()) });
//!     Ok(())
//! }).await
//! # }
//! ```
//!
//! ```compile_fail,E0373
//! # async fn f() -> std::io::Result<()> {
//! nestling_nursery::nursery(async |n| {
//!     let local = String::new();
//!     n.supervise(async { local.len() });
//!     Ok(())
//! }).await
//! # }
//! ```
//!
//! ```compile_fail,E0597
//! # use nestling_nursery::{Started, nursery};
//! # async fn f() -> std::io::Result<()> {
//! nursery(async |n| {
//!     let local = String::new();
//!     let up = n.start(async |up: Started<usize>| { up.ready(local.len()); Ok(()) });
//!     up.await?;
//!     Ok(())
//! }).await
//! # }
//! ```
//!
//! The child's value, which is kept for the code that started the child, does not either:
//!
//! ```compile_fail,E0597
//! # use nestling_nursery::{Started, nursery};
//! # async fn f() -> std::io::Result<()> {
//! nursery(async |n| {
//!     let local = String::new();
//!     let text = local.as_str();
//!     n.start(async move |up: Started<&str>| { up.ready(text); Ok(()) }).await?;
//!     Ok(())
//! }).await
//! # }
//! ```
//!
//! What starting a child gives (a handle, a slot, a `Start`) does not leave the nursery, by the
//! nursery's value or otherwise:
//!
//! ```compile_fail
//! # async fn f() -> std::io::Result<()> {
//! let worker = nestling_nursery::nursery(async |n| {
//!     Ok::<_, std::io::Error>(n.supervise(async { 1 }))
//! }).await?;
//! # Ok(())
//! # }
//! ```
//!
//! ```compile_fail
//! # use nestling_nursery::{Slot, nursery};
//! # use std::cell::Cell;
//! # async fn f() -> std::io::Result<()> {
//! let kept: Cell<Option<Slot<'_, '_>>> = Cell::new(None);
//! nursery(async |n| { kept.set(Some(n.slot().await)); Ok(()) }).await
//! # }
//! ```
//!
//! ```compile_fail
//! # use nestling_nursery::{Start, Started, nursery};
//! # use std::{cell::Cell, io};
//! # async fn f() -> std::io::Result<()> {
//! let kept: Cell<Option<Start<'_, u8, io::Error>>> = Cell::new(None);
//! nursery(async |n| {
//!     kept.set(Some(n.start(async |up: Started<u8>| { up.ready(1); Ok(()) })));
//!     Ok(())
//! }).await
//! # }
//! ```
//!
//! Nor does it leave the nursery's thread:
//!
//! ```compile_fail,E0277
//! # use nestling_nursery::{Started, nursery};
//! # async fn f() -> std::io::Result<()> {
//! nursery(async |n| {
//!     n.start(async |up: Started<u8>| {
//!         std::thread::spawn(move || up.ready(1));
//!         Ok(())
//!     }).await?;
//!     Ok::<_, std::io::Error>(())
//! }).await
//! # }
//! ```
//!
//! ```compile_fail,E0277
//! # async fn f() -> std::io::Result<()> {
//! nestling_nursery::nursery(async |n| {
//!     let slot = n.slot().await;
//!     std::thread::scope(|s| { s.spawn(move || drop(slot)); });
//!     Ok::<_, std::io::Error>(())
//! }).await
//! # }
//! ```
//!
//! ```compile_fail,E0277
//! # async fn f() -> std::io::Result<()> {
//! nestling_nursery::nursery(async |n| {
//!     let worker = n.supervise(async { 1 });
//!     std::thread::scope(|s| { s.spawn(move || worker.cancel()); });
//!     Ok::<_, std::io::Error>(())
//! }).await
//! # }
//! ```
