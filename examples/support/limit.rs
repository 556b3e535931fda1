//! `Limit`: how many connections the whole process serves at once.

use async_channel::{Receiver, Sender};

/// The most that `--limit` may say; the tokens' places are allocated ahead.
pub(crate) const MOST: usize = 1_000_000;

/// A channel that holds a token for each connection being served. When it is full, sending
/// another waits: on any core, and in the order of asking.
///
/// One limit for all cores, and not a share for each: the kernel spreads connections by a hash,
/// so one core would refuse clients while the others have room.
#[derive(Debug)]
pub(crate) struct Limit(Option<(Sender<()>, Receiver<()>)>);

/// The right to serve one connection, until it is dropped.
#[derive(Debug)]
pub(crate) struct Permit(Option<Receiver<()>>);

impl Limit {
    /// A limit, or none.
    pub(crate) fn new(connections: Option<usize>) -> Self {
        Self(connections.map(async_channel::bounded))
    }

    /// Waits until one more connection may be served.
    pub(crate) async fn permit(&self) -> Permit {
        let Some((tokens, taken)) = &self.0 else { return Permit(None) };
        tokens.send(()).await.expect("the channel is never closed");
        Permit(Some(taken.clone()))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(tokens) = &self.0 {
            // Ours is in there, or another that stands for it.
            let _ = tokens.try_recv();
        }
    }
}
