//! The proxy on Nestling: one child a client.

use nestling::io::{CopyOptions, copy_bidirectional_with};
use nestling::net::TcpStream;
use nestling::{Serve, serve as accept};
use std::io;
use std::net::{SocketAddr, TcpListener};

pub(crate) fn serve(listener: TcpListener, to: SocketAddr) {
    let result: io::Result<()> = nestling::block_on(async {
        let listener = nestling::net::TcpListener::from_std(listener)?;
        accept(listener, Serve::default(), async |client, _| relay(client, to).await).await
    });
    result.expect("nothing fails");
}

async fn relay(client: TcpStream, to: SocketAddr) -> io::Result<()> {
    client.set_nodelay(true)?;
    let upstream = TcpStream::connect(to).await?;
    upstream.set_nodelay(true)?;
    let how = CopyOptions { buffer: crate::BUFFER, ..CopyOptions::default() };
    // A connection that breaks is its own end, not the proxy's.
    let _ = copy_bidirectional_with(how, &client, &upstream).await;
    Ok(())
}
