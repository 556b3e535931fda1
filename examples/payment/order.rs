//! The order: one nursery, one child for each service.
//!
//! ```text
//!   each child   connect ── ask ──▶ promised ── all have a promise ──▶ CONFIRM
//!                    └───────┴──▶ failed: cancels the others     │
//!                                                                └─ cancelled ──▶ UNDO
//! ```

use crate::connection::Connection;
use crate::services::ATTACHMENT;
use crate::unanimous::Unanimous;
use nestling::{finally, io::nursery, shield_for, timeout};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// How long a service may take to hear what became of its promise.
const GOODBYE: Duration = Duration::from_secs(5);

/// Where the services are.
pub(crate) struct Services {
    pub(crate) card: SocketAddr,
    pub(crate) store: SocketAddr,
    pub(crate) mail: SocketAddr,
}

/// Places the order with all three services, or with none.
///
/// # Errors
///
/// The first that went wrong: a service says no, or its connection breaks. When this returns, what
/// was promised is undone, and all connections are closed. Only when all have promised, and one
/// breaks its promise, are the others held to theirs.
pub(crate) async fn place(services: &Services) -> io::Result<()> {
    let mut letter = format!("MAIL anna {ATTACHMENT}\n").into_bytes();
    letter.resize(letter.len() + ATTACHMENT, b'.');
    let all = Unanimous::of(3);
    nursery(async |n| {
        n.spawn(take_part("card", services.card, b"BLOCK 42 euros\n".to_vec(), &all));
        n.spawn(take_part("store", services.store, b"RESERVE 1 book\n".to_vec(), &all));
        n.spawn(take_part("mail", services.mail, letter, &all));
        Ok(())
    })
    .await
}

/// One child: gets a promise from one service, and keeps the service to it, or lets it off.
async fn take_part(
    name: &'static str,
    address: SocketAddr,
    question: Vec<u8>,
    all: &Unanimous,
) -> io::Result<()> {
    // Cancelled up to here, the connection ends before the service has promised anything, or
    // before we heard of it: it lets go by itself.
    let service = Connection::open(name, address).await?;
    service.ask(question).await?;
    // It has promised. If this wait is cut, because another service said no, it still hears so.
    finally(all.agree(), async |agreed| {
        if agreed.is_none() {
            let _ = timeout(GOODBYE, service.ask("UNDO\n")).await;
        }
    })
    .await;
    // From here no task turns back, also not when another confirmation fails.
    shield_for(GOODBYE, service.ask("CONFIRM\n")).await?
}
