//! Whether one core is fair: a task that always wakes itself and a peer that floods a connection,
//! beside a connection that asks and waits for its answer, and an interval of 10 ms. Then only the
//! questions, beside each of the loops of `always_ready.rs`.
//!
//! ```text
//! cargo bench --manifest-path benches/peers/Cargo.toml --bench fair [-- --seconds 5]
//! ```
//!
//! The server has a core of its own; both peers share another one, so what they keep from each
//! other is in the figures of all servers alike.

mod always_ready;
mod arguments;
mod percentiles;

use always_ready::{Busy, Elsewhere, LOOPS};
use percentiles::Percentiles;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// What the flood sends at once, and the server reads.
const CHUNK: usize = 16 * 1024;
const PERIOD: Duration = Duration::from_millis(10);
/// Bytes of a question and of its answer.
const LENGTH: usize = 64;

fn main() {
    let Some(seconds) = arguments::option("--seconds", 5.0) else { return };
    let duration = Duration::from_secs_f64(seconds);
    let servers: [(&str, Server); 2] = [("nestling", nestling_server), ("tokio", tokio_server)];
    let cores = cores();
    for (name, server) in servers {
        measure(name, server, duration, cores);
    }
    println!("\nanswers beside what is always ready:");
    for (name, busy) in LOOPS {
        println!("  {name:22}{}", beside(busy, duration, cores));
    }
}

/// How long answers take beside a loop that is always ready.
fn beside(
    busy: fn(Elsewhere) -> Busy,
    duration: Duration,
    (of_server, of_peers): (Elsewhere, Elsewhere),
) -> Percentiles {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let stream = TcpStream::connect(listener.local_addr().expect("bound")).expect("it listens");
    let serving = thread::spawn(move || {
        core_affinity::set_for_current(of_server);
        let served = nestling::block_on(nestling::nursery(async |n| {
            let listener = nestling::net::TcpListener::from_std(listener)?;
            n.spawn(busy(of_peers));
            // Until the one who asks is gone.
            let _ = answer(&listener).await;
            n.cancel();
            Ok::<_, std::io::Error>(())
        }));
        served.expect("nothing fails");
    });
    let stop = Arc::new(AtomicBool::new(false));
    let asking = {
        let stop = Arc::clone(&stop);
        thread::spawn(move || {
            core_affinity::set_for_current(of_peers);
            ask(stream, &stop)
        })
    };
    thread::sleep(duration);
    stop.store(true, Ordering::SeqCst);
    let answers = asking.join().expect("no panic");
    serving.join().expect("no panic");
    Percentiles::of(answers)
}

/// One for the server, one for its peers.
fn cores() -> (Elsewhere, Elsewhere) {
    let [of_server, of_peers, ..] = core_affinity::get_core_ids().expect("cores")[..] else {
        panic!("a core for the server and another one for its peers are needed");
    };
    (of_server, of_peers)
}

/// Serves the flood and then the questions of a listener until told to stop; gives how much
/// later than its period each tick of the interval came, and how often the busy task was polled.
type Server = fn(TcpListener, &AtomicBool) -> (Vec<Duration>, u64);

fn measure(
    name: &str,
    server: Server,
    duration: Duration,
    (of_server, of_peers): (Elsewhere, Elsewhere),
) {
    let stop = Arc::new(AtomicBool::new(false));
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let connect = || TcpStream::connect(listener.local_addr().expect("bound")).expect("it listens");
    let peer = |stream: TcpStream, what: fn(TcpStream, &AtomicBool) -> Vec<Duration>| {
        let stop = Arc::clone(&stop);
        thread::spawn(move || {
            core_affinity::set_for_current(of_peers);
            what(stream, &stop)
        })
    };
    // They are accepted in this order.
    let flood = peer(connect(), flood);
    let asking = peer(connect(), ask);
    let serving = {
        let stop = Arc::clone(&stop);
        thread::spawn(move || {
            core_affinity::set_for_current(of_server);
            server(listener, &stop)
        })
    };
    thread::sleep(duration);
    stop.store(true, Ordering::SeqCst);
    let answers = asking.join().expect("no panic");
    flood.join().expect("no panic");
    let (late, polls) = serving.join().expect("no panic");
    println!("\n{name}: {polls} polls of the busy task");
    println!("  answers   {}", Percentiles::of(answers));
    println!("  interval  {}", Percentiles::of(late));
}

