//! tokio-console: its subscriber is told of Nestling's tasks, and says so over its wire.

use console_api::field::{Name, Value};
use console_api::instrument::InstrumentRequest;
use console_api::instrument::instrument_client::InstrumentClient;
use console_api::tasks::{Stats, Task};
use console_subscriber::{ConsoleLayer, ServerParts};
use nestling::inspect::{console_tasks, instrument};
use nestling::io::nursery_with;
use nestling::sync::remote::channel::{Receiver, channel};
use nestling::task::yield_now;
use nestling::{Options, block_on};
use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;
use tokio::time::timeout;
use tracing_subscriber::layer::SubscriberExt;

/// Far more than the test needs: it only tells a hang from a slow machine.
const HANG: Duration = Duration::from_secs(30);

/// A task as the console shows it, and what it says of the task last.
struct Shown {
    task: Task,
    stats: Option<Stats>,
}

impl Shown {
    fn field(&self, name: &str) -> Option<String> {
        let wanted = Some(Name::StrName(name.to_owned()));
        let field = self.task.fields.iter().find(|field| field.name == wanted)?;
        match field.value.as_ref()? {
            Value::StrVal(text) => Some(text.clone()),
            Value::DebugVal(text) => Some(text.trim_matches('"').to_owned()),
            other => Some(format!("{other:?}")),
        }
    }
}

/// Runs a server of three yields in a child, until the console has shown that.
fn serve(seen: Receiver<()>) {
    let guard = instrument(console_tasks());
    block_on(async {
        let options = Options { name: Some("shop"), ..Options::default() };
        nursery_with(options, async |n| {
            n.spawn_named("clerk", async {
                for _ in 0..3 {
                    yield_now().await;
                }
                seen.recv().await;
            });
            Ok(())
        })
        .await
    })
    .unwrap();
    drop(guard);
    // The server of the console ends with its subscriber, and has to tell of the end before.
    seen.recv_blocking();
}

#[test]
fn the_console_shows_nurseries_and_children() {
    let builder = ConsoleLayer::builder().publish_interval(Duration::from_millis(10));
    let (layer, server) = builder.build();
    let (see, seen) = channel(1);
    let nestling = thread::spawn(move || {
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, || serve(seen));
    });
    let tokio = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let watch = async {
        let ServerParts { instrument_server, aggregator, .. } = server.into_parts();
        tokio::spawn(aggregator.run());
        let mut client = InstrumentClient::new(instrument_server);
        let updates = client.watch_updates(InstrumentRequest {}).await.unwrap();
        let mut updates = updates.into_inner();
        let mut shown = BTreeMap::new();
        let mut alive = None;
        loop {
            let update = updates.message().await.unwrap().expect("the server goes on");
            let update = update.task_update.unwrap_or_default();
            for task in update.new_tasks {
                shown.insert(task.id.unwrap().id, Shown { task, stats: None });
            }
            for (id, stats) in update.stats_update {
                shown.get_mut(&id).expect("a task is shown before").stats = Some(stats);
            }
            let clerk = shown.values().find(|it| it.field("task.name").as_deref() == Some("clerk"));
            let Some(Shown { stats: Some(stats), .. }) = clerk else { continue };
            let polls = stats.poll_stats.as_ref().map_or(0, |it| it.polls);
            if alive.is_none() && polls == 4 {
                alive = Some(*stats);
                see.send(()).await.unwrap();
            }
            if stats.dropped_at.is_some() {
                break (alive.unwrap(), shown);
            }
        }
    };
    let bounded = async { timeout(HANG, watch).await };
    let (alive, ended) = tokio.block_on(bounded).expect("the console shows it");
    assert_eq!((alive.dropped_at, alive.waker_clones, alive.waker_drops), (None, 1, 0));
    assert_eq!(alive.wakes, 4, "one for each poll");
    let kinds: BTreeMap<_, _> = ended
        .values()
        .map(|it| (it.field("kind").unwrap(), it.field("task.name").unwrap_or_default()))
        .collect();
    let expected = [("block_on", ""), ("body", "shop"), ("task", "clerk")];
    assert_eq!(kinds, expected.map(|(kind, name)| (kind.to_owned(), name.to_owned())).into());
    let clerk = ended.values().find(|it| it.field("kind").as_deref() == Some("task")).unwrap();
    let place = clerk.task.location.as_ref().unwrap();
    assert!(place.file.as_deref().unwrap().ends_with("tests/console.rs"), "{place:?}");
    assert!(place.line.is_some() && place.column.is_some(), "{place:?}");
    assert_eq!(clerk.stats.as_ref().unwrap().waker_drops, 1);
    drop((see, tokio));
    nestling.join().unwrap();
}
