//! The types of the cluster, and the messages that nodes and clients exchange.

use crate::data::Clients;
use nestling_openraft::NestlingRuntime;
use openraft::alias::{SnapshotMetaOf, VoteOf};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, VoteRequest, VoteResponse,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

openraft::declare_raft_types!(
    /// What openraft is told about this program.
    pub(crate) Kv:
        D = Set,
        R = (),
        AsyncRuntime = NestlingRuntime,
);

/// What the cluster stores.
pub(crate) type Pairs = BTreeMap<String, String>;

/// The most bytes of keys and values in a change; and about as many are sent at once to a node
/// that lags behind. By that, what nodes send each other is below `wire::LONGEST`, however JSON
/// writes it.
pub(crate) const PIECE: usize = 1 << 20;

/// A change that the cluster agrees on.
///
/// A client repeats it when it has heard no answer. If it was done the first time, another client
/// may have set the key again since then, and must not lose that: so the state machine knows by the
/// number what it has done already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Set {
    pub(crate) key: String,
    pub(crate) value: String,
    /// The client that wants it: a number that no other one has.
    pub(crate) client: u64,
    /// Higher than that of this client's changes before. The client has waited for those, or given
    /// them up.
    pub(crate) number: u64,
}

impl Set {
    /// How many bytes the key and the value have.
    pub(crate) fn length(&self) -> usize {
        self.key.len() + self.value.len()
    }
}

impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}", self.key, self.value)
    }
}

/// What a client or another node asks of a node.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Request {
    /// By clients.
    Set(Set),
    /// By clients: the values of some keys.
    Get(Vec<String>),
    /// By clients: how the node is.
    Status,
    /// By the leader.
    Append(AppendEntriesRequest<Kv>),
    /// By candidates.
    Vote(VoteRequest<Kv>),
    /// By the leader, to a node that lags behind what the leader's log still has: some of the pairs
    /// of a snapshot.
    Pairs(Pairs),
    /// By the leader: the rest of the snapshot, with the pairs that came over this connection.
    Snapshot { vote: VoteOf<Kv>, meta: SnapshotMetaOf<Kv>, clients: Clients },
}

/// What the node answers.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Answer {
    /// The change is on the disks of most nodes.
    Set,
    /// In the order of the keys.
    Values(Vec<Option<String>>),
    Status(Status),
    Append(AppendEntriesResponse<Kv>),
    Vote(VoteResponse<Kv>),
    /// The node keeps them until the snapshot comes.
    Pairs,
    Snapshot(SnapshotResponse<Kv>),
    /// Ask the leader, if one is known: this is its address.
    NotLeader(Option<String>),
    /// The node cannot answer; nothing is known of the change.
    Failed(String),
    /// No node can do this, however often it is asked; nothing is changed.
    Refused(String),
}

/// How a node is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Status {
    pub(crate) term: u64,
    pub(crate) leader: Option<u64>,
    /// The log ends here.
    pub(crate) last: u64,
    /// The log up to here is in the pairs.
    pub(crate) applied: u64,
    /// The pairs up to here are in the node's snapshot.
    pub(crate) snapshot: u64,
    /// How many keys there are, and a checksum over all data.
    pub(crate) keys: usize,
    pub(crate) checksum: u32,
}
