//! A crate in which `::nestling` is nothing: the library has another name, and is handed on.

/// The library, for those who depend on this crate alone.
pub mod shared {
    pub use other as runtime;
}
