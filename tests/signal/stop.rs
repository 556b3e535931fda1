//! The first signal asks a server to stop; the second one ends it, whatever it does.

use crate::program::{hear, say, start};
use crate::support::turn;
use nestling::signal::stop_requested;
use nestling::time::interval;
use nestling::{Cores, Runtime, block_on, nursery};
use std::future::pending;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

/// Serves on two cores until it is asked to stop.
fn serve() -> io::Result<()> {
    let cores = Runtime::builder().cores(Cores::Count(2));
    cores.run(async |_| {
        let served = nursery(async |n| {
            let stop = n.canceller();
            n.spawn_daemon(async move {
                stop_requested().await?;
                stop.cancel();
                Ok::<_, io::Error>(())
            });
            n.spawn(pending::<()>());
            turn().await;
            say("ready");
            Ok::<_, io::Error>(())
        });
        served.await
    })?;
    say("stopped");
    Ok(())
}

#[test]
fn the_first_signal_stops_all_cores() {
    let Some(mut process) = start("stop::the_first_signal_stops_all_cores", serve) else { return };
    (0..2).for_each(|_| hear(&mut process, "ready"));
    process.signal("INT");
    hear(&mut process, "stopped");
    assert!(process.ended().status.success());
}

#[test]
fn the_second_signal_ends_a_process_that_hangs() {
    let program = || {
        block_on(async {
            nursery(async |n| {
                n.spawn(async {
                    stop_requested().await.expect("a signal");
                    say("hangs");
                    loop {
                        std::thread::park();
                    }
                });
                turn().await;
                say("ready");
                Ok(())
            })
            .await
        })
    };
    let name = "stop::the_second_signal_ends_a_process_that_hangs";
    for (first, second, number) in [("INT", "INT", 2), ("TERM", "INT", 2), ("INT", "TERM", 15)] {
        let Some(mut process) = start(name, program) else { return };
        hear(&mut process, "ready");
        process.signal(first);
        hear(&mut process, "hangs");
        process.signal(second);
        assert_eq!(process.ended().status.signal(), Some(number));
    }
}

/// Its housekeeping takes longer than the period, and it asks again and again whether to stop.
#[test]
fn r18_a_server_that_is_late_stops() {
    let program = || {
        block_on(nursery(async |n| {
            let stop = n.canceller();
            n.spawn(async move {
                stop_requested().await?;
                say("stopping");
                for _ in 0..3_000 {
                    stop_requested().await?;
                }
                stop.cancel();
                Ok::<_, io::Error>(())
            });
            n.spawn(async {
                turn().await;
                say("ready");
            });
            n.spawn(async {
                let mut every = interval(Duration::from_nanos(1));
                loop {
                    every.tick().await;
                    std::thread::sleep(Duration::from_millis(2));
                }
            });
            Ok(())
        }))?;
        say("stopped");
        Ok(())
    };
    let Some(mut process) = start("stop::r18_a_server_that_is_late_stops", program) else { return };
    hear(&mut process, "ready");
    process.signal("TERM");
    hear(&mut process, "stopping");
    hear(&mut process, "stopped");
    assert!(process.ended().status.success());
}

#[test]
fn who_asks_later_hears_of_it_too() {
    let program = || {
        block_on(async {
            nursery(async |n| {
                n.spawn(async {
                    turn().await;
                    say("ready");
                    Ok(())
                });
                stop_requested().await
            })
            .await?;
            stop_requested().await
        })?;
        block_on(stop_requested())?;
        say("stopped");
        Ok(())
    };
    let Some(mut process) = start("stop::who_asks_later_hears_of_it_too", program) else { return };
    hear(&mut process, "ready");
    process.signal("TERM");
    hear(&mut process, "stopped");
    assert!(process.ended().status.success());
}
