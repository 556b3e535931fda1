//! Full disks, folders in use, strange clients.

use crate::nodes::Nodes;
use crate::process::{Process, eventually};
use crate::types::PIECE;
use crate::wire::LONGEST;
use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::Command;

/// A limit of the file's size stands for a disk that is full.
#[test]
fn a_node_that_cannot_write_its_log_ends_and_has_confirmed_nothing_else() {
    let alone = Nodes::new("full", 1);
    let mut limited = Command::new("sh");
    // Without the trap, the signal that goes with the error would end the process.
    limited.args(["-c", "trap '' XFSZ; ulimit -f 64; exec \"$0\" \"$@\""]);
    let node = alone.command(0);
    let mut node = Process::start(limited.arg(node.get_program()).args(node.get_args()));
    node.line();
    let mut confirmed = BTreeMap::new();
    let address = alone.addresses[0].clone();
    let mut client = TcpStream::connect(&address).unwrap();
    for number in 0.. {
        let (key, value) = (format!("key {number}"), "x".repeat(1000));
        match exchange(&mut client, &set(&key, &value, 1, number)) {
            Some(answer) if answer == "\"Set\"" => _ = confirmed.insert(key, value),
            // The first ones, as long as there is no leader.
            Some(answer) if answer.contains("NotLeader") => {}
            _ => break,
        }
    }
    let ended = node.ended();
    assert!(!ended.status.success());
    assert!(ended.stderr.contains("File too large"), "{}", ended.stderr);
    assert!(confirmed.len() > 20, "{}", confirmed.len());
    let _again = alone.start(0);
    let (keys, values): (Vec<_>, Vec<_>) = confirmed.into_iter().unzip();
    let found = alone.ask(async |c| c.get(keys.clone()).await);
    for ((key, value), found) in keys.iter().zip(values).zip(found) {
        assert_eq!(found.map(|found| found.len()), Some(value.len()), "{key}");
    }
}

/// Asks as a program in any language does. None when the node has closed the connection.
fn exchange(stream: &mut TcpStream, request: &str) -> Option<String> {
    ask(stream, request)?;
    answer(stream)
}

fn set(key: &str, value: &str, client: u64, number: u64) -> String {
    let set = format!(r#""key":"{key}","value":"{value}","client":{client},"number":{number}"#);
    format!(r#"{{"Set":{{{set}}}}}"#)
}

fn ask(stream: &mut TcpStream, request: &str) -> Option<()> {
    stream.write_all(&(request.len() as u32).to_be_bytes()).ok()?;
    stream.write_all(request.as_bytes()).ok()
}

fn answer(stream: &mut TcpStream) -> Option<String> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).ok()?;
    let mut answer = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut answer).ok()?;
    Some(String::from_utf8(answer).unwrap())
}

#[test]
fn a_folder_has_one_node() {
    let alone = Nodes::new("lock", 1);
    let _first = alone.start(0);
    let second = Process::start(&mut alone.command(0)).ended();
    assert!(!second.status.success());
    assert!(second.stderr.contains("another process uses this folder"), "{}", second.stderr);
}

#[test]
fn a_client_that_talks_nonsense_ends_its_own_connection() {
    let alone = Nodes::new("nonsense", 1);
    let node = alone.start(0);
    alone.ask(async |c| c.set("colour", "green").await);
    for nonsense in [&b"\xff\xff\xff\xff"[..], b"\0\0\0\x02{]", b"\0\0\0\x04nul", b"\0"] {
        let mut client = TcpStream::connect(&alone.addresses[0]).unwrap();
        client.write_all(nonsense).unwrap();
        client.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        // A reset, if the node has not read all.
        let _ = client.read_to_end(&mut answer);
        assert!(answer.is_empty(), "{answer:?}");
    }
    let colour = alone.ask(async |c| c.get(vec!["colour".to_owned()]).await);
    assert_eq!(colour, [Some("green".to_owned())]);
    node.signal("TERM");
    let ended = node.ended();
    assert!(ended.status.success(), "{}", ended.stderr);
}

