//! A process that is killed in the middle of everything is gone, and so is all that it had.

use crate::program::{say, start};
use crate::support::process::eventually;
use crate::support::turn;
use nestling::net::TcpListener;
use nestling::{Cores, Runtime, nursery, stats};
use std::fs;
use std::future::pending;
use std::io;
use std::net;
use std::os::unix::process::ExitStatusExt;

/// On each of two cores.
const LISTENERS: usize = 50;
const ACCEPTS: usize = 100;

/// Has 10,000 accepts in flight, and says so.
async fn accept_everywhere() -> io::Result<()> {
    let mut listeners = Vec::new();
    for _ in 0..LISTENERS {
        listeners.push(TcpListener::bind("127.0.0.1:0").await?);
    }
    nursery(async |n| {
        for listener in &listeners {
            for _ in 0..ACCEPTS {
                n.spawn(async { listener.accept().await.map(drop) });
            }
        }
        while stats().in_flight < (LISTENERS * ACCEPTS) as u64 {
            turn().await;
        }
        say(&format!("address {}", listeners[0].local_addr()?));
        pending().await
    })
    .await
}

#[test]
fn g10_killed_with_ten_thousand_operations_it_is_gone() {
    let program = || {
        let cores = Runtime::builder().cores(Cores::Count(2));
        cores.run(async |_| accept_everywhere().await).map(drop)
    };
    let name = "killed::g10_killed_with_ten_thousand_operations_it_is_gone";
    let Some(mut process) = start(name, program) else { return };
    let mut addresses = Vec::new();
    while addresses.len() < 2 {
        let line = process.line();
        if let Some(address) = line.strip_prefix("says address ") {
            addresses.push(address.parse::<net::SocketAddr>().expect("an address"));
        }
    }
    let id = process.id();
    process.signal("KILL");
    assert_eq!(process.ended().status.signal(), Some(9));
    assert!(fs::metadata(format!("/proc/{id}")).is_err(), "no process, and none of its threads");
    for address in addresses {
        // The kernel closes what the rings held when it has got round to it.
        eventually("its ports are free", || net::TcpListener::bind(address).is_ok());
    }
}
