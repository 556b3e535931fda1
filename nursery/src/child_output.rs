//! What a child may resolve to.

/// The type that a function pointer returns: so the never type can be named on stable Rust.
pub trait Returns {
    /// The type that is returned.
    type Output;
}

impl<T> Returns for fn() -> T {
    type Output = T;
}

/// The type of what never ends, such as `async { loop { … } }`.
pub type Never = <fn() -> ! as Returns>::Output;

mod sealed {
    pub trait Sealed<E> {}
    impl<E> Sealed<E> for () {}
    impl<T, E> Sealed<E> for Result<T, E> {}
    impl<E> Sealed<E> for super::Never {}
}

/// What a child of a nursery with error type `E` may resolve to: `()`, a `Result` whose error fails
/// the nursery, or nothing at all, when it never ends.
///
/// # Examples
///
/// ```
/// use nestling_nursery::io::nursery;
/// # fn main() -> std::io::Result<()> {
/// nestling_runtime::block_on(nursery(async |n| {
///     n.spawn(async {}); // cannot fail
///     n.spawn(async { Ok(5) }); // may
///     n.spawn(async { loop { nestling_runtime::yield_now().await } }); // goes on until cancelled
///     n.cancel();
///     Ok(())
/// }))
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "a child cannot resolve to `{Self}` in a nursery whose error is `{E}`",
    label = "resolves to `{Self}`",
    note = "a child resolves to `()`, to a `Result`, or never: to hand on a value, \
            return `Ok(value)`",
    note = "the error of that `Result` is the nursery's: convert another one by `?` or `map_err`",
    note = "errors of your own need `nursery` without `io::`: the error type must implement \
            `From<Cancelled>`"
)]
pub trait ChildOutput<E>: sealed::Sealed<E> {
    /// The value for the task that joins the child.
    type Ok;

    /// The value, or the failure for the nursery.
    ///
    /// # Errors
    ///
    /// The child's own output.
    fn into_result(self) -> Result<Self::Ok, E>;
}

impl<E> ChildOutput<E> for () {
    type Ok = ();

    fn into_result(self) -> Result<(), E> {
        Ok(())
    }
}

impl<T, E> ChildOutput<E> for Result<T, E> {
    type Ok = T;

    fn into_result(self) -> Result<T, E> {
        self
    }
}

// In a list of what a child may resolve to, the compiler would write the type out.
#[diagnostic::do_not_recommend]
impl<E> ChildOutput<E> for Never {
    type Ok = Never;

    fn into_result(self) -> Result<Never, E> {
        self
    }
}
