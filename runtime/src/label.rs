//! What a nursery or a task is called: its `Label`, given by the program, and its `Id`.

use std::fmt;
use std::num::NonZeroU64;
use std::panic::Location;

/// Where a nursery was opened or a child was spawned, and its name if it has one.
///
/// # Examples
///
/// ```
/// use nestling_runtime::inspect::Label;
/// let label = Label::here().named(Some("acceptor"));
/// assert_eq!(label.name(), Some("acceptor"));
/// assert!(label.place().line() < line!() && label.place().file() == file!());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Label {
    name: Option<&'static str>,
    place: &'static Location<'static>,
}

impl Label {
    /// The caller's line, without a name.
    #[track_caller]
    #[inline]
    pub fn here() -> Self {
        Self { name: None, place: Location::caller() }
    }

    /// The line of this label with a name, or without one.
    #[inline]
    pub fn named(self, name: Option<&'static str>) -> Self {
        Self { name, ..self }
    }

    /// The name, if one was given.
    pub fn name(&self) -> Option<&'static str> {
        self.name
    }

    /// The line of the program.
    pub fn place(&self) -> &'static Location<'static> {
        self.place
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = self.name {
            write!(f, "{name:?} ")?;
        }
        write!(f, "at {}:{}", self.place.file(), self.place.line())
    }
}

/// Names one nursery or task of a thread: never used for another one of the same thread.
///
/// # Examples
///
/// ```
/// use nestling_runtime::{block_on, dump_tree, inspect::Id};
/// let root: Id = block_on(async { dump_tree().nodes()[0].id() });
/// assert_ne!(root.number(), 0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(NonZeroU64);

impl Id {
    pub(crate) fn new(number: NonZeroU64) -> Self {
        Self(number)
    }

    /// The number. Later nurseries and tasks have greater ones.
    pub fn number(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
