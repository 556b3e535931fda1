//! A helper that starts children names the lifetime of its nursery.

use nestling::{Nursery, net::TcpListener};

async fn accept_all(n: &Nursery<'_, '_>, listener: &TcpListener) -> std::io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        n.spawn(async move { stream.write_all("hello").await.0 });
    }
}

fn main() {}
