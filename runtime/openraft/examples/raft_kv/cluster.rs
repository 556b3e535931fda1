//! `Cluster`: three nodes, each a process of its own.

use crate::client::status;
use crate::types::Status;
use nestling::fs::TempDir;
use nestling::process::{Child, Command, Stdio};
use nestling::signal::SIGTERM;
use nestling::time::sleep;
use nestling::timeout;
use std::env;
use std::future::Future;
use std::io::{self, Error};
use std::process;
use std::time::Duration;

pub(crate) const NODES: u64 = 3;

/// Far more than anything here needs, also on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// The processes. Each belongs to the nursery in which it is started: when that is cancelled, it is
/// asked to end, and waited for. The cluster is from around that nursery, so that its files go
/// after the processes that write them.
pub(crate) struct Cluster {
    folder: TempDir,
    /// The address of each node.
    pub(crate) addresses: Vec<String>,
    /// Those that run.
    running: Vec<Option<Child>>,
}

impl Cluster {
    /// A cluster of which no node runs yet.
    pub(crate) async fn new() -> io::Result<Self> {
        // All of 127.0.0.0/8 is this machine. An address that is made of the number of the process
        // is no other demo's, so a node finds its port free when it comes back; unless a program
        // listens on all addresses (0.0.0.0) with that port: the node says so, and ends.
        let [_, b, c, d] = process::id().to_be_bytes();
        let address = |id| format!("127.{}.{c}.{d}:{}", 64 | b, 7000 + id);
        let addresses = (1..=NODES).map(address).collect();
        let running = (1..=NODES).map(|_| None).collect();
        Ok(Self { folder: TempDir::new().await?, addresses, running })
    }

    /// Starts a node, with what its folder has.
    pub(crate) async fn start(&mut self, id: u64) -> io::Result<()> {
        let nodes: Vec<_> = (1..=NODES).map(|id| format!("{id}={}", self.address(id))).collect();
        let child = Command::new(env::current_exe()?)
            .args(["--node", &id.to_string(), "--nodes", &nodes.join(",")])
            .arg("--data")
            .arg(self.folder.path().join(id.to_string()))
            // A pipe of which this process has the other end: if this one is killed, the node ends.
            .arg("--end-with-stdin")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .await?;
        self.running[id as usize - 1] = Some(child);
        Ok(())
    }

    /// Ends a node without a word: it gets SIGKILL.
    pub(crate) async fn kill(&mut self, id: u64) -> io::Result<()> {
        let mut child = self.running[id as usize - 1].take().expect("it runs");
        child.kill()?;
        child.wait().await.map(drop)
    }

    /// Asks all nodes to stop.
    ///
    /// # Errors
    ///
    /// One of them did not end well.
    pub(crate) async fn stop(&mut self) -> io::Result<()> {
        for (child, address) in self.running.iter_mut().zip(&self.addresses) {
            let mut child = child.take().expect("all run");
            child.signal(SIGTERM)?;
            // To wait for a process closes its input, and the end of that is an end without a stop.
            let _input = child.stdin.take();
            let status = timeout(PATIENCE, child.wait()).await??;
            if !status.success() {
                return Err(Error::other(format!("the node at {address} ended with {status}")));
            }
        }
        Ok(())
    }

    pub(crate) fn address(&self, id: u64) -> &str {
        &self.addresses[id as usize - 1]
    }

    /// The leader, and its term, as soon as one of the running nodes knows it.
    pub(crate) async fn leader(&self) -> io::Result<(u64, u64)> {
        eventually("a leader", async || {
            let mut newest = None;
            for (running, address) in self.running.iter().zip(&self.addresses) {
                if running.is_none() {
                    continue;
                }
                let Ok(Status { term, leader: Some(leader), .. }) = status(address).await else {
                    continue;
                };
                if self.running[leader as usize - 1].is_some() {
                    newest = newest.max(Some((term, leader)));
                }
            }
            newest
        })
        .await
        .map(|(term, leader)| (leader, term))
    }

    /// Waits until a node has applied the log up to there.
    pub(crate) async fn caught_up(&self, id: u64, applied: u64) -> io::Result<()> {
        let what = format!("node {id} has what the others have");
        eventually(&what, async || {
            let status = status(self.address(id)).await.ok()?;
            (status.applied >= applied).then_some(())
        })
        .await
    }

    /// Waits until all nodes have applied the same log, and returns what they have then.
    pub(crate) async fn agreed(&self) -> io::Result<Vec<Status>> {
        eventually("all nodes have applied the same", async || {
            let mut all = Vec::new();
            for address in &self.addresses {
                all.push(status(address).await.ok()?);
            }
            all.windows(2).all(|two| two[0].applied == two[1].applied).then_some(all)
        })
        .await
    }
}

/// Asks again and again, until there is an answer.
async fn eventually<T>(what: &str, ask: impl AsyncFn() -> Option<T>) -> io::Result<T> {
    in_time(what, async {
        loop {
            match ask().await {
                Some(value) => return Ok(value),
                None => sleep(Duration::from_millis(20)).await,
            }
        }
    })
    .await
}

/// Waits for something for as long as anything here may take.
pub(crate) async fn in_time<T>(
    what: &str,
    work: impl Future<Output = io::Result<T>>,
) -> io::Result<T> {
    let too_late = |_| Error::new(io::ErrorKind::TimedOut, format!("in vain: {what}"));
    timeout(PATIENCE, work).await.map_err(too_late)?
}
