//! What users write: programs that must compile against the surface, and who may go to a thread.

#![expect(dead_code, reason = "most of these are compiled, not run")]

use crate::support::nurseries::run;
use nestling::net::{TcpListener, TcpStream};
use nestling::{
    Cancelled, Canceller, Elapsed, Failures, JoinError, JoinHandle, Nursery, Options,
    RemoteCanceller, Slot, Start, Started, Supervised, finally, for_each_limit, nursery,
    nursery_all, nursery_with, race, shield, shield_for, timeout,
};
use std::cell::Cell;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

struct Shared {
    hits: Cell<u64>,
    rc: Rc<()>,
}

async fn handle(stream: TcpStream, shared: &Shared) -> io::Result<()> {
    shared.hits.set(shared.hits.get() + 1);
    let served = async {
        loop {
            let (result, _) = timeout(5 * SECOND, stream.read(vec![0; 4096])).await?;
            if result? == 0 {
                return Ok(());
            }
        }
    };
    let result = served.await;
    shield_for(SECOND, stream.write_all("bye")).await.ok();
    result
}

/// A server: bounded, with a daemon, named children, borrowed state and an orderly stop.
async fn server(
    listener: &TcpListener,
    stop: impl Future<Output = ()>,
    shared: &Shared,
) -> io::Result<()> {
    let options = Options { name: Some("server"), slots: Some(1024), ..Options::default() };
    nursery_with(options, async |n| {
        n.spawn_daemon(async {
            loop {
                shield(std::future::ready(())).await;
                nestling::task::yield_now().await;
            }
        });
        n.spawn_named("acceptor", async {
            loop {
                let slot = n.slot().await;
                let (stream, _) = listener.accept().await?;
                slot.spawn(handle(stream, shared));
            }
            #[expect(unreachable_code, reason = "names the error type of the loop")]
            Ok(())
        });
        n.spawn(async {});
        stop.await;
        n.cancel();
        Ok(())
    })
    .await
}

async fn accept_loop(listener: &TcpListener) -> io::Result<u64> {
    let shared = Shared { hits: Cell::new(0), rc: Rc::new(()) };
    nursery(async |n| {
        while let Ok((stream, _)) = listener.accept().await {
            n.spawn(handle(stream, &shared));
        }
        Ok::<_, io::Error>(())
    })
    .await?;
    Ok(shared.hits.get())
}

async fn start_protocol() -> io::Result<SocketAddr> {
    let shared = Shared { hits: Cell::new(0), rc: Rc::new(()) };
    nursery(async |n| {
        let address = n
            .start(async |up: Started<SocketAddr>| -> io::Result<()> {
                let listener = TcpListener::bind("127.0.0.1:0").await?;
                up.ready(listener.local_addr()?);
                loop {
                    let (stream, _) = listener.accept().await?;
                    n.spawn(handle(stream, &shared));
                }
            })
            .await?;
        TcpStream::connect(address).await?.shutdown(std::net::Shutdown::Write).await?;
        n.cancel();
        Ok(address)
    })
    .await
}

async fn supervised() -> Result<usize, Cancelled> {
    let words = ["a".to_owned()];
    nursery(async |n| {
        let worker = n.supervise(async {
            if words.len() > 3 {
                return Err("bad");
            }
            Ok(words[0].len())
        });
        match worker.await {
            Ok(Ok(length)) => Ok(length),
            Ok(Err(_)) | Err(JoinError::Cancelled | JoinError::TimedOut) => Ok(0),
            Err(JoinError::Panic(payload)) => std::panic::resume_unwind(payload),
            Err(JoinError::Refused(error)) => unreachable!("no blocking call: {error}"),
        }
    })
    .await
}

async fn limited(words: &[String]) -> io::Result<usize> {
    let total = Cell::new(0_usize);
    for_each_limit(8, words, async |word: &String| {
        total.set(total.get() + word.len());
        Ok::<_, io::Error>(())
    })
    .await?;
    Ok(total.get())
}

async fn happy_eyeballs(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    race(addresses.iter().map(TcpStream::connect)).await
}

async fn with_cleanup() -> io::Result<usize> {
    let count = Cell::new(0);
    let work = async {
        count.set(1);
        Ok(3)
    };
    finally(work, async |result: Option<&io::Result<usize>>| {
        count.set(count.get() + usize::from(result.is_none()));
    })
    .await
}

async fn cancelled_from_outside() -> io::Result<()> {
    nursery(async |n| {
        let local = n.canceller();
        let remote = local.remote();
        std::thread::spawn(move || remote.cancel());
        n.spawn(async move {
            local.cancel();
            Ok(())
        });
        Ok::<_, io::Error>(())
    })
    .await
}

async fn every_failure() -> Result<u8, Failures<String>> {
    nursery_all(async |n| {
        n.spawn(async { Err::<(), _>("no paper".to_owned()) });
        Ok(1)
    })
    .await
}

