//! Nurseries whose error is [`std::io::Error`], as that of [`std::io::Result`] is.
//!
//! `Ok(())` does not say what its error type is. Where the code around a nursery does not say it
//! either (`nursery(…).await?` converts *any* error), the compiler asks for a type. These functions
//! have one, and are those of [the crate](crate) in all else. An error type of your own needs the
//! general ones, [`nursery`](crate::nursery()) and so on, and has to be
//! [`From<Cancelled>`](nestling_runtime::lowlevel::Cancelled).
//!
//! ```
//! use nestling_nursery::io::nursery;
//!
//! # fn main() -> std::io::Result<()> {
//! nestling_runtime::block_on(async {
//!     let sum = nursery(async |n| {
//!         let child = n.spawn(async { Ok(1) });
//!         Ok(child.await? + 2)
//!     })
//!     .await?;
//!     assert_eq!(sum, 3);
//!     Ok(())
//! })
//! # }
//! ```

pub use crate::copy_bidirectional::{
    CopyError, CopyOptions, copy_bidirectional, copy_bidirectional_with,
};
use crate::failures::Failures;
use crate::nursery::Nursery;
use crate::options::Options;
use std::future::Future;
use std::io::{Error, Result};

/// Opens a nursery whose error is [`std::io::Error`]; otherwise as [`nursery`](crate::nursery()).
///
/// # Cancellation
///
/// As [`nursery`](crate::nursery()).
///
/// # Errors
///
/// As [`nursery`](crate::nursery()). What says "cancelled" is
/// [`is_cancelled`](nestling_runtime::is_cancelled).
///
/// # Panics
///
/// As [`nursery`](crate::nursery()).
///
/// # Examples
///
/// ```
/// use nestling_nursery::io::nursery;
///
/// # fn main() -> std::io::Result<()> {
/// nestling_runtime::block_on(async {
///     nursery(async |n| {
///         n.spawn(async { Ok(()) });
///         Ok(())
///     })
///     .await?;
///     Ok(())
/// })
/// # }
/// ```
#[track_caller]
pub fn nursery<'env, T, F>(body: F) -> impl Future<Output = Result<T>>
where
    F: for<'scope> AsyncFnOnce(&'scope Nursery<'scope, 'env>) -> Result<T>,
{
    crate::nursery(body)
}

/// Opens a nursery with a name, slots or a deadline; otherwise as [`nursery`].
///
/// # Cancellation
///
/// As [`nursery`](crate::nursery()).
///
/// # Errors
///
/// As [`nursery_with`](crate::nursery_with).
///
/// # Panics
///
/// As [`nursery`](crate::nursery()).
///
/// # Examples
///
/// See [`Options`].
#[track_caller]
pub fn nursery_with<'env, T, F>(options: Options, body: F) -> impl Future<Output = Result<T>>
where
    F: for<'scope> AsyncFnOnce(&'scope Nursery<'scope, 'env>) -> Result<T>,
{
    crate::nursery_with(options, body)
}

/// Opens a nursery that reports every failure, not only the first; otherwise as [`nursery`].
///
/// # Cancellation
///
/// As [`nursery`](crate::nursery()).
///
/// # Errors
///
/// As [`nursery_all`](crate::nursery_all).
///
/// # Panics
///
/// As [`nursery`](crate::nursery()).
///
/// # Examples
///
/// See [`Failures`].
#[track_caller]
pub fn nursery_all<'env, T, F>(
    body: F,
) -> impl Future<Output = std::result::Result<T, Failures<Error>>>
where
    F: for<'scope> AsyncFnOnce(&'scope Nursery<'scope, 'env>) -> Result<T>,
{
    crate::nursery_all(body)
}

/// Opens a nursery that reports every failure, with a name, slots or a deadline; otherwise as
/// [`nursery_all`].
///
/// # Cancellation
///
/// As [`nursery`](crate::nursery()).
///
/// # Errors
///
/// As [`nursery_all`](crate::nursery_all).
///
/// # Panics
///
/// As [`nursery`](crate::nursery()).
///
/// # Examples
///
/// See [`nursery_all_with`](crate::nursery_all_with).
#[track_caller]
pub fn nursery_all_with<'env, T, F>(
    options: Options,
    body: F,
) -> impl Future<Output = std::result::Result<T, Failures<Error>>>
where
    F: for<'scope> AsyncFnOnce(&'scope Nursery<'scope, 'env>) -> Result<T>,
{
    crate::nursery_all_with(options, body)
}
