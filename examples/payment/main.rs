//! An order: charge a card, send a mail, take the goods from the store, all at once and all or
//! nothing. Try:
//!
//! ```text
//! cargo run --example payment                           # the card is refused: nothing is done
//! cargo run --example payment -- --accept               # it is not: everything is done
//! cargo run --example payment -- --card 127.0.0.1:9000  # you are the card service, with
//!                                                       # `nc -l 127.0.0.1 9000`: answer OK or NO
//!                                                       # to BLOCK, OK to CONFIRM; or press Ctrl-C
//! ```
//!
//! The three services are servers in this process, with real sockets.
//!
//! | file | what it holds |
//! |---|---|
//! | `order.rs` | the order: one nursery, one child for each service. Read this one |
//! | `unanimous.rs` | waits until all children have a promise from their service |
//! | `services.rs` | the three services |
//! | `connection.rs` | a line protocol: what both sides say and hear |
//! | `../support/event.rs` | something that happens once |

mod connection;
#[path = "../support/event.rs"]
mod event;
mod order;
mod services;
#[path = "../support/mod.rs"]
mod support;
mod unanimous;

use crate::order::Services;
use crate::services::Script;
use crate::support::{complain, say};
use lexopt::Parser;
use lexopt::prelude::{Long, ValueExt};
use nestling::net::TcpListener;
use nestling::time::Instant;
use nestling::{Options, io::nursery_with};
use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

/// An order that takes longer is given up. Far more than it needs, also with a human card service.
const PATIENCE: Duration = Duration::from_secs(120);

/// Who answers for the card.
enum Card {
    Refused,
    Accepted,
    /// A service outside of this process.
    Outside(SocketAddr),
}

/// 0: the order was placed. 1: it was not. 2: it was called wrongly.
fn main() -> ExitCode {
    let card = match parse(Parser::from_env()) {
        Ok(card) => card,
        Err(error) => {
            complain(format_args!("{error} (the first lines of main.rs say what to try)"));
            return ExitCode::from(2);
        }
    };
    match nestling::block_on(story(&card)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(error);
            ExitCode::FAILURE
        }
    }
}

fn parse(mut arguments: Parser) -> Result<Card, lexopt::Error> {
    let mut card = Card::Refused;
    while let Some(argument) = arguments.next()? {
        card = match argument {
            Long("accept") => Card::Accepted,
            Long("card") => Card::Outside(arguments.value()?.parse()?),
            other => return Err(other.unexpected()),
        };
    }
    Ok(card)
}

/// Starts the services, places the order, and tells what each service has seen of it.
async fn story(card: &Card) -> io::Result<()> {
    let listeners = [
        TcpListener::bind("127.0.0.1:0").await?,
        TcpListener::bind("127.0.0.1:0").await?,
        TcpListener::bind("127.0.0.1:0").await?,
    ];
    let [card_desk, store, mail] = &listeners;
    let services = Services {
        card: if let Card::Outside(address) = card { *address } else { card_desk.local_addr()? },
        store: store.local_addr()?,
        mail: mail.local_addr()?,
    };
    let script = Script::new();
    let deadline = Some(Instant::now() + PATIENCE);
    nursery_with(Options { deadline, ..Options::default() }, async |n| {
        // They end when their one customer has gone, or the order is over.
        let card_report = match card {
            Card::Refused => Some(n.spawn(services::card(card_desk, false, &script))),
            Card::Accepted => Some(n.spawn(services::card(card_desk, true, &script))),
            Card::Outside(_) => {
                script.improvise();
                None
            }
        };
        let store_report = n.spawn(services::store(store, &script));
        let mail_report = n.spawn(services::mail(mail, &script));
        let outcome = order::place(&services).await;
        script.end();
        if let Some(report) = card_report {
            say(format_args!("card service:  {}", report.await?));
        }
        say(format_args!("store:         {}", store_report.await?));
        say(format_args!("mail service:  {}", mail_report.await?));
        outcome.map(|()| say("the order is placed"))
    })
    .await
}
