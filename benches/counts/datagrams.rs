//! What an echo server of datagrams does for one of 64 bytes, without what its clients do: they are
//! blocking sockets of the same thread, as in [`messages`](super::messages).

use super::messages::{Counted, LENGTH, Round};
use crate::counting::allocations;
use nestling::buf::IoBuf;
use nestling::net::UdpSocket;
use nestling::{Runtime, nursery};
use std::io;
use std::net;

/// One receive for all that come; one child for each that goes back, so that those of a turn go
/// together.
async fn echo(socket: &UdpSocket, round: &Round) -> io::Result<()> {
    nursery(async |n| {
        let mut datagrams = socket.recv_stream();
        loop {
            let (lease, datagram) = datagrams.next().await?;
            n.spawn(async move {
                socket.send_to(lease, datagram.from).await.0?;
                round.answer();
                Ok::<_, io::Error>(())
            });
        }
    })
    .await
}

/// One after the other, in a buffer of its own.
async fn echo_plainly(socket: &UdpSocket, round: &Round) -> io::Result<()> {
    let mut buffer = vec![0; 1500];
    loop {
        let (received, filled) = socket.recv_from(buffer).await;
        let (length, from) = received?;
        let (sent, slice) = socket.send_to(filled.slice(..length), from).await;
        sent?;
        round.answer();
        buffer = slice.into_inner();
    }
}

/// A datagram of each client, and the answers.
async fn talk(clients: &[net::UdpSocket], round: &Round) -> io::Result<()> {
    round.begin(clients.len());
    let mut message = [7; LENGTH];
    for client in clients {
        client.send(&message)?;
    }
    round.over().await;
    clients.iter().try_for_each(|client| client.recv(&mut message).map(drop))
}

fn client(server: &UdpSocket) -> io::Result<net::UdpSocket> {
    let client = net::UdpSocket::bind("127.0.0.1:0")?;
    client.connect(server.local_addr()?)?;
    Ok(client)
}

/// So many datagrams, of so many clients that take turns: by one stream of receives, or one by one.
pub(super) fn datagrams(is_stream: bool, clients: usize, datagrams: u64) -> Counted {
    let mut runtime = Runtime::builder().build().expect("a runtime");
    let before = (allocations(), runtime.stats().enters);
    let round = Round::default();
    let result = runtime.block_on(async {
        let server = &UdpSocket::bind("127.0.0.1:0").await?;
        let clients = (0..clients).map(|_| client(server)).collect::<io::Result<Vec<_>>>()?;
        nursery(async |n| {
            match is_stream {
                true => drop(n.spawn(echo(server, &round))),
                false => drop(n.spawn(echo_plainly(server, &round))),
            }
            for _ in 0..datagrams / clients.len() as u64 {
                talk(&clients, &round).await?;
            }
            n.cancel();
            Ok::<_, io::Error>(())
        })
        .await
    });
    result.expect("nothing fails");
    let after = (allocations(), runtime.stats().enters);
    Counted { allocations: after.0 - before.0, enters: after.1 - before.1 }
}
