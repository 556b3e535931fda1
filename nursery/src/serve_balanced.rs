//! `serve_balanced`: one core accepts for all, and each connection goes to the one with the fewest.

use crate::io::nursery;
use crate::serve::{Serve, serve};
use nestling_runtime::lowlevel::{TcpListener, TcpStream, place};
use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

/// Accepts connections on this core, and runs `connection` for each on the core of the program that
/// has the fewest of them. All else is as with [`serve`]: limit, stop and drain are those of the
/// server as a whole, and a connection that fails is told of here.
///
/// The other way to use all cores is a listener for each of them on the same port
/// ([`ListenOptions::reuse_port`](nestling_runtime::net::ListenOptions::reuse_port)), with a
/// [`serve`] on every core. Then no connection travels, and accepting has no single core as its
/// limit; but the kernel chooses by a hash of the addresses, and never asks how busy a core is.
/// Connections on the busier one of two cores, of 64 and of 1,000 that were open at once, in 100
/// rounds (`cargo bench --bench balance`, Linux 6.18):
///
/// | | 64: mean | worst | 1,000: mean | worst |
/// |---|---|---|---|---|
/// | a listener for each core | 35.2 | 41 | 512.4 | 543 |
/// | `serve_balanced` | 32.0 | 32 | 500.0 | 500 |
///
/// So `serve_balanced` is for connections that are few, long and busy, and a listener for each core
/// for those that are many or short.
///
/// # Cancellation
///
/// As [`serve`]. What is left at the end of the drain is cancelled on its own core.
///
/// # Errors
///
/// As [`serve`].
///
/// # Panics
///
/// Outside a runtime.
///
/// # Examples
///
/// ```
/// use nestling_nursery::{Serve, io::nursery, serve_balanced};
/// use nestling_runtime::net::{TcpListener, TcpStream};
/// use nestling_runtime::{Cores, Runtime};
///
/// # fn main() -> std::io::Result<()> {
/// let builder = Runtime::builder().cores(Cores::Count(1));
/// builder.run(async |core| {
///     if core.index() > 0 {
///         return Ok(()); // it still receives connections, until all cores have ended
///     }
///     let listener = TcpListener::bind("127.0.0.1:0").await?;
///     let address = listener.local_addr()?;
///     nursery(async |n| {
///         n.spawn(serve_balanced(listener, Serve::default(), async |stream: TcpStream, _peer| {
///             stream.write_all("hello").await.0
///         }));
///         let client = TcpStream::connect(address).await?;
///         assert_eq!(client.read_exact(vec![0; 5]).await.1, b"hello");
///         n.cancel(); // stops the server, which drains
///         Ok(())
///     })
///     .await
/// })?;
/// # Ok(())
/// # }
/// ```
pub async fn serve_balanced<F>(listener: TcpListener, how: Serve, connection: F) -> io::Result<()>
where
    F: AsyncFn(TcpStream, SocketAddr) -> io::Result<()> + Send + Sync + 'static,
{
    let connection = Arc::new(connection);
    let cores = Cores::new(place().1);
    serve(listener, how, async |stream, peer| {
        let load = cores.fewest();
        let (stream, connection) = (stream.detach().await, Arc::clone(&connection));
        nursery(async |n| {
            let child = async move || connection(stream.attach(), peer).await;
            n.spawn_on(load.core, child).await?;
            Ok(())
        })
        .await
    })
    .await
}

/// How many connections each core has.
struct Cores {
    loads: Vec<Cell<usize>>,
    /// The core that was chosen last: of several with the fewest, the next one is.
    last: Cell<usize>,
}

/// A connection, as long as it counts for its core.
struct Load<'a> {
    core: usize,
    of: &'a Cores,
}

impl Cores {
    fn new(count: usize) -> Self {
        Self { loads: vec![Cell::new(0); count], last: Cell::new(count - 1) }
    }

    fn fewest(&self) -> Load<'_> {
        let count = self.loads.len();
        let from_next = (1..=count).map(|step| (self.last.get() + step) % count);
        let core = from_next.min_by_key(|core| self.loads[*core].get());
        let core = core.expect("there is one core at least");
        self.last.set(core);
        self.loads[core].set(self.loads[core].get() + 1);
        Load { core, of: self }
    }
}

impl Drop for Load<'_> {
    fn drop(&mut self) {
        let load = &self.of.loads[self.core];
        load.set(load.get() - 1);
    }
}