/// The client has heard no answer, and meanwhile another one has set the key.
#[test]
fn a_change_that_is_repeated_does_not_undo_a_later_one() {
    let alone = Nodes::new("repeated", 1);
    let repeat = || {
        let mut client = TcpStream::connect(&alone.addresses[0]).unwrap();
        eventually("there is a leader", || {
            exchange(&mut client, &set("colour", "green", 1, 1)).unwrap() == "\"Set\""
        });
        alone.ask(async |c| c.get(vec!["colour".to_owned()]).await)[0].clone().unwrap()
    };
    let node = alone.start(0);
    assert_eq!(repeat(), "green");
    alone.ask(async |c| c.set("colour", "red").await);
    assert_eq!(repeat(), "red");
    drop(node); // by SIGKILL
    let node = alone.start(0);
    assert_eq!(repeat(), "red", "the log has it");
    alone.ask(async |c| {
        for number in 0..600 {
            c.set(&number.to_string(), "1").await?;
        }
        Ok(())
    });
    eventually("there is a snapshot", || alone.status(0).unwrap().snapshot > 0);
    drop(node);
    let _node = alone.start(0);
    assert_eq!(repeat(), "red", "the snapshot has it");
}

#[test]
fn what_is_too_long_is_refused_and_nothing_is_stuck() {
    let alone = Nodes::new("refused", 1);
    let _node = alone.start(0);
    let value = "x".repeat(PIECE - 1);
    alone.ask(async |c| {
        for too_long in [PIECE, LONGEST] {
            let error = c.set("1", &"x".repeat(too_long)).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.to_string().contains("are the most"), "{error}");
        }
        c.set("1", &value).await?;
        let error = c.get(vec!["1".to_owned(); LONGEST / PIECE + 1]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("are the most"), "{error}");
        assert_eq!(c.get(vec!["1".to_owned()]).await?, [Some(value)]);
        Ok(())
    });
}

#[test]
fn a_cluster_without_a_majority_confirms_nothing() {
    let cluster = Nodes::new("minority", 3);
    let mut nodes: Vec<_> = (0..3).map(|at| Some(cluster.start(at))).collect();
    cluster.ask(async |c| c.set("colour", "green").await);
    let leader = cluster.leader();
    drop((nodes[(leader + 1) % 3].take(), nodes[(leader + 2) % 3].take())); // by SIGKILL
    let mut client = TcpStream::connect(&cluster.addresses[leader]).unwrap();
    let last = cluster.status(leader).unwrap().last;
    ask(&mut client, &set("colour", "red", 1, 1)).unwrap();
    eventually("it is in the leader's log", || cluster.status(leader).unwrap().last > last);
    nodes[leader].as_ref().unwrap().signal("TERM");
    let ended = nodes[leader].take().unwrap().ended();
    assert!(ended.status.success(), "{}", ended.stderr);
    assert_ne!(answer(&mut client).as_deref(), Some("\"Set\""));
}

/// A process that is stopped for a while stands for one that the network has cut off: it is still
/// the leader, as far as it knows.
#[test]
fn a_leader_that_was_replaced_does_not_answer_with_an_old_value() {
    let cluster = Nodes::new("replaced", 3);
    let nodes: Vec<_> = (0..3).map(|at| cluster.start(at)).collect();
    cluster.ask(async |c| c.set("colour", "green").await);
    let old = cluster.leader();
    let mut client = TcpStream::connect(&cluster.addresses[old]).unwrap();
    let get = r#"{"Get":["colour"]}"#;
    assert_eq!(exchange(&mut client, get).unwrap(), r#"{"Values":["green"]}"#);
    nodes[old].signal("STOP");
    cluster.ask(async |c| c.set("colour", "red").await);
    ask(&mut client, get).unwrap(); // the first thing that the old leader finds
    nodes[old].signal("CONT");
    let answer = answer(&mut client).unwrap();
    assert!(!answer.contains("green"), "{answer}");
}
