//! The three services: each serves one customer, and reports what it has seen.
//!
//! A promise lasts until the customer confirms it or undoes it, or goes. So a connection that ends
//! early leaves nothing behind.

use crate::connection::Connection;
use crate::event::Event;
use futures_util::future::{Either, select};
use nestling::net::TcpListener;
use std::io;
use std::pin::pin;

/// The size of a mail's attachment: more than fits between the two sides.
pub(crate) const ATTACHMENT: usize = 32 * 1024 * 1024;

/// Who is faster than whom, so that the story is the same in every run: the card service answers
/// when the other two are in the middle of their work, and the mail service is slow: it takes the
/// attachment when the card service is done.
pub(crate) struct Script {
    reserved: Event,
    mail_begun: Event,
    card_done: Event,
    /// The order is over: who has no customer yet gets none.
    over: Event,
}

/// What became of a promise.
enum End {
    Confirmed,
    Undone,
    Gone,
}

impl Script {
    pub(crate) fn new() -> Self {
        let event = Event::new;
        Self { reserved: event(), mail_begun: event(), card_done: event(), over: event() }
    }

    /// The mail service does not wait for the card service, which is not ours.
    pub(crate) fn improvise(&self) {
        self.card_done.raise();
    }

    /// The order is over: no service waits for another any more.
    pub(crate) fn end(&self) {
        let events = [&self.reserved, &self.mail_begun, &self.card_done, &self.over];
        events.into_iter().for_each(Event::raise);
    }
}

/// Blocks money on a card; takes it when confirmed.
pub(crate) async fn card(
    listener: &TcpListener,
    accepts: bool,
    script: &Script,
) -> io::Result<String> {
    let Some((customer, question)) = customer(listener, script).await? else {
        return Ok("not asked".to_owned());
    };
    script.reserved.raised().await;
    script.mail_begun.raised().await;
    if accepts {
        script.card_done.raise();
        return Ok(match promise(&customer).await {
            End::Confirmed => format!("{question}: charged"),
            End::Undone => format!("{question}: blocked, and let go; nothing is charged"),
            End::Gone => format!("{question}: the customer went; nothing is charged"),
        });
    }
    let _ = customer.say("NO, the card is refused\n").await;
    // The customer hangs up as soon as it has the answer.
    let _ = customer.line().await;
    script.card_done.raise();
    Ok(format!("{question}: refused; nothing is charged"))
}

/// Has three books. Reserves one; gives it away when confirmed.
pub(crate) async fn store(listener: &TcpListener, script: &Script) -> io::Result<String> {
    let Some((customer, question)) = customer(listener, script).await? else {
        return Ok("not asked".to_owned());
    };
    script.reserved.raise();
    Ok(match promise(&customer).await {
        End::Confirmed => format!("{question}: taken; 2 books are left"),
        End::Undone => format!("{question}: reserved, and given back; 3 books are left"),
        End::Gone => format!("{question}: the customer went; 3 books are left"),
    })
}

/// Receives a mail with an attachment; sends it when confirmed.
pub(crate) async fn mail(listener: &TcpListener, script: &Script) -> io::Result<String> {
    let Some((customer, question)) = customer(listener, script).await? else {
        return Ok("not asked".to_owned());
    };
    script.mail_begun.raise();
    script.card_done.raised().await;
    let taken = customer.take(ATTACHMENT).await;
    if taken < ATTACHMENT {
        let end = "the connection ended before the mail was complete; nothing is sent";
        return Ok(format!("{question}: {taken} bytes came, then {end}"));
    }
    Ok(match promise(&customer).await {
        End::Confirmed => format!("{question}: sent"),
        End::Undone => format!("{question}: received, and thrown away; nothing is sent"),
        End::Gone => format!("{question}: the customer went; nothing is sent"),
    })
}

/// The customer and its first line; `None` if the order is over before.
async fn customer(
    listener: &TcpListener,
    script: &Script,
) -> io::Result<Option<(Connection, String)>> {
    let accepted = match select(pin!(listener.accept()), pin!(script.over.raised())).await {
        Either::Left((accepted, _)) => accepted,
        Either::Right(_) => return Ok(None),
    };
    let customer = Connection::new("customer", accepted?.0);
    Ok(line(&customer).await.map(|question| (customer, question)))
}

/// A line of the customer. How a customer went is its affair.
async fn line(customer: &Connection) -> Option<String> {
    customer.line().await.ok().flatten()
}

/// Makes the promise, and waits for what becomes of it.
async fn promise(customer: &Connection) -> End {
    if customer.say("OK\n").await.is_err() {
        return End::Gone;
    }
    let end = match line(customer).await.as_deref() {
        Some("CONFIRM") => End::Confirmed,
        Some("UNDO") => End::Undone,
        _ => return End::Gone,
    };
    let _ = customer.say("OK\n").await;
    end
}
