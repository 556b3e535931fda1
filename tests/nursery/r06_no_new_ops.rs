//! Rule 6: in a cancelled scope nothing new is submitted; the first poll of an op is the end.

use crate::support::nurseries::{Count, E, Log, counted, listener, never, pair, run, settle};
use nestling::nursery;
use nestling::time::sleep;
use nestling_runtime::lowlevel::nop;
use std::cell::Cell;
use std::time::Duration;

#[test]
fn r06_retry_loop_ends() {
    let (tries, stats) = counted(async || {
        let quiet = listener().await;
        let tries = Count::default();
        let result = nursery(async |n| {
            n.spawn(async {
                loop {
                    tries.one();
                    if never(&quiet).await.is_ok() {
                        break;
                    }
                }
            });
            while tries.get() == 0 {
                nop().await?;
            }
            n.cancel();
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        tries.get()
    });
    assert_eq!((tries, stats.cancelled), (2, 1));
}

/// The race is made by one batch: the child's answer and the one after which the nursery fails
/// come back together, and the failure is polled first.
#[test]
fn r06_a_raced_success_is_delivered_and_the_next_wait_is_the_end() {
    let log = run(async || {
        let log = Log::default();
        let result = nursery(async |n| {
            n.spawn(async {
                nop().await?;
                Err::<(), _>(E::Boom(2))
            });
            n.spawn(async {
                let _gone = log.at_drop("gone");
                nop().await?;
                assert!(n.is_cancelled(), "the failure came first");
                log.say("delivered");
                sleep(Duration::ZERO).await;
                log.say("never");
                Ok(())
            });
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Err(E::Boom(2)));
        log.take()
    });
    assert_eq!(log, ["delivered", "gone"]);
}

#[test]
fn r06_the_next_operation_is_not_submitted() {
    let (log, stats) = counted(async || {
        let log = Log::default();
        let (here, _there) = pair().await;
        let quiet = listener().await;
        settle().await;
        let result = nursery(async |n| {
            n.spawn(async {
                let _gone = log.at_drop("gone");
                never(&quiet).await.expect_err("nobody connects");
                let _ = here.write_all("not to be sent").await;
                log.say("never");
            });
            nop().await?;
            n.cancel();
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        log.take()
    });
    assert_eq!(log, ["gone"]);
    // An accept for the pair, eight turns to settle, the accept, and the body's turn; and closes.
    let closes = stats.submitted - (1 + 8 + 1 + 1);
    assert!(closes <= 4, "{stats:?}");
}

#[test]
fn r06_every_kind_of_operation_is_a_drop_point() {
    let (ended, stats) = counted(async || {
        let ended = Log::default();
        let quiet = listener().await;
        let address = quiet.local_addr().expect("an address");
        let (here, there) = pair().await;
        let before = Cell::new(false);
        let result = nursery(async |n| {
            n.cancel();
            n.spawn(async {});
            let inner = async |what: &'static str| {
                let _gone = ended.at_drop("cut");
                match what {
                    "accept" => drop(quiet.accept().await),
                    "connect" => drop(nestling::net::TcpStream::connect(address).await),
                    "read" => drop(here.read(vec![0; 8]).await),
                    "read_exact" => drop(here.read_exact(vec![0; 8]).await),
                    "write" => drop(here.write("x").await),
                    "write_all" => drop(here.write_all("x").await),
                    "shutdown" => drop(there.shutdown(std::net::Shutdown::Both).await),
                    _ => nop().await.expect("never"),
                }
                before.set(true);
            };
            let kinds = [
                "accept",
                "connect",
                "read",
                "read_exact",
                "write",
                "write_all",
                "shutdown",
                "nop",
            ];
            futures_util::future::join_all(kinds.map(inner)).await;
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Err(E::Cancelled));
        assert!(!before.get());
        ended.take().len()
    });
    assert_eq!(ended, 8);
    assert_eq!((stats.cancelled, stats.cancel_requests, stats.withdrawn), (0, 0, 0), "{stats:?}");
}
