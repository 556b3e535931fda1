//! The proxy on Tokio: its current-thread runtime, one task a client.

use std::io;
use std::net::{SocketAddr, TcpListener};
use tokio::io::copy_bidirectional_with_sizes;
use tokio::net::TcpStream;

pub(crate) fn serve(listener: TcpListener, to: SocketAddr) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_io().build().expect("a runtime");
    let result: io::Result<()> = runtime.block_on(async {
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        loop {
            let (client, _) = listener.accept().await?;
            tokio::spawn(relay(client, to));
        }
    });
    result.expect("nothing fails");
}

async fn relay(mut client: TcpStream, to: SocketAddr) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut upstream = TcpStream::connect(to).await?;
    upstream.set_nodelay(true)?;
    let size = crate::BUFFER;
    copy_bidirectional_with_sizes(&mut client, &mut upstream, size, size).await?;
    Ok(())
}
