//! `async-compat` around one future: Tokio for what is inside, and no set-up.
//!
//! ```text
//! cargo run --manifest-path examples/beside/Cargo.toml --example async_compat
//! ```
//!
//! The first `Compat` of the process starts a thread that has Tokio's timers and sockets, for good.
//! The future itself is polled by its nursery's core, so it is joined, and cut by a cancel, like
//! any child. What it gives to `tokio::spawn` is not: that goes on, on the thread.

use async_compat::Compat;
use nestling::io::nursery;
use nestling::net::TcpListener;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

fn main() -> io::Result<()> {
    nestling::block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        nursery(async |n| {
            n.spawn(async {
                let (stream, _) = listener.accept().await?;
                let (result, bytes) = stream.read_exact(vec![0; 5]).await;
                result?;
                stream.write_all(bytes).await.0
            });
            let answer = n.spawn(Compat::new(async move {
                let mut stream = TcpStream::connect(address).await?;
                stream.write_all(b"hello").await?;
                let mut answer = String::new();
                timeout(Duration::from_secs(10), stream.read_to_string(&mut answer)).await??;
                Ok::<_, io::Error>(answer)
            }));
            println!("a socket of Tokio's in a child of Nestling's: {}", answer.await?);
            Ok(())
        })
        .await
    })
}
