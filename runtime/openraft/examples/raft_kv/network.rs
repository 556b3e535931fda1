//! The network of openraft: one connection for each purpose and peer, made when it is needed.

use crate::types::{Answer, Kv, Pairs, Request};
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
use std::pin::pin;
use std::time::Duration;

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
}

async fn within<T>(
    deadline: std::time::Instant,
    work: impl Future<Output = io::Result<T>>,
) -> io::Result<T> {
    let left = deadline.saturating_duration_since(std::time::Instant::now());
    timeout(left, work).await?
}

/// For an answer to another question, or a node that cannot answer.
fn refused(answer: Answer) -> RPCError<Kv> {
    let text = match answer {
        Answer::Failed(text) => text,
        other => format!("an answer to another question: {other:?}"),
    };
    Unreachable::new(&Error::new(ErrorKind::InvalidData, text)).into()
}

impl RaftNetworkV2<Kv> for Peer {
    type SnapshotData = Pairs;

    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest<Kv>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<Kv>, RPCError<Kv>> {
        match self.ask(Request::Append(request), option.soft_ttl()).await? {
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
        snapshot: SnapshotOf<Kv, Pairs>,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        option: RPCOption,
    ) -> Result<SnapshotResponse<Kv>, StreamingError<Kv>> {
        let SnapshotOf::<Kv, Pairs> { meta, snapshot: pairs } = snapshot;
        let asked = self.ask(Request::Snapshot { vote, meta, pairs }, option.soft_ttl());
        match select(pin!(cancel), pin!(asked)).await {
            Either::Left((closed, _)) => Err(closed.into()),
            Either::Right((answer, _)) => match answer? {
                Answer::Snapshot(answer) => Ok(answer),
                other => Err(refused(other).into()),
            },
        }
    }
}
