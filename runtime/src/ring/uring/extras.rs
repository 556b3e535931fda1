//! What newer kernels have for speed alone, and what serves where they do not.

use super::Uring;

/// A feature that nothing depends on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extra {
    pub(crate) name: &'static str,
    pub(crate) since: &'static str,
    pub(crate) present: bool,
    /// What it is good for.
    pub(crate) gain: &'static str,
    /// What is used in its place.
    pub(crate) instead: &'static str,
}

impl Uring {
    /// The features of this ring that are not needed.
    pub(crate) fn extras(&self) -> [Extra; 6] {
        [
            Extra {
                name: "NO_SQARRAY",
                since: "6.6",
                present: self.direct,
                gain: "an entry is found by its place",
                instead: "an index, which is one more load an entry",
            },
            Extra {
                name: "REG_RING",
                since: "5.18",
                present: self.door.is_registered(),
                gain: "a thread enters its own ring without a look-up",
                instead: "the plain descriptor, which the kernel looks up at each enter",
            },
            Extra {
                name: "ABS_TIMER",
                since: "6.12",
                present: self.door.absolute,
                gain: "a core sleeps until a moment",
                instead: "how long it is until then, from one more look at the clock",
            },
            Extra {
                name: "MIN_TIMEOUT",
                since: "6.12",
                present: self.door.absolute,
                gain: "a core sleeps for several completions, if asked to (Builder::batch)",
                instead: "a sleep that ends with the first completion, whatever was asked",
            },
            Extra {
                name: "registered files",
                since: "6.15",
                present: self.door.idle,
                gain: "a file that is read often is not looked up for each read",
                instead: "a look-up of the descriptor for each read",
            },
            Extra {
                name: "NO_IOWAIT",
                since: "6.15",
                present: self.door.idle,
                gain: "a core that sleeps counts as idle",
                instead: "a plain sleep, which tools show as a wait for a disk (iowait)",
            },
        ]
    }
}
