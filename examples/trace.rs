//! Looks at a run: writes a trace of its nurseries and tasks, and prints its tree. Try:
//!
//! ```text
//! cargo run --example trace -- trace.json    # then open the file in https://ui.perfetto.dev
//! ```
//!
//! In the viewer each task has a row, with the nurseries that it opened inside; the thread shows
//! the polls. A few clients send messages to an echo server on the loopback; one of them gives up
//! after a timeout, and a child of the last part fails, which cancels its siblings. Search for
//! "failure" and "cancel".

mod support;

use crate::support::{complain, say};
use nestling::inspect::{ChromeTrace, instrument};
use nestling::net::{TcpListener, TcpStream};
use nestling::time::sleep;
use nestling::{Cancelled, Options, block_on, dump_tree, io::nursery_with, timeout};
use std::env;
use std::future::pending;
use std::io::{self, Error};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

const CLIENTS: u64 = 4;
const MESSAGES: u64 = 5;

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [path] = arguments.as_slice() else {
        complain("one argument is needed: the file to write, such as trace.json");
        return ExitCode::from(2);
    };
    match record(path) {
        Ok(()) => {
            say(format_args!(
                "wrote {path}: open it in https://ui.perfetto.dev or chrome://tracing"
            ));
            ExitCode::SUCCESS
        }
        Err(error) => {
            complain(format_args!("{path}: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn record(path: &str) -> io::Result<()> {
    let trace = ChromeTrace::create(path)?;
    let guard = instrument(trace.recorder());
    let ended = block_on(work());
    drop(guard);
    trace.finish()?;
    ended
}

fn named(name: &'static str) -> Options {
    Options { name: Some(name), ..Options::default() }
}

async fn work() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    nursery_with(named("service"), async |n| {
        n.spawn_daemon(serve(&listener));
        nursery_with(named("clients"), async |clients| {
            for number in 0..CLIENTS {
                clients.spawn_named("client", client(address, number));
            }
            clients.spawn_named("impatient", impatient(address));
            Ok(())
        })
        .await
    })
    .await?;
    let refused = nursery_with(named("payment"), async |n| {
        n.spawn_named("inventory", pending::<()>());
        n.spawn_named("mail", async { drop(listener.accept().await) });
        n.spawn_named("card", async {
            sleep(Duration::from_millis(2)).await;
            complain(dump_tree());
            Err::<(), _>(Error::other("the card was refused"))
        });
        Ok(())
    })
    .await;
    say(format_args!("the payment failed, as it should: {}", refused.expect_err("the card")));
    Ok(())
}

/// Accepts connections; each has a child.
async fn serve(listener: &TcpListener) -> io::Result<()> {
    nursery_with(named("connections"), async |n| {
        loop {
            let (stream, _) = listener.accept().await?;
            n.spawn_named("connection", echo(stream));
        }
    })
    .await
}

async fn echo(stream: TcpStream) -> io::Result<()> {
    loop {
        let (received, mut buffer) = stream.read(vec![0; 64]).await;
        let length = received?;
        if length == 0 {
            return Ok(());
        }
        buffer.truncate(length);
        stream.write_all(buffer).await.0?;
    }
}

async fn client(address: SocketAddr, number: u64) -> io::Result<()> {
    let stream = TcpStream::connect(address).await?;
    for _ in 0..MESSAGES {
        stream.write_all("hello").await.0?;
        stream.read_exact(vec![0; 5]).await.0?;
        sleep(Duration::from_micros(200 * number)).await;
    }
    Ok(())
}

/// Waits for a message that never comes, and gives up.
async fn impatient(address: SocketAddr) -> io::Result<()> {
    let stream = TcpStream::connect(address).await?;
    let patience = Duration::from_millis(3);
    let gave_up = match timeout(patience, stream.read(vec![0; 64])).await {
        Ok((received, _)) => received.is_err_and(|error| nestling::is_cancelled(&error)),
        Err(_elapsed) => true,
    };
    // The read answered once more, with the cancellation.
    if gave_up { Ok(()) } else { Err(Cancelled::new().into()) }
}
