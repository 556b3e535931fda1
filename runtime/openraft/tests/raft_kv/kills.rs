//! The demo, and nodes that are killed, from outside.

use crate::client::Client;
use crate::journal::{first_frame, frame};
use crate::nodes::{Folder, Nodes, in_time, raft_kv};
use crate::process::{Process, eventually};
use crate::types::PIECE;
use crate::wire::LONGEST;
use serde_json::{Deserializer, Value};
use std::fs;
use std::path::Path;

/// Processes that have `text` on their command line.
fn processes_with(text: &str) -> usize {
    let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let lines = processes.filter_map(|it| fs::read(it.path().join("cmdline")).ok());
    lines.filter(|line| String::from_utf8_lossy(line).contains(text)).count()
}

/// Starts the demo with files below `folder`; returns an address of its nodes, too.
fn demo(folder: &Folder, arguments: &[&str]) -> (Process, String) {
    let mut command = raft_kv();
    command.arg("--demo").args(arguments).env("TMPDIR", folder.path());
    let mut demo = Process::start(&mut command);
    let line = demo.line();
    let address = line.rsplit(' ').next().unwrap().to_owned();
    (demo, address)
}

#[test]
fn no_confirmed_write_is_lost_when_leaders_are_killed() {
    let folder = Folder::new("demo");
    let (mut demo, address) = demo(&folder, &["--rounds", "4", "--writes", "60"]);
    demo.line(); // the head of the table
    for round in 1..=4 {
        let row = demo.line();
        let cells: Vec<_> = row.split_whitespace().collect();
        assert_eq!((cells[0], cells[1]), (round.to_string().as_str(), "node"), "{row}");
    }
    let end = demo.line();
    assert!(end.ends_with("none is lost"), "{end}");
    let keys = demo.line();
    assert!(keys.starts_with("all three have the same"), "{keys}");
    let ended = demo.ended();
    assert!(ended.status.success(), "{}", ended.stderr);
    assert_eq!(processes_with(&address), 0, "no process is left");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "no file is left");
}

#[test]
fn no_process_outlives_a_demo_that_is_killed() {
    let folder = Folder::new("killed");
    let (demo, address) = demo(&folder, &[]);
    eventually("nodes run", || processes_with(&address) == 3);
    drop(demo); // by SIGKILL
    eventually("they end", || processes_with(&address) == 0);
}

#[test]
fn a_demo_that_is_stopped_leaves_nothing() {
    let folder = Folder::new("stopped");
    let (demo, address) = demo(&folder, &[]);
    eventually("nodes run", || processes_with(&address) == 3);
    demo.signal("TERM");
    let ended = demo.ended();
    assert!(!ended.status.success());
    assert!(ended.stderr.contains("stopped by a signal"), "{}", ended.stderr);
    assert_eq!(processes_with(&address), 0, "no process is left");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "no file is left");
}

/// The leader connects to a follower again and again, while that is away and when it is back.
#[test]
fn a_peer_that_comes_and_goes_costs_no_descriptor() {
    let cluster = Nodes::new("descriptors", 3);
    let mut nodes: Vec<_> = (0..3).map(|at| Some(cluster.start(at))).collect();
    let descriptors = |node: &Option<Process>| {
        let folder = format!("/proc/{}/fd", node.as_ref().unwrap().id());
        fs::read_dir(folder).unwrap().count()
    };
    let mut counts = Vec::new();
    for round in 0..6 {
        for number in 0..10 {
            cluster.ask(async |c| c.set(&format!("{round}/{number}"), "here").await);
        }
        let leader = cluster.leader();
        let follower = (leader + 1) % 3;
        drop(nodes[follower].take()); // by SIGKILL
        for number in 0..10 {
            cluster.ask(async |c| c.set(&format!("{round}/{number}"), "away").await);
        }
        let applied = cluster.status(leader).unwrap().applied;
        nodes[follower] = Some(cluster.start(follower));
        eventually("it catches up", || {
            cluster.status(follower).is_ok_and(|it| it.applied >= applied)
        });
        counts.push(descriptors(&nodes[leader]));
    }
    // A connection may be between two attempts; one that is left in each round is more than that.
    assert!(counts[5] <= counts[0] + 3, "{counts:?}");
}

/// Sets values that are together longer than two messages can be: openraft begins in the middle of
/// what a node may lack.
fn set_long_values(cluster: &Nodes) {
    let value = "x".repeat(PIECE - 100);
    for number in 0..2 * (LONGEST / PIECE + 1) {
        cluster.ask(async |c| c.set(&format!("long/{number}"), &value).await);
    }
}

