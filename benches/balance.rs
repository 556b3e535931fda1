//! How evenly connections spread over two cores: a listener for each, or one core that deals.
//!
//! ```text
//! cargo bench --bench balance
//! ```
//!
//! Each round starts a server on two cores, opens so many connections at once, and counts how many
//! the busier core has.

use nestling::net::{ListenOptions, TcpListener, TcpStream};
use nestling::sync::remote::{self, channel::Receiver};
use nestling::{Core, Cores, Runtime, Serve, io::nursery, serve, serve_balanced};
use socket2::{Domain, Socket, Type};
use std::io;
use std::net::{self, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

const CORES: usize = 2;
const ROUNDS: usize = 100;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    /// A listener for each core, over which the kernel spreads connections.
    Listeners,
    Balanced,
}

/// A server, as its cores share it.
struct Server {
    way: Way,
    address: SocketAddr,
    listening: AtomicUsize,
    /// Connections of each core.
    served: [AtomicUsize; CORES],
    /// Each is closed at the end.
    ends: [Receiver<()>; CORES],
}

impl Server {
    async fn run(self: Arc<Self>, core: Core) -> io::Result<()> {
        let stop = &self.ends[core.index()];
        let how = Serve { signals: false, ..Serve::default() };
        if self.way == Way::Balanced && core.index() > 0 {
            self.listening.fetch_add(1, Ordering::SeqCst);
            return Ok(());
        }
        let options = ListenOptions::default().reuse_port(true).backlog(4096);
        let listener = TcpListener::bind_with(self.address, &options).await?;
        self.listening.fetch_add(1, Ordering::SeqCst);
        nursery(async |n| {
            let server = Arc::clone(&self);
            match self.way {
                Way::Listeners => n.spawn(serve(listener, how, async move |stream, _| {
                    hold(&server, core.index(), stream).await
                })),
                Way::Balanced => n.spawn(serve_balanced(listener, how, async move |stream, _| {
                    let (here, _) = nestling_runtime::lowlevel::place();
                    hold(&server, here, stream).await
                })),
            };
            stop.recv().await;
            n.cancel();
            Ok(())
        })
        .await
    }
}

/// Counts a connection, and keeps it until the client ends it.
async fn hold(server: &Server, core: usize, stream: TcpStream) -> io::Result<()> {
    server.served[core].fetch_add(1, Ordering::SeqCst);
    stream.read(vec![0; 1]).await.0.map(drop)
}

/// How many of the connections the busier core had.
fn round(way: Way, connections: usize) -> io::Result<usize> {
    // Keeps the port while the cores begin to listen.
    let reserved = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    reserved.set_reuse_port(true)?;
    reserved.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    let address = reserved.local_addr()?.as_socket().expect("it is of IPv4");
    let (senders, ends): (Vec<_>, Vec<_>) = (0..CORES).map(|_| remote::channel::<()>(1)).unzip();
    let server = Arc::new(Server {
        way,
        address,
        listening: AtomicUsize::new(0),
        served: [const { AtomicUsize::new(0) }; CORES],
        ends: ends.try_into().expect("one for each core"),
    });
    let clients = thread::spawn({
        let server = Arc::clone(&server);
        move || -> io::Result<usize> {
            let served = || server.served.each_ref().map(|count| count.load(Ordering::SeqCst));
            while server.listening.load(Ordering::SeqCst) < CORES {
                thread::yield_now();
            }
            let open = (0..connections).map(|_| net::TcpStream::connect(address));
            let open = open.collect::<io::Result<Vec<_>>>()?;
            while served().iter().sum::<usize>() < connections {
                thread::yield_now();
            }
            drop((open, senders));
            Ok(served().into_iter().max().unwrap_or_default())
        }
    });
    let builder = Runtime::builder().cores(Cores::Count(CORES));
    builder.run(async move |core| Arc::clone(&server).run(core).await)?;
    clients.join().expect("it does not panic")
}

fn main() -> io::Result<()> {
    println!("connections on the busier of {CORES} cores, in {ROUNDS} rounds\n");
    for connections in [64, 1_000] {
        for way in [Way::Listeners, Way::Balanced] {
            let busier = (0..ROUNDS).map(|_| round(way, connections));
            let busier = busier.collect::<io::Result<Vec<_>>>()?;
            let mean = busier.iter().sum::<usize>() as f64 / ROUNDS as f64;
            let worst = busier.iter().max().expect("there are rounds");
            println!("{connections:>6} {:<10} mean {mean:>6.1}  worst {worst}", format!("{way:?}"));
        }
    }
    Ok(())
}
