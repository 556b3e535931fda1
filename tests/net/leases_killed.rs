//! A peer that is killed, as a process, while its leases are in use.

use crate::{by_itself, run};
use nestling::net::TcpListener;
use std::io::Write;
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::{env, thread};

/// Sends until it is killed, if this process was started for that.
const PEER: &str = "NESTLING_PEER";

const NAME: &str = "leases_killed::f_killed_peer_ends_the_receives_and_its_leases_stay";

#[test]
fn f_killed_peer_ends_the_receives_and_its_leases_stay() {
    if let Ok(address) = env::var(PEER) {
        let mut stream = TcpStream::connect(address).unwrap();
        loop {
            if stream.write_all(&[7; 1000]).is_err() {
                thread::park();
            }
        }
    }
    by_itself(NAME, || {
        for single in [false, true] {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let mut peer = Command::new(env::current_exe().unwrap())
                .args(["--exact", NAME])
                .env(PEER, listener.local_addr().unwrap().to_string())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let mut kept = Vec::new();
            let stats = run(async || {
                let listener = TcpListener::from_std(listener.try_clone().unwrap()).unwrap();
                let (stream, _) = listener.accept().await.unwrap();
                let mut leases = stream.recv_stream();
                loop {
                    let next = if single { stream.recv().await } else { leases.next().await };
                    match next {
                        Ok(lease) if lease.is_empty() => break,
                        Ok(lease) if kept.len() < 8 => kept.push(lease),
                        Ok(_) => peer.kill().unwrap(),
                        Err(error) => {
                            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
                            break;
                        }
                    }
                }
                assert_eq!(nestling::stats().leased, 8);
            });
            assert_eq!(stats.leased, 8, "{stats:?}");
            assert!(kept.iter().all(|lease| lease.iter().all(|byte| *byte == 7)));
            peer.wait().unwrap();
        }
    });
}
