//! `thread_local!` for the model checker, whose threads take turns on one of the machine's: under
//! std's name, so that the code that uses it is the same.

use loom::thread::LocalKey;
use std::marker::PhantomData;

/// The checker's key, with std's methods.
#[derive(Debug)]
pub(crate) struct Local<T: 'static>(LocalKey<T>);

impl<T> Local<T> {
    pub(crate) const fn new(init: fn() -> T) -> Self {
        Self(LocalKey { init, _p: PhantomData })
    }

    pub(crate) fn with<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        self.0.with(f)
    }
}

macro_rules! thread_local {
    ($($(#[$attribute:meta])* $vis:vis static $name:ident: $type:ty = const $init:block;)*) => {$(
        $(#[$attribute])*
        $vis static $name: crate::loom_thread_local::Local<$type> =
            crate::loom_thread_local::Local::new(|| $init);
    )*};
}
