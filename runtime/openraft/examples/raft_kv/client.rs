//! A client of the cluster: finds the leader, and asks again when that has gone.

use crate::types::{Answer, Request, Set, Status};
use crate::wire::Connection;
use nestling::time::sleep;
use nestling::timeout;
use std::io::ErrorKind::InvalidInput;
use std::io::{self, Error};
use std::time::Duration;

/// After so long without an answer another node is asked.
const PATIENCE: Duration = Duration::from_secs(3);

/// Between two attempts: an election takes longer than this.
const PAUSE: Duration = Duration::from_millis(50);

/// A client, with one connection at a time.
pub(crate) struct Client<'a> {
    nodes: &'a [String],
    /// Which of them is asked next, if none is known to be the leader.
    next: usize,
    leader: Option<String>,
    connection: Option<Connection>,
    /// Which client this is: by chance, no other one.
    id: u64,
    /// How many changes it has wanted.
    changes: u64,
}

impl<'a> Client<'a> {
    pub(crate) fn new(nodes: &'a [String]) -> Self {
        Self { nodes, next: 0, leader: None, connection: None, id: rand::random(), changes: 0 }
    }

    /// Sets a key. When this returns, most nodes have it on their disks. It is repeated until a
    /// leader confirms it, and done once: bound it by a timeout.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the key and the value are too long.
    pub(crate) async fn set(&mut self, key: &str, value: &str) -> io::Result<()> {
        self.changes += 1;
        let (key, value) = (key.to_owned(), value.to_owned());
        let set = Set { key, value, client: self.id, number: self.changes };
        match self.ask_leader(&Request::Set(set)).await? {
            Answer::Set => Ok(()),
            other => Err(unexpected(&other)),
        }
    }

    /// The values of some keys, as the leader has them.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if they are too long for one message.
    pub(crate) async fn get(&mut self, keys: Vec<String>) -> io::Result<Vec<Option<String>>> {
        let count = keys.len();
        match self.ask_leader(&Request::Get(keys)).await? {
            Answer::Values(values) if values.len() == count => Ok(values),
            other => Err(unexpected(&other)),
        }
    }

    async fn ask_leader(&mut self, request: &Request) -> io::Result<Answer> {
        loop {
            match timeout(PATIENCE, self.ask_once(request)).await {
                Ok(Ok(Answer::NotLeader(Some(leader)))) => {
                    // Not the one that is connected.
                    self.connection = None;
                    self.leader = Some(leader);
                    sleep(PAUSE).await;
                }
                Ok(Ok(Answer::Refused(text))) => return Err(Error::new(InvalidInput, text)),
                // Too long for a message: it is no shorter next time.
                Ok(Err(error)) if error.kind() == InvalidInput => return Err(error),
                Ok(Ok(Answer::NotLeader(None) | Answer::Failed(_))) | Ok(Err(_)) | Err(_) => {
                    (self.connection, self.leader) = (None, None);
                    self.next += 1;
                    sleep(PAUSE).await;
                }
                Ok(Ok(answer)) => return Ok(answer),
            }
        }
    }

    async fn ask_once(&mut self, request: &Request) -> io::Result<Answer> {
        // It comes back with the answer: a connection that was left in the middle is closed.
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                let next = &self.nodes[self.next % self.nodes.len()];
                Connection::connect(self.leader.as_ref().unwrap_or(next)).await?
            }
        };
        let answer = connection.ask(request).await?;
        self.connection = Some(connection);
        Ok(answer)
    }
}

/// How a node is; an error if it does not say so.
pub(crate) async fn status(node: &str) -> io::Result<Status> {
    let ask = async { Connection::connect(node).await?.ask(&Request::Status).await };
    match timeout(PATIENCE, ask).await?? {
        Answer::Status(status) => Ok(status),
        other => Err(unexpected(&other)),
    }
}

fn unexpected(answer: &Answer) -> Error {
    Error::other(format!("an answer to another question: {answer:?}"))
}