#[test]
fn a_node_that_was_away_gets_entries_that_are_longer_than_a_message() {
    let cluster = Nodes::new("long", 3);
    let mut nodes: Vec<_> = (0..3).map(|at| Some(cluster.start(at))).collect();
    cluster.ask(async |c| c.set("before", "1").await);
    drop(nodes[2].take()); // by SIGKILL
    set_long_values(&cluster);
    let leader = cluster.leader();
    let applied = cluster.status(leader).unwrap().applied;
    nodes[2] = Some(cluster.start(2));
    eventually("node 3 has all of it", || {
        cluster.status(2).is_ok_and(|it| it.applied >= applied && it.snapshot == 0)
    });
}

#[test]
fn a_node_that_was_away_for_long_gets_a_snapshot_that_is_longer_than_a_message() {
    let cluster = Nodes::new("snapshot", 3);
    let mut nodes: Vec<_> = (0..3).map(|at| Some(cluster.start(at))).collect();
    cluster.ask(async |c| c.set("before", "1").await);
    drop(nodes[2].take()); // by SIGKILL
    set_long_values(&cluster);
    // As many as make a snapshot, and more: the leader's log begins after what node 3 has.
    for hundred in 0..7 {
        cluster.ask(async |c| {
            for number in 0..100 {
                c.set(&format!("away/{hundred}/{number}"), "1").await?;
            }
            Ok(())
        });
    }
    let leader = cluster.leader();
    eventually("the leader has a snapshot", || cluster.status(leader).unwrap().snapshot > 0);
    nodes[2] = Some(cluster.start(2));
    eventually("node 3 has all of it", || {
        let (ours, theirs) = (cluster.status(2), cluster.status(leader));
        ours.is_ok_and(|it| it.snapshot > 0 && it.checksum == theirs.unwrap().checksum)
    });
}

/// The kernel closes a listener that a ring has in use after the process has ended.
#[test]
fn a_node_that_was_killed_starts_again_at_once() {
    let alone = Nodes::new("again", 1);
    for number in 0..20 {
        let node = alone.start(0);
        alone.ask(async |c| c.set("number", &number.to_string()).await);
        drop(node); // by SIGKILL
    }
}

/// What was committed is noted in the log without a sync, so a kill may lose any of these notes. A
/// leader that is one again at once would not know what it has confirmed.
#[test]
fn a_leader_that_has_lost_what_was_committed_does_not_answer_with_an_old_state() {
    let cluster = Nodes::new("notes", 3);
    let mut nodes: Vec<_> = (0..3).map(|at| cluster.start(at)).collect();
    let mut forgotten = 0;
    for round in 0..5 {
        let value = round.to_string();
        for key in ["a", "b", "c"] {
            cluster.ask(async |c| c.set(key, &value).await);
        }
        let leader = cluster.leader();
        nodes.clear(); // by SIGKILL
        forgotten += (0..3).map(|at| forget_what_was_committed(&cluster.log(at))).sum::<usize>();
        nodes.extend((0..3).map(|at| cluster.start(at)));
        // The first answer of the one that was the leader, or of the next one if that is not.
        let keys = vec!["a".to_owned(), "b".to_owned(), "c".to_owned()];
        let first = cluster.addresses[leader].clone();
        let found = in_time(async { Client::new(&[first]).get(keys).await });
        assert_eq!(found, vec![Some(value); 3]);
    }
    assert!(forgotten > 0, "a node that was killed early has no note, but not all were");
}

/// Takes the notes out of a log, and says how many there were.
fn forget_what_was_committed(path: &Path) -> usize {
    let (log, mut kept, mut notes) = (fs::read(path).unwrap(), Vec::new(), 0);
    let mut rest = &log[..];
    // Behind the last one may be a part of one, which the kill has left.
    while let Some((records, after)) = first_frame(rest) {
        let mut kept_records = Vec::new();
        for record in Deserializer::from_slice(records).into_iter::<Value>().map(Result::unwrap) {
            if record.get("Committed").is_some() {
                notes += 1;
            } else {
                serde_json::to_writer(&mut kept_records, &record).unwrap();
            }
        }
        if !kept_records.is_empty() {
            kept.extend(frame(&kept_records));
        }
        rest = after;
    }
    fs::write(path, kept).unwrap();
    notes
}