/// Sends as fast as it can.
fn flood(mut stream: TcpStream, stop: &AtomicBool) -> Vec<Duration> {
    let chunk = [0; CHUNK];
    while !stop.load(Ordering::Relaxed) && stream.write_all(&chunk).is_ok() {}
    Vec::new()
}

/// Asks, waits for the answer, and asks again; gives how long each took.
fn ask(mut stream: TcpStream, stop: &AtomicBool) -> Vec<Duration> {
    stream.set_nodelay(true).expect("an option");
    let mut took = Vec::new();
    let mut buffer = [0; LENGTH];
    while !stop.load(Ordering::Relaxed) {
        let asked = Instant::now();
        // The server may stop first.
        if stream.write_all(&buffer).and_then(|()| stream.read_exact(&mut buffer)).is_err() {
            break;
        }
        took.push(asked.elapsed());
    }
    took
}

fn nestling_server(listener: TcpListener, stop: &AtomicBool) -> (Vec<Duration>, u64) {
    use nestling::{net, nursery, task::yield_now, time};
    nestling::block_on(async {
        let listener = net::TcpListener::from_std(listener)?;
        let (flooded, _) = listener.accept().await?;
        let (mut late, mut polls) = (Vec::new(), 0);
        nursery(async |n| {
            let all = n.canceller();
            n.spawn(async {
                let mut buffer = vec![0; CHUNK];
                loop {
                    buffer = flooded.read(buffer).await.1;
                }
            });
            n.spawn(async {
                // Until the one who asks stops.
                let _ = answer(&listener).await;
            });
            n.spawn(async {
                loop {
                    polls += 1;
                    yield_now().await;
                }
            });
            let mut interval = time::interval(PERIOD);
            let mut before = Instant::now();
            while !stop.load(Ordering::Relaxed) {
                interval.tick().await;
                late.push(before.elapsed().saturating_sub(PERIOD));
                before = Instant::now();
            }
            all.cancel();
            Ok::<_, std::io::Error>(())
        })
        .await?;
        Ok::<_, std::io::Error>((late, polls))
    })
    .expect("nothing fails")
}

async fn answer(listener: &nestling::net::TcpListener) -> std::io::Result<()> {
    let (asked, _) = listener.accept().await?;
    let mut buffer = vec![0; LENGTH];
    loop {
        let (result, filled) = asked.read_exact(buffer).await;
        result?;
        let (result, sent) = asked.write_all(filled).await;
        result?;
        buffer = sent;
    }
}

fn tokio_server(listener: TcpListener, stop: &AtomicBool) -> (Vec<Duration>, u64) {
    use std::cell::Cell;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::task::{LocalSet, spawn_local, yield_now};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    LocalSet::new().block_on(&runtime.expect("a runtime"), async {
        listener.set_nonblocking(true).expect("an option");
        let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
        let (mut flooded, _) = listener.accept().await.expect("the flood");
        spawn_local(async move {
            let mut buffer = vec![0; CHUNK];
            while flooded.read(&mut buffer).await.is_ok_and(|length| length > 0) {}
        });
        spawn_local(async move {
            let (mut asked, _) = listener.accept().await.expect("the questions");
            let mut buffer = [0; LENGTH];
            while asked.read_exact(&mut buffer).await.is_ok() {
                asked.write_all(&buffer).await.expect("it reads");
            }
        });
        let polls = std::rc::Rc::new(Cell::new(0));
        let counter = std::rc::Rc::clone(&polls);
        spawn_local(async move {
            loop {
                counter.set(counter.get() + 1);
                yield_now().await;
            }
        });
        let mut interval = tokio::time::interval(PERIOD);
        let mut before = Instant::now();
        let mut late = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            interval.tick().await;
            late.push(before.elapsed().saturating_sub(PERIOD));
            before = Instant::now();
        }
        (late, polls.get())
    })
}
