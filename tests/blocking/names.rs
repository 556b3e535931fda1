//! Hosts by name: they are looked up on another thread, and each of their addresses is tried.

use crate::support::turn;
use crate::{gate, run, threads};
use nestling::net::{TcpListener, TcpStream, ToSocketAddrs, lookup_host};
use nestling::task::spawn_blocking;
use nestling::{Runtime, is_cancelled, nursery, nursery_all};
use std::cell::RefCell;
use std::error::Error as _;
use std::fs;
use std::io::{Error, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// An address at which no socket listens: its port was free a moment ago.
fn nobody(host: impl Into<IpAddr>) -> SocketAddr {
    let listener = std::net::TcpListener::bind((host.into(), 0)).unwrap();
    listener.local_addr().unwrap()
}

/// Whether this process has a thread with such a name, of which the kernel keeps 15 letters.
fn has_thread(name: &str) -> bool {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let mut names = tasks.map(|task| fs::read_to_string(task.unwrap().path().join("comm")));
    names.any(|comm| comm.is_ok_and(|comm| comm.trim_end() == name))
}

/// Connects to somebody who listens, and checks that it is they.
async fn reaches(listener: &TcpListener, name: impl ToSocketAddrs) {
    let client = TcpStream::connect(name).await.unwrap();
    assert_eq!(client.peer_addr().unwrap(), listener.local_addr().unwrap());
    let (_, peer) = listener.accept().await.unwrap();
    assert_eq!(peer, client.local_addr().unwrap());
}

#[test]
fn a_host_is_reached_by_its_name() {
    run(Runtime::builder().name("named"), async || {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        reaches(&listener, format!("localhost:{port}")).await;
        reaches(&listener, ("localhost", port)).await;
        reaches(&listener, ("localhost".to_owned(), port)).await;
        assert!(has_thread("named-blocking-"));
    });
}

#[test]
fn a_listener_binds_to_the_address_of_a_name() {
    run(Runtime::builder(), async || {
        let listener = TcpListener::bind("localhost:0").await.unwrap();
        assert!(listener.local_addr().unwrap().ip().is_loopback());
        reaches(&listener, listener.local_addr().unwrap()).await;
        let taken = format!("localhost:{}", listener.local_addr().unwrap().port());
        let error = TcpListener::bind(&taken).await.map(drop);
        // Unless the name has an address of the other family, which is free.
        if let Err(error) = error {
            assert_eq!(error.kind(), ErrorKind::AddrInUse);
            assert!(error.to_string().starts_with(&format!("cannot listen on {taken} (tried ")));
        }
    });
}

#[test]
fn an_address_needs_no_thread() {
    run(Runtime::builder().name("literal"), async || {
        for host in ["127.0.0.1:0", "[::1]:0"] {
            let listener = TcpListener::bind(host).await.unwrap();
            let address = listener.local_addr().unwrap();
            reaches(&listener, address).await;
            reaches(&listener, address.to_string()).await;
            reaches(&listener, (address.ip(), address.port())).await;
            reaches(&listener, (&*address.ip().to_string(), address.port())).await;
            reaches(&listener, vec![address]).await;
        }
        assert!(!has_thread("literal-blockin"));
    });
}

/// Only one of two addresses answers, of whichever family.
#[test]
fn each_address_is_tried_in_turn() {
    run(Runtime::builder(), async || {
        let (v4, v6) = (IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST));
        for (here, other) in [(v4, v6), (v6, v4)] {
            let listener = TcpListener::bind((here, 0)).await.unwrap();
            let address = listener.local_addr().unwrap();
            reaches(&listener, &[nobody(other), address][..]).await;
            reaches(&listener, &[address, nobody(other)][..]).await;
        }
    });
}

