//! What `async move` takes in a loop is gone in the next turn of that.

use nestling::{io::nursery, net::TcpListener};
use std::cell::Cell;

async fn serve(listener: TcpListener) -> std::io::Result<()> {
    let accepted = Cell::new(0);
    nursery(async |n| {
        loop {
            let (stream, _) = listener.accept().await?;
            n.spawn(async move {
                accepted.set(accepted.get() + 1);
                stream.write_all("hello").await.0
            });
        }
    })
    .await
}

fn main() {}
