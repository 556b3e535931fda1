//! The network of openraft: one connection for each purpose and peer, made when it is needed.

use crate::data::Data;
use crate::types::{Answer, Kv, PIECE, Pairs, Request};
use crate::wire::Connection;
use futures_util::future::{Either, select};
use nestling::timeout;
use openraft::alias::{SnapshotOf, VoteOf};
use openraft::errors::{NetworkError, RPCError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::RPCOption;
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, VoteRequest, VoteResponse,
};
use openraft::{BasicNode, OptionalSend, RaftNetworkFactory, RaftNetworkV2};
use std::future::Future;
use std::io::{self, Error, ErrorKind};
use std::iter;
use std::pin::pin;
use std::time::Duration;

/// In this time a node takes a [`PIECE`] of entries. That it is there is known from heartbeats.
const APPEND: Duration = Duration::from_secs(5);

/// Knows how to reach the other nodes: by the address that is in the membership.
pub(crate) struct Network;

impl RaftNetworkFactory<Kv> for Network {
    type Network = Peer;

    async fn new_client(&mut self, _id: u64, node: &BasicNode) -> Peer {
        Peer { address: node.addr.clone(), connection: None }
    }
}

/// Another node.
pub(crate) struct Peer {
    address: String,
    connection: Option<Connection>,
}

impl Peer {
    /// Asks the node. The connection is kept if it has answered; openraft may drop this future.
    async fn ask(&mut self, request: Request, time: Duration) -> Result<Answer, RPCError<Kv>> {
        let deadline = std::time::Instant::now() + time;
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            // A node that cannot be reached is left alone for a while.
            None => within(deadline, Connection::connect(&self.address))
                .await
                .map_err(|error| Unreachable::new(&error))?,
        };
        // One that has gone since the last answer may be there again: this is tried at once.
        let answer = within(deadline, connection.ask(&request)).await;
        let answer = answer.map_err(|error| NetworkError::new(&error))?;
        self.connection = Some(connection);
        Ok(answer)
    }

    /// Sends a snapshot piece by piece, each in this time. The connection is for it alone: pieces
    /// of one that was given up went with their connection.
    async fn send_snapshot(
        &self,
        vote: VoteOf<Kv>,
        snapshot: SnapshotOf<Kv, Data>,
        time: Duration,
    ) -> Result<Answer, RPCError<Kv>> {
        let mut peer = Self { address: self.address.clone(), connection: None };
        let SnapshotOf::<Kv, Data> { meta, snapshot: Data { pairs, clients } } = snapshot;
        // To write all of it to the disk takes longer than to take a piece.
        let mut time_for_all = time;
        for piece in pieces(pairs) {
            match peer.ask(Request::Pairs(piece), time).await? {
                Answer::Pairs => time_for_all += time,
                other => return Err(refused(other)),
            }
        }
        peer.ask(Request::Snapshot { vote, meta, clients }, time_for_all).await
    }
}

async fn within<T>(
    deadline: std::time::Instant,
    work: impl Future<Output = io::Result<T>>,
) -> io::Result<T> {
    let left = deadline.saturating_duration_since(std::time::Instant::now());
    timeout(left, work).await?
}

/// Parts of a snapshot, of which each fits into a message.
fn pieces(pairs: Pairs) -> impl Iterator<Item = Pairs> {
    let mut pairs = pairs.into_iter();
    iter::from_fn(move || {
        let (mut piece, mut length) = (Pairs::new(), 0);
        while length < PIECE
            && let Some((key, value)) = pairs.next()
        {
            length += key.len() + value.len();
            piece.insert(key, value);
        }
        (!piece.is_empty()).then_some(piece)
    })
}

/// For an answer to another question, or a node that cannot answer.
fn refused(answer: Answer) -> RPCError<Kv> {
    let text = match answer {
        Answer::Failed(text) | Answer::Refused(text) => text,
        other => format!("an answer to another question: {other:?}"),
    };
    Unreachable::new(&Error::new(ErrorKind::InvalidData, text)).into()
}

impl RaftNetworkV2<Kv> for Peer {
    type SnapshotData = Data;

    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest<Kv>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<Kv>, RPCError<Kv>> {
        // openraft gives less than a heartbeat's interval. What a node cannot take in its time is
        // sent again, for ever: entries may be long, and are answered when they are on the disk.
        let time = if request.entries.is_empty() { option.soft_ttl() } else { APPEND };
        match self.ask(Request::Append(request), time).await? {
            Answer::Append(answer) => Ok(answer),
            other => Err(refused(other)),
        }
    }

    async fn vote(
        &mut self,
        request: VoteRequest<Kv>,
        option: RPCOption,
    ) -> Result<VoteResponse<Kv>, RPCError<Kv>> {
        match self.ask(Request::Vote(request), option.soft_ttl()).await? {
            Answer::Vote(answer) => Ok(answer),
            other => Err(refused(other)),
        }
    }

    async fn full_snapshot(
        &mut self,
        vote: VoteOf<Kv>,
        snapshot: SnapshotOf<Kv, Data>,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        option: RPCOption,
    ) -> Result<SnapshotResponse<Kv>, StreamingError<Kv>> {
        let asked = self.send_snapshot(vote, snapshot, option.soft_ttl());
        match select(pin!(cancel), pin!(asked)).await {
            Either::Left((closed, _)) => Err(closed.into()),
            Either::Right((answer, _)) => match answer? {
                Answer::Snapshot(answer) => Ok(answer),
                other => Err(refused(other).into()),
            },
        }
    }
}
