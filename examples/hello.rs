//! The smallest program: a server and its client in one nursery. Try:
//!
//! ```text
//! cargo run --example hello
//! ```

mod support;

use crate::support::say;
use nestling::io::nursery;
use nestling::net::{TcpListener, TcpStream};

#[nestling::main]
async fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    nursery(async |n| {
        n.spawn(async {
            let (stream, _) = listener.accept().await?; // borrowed from around the nursery
            stream.write_all("hello, world").await.0
        });
        let stream = TcpStream::connect(address).await?;
        let (result, greeting) = stream.read_exact(vec![0; 12]).await;
        result?;
        say(String::from_utf8_lossy(&greeting)); // println, but for `hello | head -0`
        Ok(())
    })
    .await // both have ended, and their sockets are closed
}
