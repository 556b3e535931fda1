//! A node: openraft, its files, and the listener that peers and clients connect to.

use crate::data::Data;
use crate::log_store::LogStore;
use crate::machine::{Machine, State};
use crate::network::Network;
use crate::options::NodeOptions;
use crate::say;
use crate::types::{Answer, Kv, PIECE, Pairs, Request, Set, Status};
use crate::wire::Connection;
use nestling::io::{nursery, stdin};
use nestling::net::{TcpListener, TcpStream};
use nestling::time::sleep;
use nestling::{Never, Serve, fs, serve};
use nestling_openraft::adopt;
use openraft::errors::{ForwardToLeader, RaftError};
use openraft::{BasicNode, Config, Raft, ReadPolicy, SnapshotPolicy, TryAsRef};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::{self, Error, ErrorKind};
use std::mem;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Runs a node, until a signal asks it to stop.
///
/// # Errors
///
/// Its port or its files cannot be had, or writing them failed: then nothing that this node
/// confirms could be believed, and it ends.
pub(crate) async fn run(options: &NodeOptions) -> io::Result<()> {
    let address = options.address();
    fs::create_dir_all(&options.data).await?;
    let lock = fs::File::create(options.data.join("lock")).await?;
    if !lock.try_lock().await? {
        let folder = options.data.display();
        return Err(Error::other(format!("{folder}: another process uses this folder")));
    }
    let (log, journal) = LogStore::open(options.data.join("log")).await?;
    let machine = Machine::open(options.data.join("snapshot")).await?;
    let listener = listen(address).await?;
    say(format_args!("node {} listens on {address}", options.id));
    nursery(async |n| {
        n.spawn_daemon(journal.write());
        if options.ends_with_stdin {
            n.spawn_daemon(end_of_input());
        }
        adopt(async || member(options, listener, log, machine).await).await
    })
    .await
}

/// Listens. The port of a node that was killed is in use for a moment after that process has ended:
/// the kernel takes its ring down, and what the ring has open, in the background.
async fn listen(address: &str) -> io::Result<TcpListener> {
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        match TcpListener::bind(address).await {
            Err(error) if error.kind() == ErrorKind::AddrInUse && Instant::now() < deadline => {
                sleep(Duration::from_millis(10)).await;
            }
            bound => return bound,
        }
    }
}

/// The part of a node that openraft is in: what that spawns are children of the nursery around.
async fn member(
    options: &NodeOptions,
    listener: TcpListener,
    log: LogStore,
    machine: Machine,
) -> io::Result<()> {
    let state = machine.state();
    let config = Arc::new(config().validate().map_err(Error::other)?);
    let made = Raft::new(options.id, config, Network, log, machine).await;
    let raft = made.map_err(Error::other)?;
    if !raft.is_initialized().await.map_err(Error::other)? {
        // Every node begins with the same members, so it does not matter which one is first.
        let node = |address: &String| BasicNode { addr: address.clone() };
        let nodes = options.nodes.iter().map(|(id, address)| (*id, node(address)));
        raft.initialize(nodes.collect::<BTreeMap<_, _>>()).await.map_err(Error::other)?;
    }
    let node = Node { raft, state };
    let how = Serve { drain: Duration::from_millis(100), ..Serve::default() };
    nursery(async |n| {
        n.spawn_daemon(node.watch());
        serve(listener, how, async |stream, _peer| node.converse(stream).await).await
    })
    .await?;
    node.raft.shutdown().await.map_err(Error::other)
}

/// Times in milliseconds. They allow for machines that do much else.
fn config() -> Config {
    Config {
        cluster_name: "raft_kv".to_owned(),
        heartbeat_interval: 150,
        election_timeout_min: 450,
        election_timeout_max: 900,
        install_snapshot_timeout: 5000,
        // Small, so that a node that was away needs a snapshot.
        snapshot_policy: SnapshotPolicy::LogsSinceLast(500),
        max_in_snapshot_log_to_keep: 100,
        purge_batch_size: 100,
        // The note of what was committed may be older than what was confirmed: a leader that is
        // one again at once would read from an old state. An election tells.
        enable_leader_restore: Some(false),
        ..Config::default()
    }
}

/// Waits for the end of the standard input: the process that has started this one has gone.
async fn end_of_input() -> io::Result<Never> {
    let input = stdin()?;
    while input.read(vec![0; 64]).await.0? > 0 {}
    Err(Error::other("the standard input has ended, and with it this node"))
}

