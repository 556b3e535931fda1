//! `Event`: something that happens once, and that tasks on any core wait for.

use async_channel::{Receiver, Sender};

/// A flag that wakes everyone who waits for it.
///
/// A channel through which nothing is ever sent: closing it is the event, and a closed channel
/// wakes all its receivers, whichever core they are on. Clones are the same event.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    /// Held, so that the channel is closed by `raise` alone.
    sender: Sender<()>,
    receiver: Receiver<()>,
}

impl Event {
    pub(crate) fn new() -> Self {
        let (sender, receiver) = async_channel::bounded(1);
        Self { sender, receiver }
    }

    /// It happens now. Repeating that is harmless.
    pub(crate) fn raise(&self) {
        self.sender.close();
    }

    /// Waits until it has happened.
    pub(crate) async fn raised(&self) {
        let _ = self.receiver.recv().await;
    }
}