struct App<'a> {
    config: &'a str,
    hits: Cell<usize>,
}

impl App<'_> {
    async fn run(&self) -> io::Result<()> {
        nursery(async |n| {
            for depth in 0..3 {
                n.spawn(self.worker(n, depth));
            }
            Ok(())
        })
        .await
    }

    async fn worker<'s>(&'s self, n: &'s Nursery<'s, '_>, depth: u32) -> io::Result<()> {
        if depth > 0 {
            n.spawn(self.worker(n, depth - 1));
        }
        self.hits.set(self.hits.get() + self.config.len());
        Ok(())
    }
}

/// Behind a trait object: a plugin that is handed the nursery.
trait Plugin {
    fn attach<'s>(&'s self, n: &'s Nursery<'s, '_>);
}

impl Plugin for Shared {
    fn attach<'s>(&'s self, n: &'s Nursery<'s, '_>) {
        n.spawn(async {
            self.hits.set(1);
            Ok(())
        });
    }
}

async fn plugins(plugins: &[Box<dyn Plugin>]) -> io::Result<()> {
    nursery(async |n| {
        for plugin in plugins {
            plugin.attach(n);
        }
        Ok(())
    })
    .await
}

/// Names that users put into their own signatures.
struct Names<'s, 'e> {
    handle: JoinHandle<'s, u8>,
    supervised: Supervised<'s, Result<u8, String>>,
    slot: Slot<'s, 'e>,
    start: Start<'s, u8, io::Error>,
}

/// Spawned from a function of its own, with a handle for the caller.
fn spawn_into<'s>(n: &'s Nursery<'s, '_>, word: &'s str) -> JoinHandle<'s, usize> {
    n.spawn(async move { Ok(word.len()) })
}

#[test]
fn api_programs_run() {
    run(async || {
        let shared = Shared { hits: Cell::new(0), rc: Rc::new(()) };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let visit = async {
            let stream = happy_eyeballs(&[address]).await.expect("it listens");
            stream.shutdown(std::net::Shutdown::Write).await.expect("open");
            let (result, bytes) = stream.read_exact(vec![0; 3]).await;
            result.expect("it says goodbye");
            assert_eq!(bytes, b"bye");
        };
        server(&listener, visit, &shared).await.expect("an orderly stop");
        assert_eq!(shared.hits.get(), 1);
        start_protocol().await.expect("it starts");
        assert_eq!(supervised().await, Ok(1));
        assert_eq!(limited(&["one".to_owned()]).await.expect("no failure"), 3);
        assert_eq!(with_cleanup().await.expect("no failure"), 3);
        cancelled_from_outside().await.expect("it was asked to");
        assert_eq!(every_failure().await.unwrap_err().errors(), ["no paper"]);
        let app = App { config: "abc", hits: Cell::new(0) };
        app.run().await.expect("no failure");
        assert_eq!(app.hits.get(), 3 * (1 + 2 + 3));
        plugins(&[Box::new(shared)]).await.expect("no failure");
        let words = "words".to_owned();
        let joined = nursery(async |n| Ok(spawn_into(n, &words).await?)).await;
        assert_eq!(joined.expect("no failure"), 5);
    });
}

fn send_and_sync<T: Send + Sync>() {}

/// Ambiguous, and so refused by the compiler, for a type that is `Send`.
trait NotSend<Marker> {
    fn check() {}
}
impl<T: ?Sized> NotSend<()> for T {}
impl<T: ?Sized + Send> NotSend<u8> for T {}

/// The same for `Sync`.
trait NotSync<Marker> {
    fn check() {}
}
impl<T: ?Sized> NotSync<()> for T {}
impl<T: ?Sized + Sync> NotSync<u8> for T {}

#[test]
fn api_who_may_go_to_a_thread() {
    send_and_sync::<RemoteCanceller>();
    send_and_sync::<Cancelled>();
    send_and_sync::<Elapsed>();
    send_and_sync::<Options>();
    send_and_sync::<Failures<io::Error>>();
    <Canceller as NotSend<_>>::check();
    <Canceller as NotSync<_>>::check();
    <Nursery<'_, '_> as NotSend<_>>::check();
    <Nursery<'_, '_> as NotSync<_>>::check();
    <JoinHandle<'_, u8> as NotSend<_>>::check();
    <JoinHandle<'_, u8> as NotSync<_>>::check();
    <Supervised<'_, u8> as NotSend<_>>::check();
    <Supervised<'_, u8> as NotSync<_>>::check();
    <Slot<'_, '_> as NotSend<_>>::check();
    <Slot<'_, '_> as NotSync<_>>::check();
    <Start<'_, u8, io::Error> as NotSend<_>>::check();
    <Start<'_, u8, io::Error> as NotSync<_>>::check();
    <Started<u8> as NotSend<_>>::check();
    <Started<u8> as NotSync<_>>::check();
}
