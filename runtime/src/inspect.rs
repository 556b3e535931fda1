//! Looking at what runs: the tree of nurseries and tasks, and what happens to them.

#[cfg(feature = "chrome-trace")]
pub use crate::chrome_trace::ChromeTrace;
#[cfg(feature = "console")]
pub use crate::console::console_tasks;
pub use crate::dump::{Kind, Node, State, Tree, Wait, dump_tree, dump_tree_on_signal};
pub use crate::instrument::{Ending, Event, Failure, Instrumented, Operation, instrument};
pub use crate::label::{Id, Label};
#[cfg(feature = "tracing")]
pub use crate::spans::tracing_spans;
pub use crate::stall::Stall;
pub use crate::tree::Reason;