#[test]
fn the_error_names_the_host_and_what_was_tried() {
    run(Runtime::builder(), async || {
        let port = nobody(Ipv4Addr::LOCALHOST).port();
        let error = TcpStream::connect(("localhost", port)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        let text = error.to_string();
        assert!(text.starts_with(&format!("cannot connect to localhost:{port} (tried ")), "{text}");
        assert!(text.contains(&format!("127.0.0.1:{port}")), "{text}");
        assert!(text.ends_with("): Connection refused (os error 111)"), "{text}");

        let both = [nobody(Ipv4Addr::LOCALHOST), nobody(Ipv6Addr::LOCALHOST)];
        let text = TcpStream::connect(&both[..]).await.unwrap_err().to_string();
        assert!(
            text.starts_with(&format!("cannot connect to {}, {}: ", both[0], both[1])),
            "{text}"
        );

        let error = TcpStream::connect(&[][..]).await.unwrap_err();
        assert_eq!(error.to_string(), "cannot connect to: there is no address");
    });
}

/// In words, and underneath as the system has it.
#[test]
fn the_error_names_a_single_address() {
    run(Runtime::builder(), async || {
        let address = nobody(Ipv4Addr::LOCALHOST);
        let error = TcpStream::connect(address).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        let refused = "Connection refused (os error 111)";
        assert_eq!(error.to_string(), format!("cannot connect to {address}: {refused}"));
        let source = error.source().and_then(|source| source.downcast_ref::<Error>());
        assert_eq!(source.and_then(Error::raw_os_error), Some(libc::ECONNREFUSED));
        assert!(!is_cancelled(&error));
    });
}

/// Cancelled, it says that, and no more.
#[test]
fn r09_a_cancelled_connect_is_known_as_one() {
    run(Runtime::builder(), async || {
        let (_full, silent) = full();
        let heard = RefCell::new(None);
        let result = nursery(async |n| {
            n.spawn(async {
                *heard.borrow_mut() = Some(TcpStream::connect(silent).await.unwrap_err());
            });
            turn().await;
            n.cancel();
            Ok::<_, Error>(())
        });
        result.await.unwrap();
        assert!(is_cancelled(&heard.take().unwrap()));
    });
}

#[test]
fn an_unknown_name_is_named() {
    run(Runtime::builder(), async || {
        // Reserved, so that no host ever has it; and one that no resolver is asked for.
        for name in ["nosuch.invalid", "no\0such"] {
            let error = lookup_host((name, 80)).await.map(drop).unwrap_err();
            assert!(error.to_string().contains(&format!("cannot look up '{name}': ")), "{error}");
            let error = TcpStream::connect((name, 80)).await.unwrap_err();
            assert!(error.to_string().contains(&format!("cannot look up '{name}': ")), "{error}");
        }
    });
}

#[test]
fn what_is_neither_an_address_nor_a_name_with_a_port_is_refused() {
    for text in
        ["localhost", "", ":80", "localhost:", "localhost:65536", "a:b:80", "::1:80", "[]:80"]
    {
        let error = text.to_endpoint().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().starts_with(&format!("'{text}' is no socket address: ")));
    }
}

#[test]
fn r03_a_look_up_that_has_not_begun_is_cancelled() {
    run(threads(1), async || {
        let (open, closed) = gate();
        let heard = RefCell::new(None);
        let result = nursery(async |n| {
            n.spawn(async {
                let call = spawn_blocking(move || closed.recv().is_ok());
                call.await.map(drop).map_err(Error::from)
            });
            n.spawn(async {
                let connected = TcpStream::connect("localhost:1").await;
                *heard.borrow_mut() = Some(connected.as_ref().is_err_and(is_cancelled));
                drop(open);
                connected.map(drop)
            });
            turn().await;
            Err::<(), _>(Error::other("elsewhere"))
        });
        assert_eq!(result.await.unwrap_err().to_string(), "elsewhere");
        assert_eq!(heard.take(), Some(true));
    });
}

/// A listener whose one place is taken, so that another connect is not answered.
fn full() -> (impl Sized, SocketAddr) {
    let full = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    full.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    full.listen(0).unwrap();
    let silent = full.local_addr().unwrap().as_socket().unwrap();
    let waits = std::net::TcpStream::connect(silent).unwrap();
    ((full, waits), silent)
}

/// A connect that is cancelled at its first address says so, and does not go on to the next.
#[test]
fn r09_a_cancelled_connect_tries_no_further_address() {
    run(Runtime::builder(), async || {
        let (_full, silent) = full();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let both = [silent, listener.local_addr().unwrap()];
        let heard = RefCell::new(None);
        let result = nursery_all(async |n| {
            n.spawn(async {
                let connected = TcpStream::connect(&both[..]).await;
                *heard.borrow_mut() = Some(connected.as_ref().is_err_and(is_cancelled));
                connected.map(drop)
            });
            turn().await;
            Err::<(), _>(Error::other("elsewhere"))
        });
        let failures = result.await.unwrap_err();
        assert_eq!((failures.errors().len(), failures.derived().len()), (1, 1), "{failures:?}");
        assert_eq!(heard.take(), Some(true));
    });
}
