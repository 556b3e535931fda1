//! An order is placed with all services or with none, whatever the card service does.

use crate::nobody::Nobody;
use crate::process::{Ended, PATIENCE, build, run};
use socket2::SockRef;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

const STORE_UNDONE: &str = "RESERVE 1 book: reserved, and given back; 3 books are left";

fn example() -> &'static PathBuf {
    static EXAMPLE: OnceLock<PathBuf> = OnceLock::new();
    EXAMPLE.get_or_init(|| build("payment"))
}

fn payment(arguments: &[&str]) -> Ended {
    run(Command::new(example()), arguments)
}

/// What a service has reported.
#[track_caller]
fn report<'a>(ended: &'a Ended, service: &str) -> &'a str {
    let line = ended.stdout.lines().find_map(|line| line.strip_prefix(service));
    line.unwrap_or_else(|| panic!("no {service:?} in {ended:?}")).trim()
}

/// It failed with one line that says this, and nothing is done.
#[track_caller]
fn assert_failed(ended: &Ended, error: &str) {
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    assert!(ended.stderr.starts_with(&format!("payment: card: {error}")), "{}", ended.stderr);
    assert!(!report(ended, "store:").contains("taken"), "{ended:?}");
    let mail = report(ended, "mail service:");
    assert!(mail.ends_with("nothing is sent") || mail == "not asked", "{ended:?}");
}

/// Runs the example with a card service that does this with its first connection.
fn with_card_service(serve: impl FnOnce(TcpStream) + Send + 'static) -> Ended {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let service = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        serve(stream);
    });
    let ended = payment(&["--card", &address]);
    service.join().unwrap();
    ended
}

fn line(stream: &TcpStream) -> String {
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    line
}

#[test]
fn a_refused_card_leaves_nothing_half_done() {
    let ended = payment(&[]);
    assert_failed(&ended, "NO, the card is refused\n");
    assert_eq!(report(&ended, "card service:"), "BLOCK 42 euros: refused; nothing is charged");
    // It had been asked, had promised, and heard that it is off.
    assert_eq!(report(&ended, "store:"), STORE_UNDONE);
    // The mail was on its way when it was cancelled: a part of it had come, and then the end.
    let mail = report(&ended, "mail service:").strip_prefix("MAIL anna ").unwrap();
    let (size, mail) = mail.split_once(": ").unwrap();
    let (bytes, end) = mail.split_once(" bytes came, then ").unwrap();
    assert_eq!(end, "the connection ended before the mail was complete; nothing is sent");
    let (size, bytes): (u64, u64) = (size.parse().unwrap(), bytes.parse().unwrap());
    assert!(0 < bytes && bytes < size, "{bytes} of {size}");
}

#[test]
fn an_accepted_card_has_everything_done() {
    let ended = payment(&["--accept"]);
    assert_eq!((ended.status.code(), ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    assert_eq!(report(&ended, "card service:"), "BLOCK 42 euros: charged");
    assert_eq!(report(&ended, "store:"), "RESERVE 1 book: taken; 2 books are left");
    assert!(report(&ended, "mail service:").ends_with(": sent"), "{ended:?}");
    assert!(ended.stdout.ends_with("the order is placed\n"), "{ended:?}");
}

#[test]
fn a_card_service_that_is_killed_half_way_leaves_nothing_half_done() {
    // A reset in the middle of its answer.
    let ended = with_card_service(|mut stream| {
        assert_eq!(line(&stream), "BLOCK 42 euros\n");
        stream.write_all(b"O").unwrap();
        SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    });
    assert_failed(&ended, "Connection reset by peer");
    // Its end instead of an answer.
    let ended = with_card_service(|stream| assert_eq!(line(&stream), "BLOCK 42 euros\n"));
    assert_failed(&ended, "the connection ended before the answer");
}

#[test]
fn a_card_service_that_is_not_there_or_talks_nonsense_leaves_nothing_half_done() {
    let nobody = Nobody::new();
    assert_failed(&payment(&["--card", &nobody.address.to_string()]), "Connection refused");
    // Its writes fail when the connection is given up: that is how it gets out of its loop.
    let ended = with_card_service(|mut stream| while stream.write_all(&[b'x'; 4096]).is_ok() {});
    assert_failed(&ended, "it sends a line without an end");
}

#[test]
fn the_card_service_hears_of_the_decision() {
    let ended = with_card_service(|mut stream| {
        assert_eq!(line(&stream), "BLOCK 42 euros\n");
        stream.write_all(b"OK\n").unwrap();
        assert_eq!(line(&stream), "CONFIRM\n");
        stream.write_all(b"OK\n").unwrap();
        assert_eq!(line(&stream), "");
    });
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
}

#[test]
fn a_wrong_call_is_refused() {
    let ended = payment(&["--crad", "1"]);
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    assert!(ended.stderr.starts_with("payment: invalid option '--crad'"), "{}", ended.stderr);
}
