//! Tokio on a thread of its own, entered on each core: `reqwest` inside of nurseries.
//!
//! ```text
//! cargo run --manifest-path examples/beside/Cargo.toml --example tokio_thread
//! ```
//!
//! What a child awaits is joined and cancelled like anything else. What the library itself hands to
//! `tokio::spawn` (here: its connections) is no child: it ends with Tokio's runtime, which is why
//! that is shut down when all cores have ended.

use nestling::io::nursery;
use nestling::net::TcpListener;
use nestling::{Core, Cores, Never, Runtime};
use std::io::{self, Error};
use std::time::Duration;

fn main() -> io::Result<()> {
    let tokio = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("tokio")
        .enable_all()
        .build()?;
    let handle = tokio.handle().clone();
    let run = Runtime::builder().cores(Cores::Count(2)).run(async move |core| {
        // As long as this is there, Tokio's types find their runtime on this core. First in and
        // last out: all that needs it is inside.
        let _entered = handle.enter();
        fetch(core).await
    });
    tokio.shutdown_timeout(Duration::from_secs(1));
    for (core, pages) in run?.into_iter().enumerate() {
        println!("core {core}: {}", pages.join(", "));
    }
    Ok(())
}

/// Serves pages with Nestling, and fetches three of them with `reqwest`.
async fn fetch(core: Core) -> io::Result<Vec<String>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let client = reqwest::Client::new();
    nursery(async |n| {
        n.spawn_daemon(serve(&listener, core));
        let fetches: Vec<_> = (0..3)
            .map(|_| {
                let page = client.get(format!("http://{address}/")).send();
                n.spawn(async {
                    page.await.map_err(Error::other)?.text().await.map_err(Error::other)
                })
            })
            .collect();
        let mut pages = Vec::new();
        for fetch in fetches {
            pages.push(fetch.await?);
        }
        Ok(pages)
    })
    .await
}

/// The smallest server that a client of HTTP takes for one.
async fn serve(listener: &TcpListener, core: Core) -> io::Result<Never> {
    nursery(async |n| {
        loop {
            let (stream, _) = listener.accept().await?;
            n.spawn(async move {
                stream.read(vec![0; 4096]).await.0?;
                let page = format!("hello from core {}", core.index());
                let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length";
                stream.write_all(format!("{head}: {}\r\n\r\n{page}", page.len())).await.0
            });
        }
    })
    .await
}
