//! A block that never ends has no result that an error could be.

use nestling::{io::nursery, net::TcpListener};

async fn serve(listener: TcpListener) -> std::io::Result<()> {
    nursery(async |n| {
        n.spawn(async {
            loop {
                let (stream, _) = listener.accept().await?;
                drop(stream);
            }
        });
        Ok(())
    })
    .await
}

fn main() {}
