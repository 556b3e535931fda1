//! Nodes as processes, which end with the test.

use crate::client::{Client, status};
use crate::process::{PATIENCE, Process, build, eventually};
use crate::types::Status;
use nestling::timeout;
use std::env;
use std::fs;
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU8, Ordering};

static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| build("raft_kv"));

/// The example, with nothing to do yet.
pub(crate) fn raft_kv() -> Command {
    Command::new(&*PROGRAM)
}

/// A folder that is removed with its content.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = env::temp_dir().join(format!("nestling-raft-kv-{name}-{}", process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Some nodes, and the folder with their files.
pub(crate) struct Nodes {
    pub(crate) folder: Folder,
    pub(crate) addresses: Vec<String>,
    list: String,
}

impl Nodes {
    /// With addresses that no other test has; a program that listens on `0.0.0.0` has them, too.
    pub(crate) fn new(name: &str, count: usize) -> Self {
        static USED: AtomicU8 = AtomicU8::new(0);
        let used = USED.fetch_add(1, Ordering::Relaxed);
        let [_, b, c, d] = process::id().to_be_bytes();
        let address = |id| format!("127.{}.{c}.{d}:{}", 128 | b, 7000 + 10 * u16::from(used) + id);
        let addresses: Vec<_> = (1..=count as u16).map(address).collect();
        let list = addresses.iter().enumerate().map(|(at, it)| format!("{}={it}", at + 1));
        let list = list.collect::<Vec<_>>().join(",");
        Self { folder: Folder::new(name), addresses, list }
    }

    /// How to start node `at`, which counts from 0.
    pub(crate) fn command(&self, at: usize) -> Command {
        let mut command = raft_kv();
        command.args(["--node", &(at + 1).to_string(), "--nodes", &self.list]);
        command.arg("--data").arg(self.folder.path().join(at.to_string()));
        command
    }

    /// Starts a node, and waits until it listens.
    pub(crate) fn start(&self, at: usize) -> Process {
        let mut node = Process::start(&mut self.command(at));
        assert!(node.line().ends_with(&self.addresses[at]));
        node
    }

    /// The log of node `at`.
    pub(crate) fn log(&self, at: usize) -> PathBuf {
        self.folder.path().join(at.to_string()).join("log")
    }

    /// What one client does, in time.
    pub(crate) fn ask<T>(&self, work: impl AsyncFnOnce(&mut Client<'_>) -> io::Result<T>) -> T {
        in_time(async { work(&mut Client::new(&self.addresses)).await })
    }

    /// The leader, as soon as the node with the newest term knows it.
    pub(crate) fn leader(&self) -> usize {
        let mut leader = None;
        eventually("a leader", || {
            let all = (0..self.addresses.len()).filter_map(|at| self.status(at).ok());
            leader = all.max_by_key(|status| status.term).and_then(|status| status.leader);
            leader.is_some()
        });
        leader.unwrap() as usize - 1
    }

    pub(crate) fn status(&self, at: usize) -> io::Result<Status> {
        in_time(async { Ok(status(&self.addresses[at]).await) })
    }
}

#[track_caller]
pub(crate) fn in_time<T>(work: impl Future<Output = io::Result<T>>) -> T {
    nestling::block_on(timeout(PATIENCE, work)).expect("in time").unwrap()
}
