//! The first address that answers wins, and nothing of the others is left.

use crate::nobody::Nobody;
use crate::process::{Ended, build, run};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// Longer than any test waits, in milliseconds.
const FOR_EVER: &str = "1000000";

fn happy_eyeballs(arguments: &[&str]) -> Ended {
    static EXAMPLE: OnceLock<PathBuf> = OnceLock::new();
    run(Command::new(EXAMPLE.get_or_init(|| build("happy_eyeballs"))), arguments)
}

/// What happened to each address, without the times.
fn story(ended: &Ended) -> Vec<(SocketAddr, &str)> {
    let events = ended.stdout.lines().filter_map(|line| line.split_once(" ms  "));
    let events = events.map(|(_, event)| event.split_once("  ").unwrap());
    events.map(|(address, what)| (address.parse().unwrap(), what)).collect()
}

/// All descriptors are back, but for the winner's.
#[track_caller]
fn assert_nothing_left(ended: &Ended) {
    let (_, counts) = ended.stdout.split_once("descriptors: ").unwrap();
    let counts: Vec<u32> = counts.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let before = counts[0];
    assert_eq!(counts, [before, before + 1, before], "{}", ended.stdout);
}

#[test]
fn the_address_that_answers_wins_over_a_black_hole_and_a_refusal() {
    for stagger in ["0", "250"] {
        let ended = happy_eyeballs(&["--stagger", stagger, "--give-up", FOR_EVER]);
        assert_eq!((ended.status.code(), ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
        let story = story(&ended);
        let of = |ip: &str| -> Vec<_> {
            let its = story.iter().filter(|(address, _)| address.ip().to_string() == ip);
            its.map(|(_, what)| *what).collect()
        };
        assert_eq!(of("127.0.0.2"), ["begins", "given up"], "{story:?}");
        assert_eq!(of("127.0.0.3")[0], "begins", "{story:?}");
        assert_eq!(of("127.0.0.4"), ["begins", "connected"], "{story:?}");
        assert!(ended.stdout.contains("the winner is 127.0.0.4:"), "{}", ended.stdout);
        assert_nothing_left(&ended);
    }
}

#[test]
fn the_library_does_the_same() {
    for stagger in ["0", "250"] {
        let ended = happy_eyeballs(&["--library", "--stagger", stagger, "--give-up", FOR_EVER]);
        assert_eq!((ended.status.code(), ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
        assert!(ended.stdout.starts_with("the winner is 127.0.0.4:"), "{}", ended.stdout);
        assert_nothing_left(&ended);
    }
}

#[test]
fn a_refusal_hurries_the_next_attempt_on() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = Nobody::new();
    let (refused, good) = (nobody.address, listener.local_addr().unwrap());
    // The stagger alone would let it wait until the test fails.
    let patient = ["--stagger", FOR_EVER, "--give-up", FOR_EVER];
    let addresses = [refused.to_string(), good.to_string()];
    let ended = happy_eyeballs(&[&patient[..], &addresses.each_ref().map(String::as_str)].concat());
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    let story = story(&ended);
    assert_eq!((story[0], story[1].0), ((refused, "begins"), refused));
    assert!(story[1].1.starts_with("failed: Connection refused"), "{story:?}");
    assert_eq!(story[2..], [(good, "begins"), (good, "connected")]);
    assert_nothing_left(&ended);
}

#[test]
fn nobody_listens() {
    let nobodies = [Nobody::new(), Nobody::new()];
    let [one, other] = nobodies.each_ref().map(|nobody| nobody.address);
    let ended = happy_eyeballs(&[&one.to_string(), &other.to_string()]);
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    let error = format!("happy_eyeballs: no address answered: {one}: Connection refused");
    assert!(ended.stderr.starts_with(&error), "{}", ended.stderr);
    let tried: Vec<_> = story(&ended).into_iter().filter(|(_, what)| *what == "begins").collect();
    assert_eq!(tried, [(one, "begins"), (other, "begins")]);
}

#[test]
fn a_black_hole_is_given_up_in_time() {
    // It accepts no connection, and its backlog is full: a client gets no answer.
    let hole = Nobody::new();
    hole.socket.listen(0).unwrap();
    let address = hole.address;
    let _filling = TcpStream::connect(address).unwrap();
    let ended = happy_eyeballs(&["--give-up", "50", &address.to_string()]);
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert_eq!(ended.stderr, "happy_eyeballs: no address answered within 50ms\n");
    assert_eq!(story(&ended), [(address, "begins"), (address, "given up")]);
}

#[test]
fn a_wrong_call_is_refused() {
    for arguments in [["--stagger", "soon"], ["--give-up", "never"], ["localhost", "--x"]] {
        let ended = happy_eyeballs(&arguments);
        assert_eq!(ended.status.code(), Some(2), "{ended:?}");
        assert!(ended.stderr.starts_with("happy_eyeballs: "), "{}", ended.stderr);
        assert_eq!(ended.stdout, "");
    }
}
