//! `tracing` spans: one for each nursery and task, below what it belongs to, entered when polled.

use crate::support::nurseries::{E, within};
use nestling::inspect::{instrument, tracing_spans};
use nestling::task::yield_now;
use nestling::{Options, block_on, nursery_with};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::future::pending;
use std::sync::{Arc, Mutex};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Record};
use tracing::{Event, Id, Metadata, Subscriber};

/// What a span is called, with those around it.
type Path = String;

#[derive(Default)]
struct Told {
    spans: BTreeMap<u64, Path>,
    entered: Vec<u64>,
    /// Each event: its text, the span that it is in.
    events: Vec<(String, Path)>,
    entries: usize,
}

/// Keeps all that it is told.
#[derive(Clone, Default)]
struct Keeper(Arc<Mutex<Told>>);

/// The name and the message among the fields.
#[derive(Default)]
struct Fields {
    name: Option<String>,
    message: Option<String>,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.message = Some(format!("{value:?}"));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "name" {
            self.name = Some(value.to_owned());
        }
    }
}

impl Subscriber for Keeper {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("nestling") || metadata.target().starts_with("seeing")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut fields = Fields::default();
        span.record(&mut fields);
        let mut told = self.0.lock().unwrap();
        let parent = span.parent().map(|parent| told.spans[&parent.into_u64()].clone() + "/");
        assert!(span.is_root() || !span.is_contextual(), "parents are said");
        let name = fields.name.unwrap_or_else(|| span.metadata().name().to_owned());
        let id = told.spans.len() as u64 + 1;
        told.spans.insert(id, parent.unwrap_or_default() + &name);
        Id::from_u64(id)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let mut told = self.0.lock().unwrap();
        let parent = event.parent().map(Id::into_u64);
        let contextual = told.entered.last().copied().filter(|_| event.is_contextual());
        let span = parent.or(contextual).map(|id| told.spans[&id].clone());
        told.events.push((fields.message.expect("a message"), span.unwrap_or_default()));
    }

    fn enter(&self, span: &Id) {
        let mut told = self.0.lock().unwrap();
        told.entered.push(span.into_u64());
        told.entries += 1;
    }

    fn exit(&self, span: &Id) {
        assert_eq!(self.0.lock().unwrap().entered.pop(), Some(span.into_u64()), "they nest");
    }
}

#[test]
fn spans_have_parents_and_hold_what_their_tasks_log() {
    within(|| {
        let keeper = Keeper::default();
        tracing::subscriber::with_default(keeper.clone(), || {
            let guard = instrument(tracing_spans());
            let result: Result<(), E> = block_on(async {
                let options = Options { name: Some("shop"), ..Options::default() };
                nursery_with(options, async |n| {
                    n.spawn_named("logs", async {
                        yield_now().await;
                        tracing::info!("hello");
                    });
                    n.spawn_named("waits", pending::<()>());
                    n.spawn_named("fails", async {
                        yield_now().await;
                        yield_now().await;
                        Err::<(), _>(E::Boom(1))
                    });
                    Ok(())
                })
                .await
            });
            assert_eq!(result, Err(E::Boom(1)));
            drop(guard);
        });
        let told = keeper.0.lock().unwrap();
        let spans: Vec<_> = told.spans.values().map(String::as_str).collect();
        let expected = [
            "root",
            "root/shop",
            "root/shop/body",
            "root/shop/logs",
            "root/shop/waits",
            "root/shop/fails",
        ];
        assert_eq!(spans, expected);
        let events: Vec<_> = told.events.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        let expected = [
            ("hello", "root/shop/logs"),
            ("failed", "root/shop/fails"),
            ("cancelled", "root/shop"),
        ];
        assert_eq!(events, expected);
        assert!(told.entered.is_empty());
        assert!(told.entries >= 7, "{}", told.entries);
    });
}
