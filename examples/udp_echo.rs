//! A UDP echo server: every datagram goes back to where it came from. Try:
//!
//! ```text
//! cargo run --release --example udp_echo                 # then, elsewhere: nc -u 127.0.0.1 7002
//! cargo run --release --example udp_echo -- [::1]:7002   # another address
//! ```

mod support;

use crate::support::{complain, say};
use nestling::buf::IoBuf;
use nestling::io::nursery;
use nestling::net::UdpSocket;
use nestling::signal::stop_requested;
use std::{env, io};

/// The largest datagram that there is.
const LARGEST: usize = 65_535;

/// Datagrams that are under way at the same time: while one is sent, the next is received.
const WORKERS: usize = 8;

#[nestling::main]
async fn main() -> io::Result<()> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:7002".to_owned());
    let socket = UdpSocket::bind(address.as_str()).await?;
    let stopped = stop_requested();
    say(format_args!("listening on {}", socket.local_addr()?));
    nursery(async |n| {
        for _ in 0..WORKERS {
            n.spawn(echo(&socket));
        }
        stopped.await?;
        n.cancel();
        Ok(())
    })
    .await
}

/// Sends back what comes. An error is of one datagram, such as an earlier one that was refused.
async fn echo(socket: &UdpSocket) -> io::Result<()> {
    let mut buffer = Vec::with_capacity(LARGEST);
    while !nestling::task::cancel_called() {
        let (received, filled) = socket.recv_from(buffer).await;
        buffer = match received {
            Ok((length, from)) => {
                let (sent, slice) = socket.send_to(filled.slice(..length), from).await;
                if let Err(error) = sent {
                    complain(format_args!("{from}: {error}"));
                }
                slice.into_inner()
            }
            Err(error) => {
                if !nestling::is_cancelled(&error) {
                    complain(error);
                }
                filled
            }
        };
        buffer.clear();
    }
    Ok(())
}
