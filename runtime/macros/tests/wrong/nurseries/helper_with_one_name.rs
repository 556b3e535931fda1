//! A helper that has one name for both lifetimes of its nursery, which its caller cannot use.

use nestling::{Nursery, io::nursery, net::TcpListener};

async fn accept_all<'a>(n: &'a Nursery<'a, 'a>, listener: &TcpListener) -> std::io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        n.spawn(async move { stream.write_all("hello").await.0 });
    }
}

async fn serve(listener: TcpListener) -> std::io::Result<()> {
    nursery(async |n| accept_all(n, &listener).await).await
}

fn main() {}
