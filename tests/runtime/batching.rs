//! Sleeps for several completions under load, and for one when that is over.

use crate::support::{asleep, pair, thread_id, watched};
use futures_util::future::join_all;
use nestling::net::TcpStream;
use nestling::{Runtime, stats};
use nestling_runtime::lowlevel::nop;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

/// As many as a core sleeps for at most.
const MOST: usize = 32;

/// Many completions between two sleeps.
async fn load() {
    for done in join_all((0..2 * MOST).map(|_| nop())).await {
        done.expect("it does not fail");
    }
}

async fn read(stream: &TcpStream) {
    let (read, _) = stream.read(vec![0; 8]).await;
    assert_eq!(read.expect("somebody writes"), 1);
}

/// Writes a byte to each whenever the core sleeps.
fn write_one_by_one(core: u32, peers: &mut [UnixStream]) {
    for peer in peers {
        while !asleep(core) {
            thread::yield_now();
        }
        peer.write_all(b"x").expect("it is open");
    }
}

#[test]
fn a_loaded_core_sleeps_for_several_completions() {
    watched(|| {
        let mut runtime = Runtime::builder().batch(Duration::from_secs(1_000)).build().unwrap();
        let core = thread_id();
        runtime.block_on(async {
            let (ours, mut theirs): (Vec<_>, Vec<_>) = (0..MOST).map(|_| pair()).unzip();
            load().await;
            let before = stats().enters;
            let writer = thread::spawn(move || {
                write_one_by_one(core, &mut theirs);
                theirs
            });
            join_all(ours.iter().map(read)).await;
            assert!(stats().enters - before <= 2, "one sleep, and not one for each");
            drop(writer.join().expect("it only writes"));
        });
    });
}

#[test]
fn a_single_completion_after_the_load_is_not_kept() {
    watched(|| {
        let mut runtime = Runtime::builder().batch(Duration::from_micros(50)).build().unwrap();
        let core = thread_id();
        runtime.block_on(async {
            let (ours, theirs) = pair();
            for _ in 0..100 {
                load().await;
                let mut theirs = [theirs.try_clone().expect("a descriptor")];
                let writer = thread::spawn(move || write_one_by_one(core, &mut theirs));
                read(&ours).await;
                writer.join().expect("it only writes");
            }
        });
    });
}
