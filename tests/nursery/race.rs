//! `race`: the first of several futures that succeeds.

use crate::support::nurseries::{
    Count, E, Log, accept, counted, inode, is_open, listener, never, run, settle, std_connect,
    throw, thrown,
};
use futures_util::FutureExt;
use nestling::net::TcpStream;
use nestling::{nursery, race, shield, timeout};
use nestling_runtime::lowlevel::nop;
use std::cell::Cell;
use std::future::{Future, pending};
use std::io;
use std::net::TcpListener;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

/// A runner that needs so many turns.
async fn runner(turns: u32, log: &Log) -> Result<u32, E> {
    let _gone = log.at_drop("gone");
    for _ in 0..turns {
        nop().await?;
    }
    Ok(turns)
}

#[test]
fn race_is_won_by_the_first_and_ends_with_the_last() {
    run(async || {
        let log = Log::default();
        let won = race([30, 10, 20].map(|turns| runner(turns, &log))).await;
        assert_eq!(won, Ok(10));
        assert_eq!(log.take(), ["gone"; 3], "the others have ended");
        assert_eq!(race([runner(3, &log)]).await, Ok(3));
    });
}

type Boxed<'a> = Pin<Box<dyn Future<Output = Result<u32, E>> + 'a>>;

#[test]
fn race_goes_on_after_failures() {
    run(async || {
        let log = Log::default();
        let futures: [Boxed<'_>; 3] = [
            Box::pin(async { Err(E::Boom(1)) }),
            Box::pin(runner(20, &log)),
            Box::pin(async {
                settle().await;
                Err(E::Boom(2))
            }),
        ];
        assert_eq!(race(futures).await, Ok(20));
        let all_fail = race([3_u32, 1, 2].map(async |turns| {
            for _ in 0..turns {
                nop().await?;
            }
            Err::<(), _>(E::Boom(turns))
        }));
        assert_eq!(all_fail.await, Err(E::Boom(1)), "the first error");
        assert_eq!(race::<[Boxed<'_>; 0], _, _>([]).await, Err(E::Cancelled), "nobody ran");
    });
}

/// Losers are cancelled in the kernel; what they had won is closed.
#[test]
fn race_cancels_the_losers() {
    let (_, stats) = counted(async || {
        let (quiet, heard) = (listener().await, Count::default());
        let lose = async || {
            let answer = never(&quiet).await;
            heard.add_if(answer == Err(E::Cancelled));
            answer.map(|()| 0_u32)
        };
        let losers = (0..9).map(|_| Box::pin(lose()) as Boxed<'_>);
        let winner: Boxed<'_> = Box::pin(async {
            settle().await;
            Ok(1)
        });
        assert_eq!(race(losers.chain([winner])).await, Ok(1));
        assert_eq!(heard.get(), 9);
        assert_eq!(nestling::stats().in_flight, 0, "the kernel is done too");
    });
    assert_eq!(stats.cancel_requests, 9, "{stats:?}");
}

/// Two succeed in one batch: the second one's socket is closed, and its peer sees that.
#[test]
fn race_drops_what_comes_second() {
    run(async || {
        let (one, two) = (listener().await, listener().await);
        let clients = [&one, &two].map(|l| std_connect(l.local_addr().expect("an address")));
        let names = Cell::new((String::new(), String::new()));
        let won = race([(&one, 0), (&two, 1)].map(async |(listener, number)| {
            let stream = accept(listener).await?;
            let mut both = names.take();
            *(if number == 0 { &mut both.0 } else { &mut both.1 }) = inode(&stream);
            names.set(both);
            Ok::<_, E>((number, stream))
        }));
        let (number, stream) = won.await.expect("both were there");
        let (first, second) = names.take();
        let (winner, loser) = if number == 0 { (first, second) } else { (second, first) };
        assert!(is_open(&winner) && inode(&stream) == winner);
        assert!(loser.is_empty() || !is_open(&loser));
        drop(clients);
    });
}

#[test]
fn race_panics_with_a_runner() {
    run(async || {
        let futures: [Boxed<'_>; 2] = [
            Box::pin(pending()),
            Box::pin(async {
                nop().await?;
                throw(4)
            }),
        ];
        let payload = AssertUnwindSafe(race(futures)).catch_unwind().await.expect_err("a panic");
        assert_eq!(thrown(&*payload), 4);
    });
}

#[test]
fn race_that_is_cancelled() {
    run(async || {
        let quiet = listener().await;
        let futures = || [Box::pin(never(&quiet)), Box::pin(never(&quiet))];
        assert_eq!(timeout(MS, race(futures())).await, Ok(Err(E::Cancelled)));
        // One that succeeds in spite of that wins.
        let wins = race([async {
            shield(settle()).await;
            Ok::<_, E>(6)
        }]);
        assert_eq!(timeout(Duration::ZERO, wins).await, Ok(Ok(6)));
        // It does not fail the nursery around it, nor a real failure hide.
        let result = nursery(async |n| {
            n.spawn(async { race(futures()).await });
            settle().await;
            n.cancel();
            Ok::<_, E>(1)
        });
        assert_eq!(result.await, Ok(1));
    });
}

/// Happy eyeballs: a dead address, a silent one and a live one.
#[test]
fn race_of_connects() {
    run(async || {
        let dead = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = dead.local_addr().expect("an address");
        drop(dead);
        let live = listener().await;
        let addresses = [address, live.local_addr().expect("an address")];
        let won: io::Result<TcpStream> = race(addresses.map(TcpStream::connect)).await;
        let peer = won.expect("one is alive").peer_addr().expect("connected");
        assert_eq!(peer, addresses[1]);
        let refused: io::Result<TcpStream> = race([address; 3].map(TcpStream::connect)).await;
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    });
}
