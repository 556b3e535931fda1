//! The demonstration: leaders are killed while clients write, and no confirmed write is lost.

use crate::client::{Client, status};
use crate::cluster::{Cluster, NODES, in_time};
use crate::say;
use nestling::Never;
use nestling::io::nursery;
use nestling::signal::stop_requested;
use nestling::sync::Notify;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io::{self, Error};
use std::time::Instant;

/// How many clients write.
const CLIENTS: usize = 4;

/// Runs it, and prints what happens.
///
/// # Errors
///
/// A confirmed write is lost, the nodes have not the same pairs, or something took far too long.
pub(crate) async fn run(rounds: u32, writes: usize) -> io::Result<()> {
    let mut cluster = Cluster::new().await?;
    let (nodes, ledger) = (cluster.addresses.clone(), Ledger::default());
    say(format_args!("three nodes, at {}", nodes.join(", ")));
    // The processes are of this nursery, also those that are started later: it ends after them.
    nursery(async |n| {
        n.spawn_daemon(async {
            stop_requested().await?;
            Err::<Never, _>(Error::other("stopped by a signal"))
        });
        for id in 1..=NODES {
            cluster.start(id).await?;
        }
        let write = |client| n.spawn(ledger.write(client, &nodes));
        let writers: Vec<_> = (0..CLIENTS).map(write).collect();
        say("round  killed  term      no leader for  read back  came back after  lost");
        for round in 1..=rounds {
            kill_the_leader(&mut cluster, &ledger, round, writes).await?;
        }
        ledger.is_closed.set(true);
        for writer in writers {
            writer.await?;
        }
        // All at once: no node is left that could give another what that has lost. What they then
        // have was in their files. A kill leaves the kernel's cache of those: that they were synced
        // is shown by a test with a file that cannot be (`tests/raft_kv/storage.rs`).
        for id in 1..=NODES {
            cluster.kill(id).await?;
        }
        for id in 1..=NODES {
            cluster.start(id).await?;
        }
        let read = in_time("all is read back", ledger.read(&nodes)).await?;
        say(format_args!("all three were killed: {read} confirmed writes are there, none is lost"));
        let all = cluster.agreed().await?;
        if all.iter().any(|one| (one.keys, one.checksum) != (all[0].keys, all[0].checksum)) {
            return Err(Error::other(format!("the nodes have not the same pairs: {all:?}")));
        }
        say(format_args!("all three have the same {} keys", all[0].keys));
        cluster.stop().await
    })
    .await
}

/// One round: the leader is killed in the middle of the writes, the others go on, it comes back.
async fn kill_the_leader(
    cluster: &mut Cluster,
    ledger: &Ledger,
    round: u32,
    writes: usize,
) -> io::Result<()> {
    in_time("writes are confirmed", ledger.more(writes)).await?;
    let (leader, term) = cluster.leader().await?;
    let killed = Instant::now();
    cluster.kill(leader).await?;
    let (next, next_term) = cluster.leader().await?;
    in_time("the new leader confirms a write", ledger.more(1)).await?;
    let outage = killed.elapsed().as_secs_f64();
    in_time("two nodes confirm writes", ledger.more(writes)).await?;
    let applied = status(cluster.address(next)).await?.applied;
    let started = Instant::now();
    cluster.start(leader).await?;
    cluster.caught_up(leader, applied).await?;
    let back = started.elapsed().as_secs_f64();
    let nodes = cluster.addresses.clone();
    let read = in_time("all is read back", ledger.read(&nodes)).await?;
    say(format_args!(
        "{round:5}  node {leader}  {term:2} -> {next_term:2}  {outage:11.2} s  {read:9}  \
         {back:13.2} s     0"
    ));
    Ok(())
}

/// Which writes were confirmed.
#[derive(Default)]
struct Ledger {
    confirmed: RefCell<BTreeMap<String, String>>,
    grown: Notify,
    is_closed: Cell<bool>,
}

impl Ledger {
    /// Writes one key after the other, until the ledger is closed.
    async fn write(&self, client: usize, nodes: &[String]) -> io::Result<()> {
        let mut cluster = Client::new(nodes);
        for number in 0.. {
            if self.is_closed.get() {
                break;
            }
            let (key, value) = (format!("{client}/{number}"), format!("value {number}"));
            in_time("a write is confirmed", cluster.set(&key, &value)).await?;
            self.confirmed.borrow_mut().insert(key, value);
            self.grown.notify_all();
        }
        Ok(())
    }

    /// Waits until so many further writes are confirmed.
    async fn more(&self, writes: usize) -> io::Result<()> {
        let enough = self.confirmed.borrow().len() + writes;
        while self.confirmed.borrow().len() < enough {
            self.grown.notified().await;
        }
        Ok(())
    }

    /// Reads back what was confirmed until now, and says how many writes that were.
    ///
    /// # Errors
    ///
    /// One of them is not there.
    async fn read(&self, nodes: &[String]) -> io::Result<usize> {
        let confirmed = self.confirmed.borrow().clone();
        let (keys, values): (Vec<_>, Vec<_>) = confirmed.into_iter().unzip();
        let mut cluster = Client::new(nodes);
        for (keys, values) in keys.chunks(100).zip(values.chunks(100)) {
            let found = cluster.get(keys.to_vec()).await?;
            for ((key, value), found) in keys.iter().zip(values).zip(found) {
                if found.as_ref() != Some(value) {
                    let text = format!("LOST: {key} was {value:?}, and is {found:?}");
                    return Err(Error::other(text));
                }
            }
        }
        Ok(keys.len())
    }
}
