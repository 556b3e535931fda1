//! A process whose cores have nothing to do does nothing.

use crate::alone::alone;
use crate::left_behind::threads;
use crate::support::threads::says_asleep;
use nestling::net::{TcpListener, TcpStream};
use nestling::sync::Notify;
use nestling::time::sleep;
use nestling::{Cores, RemoteCanceller, Runtime, nursery};
use std::fs;
use std::future::pending;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

/// How long nothing happens. Not to wait for something: the test asserts that nothing comes.
const WATCHED: Duration = Duration::from_millis(500);

/// Waits in all ways there are, and says how to end that.
async fn wait(ready: Sender<RemoteCanceller>) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let client = TcpStream::connect(listener.local_addr()?).await?;
    let (server, _) = listener.accept().await?;
    let never = Notify::new();
    nursery(async |n| {
        n.spawn(async { listener.accept().await.map(drop) });
        n.spawn(async { client.read(vec![0; 16]).await.0.map(drop) });
        n.spawn(async { server.read(vec![0; 16]).await.0.map(drop) });
        n.spawn(never.notified());
        n.spawn(sleep(Duration::from_secs(3_600)));
        ready.send(n.canceller().remote()).expect("the test waits");
        pending().await
    })
    .await
}

/// The threads of this process but the calling one.
fn others() -> Vec<PathBuf> {
    let this = fs::read_link("/proc/thread-self").expect("this thread");
    let all = fs::read_dir("/proc/self/task").expect("the threads");
    let all = all.map(|thread| thread.expect("a thread").path());
    all.filter(|path| path.file_name() != this.file_name()).collect()
}

fn read(thread: &Path, file: &str) -> String {
    fs::read_to_string(thread.join(file)).expect("it runs")
}

/// How often threads went to sleep, and how often they were kept from running: without either,
/// nothing has run.
fn switches(threads: &[PathBuf]) -> Vec<String> {
    let of = |thread: &Path| {
        let status = read(thread, "status");
        let lines = status.lines().filter(|line| line.contains("ctxt_switches"));
        lines.collect::<Vec<_>>().join(" ")
    };
    threads.iter().map(|thread| of(thread)).collect()
}

#[test]
fn f10_an_idle_process_makes_no_system_call() {
    alone("idle::f10_an_idle_process_makes_no_system_call", || {
        let before = threads();
        let (ready, cancellers) = channel();
        let running = thread::spawn(move || {
            let cores = Runtime::builder().cores(Cores::Count(2));
            cores.run(async move |_| wait(ready.clone()).await)
        });
        let cancellers: Vec<_> = (0..2).map(|_| cancellers.recv().expect("a core")).collect();
        let others = others();
        assert!(others.len() >= before + 2, "two cores, and who waits for them");
        while !others.iter().all(|thread| says_asleep(&read(thread, "stat"))) {
            thread::yield_now();
        }
        let slept = switches(&others);
        thread::sleep(WATCHED);
        assert_eq!(switches(&others), slept, "nothing has run meanwhile");
        cancellers.iter().for_each(RemoteCanceller::cancel);
        assert!(running.join().expect("no panic").is_err(), "they were cancelled");
    });
}
