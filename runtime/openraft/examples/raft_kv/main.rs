//! A replicated key-value store: three processes that agree by Raft, with openraft on Nestling.
//!
//! ```text
//! cargo run --release -p nestling-openraft --example raft_kv -- --demo
//! ```
//!
//! starts three nodes, writes, kills leader after leader with SIGKILL, and reads every confirmed
//! write back. By hand, each in a terminal of its own:
//!
//! ```text
//! nodes=1=127.0.0.1:7001,2=127.0.0.1:7002,3=127.0.0.1:7003
//! raft_kv --nodes $nodes --node 1 --data /tmp/raft_kv/1       # and so for 2 and 3
//! raft_kv --nodes $nodes --set colour green
//! raft_kv --nodes $nodes --get colour
//! ```
//!
//! ```text
//!   client ── wire ──> node ──> openraft ──> log_store ──> journal    a file: the log
//!                                  │  └────> machine        in memory, and a file: snapshots
//!                               network ── wire ──> the other nodes
//! ```
//!
//! What openraft spawns are children of a nursery, and so are the connections that a node serves
//! and the task that writes the journal. If one of them fails, the node ends, and its next start
//! finds on the disk whatever it has confirmed.

mod client;
mod cluster;
mod data;
mod demo;
mod journal;
mod log_store;
mod machine;
mod network;
mod node;
mod options;
#[path = "../../../../examples/support/mod.rs"]
mod support;
mod types;
mod wire;

use crate::client::Client;
use crate::options::{Command, HELP};
use crate::support::{complain, say};
use nestling::timeout;
use std::io;
use std::process::ExitCode;
use std::time::Duration;

fn main() -> ExitCode {
    let command = match options::parse(lexopt::Parser::from_env()) {
        Ok(command) => command,
        Err(error) => {
            complain(format_args!("{error}; --help lists the options"));
            return ExitCode::from(2);
        }
    };
    match nestling::block_on(run(command)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(error);
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> io::Result<()> {
    let patience = Duration::from_secs(30);
    match command {
        Command::Help => say(HELP),
        Command::Demo { rounds, writes } => demo::run(rounds, writes).await?,
        Command::Node(options) => node::run(&options).await?,
        Command::Set { nodes, key, value } => {
            timeout(patience, Client::new(&nodes).set(&key, &value)).await??;
        }
        Command::Get { nodes, key } => {
            let values = timeout(patience, Client::new(&nodes).get(vec![key.clone()])).await??;
            match &values[..] {
                [Some(value)] => say(value),
                _ => return Err(io::Error::other(format!("{key} was never set"))),
            }
        }
    }
    Ok(())
}
