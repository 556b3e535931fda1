//! How a tree is printed: as a drawing that can be read in a log.

use crate::support::nurseries::{E, listener, never, run, settle};
use nestling::{dump_tree, nursery};
use std::future::pending;
use std::os::fd::AsRawFd;

/// A line with `AGE` in place of every number with a unit of time.
fn without_ages(line: &str) -> String {
    let words: Vec<_> = line.split(' ').collect();
    let mut kept: Vec<String> = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let (open, number) = words[at].split_at(usize::from(words[at].starts_with('(')));
        let unit = words.get(at + 1).map_or("", |unit| unit.trim_end_matches([',', ')']));
        if number.parse::<f64>().is_ok() && ["ms", "s", "min", "h"].contains(&unit) {
            kept.push(format!("{open}AGE{}", &words[at + 1][unit.len()..]));
            at += 2;
        } else {
            kept.push(words[at].to_owned());
            at += 1;
        }
    }
    kept.join(" ")
}

#[test]
fn a_small_tree() {
    let line = line!() + 4; // of the outer nursery
    run(async move || {
        let accepting = listener().await;
        let fd = accepting.as_raw_fd();
        let result: Result<(), E> = nursery(async |n| {
            n.spawn_named("acceptor", never(&accepting));
            n.spawn(async {
                nursery(async |inner| {
                    inner.spawn(async { pending::<Result<(), E>>().await });
                    Ok(())
                })
                .await
            });
            settle().await;
            let printed = dump_tree().to_string();
            let lines: Vec<_> = printed.lines().map(|line| line.trim_end().to_owned()).collect();
            let file = file!();
            let at = |down: u32| format!("at {file}:{}", line + down);
            assert!(lines[0].starts_with("root of thread \""), "{printed}");
            assert!(lines[0].ends_with("\"  running: its nursery"), "{printed}");
            let expected = [
                format!("└─ nursery {}  2 children  AGE  open", at(0)),
                "   ├─ body  AGE  running".to_owned(),
                format!(
                    "   ├─ child \"acceptor\" {}  AGE  waiting: accept on fd {fd} (AGE)",
                    at(1)
                ),
                format!("   └─ child {}  AGE  waiting: its nursery", at(2)),
                format!("      └─ nursery {}  1 child  AGE  open", at(3)),
                format!("         └─ child {}  AGE  waiting: a waker", at(4)),
            ];
            for (line, expected) in lines[1..].iter().zip(&expected) {
                assert_eq!(&without_ages(line), expected, "{printed}");
            }
            assert_eq!(lines.len(), 1 + expected.len(), "{printed}");
            n.cancel();
            Ok(())
        })
        .await;
        assert_eq!(result, Ok(()));
    });
}
