//! The example `raft_kv`: what it has confirmed is there after any kill, and nothing is left of it.
//!
//! | file | what it holds |
//! |---|---|
//! | `kills.rs` | the demo, and nodes that are killed, from outside |
//! | `failures.rs` | full disks, folders in use, strange clients |
//! | `storage.rs` | the files: openraft's suite for them, and what a kill leaves |
//! | `nodes.rs` | nodes as processes |

mod failures;
mod kills;
mod nodes;
mod storage;

#[path = "../../../../tests/support/process.rs"]
#[allow(dead_code, reason = "the tests of the other examples use the rest")]
mod process;

/// The modules of the example that tests use as they are.
#[path = "../../examples/raft_kv/client.rs"]
mod client;
#[path = "../../examples/raft_kv/data.rs"]
mod data;
#[path = "../../examples/raft_kv/journal.rs"]
mod journal;
#[path = "../../examples/raft_kv/log_store.rs"]
mod log_store;
#[path = "../../examples/raft_kv/machine.rs"]
#[allow(dead_code, reason = "nodes read the state")]
mod machine;
#[path = "../../examples/raft_kv/types.rs"]
mod types;
#[path = "../../examples/raft_kv/wire.rs"]
mod wire;