/// openraft's handle, and the data.
struct Node {
    raft: Raft<Kv, Machine>,
    state: Rc<RefCell<State>>,
}

impl Node {
    /// Fails when openraft has stopped by itself.
    async fn watch(&self) -> io::Result<Never> {
        let stopped = self.raft.wait(None);
        let stopped = stopped.metrics(|now| now.running_state.is_err(), "it has stopped").await;
        let why = stopped.map_err(Error::other)?.running_state.unwrap_err();
        Err(Error::other(why))
    }

    /// Answers what comes over one connection, one question after the other.
    async fn converse(&self, stream: TcpStream) -> io::Result<()> {
        let mut connection = Connection::new(stream)?;
        let mut pairs = Pairs::new();
        while let Some(request) = connection.receive().await? {
            let answer = self.answer(request, &mut pairs).await;
            match connection.send(&answer).await {
                // More values than a message can have.
                Err(error) if error.kind() == ErrorKind::InvalidInput => {
                    connection.send(&Answer::Refused(error.to_string())).await?;
                }
                sent => sent?,
            }
        }
        Ok(())
    }

    /// Pairs that come before their snapshot are put to `pairs`.
    async fn answer(&self, request: Request, pairs: &mut Pairs) -> Answer {
        match request {
            Request::Set(set) => self.set(set).await,
            Request::Get(keys) => self.get(&keys).await,
            Request::Status => self.status(),
            Request::Append(append) => {
                self.raft.append_entries(append).await.map_or_else(failed, Answer::Append)
            }
            Request::Vote(vote) => self.raft.vote(vote).await.map_or_else(failed, Answer::Vote),
            Request::Pairs(mut more) => {
                pairs.append(&mut more);
                Answer::Pairs
            }
            Request::Snapshot { vote, meta, clients } => {
                let data = Data { pairs: mem::take(pairs), clients };
                let snapshot = openraft::Snapshot { meta, snapshot: data };
                let installed = self.raft.install_full_snapshot(vote, snapshot).await;
                installed.map_or_else(failed, Answer::Snapshot)
            }
        }
    }

    async fn set(&self, set: Set) -> Answer {
        let length = set.length();
        if length > PIECE {
            return Answer::Refused(format!(
                "a key and a value of {length} bytes, where {PIECE} are the most"
            ));
        }
        self.raft.client_write(set).await.map_or_else(elsewhere, |_| Answer::Set)
    }

    /// Answers from this node's pairs, once most nodes have said that it is still the leader.
    async fn get(&self, keys: &[String]) -> Answer {
        match self.raft.ensure_linearizable(ReadPolicy::ReadIndex).await {
            Ok(_) => {
                let pairs = &self.state.borrow().data.pairs;
                Answer::Values(keys.iter().map(|key| pairs.get(key).cloned()).collect())
            }
            Err(error) => elsewhere(error),
        }
    }

    fn status(&self) -> Answer {
        let metrics = self.raft.metrics();
        let metrics = openraft::async_runtime::watch::WatchReceiver::borrow_watched(&metrics);
        let Data { pairs, clients } = &self.state.borrow().data;
        let mut checksum = crc32fast::Hasher::new();
        for part in pairs.iter().flat_map(|(key, value)| [key, "=", value, "\n"]) {
            checksum.update(part.as_bytes());
        }
        checksum.update(format!("{clients:?}").as_bytes());
        let index = |id: Option<_>| id.map_or(0, |id: openraft::alias::LogIdOf<Kv>| id.index());
        Answer::Status(Status {
            term: metrics.current_term,
            leader: metrics.current_leader,
            last: metrics.last_log_index.unwrap_or(0),
            applied: index(metrics.last_applied),
            snapshot: index(metrics.snapshot),
            keys: pairs.len(),
            checksum: checksum.finalize(),
        })
    }
}

fn failed(error: impl Display) -> Answer {
    Answer::Failed(error.to_string())
}

/// Sends a client to the leader, if that is what is wrong.
fn elsewhere<E>(error: RaftError<Kv, E>) -> Answer
where
    E: std::error::Error + TryAsRef<ForwardToLeader<Kv>>,
{
    match error.forward_to_leader() {
        Some(to) => Answer::NotLeader(to.leader_node.as_ref().map(|node| node.addr.clone())),
        None => failed(error),
    }
}
